//! Trace recording of a sign-in at a provider: names and compared values, no secret.

use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

use super::Means;
use crate::flow::state::Pending;
use crate::model::encoding::base64url_decode;
use crate::model::identity::Claims;
use crate::model::secret::{ExposeSecret as _, SecretString, same_secret};
use crate::model::time::Timestamp;
use crate::model::trace::{Recorder, Telling, redact};
use crate::outside::http::{Request, Response};
use crate::outside::upstreams::UpstreamError;
use crate::protocol::jose::{KeySet, unverified_header};
use crate::protocol::oidc::callback::CallbackAnswer;
use crate::protocol::oidc::discovery::Metadata;
use crate::provider::settings::{ClientAuth, Oidc, Provider};

/// A difference between two clocks that is worth a line.
const NOTABLE: i64 = 5;
/// Members of an answer that get a line each; the others are named together.
const MOST_MEMBERS: usize = 24;

type Details = Vec<(&'static str, String)>;

/// The secrets of the settings and of the flow will not be told, whoever repeats them.
pub(super) fn secrets(recorder: &Recorder, provider: &Provider) {
    match &provider.client_auth {
        ClientAuth::SecretBasic(secret) | ClientAuth::SecretPost(secret) => {
            recorder.keeps_quiet_about(secret.expose_secret());
        }
        ClientAuth::PrivateKeyJwt { .. } | ClientAuth::AppleJwt { .. } | ClientAuth::None => {}
    }
}

/// What the provider sent through the browser.
pub(super) fn answer(means: Means<'_>, pending: &Pending, answer: &CallbackAnswer) {
    let quiet = |secret: &str| means.recorder.keeps_quiet_about(secret);
    quiet(&pending.verifier);
    quiet(&pending.nonce);
    let (mut details, iss, transport) = match answer {
        CallbackAnswer::Code { code, iss, user, transport } => {
            quiet(code.expose_secret());
            let mut details: Details = vec![("code", redact::secret(code.expose_secret()))];
            details.extend(user.as_deref().map(|user| ("user", redact::personal(user))));
            (details, iss, transport)
        }
        CallbackAnswer::Error { error, description, iss, transport } => {
            let mut details: Details = vec![("error", error.clone())];
            details.extend(description.clone().map(|text| ("error_description", text)));
            (details, iss, transport)
        }
    };
    details.extend(iss.clone().map(|iss| ("iss", iss)));
    details.push(("came as", format!("{transport:?}").to_lowercase()));
    means.recorder.step(means.outside.clock.now(), "answer of the provider, through the browser", details);
}

/// The endpoints that are used, or why there are none.
pub(in crate::user_pool) fn metadata(
    means: Means<'_>,
    oidc: &Oidc,
    found: Result<Arc<Metadata>, UpstreamError>,
) -> Result<Arc<Metadata>, UpstreamError> {
    let (issuer, discovery, told) = (oidc.issuer.clone(), oidc.discovery_url.clone(), found.clone());
    means.recorder.later(means.outside.clock.now(), "endpoints of the provider", move |telling| {
        telling.detail("issuer in the settings", issuer);
        telling.optional("metadata URL", discovery);
        match &told {
            Ok(metadata) => {
                let named = [
                    ("authorization", &metadata.authorization),
                    ("token", &metadata.token),
                    ("jwks", &metadata.jwks),
                ];
                for (name, url) in named {
                    telling.optional(name, url.as_ref().map(redact::url));
                }
            }
            Err(error) => telling.detail("failed", error.to_string()),
        }
    });
    found
}

/// A request to the provider that was sent at `began`, and its answer.
pub(super) fn call(
    means: Means<'_>,
    what: &'static str,
    began: Timestamp,
    request: Request,
    answer: &Result<Response, UpstreamError>,
) {
    let (answer, now) = (answer.clone(), means.outside.clock.now());
    means.recorder.later(began, what, move |telling| {
        asked(telling, &request);
        telling.detail("took", format!("{} ms", now.since(began).as_millis()));
        match &answer {
            Ok(answer) => answered(telling, answer, now),
            Err(error) => telling.detail("failed", error.to_string()),
        }
    });
}

fn asked(telling: &mut Telling, request: &Request) {
    telling.detail("request", format!("{} {}", request.method, redact::url(&request.url)));
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let in_url = request.url.query_pairs().into_owned();
    fields.iter().cloned().chain(in_url).filter(|(name, _)| redact::is_secret(name)).for_each(
        |(_, value)| {
            telling.keeps_quiet_about(&value);
        },
    );
    if !fields.is_empty() {
        telling.detail("fields", fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "));
    }
    for name in ["client_id", "redirect_uri"] {
        telling
            .optional(name, fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone()));
    }
    if let Some(header) =
        request.headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok())
    {
        telling.detail("Authorization", header.split(' ').next().unwrap_or_default().to_owned());
    }
}

fn answered(telling: &mut Telling, answer: &Response, now: Timestamp) {
    telling.detail("status", answer.status.as_u16().to_string());
    telling.optional("media type", answer.media_type());
    telling.optional("clock of the provider", answer.date().and_then(|date| difference(date, now)));
    let Ok(members) = serde_json::from_slice::<Map<String, Value>>(&answer.body) else {
        return telling.detail("body", format!("{} bytes that are no JSON object", answer.body.len()));
    };
    for token in
        ["access_token", "id_token", "refresh_token"].iter().filter_map(|name| members.get(*name)?.as_str())
    {
        telling.keeps_quiet_about(token);
    }
    telling.detail("members", redact::names(&members));
    for name in ["error", "error_description", "token_type", "scope"] {
        telling.optional(name, members.get(name).map(|value| redact::member(name, value)));
    }
}

/// The keys that the provider publishes, or why there are none.
pub(super) fn keys(
    means: Means<'_>,
    name: &'static str,
    jwks: &Url,
    found: Result<Arc<KeySet>, UpstreamError>,
) -> Result<Arc<KeySet>, UpstreamError> {
    let (jwks, told) = (jwks.clone(), found.clone());
    means.recorder.later(means.outside.clock.now(), name, move |telling| {
        telling.detail("jwks_uri", redact::url(&jwks));
        match &told {
            Ok(keys) => telling.detail("kid", listed(keys)),
            Err(error) => telling.detail("failed", error.to_string()),
        }
    });
    found
}

fn listed(keys: &KeySet) -> String {
    let ids: Vec<&str> = keys.keys().iter().map(|key| key.kid().unwrap_or("(without)")).collect();
    if ids.is_empty() { "(no usable key)".to_owned() } else { ids.join(", ") }
}

/// The keys were read again a moment ago, so they are not read once more.
pub(super) fn keys_are_recent(means: Means<'_>) {
    let details = [("why", "they were read a moment ago: at most once in 30 seconds".to_owned())];
    means.recorder.step(means.outside.clock.now(), "keys are not read again", details);
}

/// What an ID token says before it is verified, and whether it has the `nonce` that was sent.
pub(super) fn id_token(means: Means<'_>, raw: SecretString, nonce: String) {
    let now = means.outside.clock.now();
    means.recorder.later(now, "ID token, not verified yet", move |telling| {
        let Some(claims) = unverified(telling, raw.expose_secret(), now) else { return };
        telling.detail("nonce", nonce_is(&claims, &nonce).to_owned());
    });
}

/// What a logout token says before it is verified.
pub(in crate::user_pool) fn logout_token(means: Means<'_>, raw: SecretString) {
    let now = means.outside.clock.now();
    means.recorder.later(now, "logout token, not verified yet", move |telling| {
        let Some(claims) = unverified(telling, raw.expose_secret(), now) else { return };
        let events = claims.get("events").and_then(Value::as_object).map(redact::names);
        telling.detail("events", events.unwrap_or_else(|| "(none)".to_owned()));
        telling.detail("sid", if claims.contains_key("sid") { "there" } else { "missing" }.to_owned());
    });
}

/// Header and compared claims of a token of the provider; the claims, if they can be read.
fn unverified(telling: &mut Telling, raw: &str, now: Timestamp) -> Option<Claims> {
    telling.keeps_quiet_about(raw);
    if let Ok(header) = unverified_header(raw) {
        telling.detail("alg", header.alg);
        telling.detail("kid", header.kid.unwrap_or_else(|| "(none)".to_owned()));
        telling.optional("typ", header.typ);
    }
    let payload = raw.split('.').nth(1).and_then(base64url_decode);
    let claims = payload.and_then(|bytes| serde_json::from_slice::<Claims>(&bytes).ok())?;
    for name in ["iss", "aud", "azp", "sub", "tid", "hd", "email_verified"] {
        telling.optional(name, claims.get(name).map(|value| redact::member(name, value)));
    }
    for name in ["iat", "nbf", "exp", "auth_time"] {
        let instant = claims.get(name).and_then(Value::as_i64).map(Timestamp::from_secs);
        telling.optional(name, instant.map(|at| format!("{} ({})", at.utc(), relative(at, now))));
    }
    telling.detail("claims", redact::names(&claims));
    Some(claims)
}

fn nonce_is(claims: &Claims, sent: &str) -> &'static str {
    match claims.get("nonce").map(Value::as_str) {
        None => "missing",
        Some(Some(nonce)) if same_secret(nonce, sent) => "the one that was sent",
        Some(_) => "not the one that was sent",
    }
}

/// Claims as they go into the mapping.
pub(super) fn claims(means: Means<'_>, name: &'static str, claims: Arc<Claims>) {
    means.recorder.later(means.outside.clock.now(), name, move |telling| {
        for (name, value) in claims.iter().take(MOST_MEMBERS) {
            telling.detail(name, redact::member(name, value));
        }
        if claims.len() > MOST_MEMBERS {
            telling.detail(
                "and",
                claims.keys().skip(MOST_MEMBERS).map(String::as_str).collect::<Vec<_>>().join(", "),
            );
        }
    });
}

/// How far an upstream's clock is from ours, if that matters.
fn difference(theirs: Timestamp, ours: Timestamp) -> Option<String> {
    let seconds = theirs.secs().saturating_sub(ours.secs());
    (seconds.abs() > NOTABLE).then(|| {
        let direction = if seconds > 0 { "ahead of" } else { "behind" };
        format!("{} s {direction} this server's", seconds.abs())
    })
}

fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.secs().saturating_sub(now.secs());
    if seconds > 0 { format!("{seconds} s from now") } else { format!("{} s ago", seconds.abs()) }
}
