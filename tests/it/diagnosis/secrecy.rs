//! Stories hold no secret, whatever goes wrong.

use super::*;
use crate::support::fake_idp::{Endpoint, Switch, Trouble};

/// E-34
#[tokio::test]
async fn no_story_holds_a_secret_of_its_sign_in() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = broker(&clock, &acme, |acme| acme).await;
    let app = broker.app("web");
    let mut secrets = vec![acme.client_secret().to_owned(), app.secret.clone().unwrap()];
    let deeds = [
        Switch::NonceWrong,
        Switch::AudWrong,
        Switch::Expired,
        Switch::SignatureBroken,
        Switch::IdTokenMissing,
        Switch::UserinfoSubMissing,
        Switch::At(Endpoint::Userinfo, Trouble::Status(500)),
        Switch::At(Endpoint::Token, Trouble::Html),
    ];
    for deed in deeds {
        acme.behaves();
        acme.does(deed.clone());
        let (mut visitor, ask) = (Browser::new(&clock), app.asks());
        visitor.opens(ask.clone().at("Acme").url()).await;
        secrets.extend([ask.state, ask.nonce, ask.verifier, acme.last_code()]);
        secrets
            .extend(acme.requests_to(Endpoint::Authorize).iter().filter_map(|seen| seen.parameter("nonce")));
        secrets
            .extend(acme.requests_to(Endpoint::Authorize).iter().filter_map(|seen| seen.parameter("state")));
        secrets.extend(
            acme.requests_to(Endpoint::Token).iter().filter_map(|seen| seen.parameter("code_verifier")),
        );
        secrets.extend(
            acme.requests_to(Endpoint::Userinfo)
                .iter()
                .filter_map(|seen| seen.header("authorization").map(str::to_owned)),
        );
        secrets.extend(visitor.cookies().iter().map(|cookie| cookie.value.clone()));
    }
    secrets.push(acme.last_id_token());
    // A provider that repeats what it was sent.
    let echo = format!("redirect_uri is wrong, and so is {}", acme.client_secret());
    acme.behaves();
    acme.does(Switch::At(Endpoint::Token, Trouble::ErrorDescription(echo)));
    let page = tries(&broker).await;
    let trace = story(&broker, &reference(&page)).await;
    assert!(render::text(&trace).contains("[secret]"), "{}", render::text(&trace));
    app.posts(
        "/oauth2/token",
        &[("grant_type", "authorization_code"), ("code", "a-code-that-nobody-made-0123456789")],
    )
    .await;
    secrets.push("a-code-that-nobody-made-0123456789".to_owned());
    let pool = broker.app.pools()[0].pool.id.clone();
    let stories = broker.app.traces.list(&pool, &Search::default(), 100, clock.now()).await.unwrap();
    assert_eq!(stories.len(), 10);
    secrets.retain(|secret| secret.len() >= 8);
    assert!(secrets.len() > 60, "{}", secrets.len());
    for trace in &stories {
        let told =
            [render::text(trace), render::json(trace).to_string(), serde_json::to_string(trace).unwrap()]
                .concat();
        let found: Vec<&String> = secrets.iter().filter(|secret| told.contains(secret.as_str())).collect();
        assert!(found.is_empty(), "{found:?} in\n{told}");
    }
}
