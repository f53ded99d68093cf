//! `POST /oauth2/backchannel_logout/<provider>`: a provider posts a logout token
//! ([Back-Channel Logout section
//! 2.5](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest)).

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::api::ApiError;
use crate::model::secret::SecretString;
use crate::user_pool::oidc_sign_out::{Door, LogoutRefusal};
use crate::web::error::Failure;
use crate::web::form::Form;
use crate::web::request_context::RequestContext;

const NO_STORE: (http::HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// 200 once what the token says has ended, also when nothing was left to end; else JSON with the reference
/// under which the story is kept.
pub async fn post(
    ctx: RequestContext,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match sign_out(&ctx, &provider, &headers, &body).await {
        Ok(()) => (StatusCode::OK, [NO_STORE]).into_response(),
        Err(refusal) => {
            let (reference, answer) = (ctx.app.reference(), ApiError::logout(&refusal));
            ctx.note(&reference, &Failure::SignOut(refusal)).await;
            answer.with_reference(&reference).into_response()
        }
    }
}

async fn sign_out(
    ctx: &RequestContext,
    provider: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), LogoutRefusal> {
    let door = Door::of(&ctx.app, &ctx.config, provider, |rule| rule.back_channel)?;
    ctx.recorder.provider(&door.provider().name);
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form =
        Form::from_body(content_type, body).map_err(|error| LogoutRefusal::Request(error.to_string()))?;
    let token =
        form.get("logout_token").ok_or_else(|| LogoutRefusal::Request("it did not come".to_owned()))?;
    door.honours(ctx.means(), SecretString::from(token)).await.map(drop)
}
