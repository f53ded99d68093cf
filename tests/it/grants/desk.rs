//! One pool with its apps, one person, and everything that issuing tokens needs.

use std::collections::BTreeSet;
use std::time::Duration;

use symbolon::model::client::{Client, Grant, Lifetimes, Rotation};
use symbolon::model::encoding::{base64url, sha256};
use symbolon::model::ids::{ClientId, FamilyId, PoolId, ProviderName, SessionId, Sub};
use symbolon::model::pool::{Pool, SessionPolicy, SigningAlgorithm};
use symbolon::model::scope::Scopes;
use symbolon::model::secret::SecretString;
use symbolon::model::session::{CodeGrant, Epoch, SignIn};
use symbolon::model::time::Timestamp;
use symbolon::model::unknown::UnknownMembers;
use symbolon::model::user::User;
use symbolon::outside::client_authorities::ClientAuthorities;
use symbolon::outside::client_keys::ClientKeys;
use symbolon::outside::clock::Clock;
use symbolon::outside::keygen;
use symbolon::outside::random::Random;
use symbolon::store::grants::Grants;
use symbolon::store::record::Records;
use symbolon::store::seal::{Seal, SecretKeyBytes};
use symbolon::store::{Batch, CommitOutcome, Expect, Key, Life, Role, Store, StoreSettings, StoreUrl};
use symbolon::token::keyset::Keyset;
use symbolon::token::pool_keys::PoolKeys;
use symbolon::user_pool::issuer::{Issuer, Tokens};
use symbolon::user_pool::redeem::{Redemption, redeem};
use symbolon::user_pool::refresh::{Refresh, refresh};
use symbolon::user_pool::token_refusal::TokenRefusal;

pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mBGhmJkW-a1WwGyAhqyq1nT-PvB9jk";
pub(crate) const REDIRECT: &str = "https://app.example/callback";
pub(crate) const SECRET: &str = "correct-horse-battery-staple-1234";

pub(crate) struct Desk {
    pub(crate) pool: Pool,
    pub(crate) state: Records,
    pub(crate) directory: Records,
    pub(crate) seal: Seal,
    pub(crate) random: Random,
    pub(crate) clock: Clock,
    pub(crate) keys: PoolKeys,
    pub(crate) client_keys: ClientKeys,
    authorities: ClientAuthorities,
    pub(crate) sub: Sub,
    /// Enabled providers of the pool.
    pub(crate) providers: Vec<ProviderName>,
}

/// A public app with every grant that people use; `web` has a secret, `machine` works for itself.
pub(crate) fn client(id: &str) -> Client {
    Client {
        id: ClientId::parse(id).unwrap(),
        name: None,
        secrets: if id == "spa" { Vec::new() } else { vec![SecretString::from(SECRET)] },
        redirect_uris: vec![REDIRECT.into()],
        native: false,
        logout_uris: Vec::new(),
        scopes: Scopes::parse("openid email profile api/read api/write").unwrap(),
        grants: match id {
            "machine" => BTreeSet::from([Grant::ClientCredentials]),
            _ => BTreeSet::from([Grant::AuthorizationCode, Grant::RefreshToken]),
        },
        providers: None,
        resources: vec!["https://api.example".into()],
        cors_origins: BTreeSet::from([format!("https://{id}.example")]),
        backchannel_logout_uri: None,
        frontchannel_logout_uri: None,
        initiate_login_uri: None,
        lifetimes: Lifetimes::default(),
        rotation: Rotation::Off,
        introspects_pool: false,
        proof: symbolon::model::client_authentication::ClientAuthentication::default(),
        enabled: true,
    }
}

pub(crate) fn pool() -> Pool {
    Pool {
        id: PoolId::parse("eu-west-1_Example01").unwrap(),
        name: "Example".into(),
        issuer: "https://auth.example.com/eu-west-1_Example01".into(),
        public_url: "https://auth.example.com".into(),
        mtls_url: None,
        hosts: vec!["auth.example.com".into()],
        signing: SigningAlgorithm::Es256,
        separate_keys: true,
        case_insensitive: true,
        cognito_compat: false,
        session: SessionPolicy::default(),
        flow_lifetime: Duration::from_secs(600),
        code_lifetime: Duration::from_secs(300),
        clients: ["spa", "web", "other", "machine"]
            .map(|id| (ClientId::parse(id).unwrap(), client(id)))
            .into(),
    }
}

impl Desk {
    /// A pool in which Ada has an account.
    pub(crate) async fn new() -> Self {
        let clock = Clock::fake(Timestamp::from_secs(1_800_000_000));
        let random = Random::fake(7);
        let seal = Seal::new(&SecretKeyBytes::generate(&random));
        let records = |role| {
            Records::new(Store::memory(role, clock.clone(), random.clone()), seal.clone(), random.clone())
        };
        let pool = pool();
        let new = Keyset::wanted(&pool)
            .into_iter()
            .map(|(uses, alg)| keygen::generate_one(uses, alg).unwrap())
            .collect();
        let keys = PoolKeys::new(Keyset::create(new, clock.now()).unwrap(), clock.now()).unwrap();
        let sub = Sub::from_random([9; 16]);
        let (state, directory) = (records(Role::State), records(Role::Directory));
        let providers = vec![ProviderName::parse("Acme").unwrap()];
        let outside = symbolon::outside::Outside {
            clock: clock.clone(),
            random: random.clone(),
            ..symbolon::outside::Outside::fake(clock.now(), 7)
        };
        let upstreams = symbolon::outside::upstreams::Upstreams::new(&outside, false, None).unwrap();
        let client_keys = ClientKeys::new(&outside, &upstreams);
        let authorities = ClientAuthorities::default();
        let desk = Self {
            pool,
            state,
            directory,
            seal,
            random,
            clock,
            keys,
            client_keys,
            authorities,
            sub,
            providers,
        };
        desk.save(&desk.ada()).await;
        desk
    }

    /// The same, with a state store in `folder`, and rotation for `spa`.
    pub(crate) async fn on_disk(folder: &std::path::Path) -> Self {
        let mut desk = Self::rotating(10).await;
        let settings = StoreSettings::new(StoreUrl::File(folder.to_owned()), Role::State);
        let store = Store::open(&settings, desk.clock.clone(), desk.random.clone()).await.unwrap();
        desk.state = Records::new(store, desk.seal.clone(), desk.random.clone());
        desk
    }

    /// The same with rotation and `grace` seconds for `spa`.
    pub(crate) async fn rotating(grace: u64) -> Self {
        let mut desk = Self::new().await;
        desk.client_mut("spa").rotation = Rotation::On { grace: Duration::from_secs(grace) };
        desk
    }

    pub(crate) fn ada(&self) -> User {
        let attributes = [("email", "ada@example.com"), ("email_verified", "true"), ("given_name", "Ada")];
        let named = |(name, value): (&str, &str)| {
            (symbolon::model::attributes::AttributeName::parse(name).unwrap(), value.to_owned())
        };
        User {
            sub: self.sub.clone(),
            username: "acme_ada".into(),
            attributes: attributes.into_iter().map(named).collect(),
            identities: Vec::new(),
            groups: Vec::new(),
            enabled: true,
            created: self.clock.now(),
            modified: self.clock.now(),
            unknown: UnknownMembers::default(),
        }
    }

    pub(crate) async fn save(&self, user: &User) {
        self.save_as_stored(&user.sub, user).await;
    }

    /// The user's record, in whatever release's words.
    pub(crate) async fn save_as_stored(&self, sub: &Sub, record: &impl serde::Serialize) {
        let key = Key::user(&self.pool.id, sub);
        let batch = Batch::new(key.partition()).put(
            &key,
            self.directory.encode(&key, record),
            Life::Forever,
            Expect::Any,
        );
        assert_eq!(self.directory.store.commit(batch).await.unwrap(), CommitOutcome::Committed);
    }

    pub(crate) fn client(&self, id: &str) -> &Client {
        &self.pool.clients[&ClientId::parse(id).unwrap()]
    }

    pub(crate) fn client_mut(&mut self, id: &str) -> &mut Client {
        self.pool.clients.get_mut(&ClientId::parse(id).unwrap()).unwrap()
    }

    pub(crate) fn grants(&self) -> Grants<'_> {
        Grants { records: &self.state, seal: &self.seal, random: &self.random, pool: &self.pool }
    }

    pub(crate) fn issuer(&self) -> Issuer<'_> {
        Issuer {
            grants: self.grants(),
            directory: &self.directory,
            providers: &self.providers,
            keys: &self.keys,
            client_keys: &self.client_keys,
            authorities: &self.authorities,
            sender: None,
            now: self.clock.now(),
        }
    }

    /// What `client` was granted at the end of a sign-in just now.
    pub(crate) fn decided(&self, client: &str) -> CodeGrant {
        CodeGrant {
            client: ClientId::parse(client).unwrap(),
            redirect_uri: REDIRECT.into(),
            scopes: Scopes::parse("openid email api/read").unwrap(),
            nonce: Some("n-1".into()),
            code_challenge: Some(base64url(sha256(VERIFIER))),
            resource: None,
            dpop_jkt: None,
            sub: self.sub.clone(),
            sign_in: SignIn {
                at: self.clock.now(),
                provider: Some(ProviderName::parse("Acme").unwrap()),
                amr: vec!["fed".into()],
            },
            session: SessionId::from_random(self.random.bytes()),
            epoch: Epoch::default(),
            family: FamilyId::from_random(self.random.bytes()),
            expires: self.clock.now().plus(self.pool.code_lifetime),
        }
    }

    /// A code for `client`.
    pub(crate) async fn code(&self, client: &str) -> String {
        self.grants().put_code(&self.decided(client)).await.unwrap()
    }

    pub(crate) async fn redeem(&self, client: &str, code: &str) -> Result<Tokens, TokenRefusal> {
        self.redeem_as(client, &asking(code)).await
    }

    pub(crate) async fn redeem_as(
        &self,
        client: &str,
        asked: &Redemption<'_>,
    ) -> Result<Tokens, TokenRefusal> {
        redeem(&self.issuer(), self.client(client), asked).await
    }

    /// Tokens of a finished sign-in at `client`.
    pub(crate) async fn signed_in(&self, client: &str) -> Tokens {
        let code = self.code(client).await;
        self.redeem(client, &code).await.unwrap()
    }

    pub(crate) async fn refresh(&self, client: &str, token: &str) -> Result<Tokens, TokenRefusal> {
        refresh(&self.issuer(), self.client(client), &Refresh { token, scope: None, resource: None }).await
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// The request of an honest app.
pub(crate) fn asking(code: &str) -> Redemption<'_> {
    Redemption { code, redirect_uri: Some(REDIRECT), code_verifier: Some(VERIFIER), resource: None }
}

pub(crate) fn refresh_token(tokens: &Tokens) -> String {
    tokens.refresh_token.clone().unwrap()
}

/// The refusal's stable code, or `granted`.
pub(crate) fn outcome<T>(result: &Result<T, TokenRefusal>) -> &'static str {
    use symbolon::model::fault::Refusal as _;
    result.as_ref().err().map_or("granted", |refusal| refusal.code())
}
