//! Tokens as people read them.

use minijinja::context;
use serde_json::{Map, Value};

use super::client::Tokens;
use crate::model::encoding::base64url_decode;

/// The person's name, if any, and the blocks of the page.
pub(super) fn parts(tokens: &Tokens, user_info: Result<Value, String>) -> (Option<String>, Vec<minijinja::Value>) {
    let name = ["name", "given_name", "email"].iter().find_map(|claim| tokens.id.get(*claim)?.as_str()).map(str::to_owned);
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

fn header(token: &str) -> Option<String> {
    let bytes = base64url_decode(token.split('.').next()?)?;
    let header: Value = serde_json::from_slice(&bytes).ok()?;
    Some(format!("{header:#}"))
}

fn pretty(claims: &Map<String, Value>) -> String {
    format!("{:#}", Value::Object(claims.clone()))
}
