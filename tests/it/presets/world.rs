//! Providers from the text of a `[[pool.provider]]` table.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use serde_json::{Map, Value};
use symbolon::model::document::Document;
use symbolon::model::identity::{Claims, ExternalIdentity};
use symbolon::model::ids::PoolId;
use symbolon::model::time::Timestamp;
use symbolon::provider::email_trust;
use symbolon::provider::preset::Presets;
use symbolon::provider::quirk_error::QuirkError;
use symbolon::provider::quirks;
use symbolon::provider::resolve::{self, PoolContext};
use symbolon::provider::settings::{Oauth2, Oidc, Protocol, Provider};

/// A P-256 key that Apple could have made.
pub fn p256_pem() -> String {
    rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem()
}

/// The provider of a table without its header.
#[track_caller]
pub fn provider(table: &str) -> Provider {
    read(table).unwrap_or_else(|problems| panic!("{}", problems.join("\n")))
}

/// What is wrong with a table: `symbolon.toml:<line>: <key>: …`, lines counted from the table's first key as
/// line 1.
#[track_caller]
pub fn problems(table: &str) -> Vec<String> {
    match read(table) {
        Ok(provider) => panic!("accepted: {provider:?}"),
        Err(problems) => problems,
    }
}

fn read(table: &str) -> Result<Provider, Vec<String>> {
    let presets = Presets::embedded().unwrap_or_else(|problems| panic!("{problems}"));
    let text = table.trim_start();
    let document = Document::parse("symbolon.toml", text);
    let root = document.root();
    let pool = PoolId::parse("eu-west-1_A1").unwrap();
    let provider = resolve::read(&presets, &root, &PoolContext { allow_private: true, pool: Some(&pool) });
    root.finish();
    match document.finish() {
        Ok(_) => Ok(provider.unwrap_or_else(|| panic!("no provider and no problem"))),
        Err(problems) => Err(problems.as_slice().iter().map(ToString::to_string).collect()),
    }
}

/// Credentials for presets that need no more than a secret.
pub fn with_secret(name: &str, preset: &str, more: &str) -> Provider {
    provider(&format!(
        "name = \"{name}\"\nuse = \"{preset}\"\nclient_id = \"client\"\nclient_secret \
         = \"secret-of-the-app\"\n{more}"
    ))
}

/// The OpenID Connect rules of a provider.
#[track_caller]
pub fn oidc(provider: &Provider) -> &Oidc {
    match &provider.protocol {
        Protocol::Oidc(oidc) => oidc,
        Protocol::Oauth2(_) | Protocol::Saml(_) => panic!("{} speaks no OpenID Connect", provider.name),
    }
}

/// The OAuth 2 rules of a provider.
#[track_caller]
pub fn oauth2(provider: &Provider) -> &Oauth2 {
    match &provider.protocol {
        Protocol::Oauth2(oauth2) => oauth2,
        Protocol::Oidc(_) | Protocol::Saml(_) => panic!("{} speaks no OAuth 2", provider.name),
    }
}

/// Claims from JSON.
pub fn claims(json: Value) -> Claims {
    match json {
        Value::Object(claims) => claims,
        other => panic!("{other} is no object"),
    }
}

/// The identity that the protocol checks make of these claims, signatures aside.
pub fn identity(
    provider: &Provider,
    claims: Claims,
    user_field: Option<&str>,
) -> Result<ExternalIdentity, QuirkError> {
    let mut claims = claims;
    quirks::normalise(provider, &mut claims);
    quirks::admit(provider, &claims)?;
    Ok(ExternalIdentity {
        key: quirks::key(provider, &claims)?,
        unsigned: user_field.map(|field| quirks::unsigned_user(provider, field)).unwrap_or_default(),
        email_verified: email_trust::email_verified(provider, &claims),
        claims: claims.into(),
        authenticated_at: Timestamp::from_secs(1_800_000_000),
        upstream: None,
    })
}

/// The attributes that a sign-in with these claims gives a new user.
#[track_caller]
pub fn attributes(provider: &Provider, identity: &ExternalIdentity) -> Map<String, Value> {
    let mapped = provider.mapping.apply(identity);
    assert_eq!(mapped.problems, [], "nothing is left out");
    mapped
        .attributes
        .iter()
        .chain(mapped.first.iter())
        .map(|(name, value)| (name.to_string(), Value::from(value)))
        .collect()
}
