//! A pool, a client and a request that pass every check, for tests to change.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use symbolon::flow::request::Parameters;
use symbolon::model::client::{Client, Grant, Lifetimes, Rotation};
use symbolon::model::ids::{ClientId, PoolId};
use symbolon::model::pool::{Pool, SessionPolicy, SigningAlgorithm};
use symbolon::model::scope::Scopes;

/// Two pools with four clients and providers of each kind: the configuration of the simulation.
pub const TWO_POOLS: &str = include_str!("../campaigns/simulation/symbolon.toml");

/// A public web app.
pub fn client() -> Client {
    Client {
        id: ClientId::parse("web").unwrap(),
        name: None,
        secrets: Vec::new(),
        redirect_uris: vec!["https://app.example/cb".to_owned()],
        native: false,
        logout_uris: vec!["https://app.example/".to_owned()],
        scopes: Scopes::parse("openid email profile").unwrap(),
        grants: BTreeSet::from([Grant::AuthorizationCode, Grant::RefreshToken]),
        providers: None,
        resources: Vec::new(),
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

/// A pool with [`client`].
pub fn pool() -> Pool {
    Pool {
        id: PoolId::parse("eu-west-1_Example01").unwrap(),
        name: "Example".to_owned(),
        issuer: "https://auth.example/eu-west-1_Example01".to_owned(),
        public_url: "https://auth.example".to_owned(),
        mtls_url: None,
        hosts: vec!["auth.example".to_owned()],
        signing: SigningAlgorithm::Rs256,
        separate_keys: true,
        case_insensitive: false,
        cognito_compat: false,
        session: SessionPolicy::default(),
        flow_lifetime: Duration::from_secs(600),
        code_lifetime: Duration::from_secs(300),
        clients: BTreeMap::from([(client().id, client())]),
    }
}

/// A good authorization request of [`client`].
pub fn authorization_request() -> Parameters {
    [
        ("response_type", "code"),
        ("client_id", "web"),
        ("redirect_uri", "https://app.example/cb"),
        ("state", "xyz"),
        ("scope", "openid email"),
        ("nonce", "n-0S6_WzA2Mj"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
