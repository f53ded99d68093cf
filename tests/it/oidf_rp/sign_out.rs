//! The broker sends somebody to the provider's own sign-out, and has them back whatever the provider does
//! with `state`.

use url::Url;

use super::{Suite, suite_with};
use crate::support::fake_idp::{Endpoint, Switch};

async fn signed_in() -> (Suite, String) {
    let mut suite = suite_with(|provider| provider.with("end_session = true")).await;
    let tokens = suite.accepts([]).await;
    let parameters =
        [("id_token_hint", tokens.id_token.as_str()), ("post_logout_redirect_uri", "https://web.example/")];
    let url = Url::parse_with_params(&suite.broker.at("/logout"), parameters).unwrap();
    (suite, url.into())
}

async fn is_signed_out(suite: &mut Suite) {
    suite
        .visitor
        .opens(suite.app.asks().with("prompt", "none").url())
        .await
        .is_refused_with("login_required", &suite.app.redirect_uri);
}

#[tokio::test]
async fn oidcc_client_test_rp_init_logout() {
    let (mut suite, logout) = signed_in().await;
    suite.visitor.opens(logout).await.lands_on("https://web.example/");
    let asked = suite.op.last(Endpoint::EndSession);
    assert_eq!(asked.parameter("post_logout_redirect_uri"), Some(suite.broker.at("/logout/return")));
    assert!(asked.parameter("state").is_some_and(|state| state.len() >= 22));
    is_signed_out(&mut suite).await;
}

/// Nothing says where to go on to, so the person reads that they are signed out.
#[tokio::test]
async fn oidcc_client_test_rp_init_logout_no_state() {
    let (mut suite, logout) = signed_in().await;
    suite.op.does(Switch::EndSessionStateMissing);
    suite.visitor.opens(logout).await.answers(200);
    suite.visitor.sees("Signed out").lands_on(&suite.broker.at("/logout/return"));
    is_signed_out(&mut suite).await;
}

/// B-01: a `state` that was not made here leads nowhere.
#[tokio::test]
async fn oidcc_client_test_rp_init_logout_other_state() {
    let (mut suite, logout) = signed_in().await;
    suite.op.does(Switch::EndSessionState("https://evil.example/".to_owned()));
    suite.visitor.opens(logout).await.answers(200);
    suite.visitor.sees("Signed out").lands_on(&suite.broker.at("/logout/return"));
    is_signed_out(&mut suite).await;
}
