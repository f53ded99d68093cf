//! The page where one chooses who to be, and the way back.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use minijinja::context;
use url::Url;

use super::{Ask, Granted, Idp, keep};
use crate::cli::demo::fields::Fields;

pub(super) async fn get(State(idp): State<Arc<Idp>>, RawQuery(query): RawQuery) -> Response {
    let ask = match checked(&idp, &Fields::parse(&query.unwrap_or_default())) {
        Ok(ask) => ask,
        Err(reason) => {
            return idp.setup.pages.message(StatusCode::BAD_REQUEST, "The request cannot be used", reason);
        }
    };
    let request = idp.random();
    keep(&mut idp.memory().waiting, request.clone(), ask);
    let people: Vec<_> = idp
        .people()
        .iter()
        .map(|person| {
            context! { subject => person.subject, name => person.name(), email => person.email,
            about => person.about }
        })
        .collect();
    let (provider, model) = if idp.is_apple() { ("Demo Apple", "Apple") } else { ("Demo Google", "Google") };
    idp.setup.pages.show(
        "choose.html",
        StatusCode::OK,
        context! { provider, model, action => idp.path("/choose"), request, people },
    )
}

/// A request for anyone but the broker's own callback is shown here, never redirected.
fn checked(idp: &Idp, fields: &Fields) -> Result<Ask, &'static str> {
    if fields.get("client_id") != Some(&idp.setup.client_id) {
        return Err("There is no such client_id here.");
    }
    if fields.get("redirect_uri") != Some(&idp.setup.redirect_uri) {
        return Err("The redirect_uri is not the registered one.");
    }
    if fields.get("response_type") != Some("code") {
        return Err("Only response_type=code is possible.");
    }
    if idp.is_apple() && fields.get("response_mode") != Some("form_post") {
        return Err("response_mode must be form_post when name or email scope is requested.");
    }
    let challenge = fields.owned("code_challenge");
    if challenge.is_some() && fields.get("code_challenge_method") != Some("S256") {
        return Err("Only code_challenge_method=S256 is possible.");
    }
    let scope = fields.owned("scope").unwrap_or_default();
    Ok(Ask { state: fields.owned("state"), nonce: fields.owned("nonce"), challenge, scope })
}

pub(super) async fn choose(State(idp): State<Arc<Idp>>, body: String) -> Response {
    let fields = Fields::parse(&body);
    let ask = fields.get("request").and_then(|request| idp.memory().waiting.remove(request));
    let Some(ask) = ask else {
        return idp.setup.pages.message(
            StatusCode::BAD_REQUEST,
            "This page was used before",
            "Go back to the app and sign in again.",
        );
    };
    let person = idp.people().iter().find(|person| fields.get("person") == Some(person.subject));
    let Some(person) = person else {
        // Apple has a word of its own for a person who says no.
        let error = if idp.is_apple() { "user_cancelled_authorize" } else { "access_denied" };
        return answer(&idp, ask.state, vec![("error", error.to_owned())]);
    };
    let (code, state) = (idp.random(), ask.state.clone());
    let granted = Granted { ask, person, at: idp.now() };
    let mut fields = vec![("code", code.clone())];
    let mut memory = idp.memory();
    keep(&mut memory.codes, code, granted);
    if idp.is_apple() && memory.introduced.insert(person.subject) {
        fields.push(("user", person.apple_user()));
    }
    drop(memory);
    answer(&idp, state, fields)
}

/// Google redirects; Apple lets the browser post.
fn answer(idp: &Idp, state: Option<String>, mut fields: Vec<(&'static str, String)>) -> Response {
    fields.extend(state.map(|state| ("state", state)));
    let redirect_uri = &idp.setup.redirect_uri;
    if idp.is_apple() {
        return idp.setup.pages.post_back(redirect_uri, &fields);
    }
    match Url::parse_with_params(redirect_uri, &fields) {
        Ok(url) => Redirect::to(url.as_str()).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
