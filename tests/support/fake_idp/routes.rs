//! What the provider answers, endpoint by endpoint, when the wire does not misbehave.

use serde_json::{Map, Value, json};
use url::Url;

use super::client_check;
use super::keys::{random_text, s256};
use super::log::Seen;
use super::switch::{Endpoint, Switch};
use super::wire::Answer;
use super::{Inner, Issued, Vendor, id_token, vendors};

/// Which endpoint a path is, for every vendor.
pub(super) fn endpoint_of(path: &str) -> Endpoint {
    const SUFFIXES: [(&str, Endpoint); 20] = [
        ("/openid-configuration", Endpoint::Discovery),
        ("/jwks", Endpoint::Jwks),
        ("/keys", Endpoint::Jwks),
        ("/authorize", Endpoint::Authorize),
        ("/dialog/oauth", Endpoint::Authorize),
        ("/ap/oa", Endpoint::Authorize),
        ("/debug_token", Endpoint::TokenAudience),
        ("/tokeninfo", Endpoint::TokenAudience),
        ("/o2/token", Endpoint::Token),
        ("/access_token", Endpoint::Token),
        ("/token", Endpoint::Token),
        ("/user/emails", Endpoint::Emails),
        ("/user/orgs", Endpoint::Organisations),
        ("/userinfo", Endpoint::Userinfo),
        ("/user/profile", Endpoint::Userinfo),
        ("/user", Endpoint::Userinfo),
        ("/users/@me", Endpoint::Userinfo),
        ("/me", Endpoint::Userinfo),
        ("/end_session", Endpoint::EndSession),
        ("/logout", Endpoint::EndSession),
    ];
    SUFFIXES
        .iter()
        .find(|(suffix, _)| path.ends_with(suffix))
        .map_or(Endpoint::Elsewhere, |(_, endpoint)| *endpoint)
}

pub(super) fn answer(inner: &Inner, seen: &Seen) -> Answer {
    match seen.endpoint {
        Endpoint::Discovery => discovery(inner),
        Endpoint::Jwks => Answer::json(200, &inner.key_set()),
        Endpoint::Authorize => authorize(inner, seen),
        Endpoint::Token => token(inner, seen),
        Endpoint::Userinfo => vendors::userinfo(inner, seen),
        Endpoint::Emails => vendors::emails(inner, seen),
        Endpoint::Organisations => vendors::organisations(inner, seen),
        Endpoint::TokenAudience => vendors::token_audience(inner, seen),
        Endpoint::EndSession => end_session(inner, seen),
        Endpoint::Elsewhere => Answer::error(404, "not_found", &seen.path),
    }
}

fn discovery(inner: &Inner) -> Answer {
    if !inner.vendor.speaks_oidc() {
        return Answer::error(404, "not_found", "no OpenID Connect here");
    }
    let mut metadata = json!({
        "issuer": inner.issuer(),
        "authorization_endpoint": inner.endpoint(Endpoint::Authorize),
        "token_endpoint": inner.endpoint(Endpoint::Token),
        "jwks_uri": inner.endpoint(Endpoint::Jwks),
        "end_session_endpoint": inner.endpoint(Endpoint::EndSession),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post",
        "private_key_jwt"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": inner.vendor == Vendor::Oidc,
    });
    if let Some(members) = metadata.as_object_mut() {
        if inner.vendor != Vendor::Apple {
            members.insert("userinfo_endpoint".into(), json!(inner.endpoint(Endpoint::Userinfo)));
        }
        for switch in inner.switches() {
            match switch {
                Switch::MetadataIssuer(issuer) => drop(members.insert("issuer".into(), json!(issuer))),
                Switch::Metadata(name, value) => drop(members.insert(name, value)),
                Switch::MetadataWithout(name) => drop(members.remove(&name)),
                _ => {}
            }
        }
    }
    Answer::json(200, &metadata)
}

fn authorize(inner: &Inner, seen: &Seen) -> Answer {
    let Some(redirect_uri) = seen.parameter("redirect_uri") else {
        return Answer::error(400, "invalid_request", "no redirect_uri");
    };
    if seen.parameter("client_id").as_deref() != Some(inner.client_id()) {
        return Answer::error(400, "unauthorized_client", "no such client_id here");
    }
    let mut form_post = seen.parameter("response_mode").as_deref() == Some("form_post");
    if inner.vendor == Vendor::Apple && !form_post {
        return Answer::error(
            400,
            "invalid_request",
            "response_mode must be form_post when name or email scope is requested.",
        );
    }
    let issued = Issued {
        person: inner.person(),
        client_id: inner.client_id().to_owned(),
        redirect_uri: redirect_uri.clone(),
        nonce: seen.parameter("nonce"),
        challenge: seen.parameter("code_challenge"),
        scope: seen.parameter("scope").unwrap_or_default(),
        max_age: seen.parameter("max_age"),
    };
    let switches = inner.switches();
    let code = inner.issue_code(issued);
    let mut fields: Vec<(String, String)> = vec![("code".into(), code)];
    if let Some(state) = seen.parameter("state") {
        fields.push(("state".into(), state));
    }
    if inner.vendor == Vendor::Oidc {
        fields.push(("iss".into(), inner.issuer()));
    }
    fields.extend(vendors::first_login_fields(inner));
    for switch in &switches {
        change_answer(&mut fields, switch);
        form_post ^= *switch == Switch::OtherResponseMode;
    }
    if form_post {
        let encoding = if switches.contains(&Switch::FormAsText) {
            "text/plain"
        } else {
            "application/x-www-form-urlencoded"
        };
        form_page(&redirect_uri, &fields, encoding)
    } else {
        let mut url = Url::parse(&redirect_uri).expect("an absolute redirect_uri");
        url.query_pairs_mut().extend_pairs(&fields);
        Answer::redirect(302, url.as_str())
    }
}

fn change_answer(fields: &mut Vec<(String, String)>, switch: &Switch) {
    let push = |fields: &mut Vec<(String, String)>, name: &str, value: &str| {
        fields.push((name.to_owned(), value.to_owned()));
    };
    let without = |fields: &mut Vec<(String, String)>, name: &str| fields.retain(|(have, _)| have != name);
    match switch {
        Switch::StateMissing => without(fields, "state"),
        Switch::State(state) => {
            without(fields, "state");
            push(fields, "state", state);
        }
        Switch::CodeTwice => push(fields, "code", "another-code"),
        Switch::CodeAndError => push(fields, "error", "access_denied"),
        Switch::IdTokenInFront => push(fields, "id_token", "e30.e30.e30"),
        Switch::Error { error, description } => {
            without(fields, "code");
            without(fields, "user");
            push(fields, "error", error);
            push(fields, "error_description", description);
        }
        Switch::IssParameter(issuer) => {
            without(fields, "iss");
            push(fields, "iss", issuer);
        }
        Switch::IssParameterMissing => without(fields, "iss"),
        Switch::Code(code) => {
            without(fields, "code");
            push(fields, "code", code);
        }
        _ => {}
    }
}

/// The page that sends itself, as in [Form Post Response
/// Mode](https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html).
fn form_page(action: &str, fields: &[(String, String)], encoding: &str) -> Answer {
    let escape = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let inputs: Vec<String> = fields
        .iter()
        .map(|(name, value)| {
            format!(r#"<input type="hidden" name="{}" value="{}">"#, escape(name), escape(value))
        })
        .collect();
    let inputs = inputs.concat();
    Answer::html(&format!(
        r#"<!doctype html><body onload="document.forms[0].submit()"><form method="post" enctype="{encoding}" action="{}">{inputs}</form></body>"#,
        escape(action)
    ))
}

fn token(inner: &Inner, seen: &Seen) -> Answer {
    if let Err(refusal) = client_check::check(inner, seen) {
        return vendors::token_error(inner, "invalid_client", &refusal);
    }
    for switch in inner.switches() {
        if let Switch::ErrorInOk(error) = switch {
            return Answer::json(
                200,
                &json!({"error": error, "error_description": "The code passed is incorrect or expired."}),
            );
        }
    }
    if inner.vendor != Vendor::Facebook
        && seen.parameter("grant_type").as_deref() != Some("authorization_code")
    {
        return vendors::token_error(inner, "unsupported_grant_type", "only authorization_code");
    }
    let Some(issued) = seen.parameter("code").and_then(|code| inner.take_code(&code)) else {
        return vendors::token_error(inner, vendors::bad_code(inner), "no such code, or used before");
    };
    if seen.parameter("redirect_uri").as_ref() != Some(&issued.redirect_uri) {
        return vendors::token_error(inner, "invalid_grant", "redirect_uri differs");
    }
    let verifier = seen.parameter("code_verifier");
    if issued.challenge != verifier.as_deref().map(s256) {
        return vendors::token_error(inner, "invalid_grant", "code_verifier does not fit");
    }
    let access_token = random_text();
    let mut members = Map::new();
    members.insert("access_token".into(), json!(access_token));
    members.insert("token_type".into(), json!("Bearer"));
    members.insert("expires_in".into(), json!(3600));
    members.insert("scope".into(), json!(issued.scope));
    members.extend(id_token_member(inner, &issued, &access_token));
    inner.remember_access_token(access_token, issued);
    vendors::token_answer(inner, seen, members)
}

fn id_token_member(inner: &Inner, issued: &Issued, access_token: &str) -> Option<(String, Value)> {
    if !inner.vendor.speaks_oidc() {
        return None;
    }
    let mut token = id_token::make(inner, issued, access_token);
    inner.keep_id_token(&token);
    for switch in inner.switches() {
        match switch {
            Switch::IdTokenMissing => return None,
            Switch::IdToken(other) => token = other,
            _ => {}
        }
    }
    Some(("id_token".to_owned(), json!(token)))
}

fn end_session(inner: &Inner, seen: &Seen) -> Answer {
    let state = inner.switches().into_iter().fold(seen.parameter("state"), |state, switch| match switch {
        Switch::EndSessionStateMissing => None,
        Switch::EndSessionState(other) => Some(other),
        _ => state,
    });
    match seen.parameter("post_logout_redirect_uri") {
        Some(place) => {
            let mut url = Url::parse(&place).expect("an absolute post_logout_redirect_uri");
            if let Some(state) = state {
                url.query_pairs_mut().append_pair("state", &state);
            }
            Answer::redirect(302, url.as_str())
        }
        None => Answer::html("<!doctype html><h1>Signed out</h1>"),
    }
}
