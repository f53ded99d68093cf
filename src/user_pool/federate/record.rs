//! What a sign-in at a provider leaves in its story: names and compared values, no secret.

use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

use super::Means;
use crate::flow::state::Pending;
use crate::model::encoding::base64url_decode;
use crate::model::identity::Claims;
use crate::model::secret::{ExposeSecret as _, same_secret};
use crate::model::time::Timestamp;
use crate::model::trace::{Recorder, redact};
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
        ClientAuth::SecretBasic(secret) | ClientAuth::SecretPost(secret) => recorder.keeps_quiet_about(secret.expose_secret()),
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
pub(super) fn metadata(means: Means<'_>, oidc: &Oidc, found: Result<Metadata, UpstreamError>) -> Result<Metadata, UpstreamError> {
    let mut details: Details = vec![("issuer in the settings", oidc.issuer.clone())];
    details.extend(oidc.discovery_url.clone().map(|url| ("metadata URL", url)));
    match &found {
        Ok(metadata) => {
            let named = [("authorization", &metadata.authorization), ("token", &metadata.token), ("jwks", &metadata.jwks)];
            details.extend(named.into_iter().filter_map(|(name, url)| Some((name, redact::url(url.as_ref()?)))));
        }
        Err(error) => details.push(("failed", error.to_string())),
    }
    means.recorder.step(means.outside.clock.now(), "endpoints of the provider", details);
    found
}

/// A request to the provider, described before it is sent.
pub(super) struct Asked {
    at: Timestamp,
    details: Details,
}

impl Asked {
    pub(super) fn of(recorder: &Recorder, request: &Request, at: Timestamp) -> Self {
        let mut details: Details = vec![("request", format!("{} {}", request.method, redact::url(&request.url)))];
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
        let in_url = request.url.query_pairs().into_owned();
        fields.iter().cloned().chain(in_url).filter(|(name, _)| redact::is_secret(name)).for_each(|(_, value)| {
            recorder.keeps_quiet_about(&value);
        });
        if !fields.is_empty() {
            details.push(("fields", fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")));
        }
        let public = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone());
        details.extend(public("client_id").map(|id| ("client_id", id)));
        details.extend(public("redirect_uri").map(|uri| ("redirect_uri", uri)));
        if let Some(header) = request.headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
            details.push(("Authorization", header.split(' ').next().unwrap_or_default().to_owned()));
        }
        Self { at, details }
    }

    pub(super) fn answered(mut self, means: Means<'_>, what: &str, answer: &Result<Response, UpstreamError>) {
        let now = means.outside.clock.now();
        self.details.push(("took", format!("{} ms", now.since(self.at).as_millis())));
        match answer {
            Ok(answer) => {
                self.details.push(("status", answer.status.as_u16().to_string()));
                self.details.extend(answer.media_type().map(|media_type| ("media type", media_type)));
                self.details.extend(answer.date().and_then(|date| difference(date, now)).map(|text| ("clock of the provider", text)));
                self.members(means.recorder, &answer.body);
            }
            Err(error) => self.details.push(("failed", error.to_string())),
        }
        means.recorder.step(self.at, what, self.details);
    }

    fn members(&mut self, recorder: &Recorder, body: &[u8]) {
        let Ok(members) = serde_json::from_slice::<Map<String, Value>>(body) else {
            return self.details.push(("body", format!("{} bytes that are no JSON object", body.len())));
        };
        for token in ["access_token", "id_token", "refresh_token"].iter().filter_map(|name| members.get(*name)?.as_str()) {
            recorder.keeps_quiet_about(token);
        }
        self.details.push(("members", redact::names(&members)));
        for name in ["error", "error_description", "token_type", "scope"] {
            self.details.extend(members.get(name).map(|value| (name, redact::member(name, value))));
        }
    }
}

/// The keys that the provider publishes, or why there are none.
pub(super) fn keys(
    means: Means<'_>,
    name: &str,
    jwks: &Url,
    found: Result<Arc<KeySet>, UpstreamError>,
) -> Result<Arc<KeySet>, UpstreamError> {
    let mut details: Details = vec![("jwks_uri", redact::url(jwks))];
    match &found {
        Ok(keys) => details.push(("kid", listed(keys))),
        Err(error) => details.push(("failed", error.to_string())),
    }
    means.recorder.step(means.outside.clock.now(), name, details);
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

/// What an ID token says before it is verified.
pub(super) fn id_token(means: Means<'_>, raw: &str, nonce: &str) {
    let now = means.outside.clock.now();
    means.recorder.keeps_quiet_about(raw);
    let mut details = Details::new();
    if let Ok(header) = unverified_header(raw) {
        details.push(("alg", header.alg));
        details.push(("kid", header.kid.unwrap_or_else(|| "(none)".to_owned())));
    }
    let payload = raw.split('.').nth(1).and_then(base64url_decode);
    if let Some(claims) = payload.and_then(|bytes| serde_json::from_slice::<Claims>(&bytes).ok()) {
        for name in ["iss", "aud", "azp", "sub", "tid", "hd", "email_verified"] {
            details.extend(claims.get(name).map(|value| (name, redact::member(name, value))));
        }
        for name in ["iat", "nbf", "exp", "auth_time"] {
            let instant = claims.get(name).and_then(Value::as_i64).map(Timestamp::from_secs);
            details.extend(instant.map(|at| (name, format!("{} ({})", at.utc(), relative(at, now)))));
        }
        details.push(("nonce", nonce_is(&claims, nonce).to_owned()));
        details.push(("claims", redact::names(&claims)));
    }
    means.recorder.step(now, "ID token, not verified yet", details);
}

fn nonce_is(claims: &Claims, sent: &str) -> &'static str {
    match claims.get("nonce").map(Value::as_str) {
        None => "missing",
        Some(Some(nonce)) if same_secret(nonce, sent) => "the one that was sent",
        Some(_) => "not the one that was sent",
    }
}

/// Claims as they go into the mapping.
pub(super) fn claims(means: Means<'_>, name: &str, claims: &Claims) {
    let mut details: Vec<(&str, String)> =
        claims.iter().take(MOST_MEMBERS).map(|(name, value)| (name.as_str(), redact::member(name, value))).collect();
    if claims.len() > MOST_MEMBERS {
        details.push(("and", claims.keys().skip(MOST_MEMBERS).map(String::as_str).collect::<Vec<_>>().join(", ")));
    }
    means.recorder.step(means.outside.clock.now(), name, details);
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
