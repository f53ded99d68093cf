//! Trace recording: what a browser's request leaves in the trace that is kept when it is refused.

use std::sync::Arc;

use http::header;

use crate::flow::request::Parameters;
use crate::flow::state::{AuthorizeRequest, Flow, Stage};
use crate::model::identity::ExternalIdentity;
use crate::model::time::Timestamp;
use crate::model::trace::{Recorder, Telling, redact};
use crate::provider::settings::Provider;

use super::app_call::Call;
use super::client_auth;
use super::form;
use super::request_context::RequestContext;

/// Parameters of an authorization request that are compared with settings and tell nothing of the person.
const COMPARED: [&str; 12] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "prompt",
    "max_age",
    "identity_provider",
    "idp_identifier",
    "code_challenge_method",
    "resource",
    "ui_locales",
];

/// An app's authorization request.
pub fn asked(ctx: &RequestContext, parameters: Arc<Parameters>) {
    if let Some((_, client)) = parameters.iter().rfind(|(name, _)| name == "client_id") {
        ctx.recorder.client(client);
    }
    ctx.recorder.later(ctx.now(), "authorization request of the app", move |telling| {
        for (name, text) in parameters.iter() {
            if matches!(name.as_str(), "state" | "nonce" | "code_challenge" | "id_token_hint") {
                telling.keeps_quiet_about(text);
            }
        }
        for (name, text) in parameters.iter().take(40) {
            telling.detail(
                name,
                if COMPARED.contains(&name.as_str()) { text.clone() } else { redact::personal(text) },
            );
        }
    });
}

/// What happened to a flow before this request.
pub fn earlier(ctx: &RequestContext, flow: &Arc<Flow>) {
    let begun = flow.expires.minus(ctx.config.pool.flow_lifetime);
    ctx.recorder.client(&flow.request.client);
    let of = flow.clone();
    ctx.recorder
        .later(begun, "authorization request of the app", move |telling| requested(telling, &of.request));
    if let Stage::AtProvider(pending) = &flow.stage {
        ctx.recorder.provider(&pending.provider);
        let of = flow.clone();
        ctx.recorder.later(pending.sent, "the browser was sent to the provider", move |telling| {
            let Stage::AtProvider(pending) = &of.stage else { return };
            telling.detail("provider", pending.provider.to_string());
            telling.detail("redirect_uri", pending.redirect_uri.clone());
            telling
                .detail("answer asked as", if pending.form_post { "form POST" } else { "query" }.to_owned());
        });
    }
    let cookies = ctx.browser.len();
    ctx.recorder.later(ctx.now(), "the browser came back", move |telling| {
        telling.detail("browser cookies", format!("{cookies} of this broker"));
    });
}

fn requested(telling: &mut Telling, request: &AuthorizeRequest) {
    [&request.state, &request.nonce].into_iter().flatten().for_each(|text| telling.keeps_quiet_about(text));
    telling.detail("client_id", request.client.to_string());
    telling.detail("redirect_uri", request.redirect_uri.as_str().to_owned());
    telling.detail("scope", request.scopes.to_string());
    let prompt = request.prompt;
    let prompts = [
        ("none", prompt.none),
        ("login", prompt.login),
        ("select_account", prompt.select_account),
        ("consent", prompt.consent),
    ];
    let asked: Vec<&str> = prompts.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect();
    if !asked.is_empty() {
        telling.detail("prompt", asked.join(" "));
    }
    telling.optional("max_age", request.max_age.map(|seconds| seconds.to_string()));
}

/// What the mapping made of the provider's claims.
pub fn mapped(ctx: &RequestContext, provider: &Provider, identity: &ExternalIdentity) {
    let mapped = provider.mapping.apply(identity);
    let mut details: Vec<(&str, String)> =
        mapped.attributes.iter().map(|(name, value)| (name.as_str(), redact::personal(value))).collect();
    details.extend(mapped.problems.iter().map(|problem| ("left out", problem.to_string())));
    ctx.recorder.step(ctx.now(), "attributes after the mapping", details);
}

/// An app's own request, to the endpoint that `what` names: which parameters came, and the values of those
/// that are compared and no secret.
pub fn of_app_request(what: &'static str, call: &Call, now: Timestamp) -> Recorder {
    let recorder = Recorder::default();
    let pairs = form::pairs(&call.body).unwrap_or_default();
    let basic = client_auth::basic_client(&call.headers);
    let method = if call.headers.contains_key(header::AUTHORIZATION) {
        "Authorization header"
    } else if pairs.iter().any(|(name, _)| name == "client_secret") {
        "client_secret in the body"
    } else if pairs.iter().any(|(name, _)| name == "client_assertion") {
        "client_assertion"
    } else {
        "none"
    };
    let mut details = vec![("client authentication", method.to_owned())];
    details.extend(basic.clone().map(|client| ("client_id", client)));
    for (name, value) in pairs.iter().take(40) {
        let public =
            ["grant_type", "client_id", "redirect_uri", "scope", "resource"].contains(&name.as_str());
        details.push((name, if public { value.clone() } else { redact::secret(value) }));
        if !public {
            recorder.keeps_quiet_about(value);
        }
    }
    let redeems = pairs.iter().any(|(name, value)| name == "grant_type" && value == "authorization_code");
    if redeems && pairs.iter().all(|(name, _)| name != "code_verifier") {
        details.push(("code_verifier", "did not come".to_owned()));
    }
    recorder.step(now, what, details);
    if let Some(client) =
        basic.or_else(|| pairs.into_iter().find(|(name, _)| name == "client_id").map(|(_, id)| id))
    {
        recorder.client(client);
    }
    recorder
}
