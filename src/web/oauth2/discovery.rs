//! Provider metadata ([OpenID Connect Discovery section
//! 3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata), [RFC
//! 8414](https://www.rfc-editor.org/rfc/rfc8414)): one document for every path form.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use serde_json::{Value, json};

use super::par;
use crate::model::attributes::STANDARD;
use crate::model::client_authentication::{AssertionAlgorithm, Authentication};
use crate::model::language::Language;
use crate::model::pool::Pool;
use crate::protocol::jose::Algorithm;
use crate::protocol::oauth2::dpop;
use crate::token::pool_keys::PoolKeys;
use crate::web::{cors, security_headers};

/// The metadata of a pool. `keys` are its published ones, which outlive a change of `signing` by a rotation;
/// `None` while they are not known.
pub fn answer(pool: &Pool, keys: Option<&PoolKeys>) -> Response {
    let made = || {
        let algorithms = keys.map(PoolKeys::algorithms).filter(|algorithms| !algorithms.is_empty());
        document(pool, &algorithms.unwrap_or_else(|| vec![pool.signing.into()])).to_string()
    };
    let mut response =
        Response::new(Body::from(keys.map_or_else(|| made().into(), |keys| keys.metadata(made))));
    let headers = response.headers_mut();
    security_headers::make_room(headers);
    headers.insert(CONTENT_TYPE, const { HeaderValue::from_static("application/json") });
    headers.insert(CACHE_CONTROL, const { HeaderValue::from_static("public, max-age=3600") });
    cors::public(headers);
    response
}

/// Whether `path`, what stands between a host and its `/.well-known/…` (or after it, in RFC 8414's form),
/// names this pool: nothing, the pool's id, or the path of its issuer.
pub fn names(pool: &Pool, path: &str) -> bool {
    let path = path.trim_matches('/');
    let is_of_issuer =
        || url::Url::parse(&pool.issuer).is_ok_and(|issuer| issuer.path().trim_matches('/') == path);
    path.is_empty() || path == pool.id.as_str() || is_of_issuer()
}

fn document(pool: &Pool, algorithms: &[Algorithm]) -> Value {
    let at = |path: &str| format!("{}{path}", pool.public_url);
    let mut claims =
        vec!["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "amr", "sid", "jti"];
    claims.extend(["origin_jti", "token_use", "identities", "cognito:username", "cognito:groups"]);
    claims.extend(STANDARD);
    let _signing_algorithms: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
    let signing_algorithms: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
    let signed = AssertionAlgorithm::ALL.map(AssertionAlgorithm::as_str);
    let bound = pool.clients.values().any(|client| client.proof.certificate_bound);
    let methods = methods(pool);
    let with_none = [&methods[..], &["none"]].concat();
    let mut document = json!({
        "issuer": pool.issuer,
        "authorization_endpoint": at("/oauth2/authorize"),
        "token_endpoint": at("/oauth2/token"),
        "pushed_authorization_request_endpoint": at(par::PATH),
        "userinfo_endpoint": at("/oauth2/userInfo"),
        "revocation_endpoint": at("/oauth2/revoke"),
        "introspection_endpoint": at("/oauth2/introspect"),
        "end_session_endpoint": at("/logout"),
        "jwks_uri": at(&format!("/{}/.well-known/jwks.json", pool.id)),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": signing_algorithms,
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "claims_supported": claims,
        "claim_types_supported": ["normal"],
        "token_endpoint_auth_methods_supported": with_none,
        "token_endpoint_auth_signing_alg_values_supported": signed,
        "revocation_endpoint_auth_methods_supported": with_none,
        "revocation_endpoint_auth_signing_alg_values_supported": signed,
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": signed,
        "code_challenge_methods_supported": ["S256"],
        "ui_locales_supported": Language::ALL.map(Language::tag),
        "prompt_values_supported": ["none", "login", "select_account", "consent"],
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
        "require_pushed_authorization_requests": false,
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS.map(Algorithm::as_str),
        "tls_client_certificate_bound_access_tokens": bound,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    if let (Some(url), Some(members)) = (&pool.mtls_url, document.as_object_mut()) {
        members.insert("mtls_endpoint_aliases".to_owned(), aliases(url));
    }
    document
}

/// Where apps show certificates ([RFC 8705 section 5](https://www.rfc-editor.org/rfc/rfc8705#section-5)).
fn aliases(url: &str) -> Value {
    json!({
        "token_endpoint": format!("{url}/oauth2/token"),
        "pushed_authorization_request_endpoint": format!("{url}{}", par::PATH),
        "userinfo_endpoint": format!("{url}/oauth2/userInfo"),
        "revocation_endpoint": format!("{url}/oauth2/revoke"),
        "introspection_endpoint": format!("{url}/oauth2/introspect"),
    })
}

/// How apps authenticate; by certificates only where some do.
fn methods(pool: &Pool) -> Vec<&'static str> {
    let uses = |wanted: fn(&Authentication) -> bool| {
        pool.clients.values().any(|client| wanted(&client.proof.authentication))
    };
    let mut methods = vec!["client_secret_basic", "client_secret_post", "private_key_jwt"];
    methods.extend(
        uses(|method| matches!(method, Authentication::TlsClientAuth(_))).then_some("tls_client_auth"),
    );
    methods.extend(
        uses(|method| matches!(method, Authentication::SelfSignedTls(_)))
            .then_some("self_signed_tls_client_auth"),
    );
    methods
}
