//! The pool, app and people that the token tests talk about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use symbolon::model::attributes::{AttributeName, Attributes};
use symbolon::model::client::{Client, Grant, Lifetimes, Rotation};
use symbolon::model::identity::IdentityKey;
use symbolon::model::ids::{ClientId, FamilyId, PoolId, ProviderName, SessionId, Sub};
use symbolon::model::pool::{Pool, SessionPolicy, SigningAlgorithm};
use symbolon::model::scope::Scopes;
use symbolon::model::session::SignIn;
use symbolon::model::time::Timestamp;
use symbolon::model::unknown::UnknownMembers;
use symbolon::model::user::{LinkedIdentity, ProviderType, User};
use symbolon::outside::keygen::generate_one;
use symbolon::token::issue::{Issuance, TokenIds};
use symbolon::token::keyset::{Keyset, NewKey};
use symbolon::token::pool_keys::PoolKeys;

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

pub(super) fn client(id: &str) -> Client {
    Client {
        id: ClientId::parse(id).unwrap(),
        name: None,
        secrets: vec![],
        redirect_uris: vec!["https://app.example/callback".into()],
        native: false,
        logout_uris: vec![],
        scopes: Scopes::parse("openid email phone profile").unwrap(),
        grants: BTreeSet::from([Grant::AuthorizationCode, Grant::RefreshToken]),
        providers: None,
        resources: vec![],
        cors_origins: BTreeSet::new(),
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

pub(super) fn pool(id: &str, signing: SigningAlgorithm) -> Pool {
    let clients = ["web", "other"].map(|id| (ClientId::parse(id).unwrap(), client(id)));
    Pool {
        id: PoolId::parse(id).unwrap(),
        name: "Example".into(),
        issuer: format!("https://auth.example/{id}"),
        public_url: "https://auth.example".into(),
        mtls_url: None,
        hosts: vec!["auth.example".into()],
        signing,
        separate_keys: true,
        case_insensitive: false,
        cognito_compat: false,
        session: SessionPolicy::default(),
        flow_lifetime: std::time::Duration::from_secs(600),
        code_lifetime: std::time::Duration::from_secs(300),
        clients: BTreeMap::from(clients),
    }
}

pub(super) fn example() -> Pool {
    pool("eu-west-1_Example01", SigningAlgorithm::Rs256)
}

pub(super) fn fresh(pool: &Pool) -> Vec<NewKey> {
    Keyset::wanted(pool).into_iter().map(|(uses, algorithm)| generate_one(uses, algorithm).unwrap()).collect()
}

pub(super) fn keys_of(pool: &Pool) -> PoolKeys {
    PoolKeys::new(Keyset::create(fresh(pool), NOW).unwrap(), NOW).unwrap()
}

/// RSA keys take a moment to make, so tests that only need some share these.
pub(super) static KEYS: LazyLock<PoolKeys> = LazyLock::new(|| keys_of(&example()));

pub(super) fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    pairs.iter().map(|(name, value)| (AttributeName::parse(name).unwrap(), (*value).to_owned())).collect()
}

/// Ada, who signed in with Google.
pub(super) fn ada() -> User {
    let google = ProviderName::parse("Google").unwrap();
    User {
        sub: Sub::parse("6f8b3c1e-0f57-4c39-9a62-1a2b3c4d5e6f").unwrap(),
        username: "Google_1234".into(),
        attributes: attributes(&[
            ("email", "ada@example.com"),
            ("email_verified", "true"),
            ("phone_number", "+441234567890"),
            ("phone_number_verified", "false"),
            ("given_name", "Ada"),
            ("address", "12 St James's Square"),
            ("custom:department", "engines"),
        ]),
        identities: vec![LinkedIdentity {
            key: IdentityKey {
                provider: google,
                issuer: "https://accounts.google.com".into(),
                subject: "1234".into(),
            },
            provider_type: ProviderType::Google,
            primary: true,
            created: Timestamp::from_millis(1_642_699_117_273),
            groups: vec!["staff".into()],
            unknown: UnknownMembers::default(),
        }],
        groups: vec!["admins".into()],
        enabled: true,
        created: NOW,
        modified: NOW,
        unknown: UnknownMembers::default(),
    }
}

/// One sign-in of Ada, from which tokens are issued.
pub(super) struct Visit {
    pub(super) pool: Pool,
    pub(super) user: User,
    pub(super) sign_in: SignIn,
    pub(super) scopes: Scopes,
    pub(super) nonce: Option<&'static str>,
    pub(super) resource: Option<&'static str>,
    pub(super) family: FamilyId,
    pub(super) session: SessionId,
    pub(super) now: Timestamp,
}

impl Visit {
    pub(super) fn with_scopes(scopes: &str) -> Self {
        Self {
            pool: example(),
            user: ada(),
            sign_in: SignIn {
                at: Timestamp::from_secs(1_789_999_000),
                provider: None,
                amr: vec!["fed".into()],
            },
            scopes: Scopes::parse(scopes).unwrap(),
            nonce: None,
            resource: None,
            family: FamilyId::from_random([4; 16]),
            session: SessionId::from_random([5; 16]),
            now: NOW,
        }
    }

    pub(super) fn issuance(&self) -> Issuance<'_> {
        Issuance {
            pool: &self.pool,
            client: self.pool.client("web").unwrap(),
            user: &self.user,
            sign_in: &self.sign_in,
            scopes: &self.scopes,
            nonce: self.nonce,
            resource: self.resource,
            confirmation: None,
            family: &self.family,
            session: Some(&self.session),
            now: self.now,
            ids: TokenIds::from_random([[1; 16], [2; 16], [3; 16]]),
        }
    }
}
