//! Pushed authorization requests.

use std::time::Duration;

use super::world::Bank;

/// nothing is kept without an app that has shown who it is.
#[tokio::test]
async fn par_attempt_invalid_http_method() {
    let bank = Bank::new().await;
    for method in [http::Method::GET, http::Method::PUT, http::Method::DELETE] {
        let answer = bank
            .world
            .http
            .request(method.clone(), bank.world.broker.at("/oauth2/par"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 405, "{method}");
    }
    bank.posts("/oauth2/par", &bank.asks().parameters, &[]).await.is_refused_with(400, "invalid_client");
}

///
#[tokio::test]
async fn par_ensure_reused_request_uri_prior_to_auth_completion_succeeds() {
    let bank = Bank::new().await;
    let ask = bank.asks();
    let url = bank.pushed(&ask).await;
    for _ in 0..2 {
        let begun = bank.world.http.get(&url).send().await.unwrap();
        assert_eq!(begun.status(), 303, "on the way to the provider, and no further");
    }
    let browser = bank.opens(&url).await;
    let code = bank.world.broker.app("bank").takes_code(&ask, browser.page());
    assert_eq!(bank.redeems(&ask, &code, &bank.at_token()).await.status, 200);
}

/// also when two tabs finish with one request, there is one code.
#[tokio::test]
async fn par_attempt_reuse_request_uri() {
    let bank = Bank::new().await;
    let url = bank.pushed(&bank.asks()).await;
    let mut browser = bank.opens(&url).await;
    assert!(browser.page().query("code").is_some(), "{}", browser.page().url);
    browser.opens(url.clone()).await;
    let page = browser.page();
    assert_eq!((page.status, page.query("code")), (400, None), "{} {}", page.url, page.text());
    assert_eq!(bank.opens(&url).await.page().status, 400);
}

///
#[tokio::test]
async fn par_attempt_to_use_expired_request_uri() {
    let bank = Bank::new().await;
    let answer = bank.pushes(&bank.asks(), &[]).await.body;
    assert_eq!(answer["expires_in"], 90);
    bank.world.clock.advance(Duration::from_secs(91));
    let browser = bank.opens(&bank.url("bank", answer["request_uri"].as_str().unwrap())).await;
    assert_eq!((browser.page().status, browser.page().query("code")), (400, None));
}

///
#[tokio::test]
async fn par_attempt_to_use_request_uri_for_different_client() {
    let bank = Bank::new().await;
    let uri = bank.pushes(&bank.asks(), &[]).await.body["request_uri"].as_str().unwrap().to_owned();
    for url in
        [bank.url("other", &uri), bank.url("", &uri), format!("{}&client_id=other", bank.url("bank", &uri))]
    {
        let browser = bank.opens(&url).await;
        assert_eq!((browser.page().status, browser.page().query("code")), (400, None), "{url}");
    }
    assert!(
        bank.opens(&bank.url("bank", &uri)).await.page().query("code").is_some(),
        "the owner may still use it"
    );
}

///
#[tokio::test]
async fn par_authorization_request_containing_request_uri_form_param() {
    let bank = Bank::new().await;
    let uri = bank.pushes(&bank.asks(), &[]).await.body["request_uri"].as_str().unwrap().to_owned();
    for uri in [uri.as_str(), "https://bank.example/request.jwt"] {
        bank.pushes(&bank.asks().with("request_uri", uri), &[]).await.is_refused_with(400, "invalid_request");
    }
}

///
#[tokio::test]
async fn par_ensure_pkce_required() {
    let bank = Bank::new().await;
    let ask = bank.asks().without("code_challenge").without("code_challenge_method");
    bank.pushes(&ask, &[]).await.is_refused_with(400, "invalid_request");
}

///
#[tokio::test]
async fn par_plain_pkce_rejected() {
    let bank = Bank::new().await;
    bank.pushes(&bank.asks().with("code_challenge_method", "plain"), &[])
        .await
        .is_refused_with(400, "invalid_request");
    bank.pushes(&bank.asks().without("code_challenge_method"), &[])
        .await
        .is_refused_with(400, "invalid_request");
}

/// the browser carries a reference and the `client_id`, and no more; A-02: a doubled parameter is
/// refused.
#[tokio::test]
async fn par_without_duplicate_parameters() {
    let bank = Bank::new().await;
    let ask = bank.asks();
    let url = bank.pushed(&ask).await;
    assert!(!url.contains(&ask.state) && !url.contains("redirect_uri"), "{url}");
    let browser = bank.opens(&url).await;
    bank.world.broker.app("bank").takes_code(&ask, browser.page());
    bank.pushes(&bank.asks().and("state", "again"), &[]).await.is_refused_with(400, "invalid_request");
    bank.pushes(&bank.asks().with("request", "eyJhbGciOiJub25lIn0.e30."), &[])
        .await
        .is_refused_with(400, "request_not_supported");
}
