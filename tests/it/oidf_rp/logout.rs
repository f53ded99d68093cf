//! A provider signs somebody out here: by a logout token that it posts, or by a page of ours that it loads in
//! a frame.

use std::time::Duration;

use reqwest::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use serde_json::json;
use url::Url;

use super::{Suite, claim, suite_with};
use crate::diagnosis::{reference_in, story};
use crate::support::broker::app::{TokenAnswer, Tokens};
use crate::support::fake_idp::{Endpoint, Switch};

const SID: &str = "sid-of-the-suite-1";

/// Somebody is signed in, whom the provider may sign out.
async fn signed_in() -> (Suite, Tokens) {
    let mut suite = suite_with(|provider| {
        provider.with("end_session = true\nbackchannel_logout = true\nfrontchannel_logout = true")
    })
    .await;
    suite.op.signs_in(suite.op.person().with("sid", SID));
    let tokens = suite.accepts([]).await;
    (suite, tokens)
}

impl Suite {
    async fn is_signed_in(&mut self) -> bool {
        self.visitor.opens(self.app.asks().with("prompt", "none").url()).await;
        self.visitor.page().query("code").is_some()
    }

    async fn posts(&self, token: &str) -> TokenAnswer {
        self.app.posts_raw("/oauth2/backchannel_logout/Suite", &[("logout_token", token)]).await
    }

    /// The person signs out at the broker, which sends them to the provider's own sign-out and has them back.
    async fn signs_out_here(&mut self, tokens: &Tokens) {
        let parameters = [
            ("id_token_hint", tokens.id_token.as_str()),
            ("post_logout_redirect_uri", "https://web.example/"),
        ];
        let url = Url::parse_with_params(&self.broker.at("/logout"), parameters).unwrap();
        self.visitor.opens(url).await.lands_on("https://web.example/");
        assert_eq!(self.op.count(Endpoint::EndSession), 1);
    }

    /// What the frame of a page of the provider loads; browsers bring no cookie of ours to it.
    async fn loads_frame(&self) -> reqwest::Response {
        let url = self.broker.at("/oauth2/frontchannel_logout/Suite");
        let url = Url::parse_with_params(&url, [("iss", self.op.issuer().as_str()), ("sid", SID)]).unwrap();
        reqwest::Client::new().get(url).header("sec-fetch-dest", "iframe").send().await.unwrap()
    }
}

/// B-46: nobody is signed out by a token that this deed spoiled, the provider is told so, and an honest one
/// does sign out.
async fn refuses(deed: Switch, code: &str) {
    let (mut suite, _tokens) = signed_in().await;
    if matches!(deed, Switch::Alg(_)) {
        suite.op.does(deed.clone());
    }
    let answer = suite.posts(&suite.op.logout_token(&[deed])).await;
    answer.is_refused_with(400, "invalid_request");
    assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    let reference = reference_in(answer.body["error_description"].as_str().unwrap());
    assert_eq!(story(&suite.broker, &reference).await.outcome.code, code);
    suite.op.behaves();
    assert!(suite.is_signed_in().await);
    assert_eq!(suite.posts(&suite.op.logout_token(&[])).await.status, 200);
    assert!(!suite.is_signed_in().await);
}

/// B-46: also when the sign-out began here, so that nothing is left to end when the token comes.
#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout() {
    let (mut suite, tokens) = signed_in().await;
    suite.signs_out_here(&tokens).await;
    assert!(!suite.is_signed_in().await);
    for _ in 0..2 {
        let answer = suite.posts(&suite.op.logout_token(&[])).await;
        assert_eq!(
            (answer.status, &answer.headers[CACHE_CONTROL]),
            (200, &"no-store".parse().unwrap()),
            "{answer:?}"
        );
        assert!(answer.headers.get("set-cookie").is_none());
        assert!(!suite.is_signed_in().await);
        suite.clock.advance(Duration::from_secs(1));
        suite.accepts([]).await;
    }
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_alg_none() {
    refuses(Switch::AlgNone("none".to_owned()), "jws_algorithm_not_allowed").await;
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_no_event() {
    refuses(Switch::ClaimMissing("events".to_owned()), "logout_token_claim_missing").await;
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_with_nonce() {
    refuses(claim("nonce", "n"), "logout_token_with_nonce").await;
}

/// A good signature with a key of the provider, under an algorithm that was not agreed on.
#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_alg() {
    refuses(Switch::Alg("RS512"), "jws_algorithm_not_allowed").await;
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_aud() {
    refuses(Switch::AudWrong, "logout_token_audience_mismatch").await;
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_event() {
    refuses(
        claim("events", json!({"http://schemas.openid.net/event/backchannel-logoutfoo": {}})),
        "logout_token_other_event",
    )
    .await;
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_iss() {
    refuses(claim("iss", "https://another.example"), "logout_token_issuer_mismatch").await;
}

/// B-46: the provider signs somebody out, and its page may show ours in a frame.
#[tokio::test]
async fn oidcc_client_test_rp_frontchannel_opinitlogout() {
    let (mut suite, _tokens) = signed_in().await;
    let answer = suite.loads_frame().await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
    let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.ends_with(&format!("frame-ancestors {}", suite.op.base())), "{policy}");
    assert!(answer.headers().get("x-frame-options").is_none());
    assert!(!suite.is_signed_in().await);
}

/// B-46: the frame comes while the broker's own sign-out is at the provider, so there is nothing left to end.
#[tokio::test]
async fn oidcc_client_test_rp_frontchannel_rpinitlogout() {
    let (mut suite, tokens) = signed_in().await;
    suite.signs_out_here(&tokens).await;
    assert_eq!(suite.loads_frame().await.status(), 200);
    assert!(!suite.is_signed_in().await);
    suite.accepts([]).await;
    assert!(suite.is_signed_in().await);
}
