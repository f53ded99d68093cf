//! Whatever strangers send, the parsers answer; and what an app forwards stays one value.

use std::collections::BTreeMap;

use proptest::prelude::*;
use symbolon::protocol::oauth2::{profile, token_request};
use symbolon::protocol::oidc::callback::CallbackParameters;
use symbolon::protocol::oidc::discovery::{self, Expectation};
use symbolon::protocol::oidc::issuer::Issuer;
use symbolon::protocol::oidc::request::{AuthorizationRequest, Forwarded, authorization_url};
use url::Url;

proptest! {
    /// B-36
    #[test]
    fn no_answer_of_a_provider_ends_the_process(body: Vec<u8>, status: u16, query: String, pointer: String) {
        let discovery_url = Url::parse("https://idp.example/d").unwrap();
        let issuer = Issuer { value: "https://idp.example/{tenantid}", aliases: &[] };
        let expected = Expectation { issuer, discovery_url: &discovery_url, loopback_http: true,
            authorization_given: false };
        prop_assert!(discovery::parse(status, &body, expected).is_err());
        prop_assert!(token_request::parse(status, &body).is_err());
        prop_assert!(profile::check_audience(status, &body, &pointer, "broker").is_err());
        if let Ok(parameters) = CallbackParameters::from_query(&query) {
            prop_assert!(!parameters.state().is_empty());
        }
        prop_assert!(CallbackParameters::from_form(Some(&query), Some("x=1"), &body).is_err());
    }

    /// B-03
    #[test]
    fn what_a_provider_says_is_one_short_line_in_the_log(text: String) {
        let shown = token_request::shown(&text);
        prop_assert!(shown.chars().count() <= 256 && !shown.chars().any(char::is_control));
    }

    /// B-48
    #[test]
    fn a_forwarded_hint_is_one_value_and_changes_no_other(hint: String, state in "[A-Za-z0-9_-]{43}") {
        let endpoint = Url::parse("https://idp.example/authorize").unwrap();
        let url = |login_hint| authorization_url(&AuthorizationRequest {
            endpoint: &endpoint, client_id: "broker", redirect_uri: "https://auth.example/cb",
                scope: "openid".into(), state: &state,
            nonce: Some("n"), verifier: "v", form_post: false, fixed: &BTreeMap::new(),
                forwarded: Forwarded { login_hint, ..Forwarded::default() },
        }).unwrap();
        let plain: Vec<(String, String)> = url(None).query_pairs().into_owned().collect();
        let mut with_hint: Vec<(String, String)> = url(Some(&hint)).query_pairs().into_owned().collect();
        if with_hint.len() > plain.len() {
            prop_assert_eq!(with_hint.pop(), Some(("login_hint".to_owned(), hint)));
        }
        prop_assert_eq!(with_hint, plain);
    }
}
