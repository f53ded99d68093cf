//! `/oauth2/userInfo` ([OpenID Connect Core section
//! 5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo)), GET and POST.

use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use serde_json::Value;

use super::api::{ApiError, Caller, finish};
use super::sender_constraint;
use crate::protocol::oauth2::client_certificate::ClientCertificate;
use crate::user_pool::issuer::Issuer;
use crate::user_pool::user_info::{Scheme, Shown, UserInfoRefusal, user_info};
use crate::web::app_call::Call;
use crate::web::cors;

/// The route, for GET and POST.
pub async fn any(caller: Caller) -> Response {
    answer(&caller.issuer(), &caller.call).await
}

/// Answers with the claims of the person behind the access token.
pub async fn answer(issuer: &Issuer<'_>, call: &Call) -> Response {
    let mut response = finish(decide(issuer, call).await, issuer);
    cors::answer(issuer.grants.pool, &call.headers, response.headers_mut());
    response
}

async fn decide(issuer: &Issuer<'_>, call: &Call) -> Result<Value, ApiError> {
    let (scheme, token) = presented(issuer, call)?;
    let pool = issuer.grants.pool;
    let refused = |refusal: &UserInfoRefusal| ApiError::user_info(pool, refusal);
    let proof = sender_constraint::proof(&call.headers).map_err(|refusal| refused(&refusal.into()))?;
    let x5t = call.certificate.certificate().ok().map(ClientCertificate::x5t);
    let shown = Shown {
        scheme,
        proof,
        certificate: x5t.as_deref(),
        method: call.method.as_str(),
        path: "/oauth2/userInfo",
    };
    user_info(issuer, &token, &shown).await.map(Value::Object).map_err(|refusal| refused(&refusal))
}

/// The token from the header or a form body ([RFC 6750 section
/// 2](https://www.rfc-editor.org/rfc/rfc6750#section-2)), never from the query.
fn presented(issuer: &Issuer<'_>, call: &Call) -> Result<(Scheme, String), ApiError> {
    const BAD: &str = "Bad OAuth2 request at UserInfo Endpoint";
    let mut headers = call.headers.get_all(AUTHORIZATION).iter();
    let in_header = match (headers.next(), headers.next()) {
        (None, _) => None,
        (Some(header), None) => {
            let text = header.to_str().unwrap_or_default();
            let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
            let token = token.trim_start_matches(' ');
            let known = [("Bearer", Scheme::Bearer), ("DPoP", Scheme::Dpop)]
                .into_iter()
                .find(|(name, _)| scheme.eq_ignore_ascii_case(name));
            match known {
                Some((_, scheme)) if !token.is_empty() => Some((scheme, token.to_owned())),
                _ => return Err(ApiError::invalid_request("bearer_malformed", BAD)),
            }
        }
        (Some(_), Some(_)) => return Err(ApiError::invalid_request("bearer_twice", BAD)),
    };
    let in_body =
        if call.body.is_empty() { None } else { call.form()?.get("access_token").map(str::to_owned) };
    match (in_header, in_body) {
        (Some(shown), None) => Ok(shown),
        (None, Some(token)) => Ok((Scheme::Bearer, token)),
        (Some(_), Some(_)) => Err(ApiError::invalid_request("bearer_twice", BAD)),
        (None, None) => Err(ApiError::no_token(issuer.grants.pool)),
    }
}
