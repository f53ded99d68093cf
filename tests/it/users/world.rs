//! A directory, a pool, and people who sign in with Acme.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use symbolon::model::identity::ExternalIdentity;
use symbolon::model::ids::PoolId;
use symbolon::model::pool::{Pool, SessionPolicy, SigningAlgorithm};
use symbolon::model::time::Timestamp;
use symbolon::model::user::User;
use symbolon::outside::Outside;
use symbolon::outside::random::Random;
use symbolon::provider::settings::Provider;
use symbolon::store::record::Records;
use symbolon::store::seal::{Seal, SecretKeyBytes};
use symbolon::store::users::Users;
use symbolon::store::{Role, Store, StoreSettings, StoreUrl};
use symbolon::user_pool::provision::{FoundUser, Proved, ProvisionError};

use crate::presets::world::{claims, identity, with_secret};

/// A directory and the pool that uses it. A file below the temporary folder goes with it.
pub(super) struct Desk {
    pub(super) directory: Records,
    pub(super) outside: Outside,
    pub(super) pool: Pool,
    folder: Option<PathBuf>,
}

impl Desk {
    /// One desk for each engine.
    pub(super) async fn all() -> Vec<Self> {
        let name: String = Random::Real.token().chars().filter(char::is_ascii_alphanumeric).collect();
        let folder = std::env::temp_dir().join(format!("symbolon-users-{name}"));
        std::fs::create_dir_all(&folder).unwrap();
        vec![
            Self::on(StoreUrl::Memory, None).await,
            Self::on(StoreUrl::File(folder.clone()), Some(folder)).await,
        ]
    }

    async fn on(url: StoreUrl, folder: Option<PathBuf>) -> Self {
        let outside =
            Outside { random: Random::Real, ..Outside::fake(Timestamp::from_secs(1_800_000_000), 1) };
        let settings = StoreSettings::new(url, Role::Directory);
        let store = Store::open(&settings, outside.clock.clone(), outside.random.clone()).await.unwrap();
        let seal = Seal::new(&SecretKeyBytes::generate(&outside.random));
        Self { directory: Records::new(store, seal, outside.random.clone()), outside, pool: pool(), folder }
    }

    pub(super) fn users(&self) -> Users<'_> {
        Users::new(&self.directory, &self.pool.id)
    }

    pub(super) async fn sign_in(
        &self,
        provider: &Provider,
        who: &ExternalIdentity,
    ) -> Result<User, ProvisionError> {
        let proved = Proved::of((&self.directory, &self.outside), &self.pool, provider, who)?;
        loop {
            match proved.find().await? {
                FoundUser::Known(user) => return Ok(user),
                FoundUser::New(user) => match proved.make(&user).await {
                    Ok(()) => return Ok(user),
                    // A namesake was faster: the person is told to sign in again.
                    Err(ProvisionError::Busy) => {}
                    Err(error) => return Err(error),
                },
            }
        }
    }

    /// Passes an hour.
    pub(super) fn later(&self) {
        self.outside.clock.advance(Duration::from_secs(3600));
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Acme, whose group `staff` is our `employees`.
pub(super) fn acme() -> Provider {
    with_secret(
        "Acme",
        "oidc",
        "issuer = \"https://acme.example\"\n[groups.map]\nstaff = \"employees\"\nboard = \"directors\"",
    )
}

/// What Acme proves about the person with this subject.
pub(super) fn proved(provider: &Provider, subject: &str, more: Value) -> ExternalIdentity {
    let mut all = claims(json!({"iss": "https://acme.example", "sub": subject}));
    all.extend(claims(more));
    identity(provider, all, None).unwrap()
}

fn pool() -> Pool {
    Pool {
        id: PoolId::parse("eu-west-1_Users").unwrap(),
        name: "Users".into(),
        issuer: "https://auth.example.com/eu-west-1_Users".into(),
        public_url: "https://auth.example.com".into(),
        mtls_url: None,
        hosts: vec!["auth.example.com".into()],
        signing: SigningAlgorithm::Es256,
        separate_keys: false,
        case_insensitive: true,
        cognito_compat: false,
        session: SessionPolicy::default(),
        flow_lifetime: Duration::from_secs(600),
        code_lifetime: Duration::from_secs(300),
        clients: BTreeMap::new(),
    }
}
