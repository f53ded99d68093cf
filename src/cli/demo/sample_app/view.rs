//! Tokens as people read them.

use minijinja::context;
use serde_json::{Map, Value};

use super::client::Tokens;
use crate::model::encoding::base64url_decode;

/// The person's name, if any, and the blocks of the page.
pub(super) fn parts(
    tokens: &Tokens,
    user_info: Result<Value, String>,
) -> (Option<String>, Vec<minijinja::Value>) {
    let name = name(&tokens.id);
    let parts = vec![
        context! {
            title => "ID token",
            about => "Who signed in, for this app alone.",
            header => header(&tokens.id_token),
            claims => pretty(&tokens.id),
        },
        context! {
            title => "Access token",
            about => "What this app may do, for the services that it calls.",
            header => header(&tokens.access_token),
            claims => pretty(&tokens.access),
        },
        context! {
            title => "userInfo",
            about => "What the broker answers to that access token now.",
            header => None::<String>,
            claims => user_info.map_or_else(|reason| reason, |claims| format!("{claims:#}")),
        },
    ];
    (name, parts)
}

/// The full name, else what there is of it, else the address.
fn name(claims: &Map<String, Value>) -> Option<String> {
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let parts: Vec<&str> = [text("given_name"), text("family_name")].into_iter().flatten().collect();
    match text("name") {
        Some(name) => Some(name.to_owned()),
        None if parts.is_empty() => text("email").map(str::to_owned),
        None => Some(parts.join(" ")),
    }
}

fn header(token: &str) -> Option<String> {
    let bytes = base64url_decode(token.split('.').next()?)?;
    let header: Value = serde_json::from_slice(&bytes).ok()?;
    Some(format!("{header:#}"))
}

fn pretty(claims: &Map<String, Value>) -> String {
    format!("{:#}", Value::Object(claims.clone()))
}
