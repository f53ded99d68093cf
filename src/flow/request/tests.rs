use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::model::client::{Lifetimes, Rotation};
use crate::model::ids::{ClientId, PoolId};
use crate::model::pool::{SessionPolicy, SigningAlgorithm};
use std::time::Duration;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(in crate::flow) fn client() -> Client {
    Client {
        id: ClientId::parse("web").unwrap(),
        name: None,
        secrets: Vec::new(),
        redirect_uris: vec!["https://app.example/cb".to_owned(), "https://app.example/other".to_owned()],
        native: false,
        logout_uris: Vec::new(),
        scopes: Scopes::parse("openid email profile").unwrap(),
        grants: BTreeSet::from([Grant::AuthorizationCode]),
        providers: None,
        resources: vec!["https://api.example/".to_owned()],
        cors_origins: BTreeSet::new(),
        backchannel_logout_uri: None,
        frontchannel_logout_uri: None,
        initiate_login_uri: None,
        lifetimes: Lifetimes::default(),
        rotation: Rotation::Off,
        introspects_pool: false,
        proof: crate::model::client_authentication::ClientAuthentication::default(),
        enabled: true,
    }
}

pub(in crate::flow) fn pool(clients: impl IntoIterator<Item = Client>) -> Pool {
    Pool {
        id: PoolId::parse("eu-west-1_Example01").unwrap(),
        name: "Example".to_owned(),
        issuer: "https://auth.example/eu-west-1_Example01".to_owned(),
        public_url: "https://auth.example".to_owned(),
        mtls_url: None,
        hosts: vec!["auth.example".to_owned()],
        signing: SigningAlgorithm::Rs256,
        separate_keys: true,
        case_insensitive: false,
        cognito_compat: false,
        session: SessionPolicy::default(),
        flow_lifetime: Duration::from_secs(600),
        code_lifetime: Duration::from_secs(300),
        clients: clients.into_iter().map(|client| (client.id.clone(), client)).collect::<BTreeMap<_, _>>(),
    }
}

/// A good request with `changes` over it: a `None` value removes the parameter.
fn parameters(changes: &[(&str, Option<&str>)]) -> Parameters {
    let mut parameters: Parameters = [
        ("response_type", "code"),
        ("client_id", "web"),
        ("redirect_uri", "https://app.example/cb"),
        ("state", "xyz"),
        ("scope", "openid email"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    for (name, value) in changes {
        parameters.retain(|(have, _)| have != name);
        parameters.extend(value.map(|value| ((*name).to_owned(), value.to_owned())));
    }
    parameters
}

fn checked(parameters: &Parameters) -> Result<(AuthorizeRequest, ProviderHint), Refused> {
    check(&pool([client()]), parameters, |_, hint| (hint == "good").then(|| "sub".to_owned()))
}

fn page(changes: &[(&str, Option<&str>)]) -> RequestError {
    match checked(&parameters(changes)) {
        Err(Refused::Page(error)) => error,
        other => panic!("expected a page, got {other:?}"),
    }
}

fn redirected(changes: &[(&str, Option<&str>)]) -> &'static str {
    match checked(&parameters(changes)) {
        Err(Refused::Redirect { to, state, error }) => {
            assert_eq!(to.as_str(), "https://app.example/cb");
            assert_eq!(state.as_deref(), Some("xyz"));
            error.oauth_error()
        }
        other => panic!("expected a redirect, got {other:?}"),
    }
}

#[test]
fn a_good_request_is_taken_as_it_came() {
    let (request, hint) =
        checked(&parameters(&[("nonce", Some("n-1")), ("identity_provider", Some("Acme"))])).unwrap();
    assert_eq!(request.state.as_deref(), Some("xyz"));
    assert_eq!(request.scopes.to_string(), "openid email");
    assert_eq!(request.code_challenge.as_deref(), Some(CHALLENGE));
    assert_eq!(hint, ProviderHint::Name("Acme".to_owned()));
}

///
#[test]
fn a_missing_or_unknown_response_type_is_told_to_the_app() {
    assert_eq!(redirected(&[("response_type", None)]), "invalid_request");
    assert_eq!(redirected(&[("response_type", Some("bogus"))]), "unsupported_response_type");
}

///
#[test]
fn a_doubled_parameter_is_refused_whichever_it_is() {
    for name in ["client_id", "redirect_uri"] {
        let mut doubled = parameters(&[]);
        let value = doubled.iter().find(|(have, _)| have == name).unwrap().1.clone();
        doubled.push((name.to_owned(), value));
        assert!(matches!(checked(&doubled), Err(Refused::Page(RequestError::Duplicate(_)))), "{name}");
    }
    for name in ["state", "scope", "nonce", "unknown", "code_challenge", "response_type"] {
        let mut doubled = parameters(&[]);
        doubled.extend([(name.to_owned(), "a".to_owned()), (name.to_owned(), "b".to_owned())]);
        assert!(
            matches!(checked(&doubled), Err(Refused::Redirect { error: RequestError::Duplicate(_), .. })),
            "{name}"
        );
    }
}

///
#[test]
fn unknown_parameters_are_ignored_and_order_does_not_matter() {
    let mut shuffled = parameters(&[("extra", Some("1")), ("scope", Some("email openid"))]);
    shuffled.reverse();
    assert!(checked(&shuffled).is_ok());
}

///
#[test]
fn tokens_are_never_issued_through_the_browser() {
    for kind in ["token", "id_token", "code token", "code id_token", "id_token token"] {
        assert_eq!(redirected(&[("response_type", Some(kind))]), "unsupported_response_type", "{kind}");
    }
}

///
#[test]
fn only_the_query_response_mode_is_accepted() {
    assert!(checked(&parameters(&[("response_mode", Some("query"))])).is_ok());
    for mode in ["fragment", "form_post", "web_message", "bogus"] {
        assert_eq!(redirected(&[("response_mode", Some(mode))]), "invalid_request", "{mode}");
    }
}

///
#[test]
fn an_unestablished_app_or_redirect_uri_is_never_redirected_to() {
    assert_eq!(page(&[("client_id", None)]), RequestError::MissingClient);
    assert!(matches!(page(&[("client_id", Some("nobody"))]), RequestError::UnknownClient(_)));
    assert_eq!(page(&[("redirect_uri", None)]), RequestError::MissingRedirectUri);
    assert!(matches!(
        page(&[("redirect_uri", Some("https://other.example/cb"))]),
        RequestError::UnknownRedirectUri { .. }
    ));
    let disabled = Client { enabled: false, ..client() };
    let refused = check(&pool([disabled]), &parameters(&[]), |_, _| None);
    assert!(matches!(refused, Err(Refused::Page(RequestError::UnknownClient(_)))));
}

///
#[test]
fn a_public_client_needs_pkce_with_s256() {
    assert_eq!(redirected(&[("code_challenge", None), ("code_challenge_method", None)]), "invalid_request");
    assert_eq!(redirected(&[("code_challenge_method", Some("plain"))]), "invalid_request");
    assert_eq!(redirected(&[("code_challenge_method", None)]), "invalid_request");
    assert_eq!(redirected(&[("code_challenge", Some("short"))]), "invalid_request");
    assert_eq!(redirected(&[("code_challenge", Some(&CHALLENGE.replace('-', "+")))]), "invalid_request");
}

///
#[test]
fn request_objects_are_refused_by_name_and_never_fetched() {
    assert_eq!(redirected(&[("request", Some("eyJhbGciOiJub25lIn0.e30."))]), "request_not_supported");
    assert_eq!(redirected(&[("request_uri", Some("http://169.254.169.254/"))]), "request_uri_not_supported");
}

///
#[test]
fn a_resource_must_be_registered() {
    assert!(checked(&parameters(&[("resource", Some("https://api.example/"))])).is_ok());
    for bad in ["https://api.example", "https://api.example/#x", "api", "https://evil.example/"] {
        assert_eq!(redirected(&[("resource", Some(bad))]), "invalid_target", "{bad}");
    }
}

///
#[test]
fn optional_openid_parameters_do_no_harm() {
    for (name, value) in [
        ("claims", "{}"),
        ("acr_values", "urn:x"),
        ("ui_locales", "se"),
        ("display", "popup"),
        ("login_hint", "<b>x</b>"),
    ] {
        assert!(checked(&parameters(&[(name, Some(value))])).is_ok(), "{name}");
    }
}

///
#[test]
fn state_and_nonce_are_echoed_up_to_their_limit_and_refused_beyond() {
    for length in [64, 384, MAX_STATE] {
        let state = "é".repeat(length / 2);
        let (request, _) = checked(&parameters(&[("state", Some(&state))])).unwrap();
        assert_eq!(request.state.as_deref(), Some(state.as_str()));
    }
    let refused = checked(&parameters(&[("state", Some(&"s".repeat(MAX_STATE + 1)))]));
    assert!(matches!(refused, Err(Refused::Redirect { state: None, .. })));
    assert_eq!(redirected(&[("nonce", Some(&"n".repeat(65_536)))]), "invalid_request");
}

#[test]
fn scopes_outside_the_registration_are_refused_and_none_means_all() {
    assert_eq!(redirected(&[("scope", Some("openid admin"))]), "invalid_scope");
    assert_eq!(redirected(&[("scope", Some("email"))]), "invalid_request");
    let (request, _) = checked(&parameters(&[("scope", None)])).unwrap();
    assert_eq!(request.scopes.to_string(), "openid email profile");
}

#[test]
fn prompt_and_max_age_are_read_strictly() {
    assert_eq!(redirected(&[("prompt", Some("none login"))]), "invalid_request");
    assert_eq!(redirected(&[("prompt", Some("bogus"))]), "invalid_request");
    assert_eq!(redirected(&[("max_age", Some("-1"))]), "invalid_request");
    let (request, _) =
        checked(&parameters(&[("prompt", Some("login select_account")), ("max_age", Some("0"))])).unwrap();
    assert!(request.prompt.login && request.prompt.select_account);
    assert_eq!(request.max_age, Some(0));
}

///
#[test]
fn an_id_token_hint_must_be_ours() {
    assert_eq!(redirected(&[("id_token_hint", Some("forged"))]), "invalid_request");
    let (request, _) = checked(&parameters(&[("id_token_hint", Some("good"))])).unwrap();
    assert_eq!(request.hinted_sub.as_deref(), Some("sub"));
}

///
#[test]
fn a_client_without_the_grant_is_unauthorized() {
    let machine = Client { grants: BTreeSet::from([Grant::ClientCredentials]), ..client() };
    let refused = check(&pool([machine]), &parameters(&[]), |_, _| None);
    assert!(matches!(refused, Err(Refused::Redirect { error: RequestError::GrantNotAllowed, .. })));
}
