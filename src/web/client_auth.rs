//! Client authentication ([RFC 6749 section 2.3](https://www.rfc-editor.org/rfc/rfc6749#section-2.3)):
//! `client_secret_basic`, `client_secret_post`, `private_key_jwt`, `tls_client_auth`,
//! `self_signed_tls_client_auth`, and `none` for public clients.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::app_call::Call;
use super::form::{Form, decode};
use crate::model::client::Client;
use crate::model::client_authentication::Authentication;
use crate::model::encoding::base64_decode;
use crate::model::fault::{Fault, Refusal};
use crate::model::pool::Pool;
use crate::model::secret::{SecretString, same_secret};
use crate::protocol::oauth2::client_assertion::{ASSERTION_TYPE, unverified_client};
use crate::user_pool::client_assertion::{self, AssertionRefusal};
use crate::user_pool::client_certificate::{self, CertificateRefusal};
use crate::user_pool::issuer::Issuer;

/// Parameters that must never be in a URL, where logs and histories keep them.
const NEVER_IN_A_QUERY: [&str; 6] =
    ["client_secret", "client_assertion", "code", "code_verifier", "refresh_token", "token"];

/// One failed check of client authentication.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientAuthError {
    /// Credentials in the query.
    #[error("a credential came in the query")]
    InQuery,
    /// More than one method, or two different client ids.
    #[error("the client authenticated in more than one way")]
    Ambiguous,
    /// No client named.
    #[error("client_id is missing")]
    Missing,
    /// An `Authorization` header that is no well-formed Basic one.
    #[error("the Authorization header is not a valid Basic one")]
    Malformed,
    /// An assertion of a kind that is not supported.
    #[error("this client_assertion_type is not supported")]
    Unsupported,
    /// A client assertion that is not good.
    #[error("{0}")]
    Assertion(AssertionRefusal),
    /// A certificate that is not the client's.
    #[error("{0}")]
    Certificate(#[from] CertificateRefusal),
    /// Unknown or disabled client, or a wrong, missing or unexpected secret: the answer does not tell which.
    #[error("unknown client or wrong client credentials")]
    Refused,
}

impl ClientAuthError {
    /// The `error` member of the answer.
    pub const fn oauth_error(&self) -> &'static str {
        match self {
            Self::InQuery | Self::Ambiguous | Self::Missing => "invalid_request",
            Self::Malformed
            | Self::Unsupported
            | Self::Assertion(_)
            | Self::Certificate(_)
            | Self::Refused => "invalid_client",
        }
    }
}

impl Refusal for ClientAuthError {
    fn code(&self) -> &'static str {
        match self {
            Self::InQuery => "client_credential_in_query",
            Self::Ambiguous => "client_auth_ambiguous",
            Self::Missing => "client_id_missing",
            Self::Malformed => "client_auth_malformed",
            Self::Unsupported => "client_auth_unsupported",
            Self::Assertion(refusal) => refusal.code(),
            Self::Certificate(refusal) => refusal.code(),
            Self::Refused => "client_auth_refused",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Assertion(refusal) => refusal.fault(),
            Self::Certificate(refusal) => refusal.fault(),
            _ => Fault::App,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::InQuery => {
                "send credentials and tokens in the body or the Authorization header, never in the URL"
            }
            Self::Ambiguous => {
                "use one of the Authorization header, client_secret and client_assertion, with one client_id"
            }
            Self::Missing => "send client_id, or an Authorization: Basic header",
            Self::Malformed => {
                "send Authorization: Basic base64(client_id:client_secret), both percent-encoded first"
            }
            Self::Unsupported => {
                "send client_assertion_type urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            }
            Self::Assertion(refusal) => return refusal.hint(),
            Self::Certificate(refusal) => return refusal.hint(),
            Self::Refused => {
                "compare client_id and secret with the configuration; a public client sends no secret"
            }
        }
        .to_owned()
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::Assertion(refusal) if refusal.retryable())
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::Assertion(refusal) => refusal.expected(),
            Self::Certificate(refusal) => refusal.expected(),
            _ => None,
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::Assertion(refusal) => refusal.received(),
            Self::Certificate(refusal) => refusal.received(),
            _ => None,
        }
    }
}

/// A client that proved who it is, or a public one that named itself. Made only by [`authenticate`].
#[derive(Debug, Clone, Copy)]
pub struct AuthenticatedClient<'a>(&'a Client);

impl<'a> AuthenticatedClient<'a> {
    /// The client.
    pub fn client(self) -> &'a Client {
        self.0
    }
}

/// Finds and authenticates the client of a request to the token, revocation, introspection or pushed-request
/// endpoint.
pub async fn authenticate<'a>(
    issuer: &Issuer<'a>,
    call: &Call,
    form: &Form,
) -> Result<AuthenticatedClient<'a>, ClientAuthError> {
    let pool = issuer.grants.pool;
    if call.query.as_deref().is_some_and(holds_credential) {
        return Err(ClientAuthError::InQuery);
    }
    let mut authorizations = call.headers.get_all(AUTHORIZATION).iter();
    let asserts = form.has("client_assertion") || form.has("client_assertion_type");
    match (authorizations.next(), authorizations.next()) {
        (None, _) if asserts && form.has("client_secret") => Err(ClientAuthError::Ambiguous),
        (None, _) if asserts => by_assertion(issuer, form).await,
        (None, _) => by_body(issuer, call, form),
        (Some(_), Some(_)) => Err(ClientAuthError::Ambiguous),
        (Some(_), None) if asserts || form.has("client_secret") => Err(ClientAuthError::Ambiguous),
        (Some(header), None) => by_header(pool, header.as_bytes(), form),
    }
}

/// The registered client in whose name the request comes, whoever sent it.
pub fn named<'a>(pool: &'a Pool, headers: &HeaderMap, form: &Form) -> Option<&'a Client> {
    let by_header = headers.get(AUTHORIZATION).and_then(|header| basic(header.as_bytes()));
    match by_header {
        Some((id, _)) => pool.client(&registered(pool, id)),
        None => match (form.get("client_id"), form.get("client_assertion")) {
            (Some(id), _) => pool.client(id),
            (None, Some(assertion)) => pool.client(&unverified_client(assertion)?),
            (None, None) => None,
        },
    }
}

/// Whether the request tried `client_secret_basic`: a failure then is a 401 with a challenge.
pub fn tried_basic(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION)
}

/// The client that an `Authorization: Basic` header names, whoever it is.
pub fn basic_client(headers: &HeaderMap) -> Option<String> {
    let (id, _) = basic(headers.get(AUTHORIZATION)?.as_bytes())?;
    Some(decode(id.as_bytes()).unwrap_or(id))
}

fn holds_credential(query: &str) -> bool {
    query
        .split('&')
        .filter_map(|pair| decode(pair.split('=').next().unwrap_or_default().as_bytes()))
        .any(|name| NEVER_IN_A_QUERY.contains(&name.as_str()))
}

/// With neither a secret nor an assertion the certificate counts, for clients that have one
/// ([RFC 8705 section 2](https://www.rfc-editor.org/rfc/rfc8705#section-2)).
fn by_body<'a>(
    issuer: &Issuer<'a>,
    call: &Call,
    form: &Form,
) -> Result<AuthenticatedClient<'a>, ClientAuthError> {
    let id = form.get("client_id").ok_or(ClientAuthError::Missing)?;
    let client = issuer.grants.pool.client(id);
    match (form.get("client_secret"), client) {
        (Some(secret), client) => confidential(client, &[secret]),
        (None, Some(client)) if client.proof.authentication.is_by_certificate() => {
            client_certificate::authenticate(issuer, client, &call.certificate)?;
            Ok(AuthenticatedClient(client))
        }
        (None, Some(client)) if client.is_public() => Ok(AuthenticatedClient(client)),
        (None, _) => Err(ClientAuthError::Refused),
    }
}

/// `client_id` beside the assertion is optional ([RFC 7521 section
/// 4.2](https://www.rfc-editor.org/rfc/rfc7521#section-4.2)) and has to be the same.
async fn by_assertion<'a>(
    issuer: &Issuer<'a>,
    form: &Form,
) -> Result<AuthenticatedClient<'a>, ClientAuthError> {
    let pool = issuer.grants.pool;
    if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
        return Err(ClientAuthError::Unsupported);
    }
    let raw = form.get("client_assertion").ok_or(ClientAuthError::Refused)?;
    let client = match form.get("client_id") {
        Some(id) => pool.client(id),
        None => unverified_client(raw).and_then(|id| pool.client(&id)),
    };
    let client = client.ok_or(ClientAuthError::Refused)?;
    let Authentication::PrivateKeyJwt(rules) = &client.proof.authentication else {
        return Err(ClientAuthError::Refused);
    };
    client_assertion::authenticate(issuer, client, rules, raw).await.map_err(ClientAuthError::Assertion)?;
    Ok(AuthenticatedClient(client))
}

fn by_header<'a>(
    pool: &'a Pool,
    header: &[u8],
    form: &Form,
) -> Result<AuthenticatedClient<'a>, ClientAuthError> {
    let (id, secret) = basic(header).ok_or(ClientAuthError::Malformed)?;
    let id = &registered(pool, id);
    if form.get("client_id").is_some_and(|other| other != id) {
        return Err(ClientAuthError::Ambiguous);
    }
    let readings = readings(&secret);
    confidential(pool.client(id), &readings.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The id of a Basic header as the client is registered: encoded or not, for many clients do not encode.
fn registered(pool: &Pool, id: String) -> String {
    match decode(id.as_bytes()) {
        Some(decoded) if pool.client(&id).is_none() && pool.client(&decoded).is_some() => decoded,
        _ => id,
    }
}

/// What the secret of a Basic header may mean. The standard form-encodes it; many clients do not. The raw
/// text counts too unless it holds a percent escape: then its author encoded, and only the decoded text was
/// meant.
fn readings(secret: &str) -> Vec<String> {
    match decode(secret.as_bytes()) {
        None => vec![secret.to_owned()],
        Some(decoded) if secret.contains('%') || decoded == secret => vec![decoded],
        Some(decoded) => vec![decoded, secret.to_owned()],
    }
}

fn basic(header: &[u8]) -> Option<(String, String)> {
    let (scheme, credentials) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let text = String::from_utf8(base64_decode(credentials.trim_start_matches(' '))?).ok()?;
    text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}

/// Compares every reading whether or not an earlier one matched, and compares something for an unknown client
/// as well.
fn confidential<'a>(
    client: Option<&'a Client>,
    readings: &[&str],
) -> Result<AuthenticatedClient<'a>, ClientAuthError> {
    let nobody = SecretString::from("");
    let accepted = readings.iter().fold(false, |found, secret| {
        let matches = match client {
            Some(client) => client.accepts_secret(secret),
            None => same_secret(secrecy::ExposeSecret::expose_secret(&nobody), secret) & false,
        };
        (matches & !secret.is_empty()) | found
    });
    client.filter(|_| accepted).map(AuthenticatedClient).ok_or(ClientAuthError::Refused)
}
