//! The authorization request to a provider
//! ([OpenID Connect Core section
//! 3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)).

use std::collections::BTreeMap;

use url::Url;

use super::super::oauth2::pkce;
use crate::model::fault::{Fault, Refusal};

/// Parameters that the engine sets itself; neither settings nor an endpoint's own query may hold them.
const OWN: [&str; 13] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "response_mode",
    "request",
    "request_uri",
    "login_hint",
    "max_age",
];
/// Longest forwarded `login_hint`.
const MAX_HINT: usize = 254;

/// Everything that the request holds.
#[derive(Debug, Clone)]
pub struct AuthorizationRequest<'a> {
    /// Where the browser goes.
    pub endpoint: &'a Url,
    /// The broker at the provider.
    pub client_id: &'a str,
    /// The broker's callback.
    pub redirect_uri: &'a str,
    /// Scopes, already joined as the provider likes it.
    pub scope: String,
    /// Fresh, unguessable, bound to the browser.
    pub state: &'a str,
    /// Fresh and unguessable; `None` for plain OAuth 2.
    pub nonce: Option<&'a str>,
    /// PKCE `code_verifier`; its S256 challenge is always sent.
    pub verifier: &'a str,
    /// Whether `response_mode=form_post` is asked for.
    pub form_post: bool,
    /// Further parameters from the settings.
    pub fixed: &'a BTreeMap<String, String>,
    /// What is handed on from the app's request.
    pub forwarded: Forwarded<'a>,
}

/// Parameters of the app's request that this provider wants to hear.
#[derive(Debug, Clone, Default)]
pub struct Forwarded<'a> {
    /// `login_hint`.
    pub login_hint: Option<&'a str>,
    /// `prompt` values; with any, they replace a `prompt` of the settings.
    pub prompt: Vec<&'static str>,
    /// `max_age`.
    pub max_age: Option<u64>,
}

/// The settings hold a parameter that they must not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// One of the engine's own parameters, among the fixed ones or in the endpoint's query.
    #[error("the provider's settings or its authorization endpoint set {0:?}, which the broker sets itself")]
    Reserved(String),
}

impl Refusal for RequestError {
    fn code(&self) -> &'static str {
        "authorization_parameter_reserved"
    }

    fn fault(&self) -> Fault {
        Fault::Pool
    }

    fn hint(&self) -> String {
        let Self::Reserved(name) = self;
        format!("remove {name} from the provider's parameters and from its authorization endpoint")
    }
}

/// The URL to which the browser is sent. Every value is encoded exactly once (B-48).
pub fn authorization_url(request: &AuthorizationRequest<'_>) -> Result<Url, RequestError> {
    let mut url = request.endpoint.clone();
    let reserved = |name: &str| OWN.contains(&name);
    let in_query = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .find(|name| reserved(name) || request.fixed.contains_key(name));
    let in_fixed = request.fixed.keys().find(|name| reserved(name)).cloned();
    if let Some(name) = in_query.or(in_fixed) {
        return Err(RequestError::Reserved(name));
    }
    let forwarded = &request.forwarded;
    let mut query = url.query_pairs_mut();
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", request.client_id)
        .append_pair("redirect_uri", request.redirect_uri);
    query.append_pair("scope", &request.scope).append_pair("state", request.state);
    query
        .append_pair("code_challenge", &pkce::s256(request.verifier))
        .append_pair("code_challenge_method", "S256");
    if let Some(nonce) = request.nonce {
        query.append_pair("nonce", nonce);
    }
    if request.form_post {
        query.append_pair("response_mode", "form_post");
    }
    for (name, value) in
        request.fixed.iter().filter(|(name, _)| forwarded.prompt.is_empty() || name.as_str() != "prompt")
    {
        query.append_pair(name, value);
    }
    if !forwarded.prompt.is_empty() {
        query.append_pair("prompt", &forwarded.prompt.join(" "));
    }
    if let Some(hint) =
        forwarded.login_hint.filter(|hint| hint.len() <= MAX_HINT && !hint.chars().any(char::is_control))
    {
        query.append_pair("login_hint", hint);
    }
    if let Some(seconds) = forwarded.max_age {
        query.append_pair("max_age", &seconds.to_string());
    }
    drop(query);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(
        endpoint: &str,
        fixed: &[(&str, &str)],
        forwarded: Forwarded<'_>,
    ) -> Result<Vec<(String, String)>, RequestError> {
        let request = AuthorizationRequest {
            endpoint: &Url::parse(endpoint).unwrap(),
            client_id: "app",
            redirect_uri: "https://broker.example/oauth2/idpresponse",
            scope: "openid email".into(),
            state: "the-state",
            nonce: Some("the-nonce"),
            verifier: "the-verifier",
            form_post: false,
            fixed: &fixed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            forwarded,
        };
        authorization_url(&request).map(|url| url.query_pairs().into_owned().collect())
    }

    fn value<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
        let mut found = pairs.iter().filter(|(have, _)| have == name);
        let first = found.next();
        assert!(found.next().is_none(), "{name} occurs twice");
        first.map(|(_, value)| value.as_str())
    }

    /// B-47
    #[test]
    fn every_request_has_state_nonce_and_an_s256_challenge() {
        let pairs = build(
            "https://idp.example/authorize?tenant=a",
            &[("access_type", "offline")],
            Forwarded::default(),
        )
        .unwrap();
        for (name, expected) in [
            ("tenant", "a"),
            ("response_type", "code"),
            ("state", "the-state"),
            ("nonce", "the-nonce"),
            ("code_challenge_method", "S256"),
            ("access_type", "offline"),
            ("scope", "openid email"),
            ("redirect_uri", "https://broker.example/oauth2/idpresponse"),
        ] {
            assert_eq!(value(&pairs, name), Some(expected), "{name}");
        }
        assert_eq!(value(&pairs, "code_challenge"), Some(pkce::s256("the-verifier").as_str()));
        assert!(pairs.iter().all(|(_, value)| value != "the-verifier"));
    }

    /// B-48
    #[test]
    fn what_an_app_forwards_cannot_add_a_parameter() {
        let hint = "a@b.example&redirect_uri=https://evil.example&prompt=none#%26x=1";
        let forwarded =
            Forwarded { login_hint: Some(hint), prompt: vec!["login", "consent"], max_age: Some(60) };
        let pairs =
            build("https://idp.example/authorize", &[("prompt", "select_account")], forwarded).unwrap();
        assert_eq!(value(&pairs, "login_hint"), Some(hint));
        assert_eq!(value(&pairs, "redirect_uri"), Some("https://broker.example/oauth2/idpresponse"));
        assert_eq!(value(&pairs, "prompt"), Some("login consent"));
        assert_eq!(value(&pairs, "max_age"), Some("60"));
    }

    #[test]
    fn an_unreasonable_login_hint_is_not_forwarded() {
        for hint in ["x".repeat(255), "a\r\nb".into(), "a\0".into()] {
            let forwarded = Forwarded { login_hint: Some(&hint), ..Forwarded::default() };
            assert_eq!(value(&build("https://idp.example/a", &[], forwarded).unwrap(), "login_hint"), None);
        }
    }

    #[test]
    fn neither_settings_nor_the_endpoint_may_set_our_parameters() {
        for name in
            ["redirect_uri", "state", "nonce", "code_challenge", "response_mode", "request_uri", "scope"]
        {
            let error = RequestError::Reserved(name.into());
            assert_eq!(
                build("https://idp.example/a", &[(name, "x")], Forwarded::default()),
                Err(error.clone())
            );
            assert_eq!(
                build(&format!("https://idp.example/a?{name}=x"), &[], Forwarded::default()),
                Err(error)
            );
        }
    }
}
