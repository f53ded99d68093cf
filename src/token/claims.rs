//! The claims of every token, exactly Cognito's; see `cognito-contract.md` section 2 in the product's
//! documents.

use serde_json::{Map, Value, json};

use crate::model::client::Client;
use crate::model::client_authentication::Confirmation;
use crate::model::identity::Claims;
use crate::model::ids::{ClientId, FamilyId, SessionId, Sub, uuid_from};
use crate::model::pool::Pool;
use crate::model::scope::Scopes;
use crate::model::session::SignIn;
use crate::model::time::Timestamp;
use crate::model::user::{LinkedIdentity, ProviderType, User};

/// The identifiers that one issuance uses up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenIds {
    /// `jti` of the ID token.
    pub id_jti: String,
    /// `jti` of the access token.
    pub access_jti: String,
    /// `event_id` of both.
    pub event_id: String,
}

impl TokenIds {
    /// Fresh identifiers from three times 16 random bytes.
    pub fn from_random(random: [[u8; 16]; 3]) -> Self {
        let [id, access, event] = random.map(uuid_from);
        Self { id_jti: id, access_jti: access, event_id: event }
    }
}

/// Everything that the tokens of one sign-in say.
#[derive(Debug, Clone)]
pub struct Issuance<'a> {
    /// The issuing pool.
    pub pool: &'a Pool,
    /// The app that receives the tokens.
    pub client: &'a Client,
    /// The person.
    pub user: &'a User,
    /// How and when the person signed in.
    pub sign_in: &'a SignIn,
    /// Granted scopes.
    pub scopes: &'a Scopes,
    /// `nonce` of the authorization request; a refresh has none.
    pub nonce: Option<&'a str>,
    /// `resource` of the authorization request.
    pub resource: Option<&'a str>,
    /// What the access token is bound to: `cnf`.
    pub confirmation: Option<&'a Confirmation>,
    /// The refresh-token family: `origin_jti`.
    pub family: &'a FamilyId,
    /// The browser session: `sid`.
    pub session: Option<&'a SessionId>,
    /// Now.
    pub now: Timestamp,
    /// Fresh identifiers.
    pub ids: TokenIds,
}

/// What a machine receives for `client_credentials`.
#[derive(Debug, Clone)]
pub struct ClientIssuance<'a> {
    /// The issuing pool.
    pub pool: &'a Pool,
    /// The authenticated app.
    pub client: &'a Client,
    /// Granted scopes.
    pub scopes: &'a Scopes,
    /// What the access token is bound to: `cnf`.
    pub confirmation: Option<&'a Confirmation>,
    /// Now.
    pub now: Timestamp,
    /// Fresh identifiers.
    pub ids: TokenIds,
}

/// The one event of a logout token ([Back-Channel Logout section
/// 2.4](https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken)).
pub const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How long an app may take to process a logout token.
const LOGOUT_LIFETIME_SECS: i64 = 120;

/// Claims of an ID token: who signed in, for the app itself. `at_hash` binds it to the access token issued
/// beside it.
pub fn id(i: &Issuance<'_>, at_hash: &str) -> Claims {
    let mut claims = Map::new();
    claims.insert("at_hash".into(), at_hash.into());
    claims.insert("sub".into(), i.user.sub.as_str().into());
    groups(&mut claims, i.user);
    claims.insert("iss".into(), i.pool.issuer.as_str().into());
    claims.insert("cognito:username".into(), i.user.username.as_str().into());
    if let Some(nonce) = i.nonce {
        claims.insert("nonce".into(), nonce.into());
    }
    claims.insert("origin_jti".into(), i.family.as_str().into());
    claims.insert("aud".into(), i.client.id.as_str().into());
    let identities = identities(i.user);
    if !identities.is_empty() {
        claims.insert("identities".into(), identities.into());
    }
    claims.insert("event_id".into(), i.ids.event_id.as_str().into());
    claims.insert("token_use".into(), "id".into());
    if let Some(session) = i.session {
        claims.insert("sid".into(), session.as_str().into());
    }
    authentication(&mut claims, i);
    times(&mut claims, i.now, i.client.lifetimes.id_token.as_secs());
    claims.insert("jti".into(), i.ids.id_jti.as_str().into());
    claims.extend(attributes(i.user, i.scopes));
    claims
}

/// Claims of a person's access token. `aud` appears only when the request named a `resource` (RFC 8707).
pub fn access(i: &Issuance<'_>) -> Claims {
    let mut claims = Map::new();
    claims.insert("sub".into(), i.user.sub.as_str().into());
    groups(&mut claims, i.user);
    claims.insert("iss".into(), i.pool.issuer.as_str().into());
    claims.insert("version".into(), 2.into());
    claims.insert("client_id".into(), i.client.id.as_str().into());
    if let Some(resource) = i.resource {
        claims.insert("aud".into(), resource.into());
    }
    claims.insert("origin_jti".into(), i.family.as_str().into());
    claims.insert("event_id".into(), i.ids.event_id.as_str().into());
    claims.insert("token_use".into(), "access".into());
    claims.insert("scope".into(), i.scopes.to_string().into());
    authentication(&mut claims, i);
    times(&mut claims, i.now, i.client.lifetimes.access_token.as_secs());
    claims.insert("jti".into(), i.ids.access_jti.as_str().into());
    claims.insert("username".into(), i.user.username.as_str().into());
    confirm(&mut claims, i.confirmation);
    claims
}

/// Claims of a machine's access token (`client_credentials`): the subject is the app itself.
pub fn client(i: &ClientIssuance<'_>) -> Claims {
    let ClientIssuance { pool, client, scopes, now, ref ids, confirmation } = *i;
    let mut claims = Map::new();
    claims.insert("sub".into(), client.id.as_str().into());
    claims.insert("token_use".into(), "access".into());
    claims.insert("scope".into(), scopes.to_string().into());
    claims.insert("auth_time".into(), now.secs().into());
    claims.insert("iss".into(), pool.issuer.as_str().into());
    times(&mut claims, now, client.lifetimes.access_token.as_secs());
    claims.insert("version".into(), 2.into());
    claims.insert("jti".into(), ids.access_jti.as_str().into());
    claims.insert("client_id".into(), client.id.as_str().into());
    confirm(&mut claims, confirmation);
    claims
}

/// Claims of a logout token for one app: subject and, when one session ends, its `sid`; never a `nonce`.
pub fn logout(
    pool: &Pool,
    client: &ClientId,
    who: (&Sub, Option<&SessionId>),
    now: Timestamp,
    jti: &str,
) -> Claims {
    let mut claims = Map::new();
    claims.insert("iss".into(), pool.issuer.as_str().into());
    claims.insert("sub".into(), who.0.as_str().into());
    claims.insert("aud".into(), client.as_str().into());
    claims.insert("iat".into(), now.secs().into());
    claims.insert("exp".into(), now.secs().saturating_add(LOGOUT_LIFETIME_SECS).into());
    claims.insert("jti".into(), jti.into());
    if let Some(session) = who.1 {
        claims.insert("sid".into(), session.as_str().into());
    }
    claims.insert("events".into(), json!({ LOGOUT_EVENT: {} }));
    claims
}

/// The answer of userInfo: the attributes that the token's scopes show, with `sub` and `username`.
///
/// With `cognito_compat` every value is a string, booleans and `identities` too, as Cognito answers;
/// otherwise they are JSON.
pub fn user_info(pool: &Pool, user: &User, scopes: &Scopes) -> Claims {
    let mut claims = Map::new();
    claims.insert("sub".into(), user.sub.as_str().into());
    if pool.cognito_compat {
        let stored = identity_attribute(user);
        if !stored.is_empty() {
            claims.insert("identities".into(), Value::Array(stored).to_string().into());
        }
        claims.extend(shown(user, scopes).map(|(name, value)| (name.to_owned(), value.into())));
    } else {
        let identities = identities(user);
        if !identities.is_empty() {
            claims.insert("identities".into(), identities.into());
        }
        claims.extend(attributes(user, scopes));
    }
    claims.insert("username".into(), user.username.as_str().into());
    claims
}

/// The attributes that `scopes` show, in the form of ID-token claims: `…_verified` as JSON booleans,
/// `address` as an object, the rest as strings.
///
/// `email`, `phone` and `profile` each open their part; `openid` without any of them opens everything.
pub fn attributes(user: &User, scopes: &Scopes) -> Claims {
    let claim = |(name, value): (&str, &str)| {
        let value = match name {
            "email_verified" | "phone_number_verified" => Value::Bool(value == "true"),
            "address" => json!({ "formatted": value }),
            _ => value.into(),
        };
        (name.to_owned(), value)
    };
    shown(user, scopes).map(claim).collect()
}

fn shown<'u>(user: &'u User, scopes: &'u Scopes) -> impl Iterator<Item = (&'u str, &'u str)> {
    let narrowed = ["email", "phone", "profile"].iter().any(|scope| scopes.contains(scope));
    let opens = move |name: &str| {
        let scope = match name {
            "email" | "email_verified" => "email",
            "phone_number" | "phone_number_verified" => "phone",
            _ => "profile",
        };
        scopes.contains("openid") && (!narrowed || scopes.contains(scope))
    };
    user.attributes.iter().map(|(name, value)| (name.as_str(), value)).filter(move |(name, _)| opens(name))
}

/// [RFC 7800 section 3.1](https://www.rfc-editor.org/rfc/rfc7800#section-3.1).
fn confirm(claims: &mut Claims, confirmation: Option<&Confirmation>) {
    if let Some(confirmation) = confirmation {
        claims.insert("cnf".into(), json!({ confirmation.name(): confirmation.value() }));
    }
}

fn groups(claims: &mut Claims, user: &User) {
    let groups = user.all_groups();
    if !groups.is_empty() {
        claims.insert("cognito:groups".into(), groups.into());
    }
}

fn authentication(claims: &mut Claims, i: &Issuance<'_>) {
    claims.insert("auth_time".into(), i.sign_in.at.secs().into());
    if !i.sign_in.amr.is_empty() {
        claims.insert("amr".into(), i.sign_in.amr.clone().into());
    }
}

fn times(claims: &mut Claims, now: Timestamp, lifetime: u64) {
    let lifetime = i64::try_from(lifetime).unwrap_or(i64::MAX);
    claims.insert("exp".into(), now.secs().saturating_add(lifetime).into());
    claims.insert("iat".into(), now.secs().into());
}

/// `identities` of the ID token: Cognito writes even the boolean and the date as strings there.
fn identities(user: &User) -> Vec<Value> {
    let claim = |identity: &LinkedIdentity| {
        json!({
            "userId": identity.key.subject,
            "providerName": identity.key.provider.as_str(),
            "providerType": identity.provider_type.as_str(),
            "issuer": saml_issuer(identity),
            "primary": identity.primary.to_string(),
            "dateCreated": identity.created.millis().to_string(),
        })
    };
    user.identities.iter().map(claim).collect()
}

/// The `identities` user attribute, whose boolean and date are JSON ones.
fn identity_attribute(user: &User) -> Vec<Value> {
    let entry = |identity: &LinkedIdentity| {
        json!({
            "userId": identity.key.subject,
            "providerName": identity.key.provider.as_str(),
            "providerType": identity.provider_type.as_str(),
            "issuer": saml_issuer(identity),
            "primary": identity.primary,
            "dateCreated": identity.created.millis(),
        })
    };
    user.identities.iter().map(entry).collect()
}

/// Cognito names the issuer of SAML identities only.
fn saml_issuer(identity: &LinkedIdentity) -> Option<&str> {
    (identity.provider_type == ProviderType::Saml).then_some(identity.key.issuer.as_str())
}
