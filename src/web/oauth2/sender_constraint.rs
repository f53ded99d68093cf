//! Sender-constrained tokens: what the tokens of a request are bound to, the key of its DPoP proof or its
//! certificate.

use axum::http::{HeaderMap, HeaderName};

use super::api::ApiError;
use crate::model::client::Client;
use crate::model::client_authentication::Confirmation;
use crate::user_pool::client_certificate;
use crate::user_pool::dpop::{DpopRefusal, DpopRequest, prove};
use crate::user_pool::issuer::Issuer;
use crate::web::app_call::Call;

const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The one proof that came, if any.
pub fn proof(headers: &HeaderMap) -> Result<Option<&str>, DpopRefusal> {
    let mut proofs = headers.get_all(DPOP).iter();
    match (proofs.next(), proofs.next()) {
        (None, _) => Ok(None),
        (Some(proof), None) => Ok(Some(proof.to_str().unwrap_or_default())),
        (Some(_), Some(_)) => Err(DpopRefusal::Twice),
    }
}

/// The thumbprint of the key whose proof came to the endpoint at `path`.
pub async fn proof_key(
    issuer: &Issuer<'_>,
    call: &Call,
    client: &Client,
    path: &str,
) -> Result<Option<String>, DpopRefusal> {
    let Some(proof) = proof(&call.headers)? else { return Ok(None) };
    if client.proof.certificate_bound {
        return Err(DpopRefusal::Unwanted);
    }
    let asked = DpopRequest {
        method: call.method.as_str(),
        path,
        access_token: None,
        nonce: client.proof.dpop_nonce,
    };
    prove(issuer, asked, proof).await.map(Some)
}

/// What the tokens that `client` asks for at the token endpoint are bound to; `None` for bearer tokens.
pub async fn confirmation(
    issuer: &Issuer<'_>,
    call: &Call,
    client: &Client,
) -> Result<Option<Confirmation>, ApiError> {
    match proof_key(issuer, call, client, "/oauth2/token")
        .await
        .map_err(|refusal| ApiError::dpop(&refusal))?
    {
        Some(jkt) => Ok(Some(Confirmation::Jkt(jkt))),
        None if client.proof.certificate_bound => client_certificate::confirmation(&call.certificate)
            .map(Some)
            .map_err(|refusal| ApiError::certificate(&refusal)),
        None if client.proof.require_dpop => Err(ApiError::dpop(&DpopRefusal::Missing)),
        None => Ok(None),
    }
}
