//! `authorization_code`: a code becomes tokens, once ([RFC 6749 section
//! 4.1.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3)).
//!
//! Every presented code is spent by the attempt, whether it is answered with tokens or refused. Whoever
//! presents a spent code ends what it led to: the loser of a race is no different from a thief, so an app
//! must redeem a code once.

use futures_util::future::try_join;

use super::issuer::{Granted, Issuer, Tokens};
use super::pkce;
use super::token_refusal::TokenRefusal;
use crate::model::client::{Client, Grant};
use crate::model::client_authentication::Confirmation;
use crate::model::trace::redact;
use crate::store::CommitOutcome;
use crate::store::grants::{Code, CodeHandle, FreshCode};
use crate::token::refresh::Family;

/// The parameters of the request.
#[derive(Debug, Clone, Copy)]
pub struct Redemption<'a> {
    /// `code`; empty when it is absent.
    pub code: &'a str,
    /// `redirect_uri`.
    pub redirect_uri: Option<&'a str>,
    /// `code_verifier`.
    pub code_verifier: Option<&'a str>,
    /// `resource`.
    pub resource: Option<&'a str>,
}

/// Redeems a code for `client`, which has authenticated: two round trips.
pub async fn redeem(
    issuer: &Issuer<'_>,
    client: &Client,
    asked: &Redemption<'_>,
) -> Result<Tokens, TokenRefusal> {
    if !client.allows(Grant::AuthorizationCode) {
        return Err(TokenRefusal::GrantNotAllowed(Grant::AuthorizationCode));
    }
    if asked.code.is_empty() {
        return Err(TokenRefusal::Missing("code"));
    }
    let handle = issuer.grants.open_code(asked.code).ok_or(TokenRefusal::UnknownCode)?;
    let (code, user) = try_join(issuer.grants.load_code(&handle), issuer.user(handle.sub())).await?;
    let code = match code {
        Code::Unknown => return Err(TokenRefusal::UnknownCode),
        Code::Spent => return Err(replayed(issuer, &handle).await),
        Code::Fresh(code) => code,
    };
    let user = match check(&code, client, asked, issuer)
        .and_then(|()| issuer.admits(client, &code.grant.sign_in, user))
    {
        Ok(user) => user,
        Err(refusal) => return Err(burn(issuer, &handle, &code, refusal).await),
    };
    let family = Family {
        binding: issuer.sender.cloned(),
        ..Family::start((*code.grant).clone(), issuer.grants.random.stamp(), lifetime(client), issuer.now)
    };
    // Signed before the commit and released after it: a failing key costs no code.
    let granted = Granted { client, user: &user, family: &family, scopes: &family.scopes };
    let tokens = issuer.issue(&granted, code.grant.nonce.as_deref())?;
    match issuer.grants.redeem(&handle, &code, &family).await? {
        CommitOutcome::Committed => Ok(tokens),
        CommitOutcome::Conflict => Err(replayed(issuer, &handle).await),
    }
}

/// Spends a code that came with a failed client authentication: it has left the hands of its client.
pub async fn burn_unauthenticated(issuer: &Issuer<'_>, code: &str) -> Result<(), TokenRefusal> {
    let Some(handle) = issuer.grants.open_code(code) else { return Ok(()) };
    if let Code::Fresh(code) = issuer.grants.load_code(&handle).await? {
        let (CommitOutcome::Committed | CommitOutcome::Conflict) = issuer.grants.burn(&handle, &code).await?;
    }
    Ok(())
}

fn check(
    code: &FreshCode,
    client: &Client,
    asked: &Redemption<'_>,
    issuer: &Issuer<'_>,
) -> Result<(), TokenRefusal> {
    let grant = &code.grant;
    if grant.client != client.id {
        return Err(TokenRefusal::ForeignCode);
    }
    if grant.expires <= issuer.now {
        return Err(TokenRefusal::UnknownCode);
    }
    if asked.redirect_uri != Some(grant.redirect_uri.as_str()) {
        let came = asked.redirect_uri.map(|uri| redact::cut(uri, 512));
        return Err(TokenRefusal::RedirectMismatch { came, asked: grant.redirect_uri.clone() });
    }
    pkce::check(grant.code_challenge.as_deref(), asked.code_verifier)?;
    if client.is_public() && grant.code_challenge.is_none() {
        return Err(TokenRefusal::VerifierMissing);
    }
    if grant.dpop_jkt.as_ref().is_some_and(|jkt| issuer.sender != Some(&Confirmation::Jkt(jkt.clone()))) {
        return Err(TokenRefusal::OtherSender);
    }
    if asked.resource.is_some() && asked.resource != grant.resource.as_deref() {
        return Err(TokenRefusal::Target);
    }
    if code.epoch.covers(&grant.epoch) { Ok(()) } else { Err(TokenRefusal::SignedOut) }
}

/// Without refresh tokens the family is over when the last token of this redemption is.
fn lifetime(client: &Client) -> std::time::Duration {
    if client.allows(Grant::RefreshToken) {
        client.lifetimes.refresh_token
    } else {
        client.lifetimes.access_token.max(client.lifetimes.id_token)
    }
}

async fn burn(
    issuer: &Issuer<'_>,
    handle: &CodeHandle,
    code: &FreshCode,
    refusal: TokenRefusal,
) -> TokenRefusal {
    match issuer.grants.burn(handle, code).await {
        Ok(CommitOutcome::Committed) => refusal,
        Ok(CommitOutcome::Conflict) => replayed(issuer, handle).await,
        Err(error) => error.into(),
    }
}

/// The code is no longer what it was: it was presented before or at the same time, or the user signed out
/// meanwhile.
async fn replayed(issuer: &Issuer<'_>, handle: &CodeHandle) -> TokenRefusal {
    let revoked = match issuer.grants.load_code(handle).await {
        Ok(Code::Unknown) => return TokenRefusal::UnknownCode,
        Ok(Code::Fresh(_)) => return TokenRefusal::SignedOut,
        Ok(Code::Spent) => {
            let family = handle.family();
            tracing::warn!(code = "code_spent", pool = %issuer.grants.pool.id, %family, "a code was \
                presented twice: its family is revoked");
            issuer.grants.revoke_replayed(handle, issuer.now).await
        }
        Err(error) => Err(error),
    };
    revoked.map_or_else(TokenRefusal::from, |()| TokenRefusal::SpentCode)
}
