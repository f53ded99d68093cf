//! Tokens bound to a key, for apps that choose it themselves.

use serde_json::json;

use super::world::{Signer, World, signing_client};
use crate::fapi::world::{Bank, form, honest};
use crate::support::broker::app::{TokenAnswer, answer};
use crate::support::broker::{Ask, client};

fn proof(world: &World, dpop: &Signer, path: &str) -> String {
    let (header, claims) = honest(dpop, "POST", &world.broker.at(path), world.clock.now().secs());
    dpop.signs(&header, &claims)
}

async fn redeems(world: &World, client: &str, ask: &Ask, code: &str, proofs: &[&str]) -> TokenAnswer {
    let redirect = format!("https://{client}.example/callback");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect.as_str()),
        ("code_verifier", ask.verifier.as_str()),
        ("client_id", client),
    ];
    let headers: Vec<(&str, &str)> = proofs.iter().map(|proof| ("dpop", *proof)).collect();
    world.posts("/oauth2/token", &form, &headers).await
}

/// what a thief of a public app's refresh token lacks is the key.
#[tokio::test]
async fn a_public_app_refreshes_with_its_first_key_only() {
    let world = World::with(vec![client("spa").public().with("rotation = true")]).await;
    let (dpop, thief) = (Signer::ec("d1"), Signer::ec("d2"));
    let (ask, code) = world.code("spa").await;
    let tokens = redeems(&world, "spa", &ask, &code, &[&proof(&world, &dpop, "/oauth2/token")])
        .await
        .tokens(&world.broker.app("spa"))
        .await;
    assert_eq!(tokens.answer["token_type"], "DPoP");
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh_token.as_str()),
        ("client_id", "spa"),
    ];
    world.posts("/oauth2/token", &refresh, &[]).await.is_refused_with(400, "invalid_grant");
    let stolen = proof(&world, &thief, "/oauth2/token");
    world.posts("/oauth2/token", &refresh, &[("dpop", &stolen)]).await.is_refused_with(400, "invalid_grant");
    let own = proof(&world, &dpop, "/oauth2/token");
    let next = world
        .posts("/oauth2/token", &refresh, &[("dpop", &own)])
        .await
        .tokens(&world.broker.app("spa"))
        .await;
    assert_eq!((&next.answer["token_type"], &next.access["cnf"]), (&json!("DPoP"), &tokens.access["cnf"]));
}

/// what is bound at sign-in stays bound, and what is not may become so.
#[tokio::test]
async fn bound_tokens_are_not_refreshed_into_bearer_tokens() {
    let world = World::with(vec![client("web")]).await;
    let app = world.broker.app("web");
    let (secret, dpop) = (app.secret.clone().unwrap(), Signer::ec("d1"));
    for (bound, refreshed, status) in
        [(true, false, 400), (true, true, 200), (false, true, 200), (false, false, 200)]
    {
        let (ask, code) = world.code("web").await;
        let post = |form: Vec<(String, String)>, bound: bool| {
            let request = world.http.post(world.broker.at("/oauth2/token")).basic_auth("web", Some(&secret));
            let request =
                if bound { request.header("dpop", proof(&world, &dpop, "/oauth2/token")) } else { request };
            answer(request.form(&form))
        };
        let redirect = ("redirect_uri", "https://web.example/callback");
        let redemption = form(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            redirect,
            ("code_verifier", &ask.verifier),
        ]);
        let tokens = post(redemption, bound).await.tokens(&app).await;
        assert_eq!(tokens.answer["token_type"], if bound { "DPoP" } else { "Bearer" });
        assert_eq!(tokens.access.get("cnf").is_some(), bound);
        let again = post(
            form(&[("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh_token)]),
            refreshed,
        )
        .await;
        assert_eq!(again.status, status, "{bound} {refreshed} {}", again.body);
        assert!(status == 400 || again.body["token_type"] == if refreshed { "DPoP" } else { "Bearer" });
    }
}

#[tokio::test]
async fn a_machine_s_token_is_bound_too() {
    let signer = Signer::ec("k1");
    let machine = signing_client("machine", &signer)
        .scopes(&["api/read"])
        .with("grants = [\"client_credentials\"]")
        .with("require_dpop = true");
    let world = World::with(vec![machine]).await;
    for (header, status) in [(None, 400), (Some(proof(&world, &Signer::ed("d"), "/oauth2/token")), 200)] {
        let assertion = world.asserted("machine", &signer);
        let asked = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", super::world::ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        let headers: Vec<(&str, &str)> = header.iter().map(|proof| ("dpop", proof.as_str())).collect();
        let answer = world.posts("/oauth2/token", &asked, &headers).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(
            status == 400
                || world
                    .broker
                    .app("machine")
                    .verifies(answer.body["access_token"].as_str().unwrap())
                    .await
                    .unwrap()["cnf"]["jkt"]
                    .is_string()
        );
    }
}

/// a nonce is asked for, one of ours is taken for a few minutes, and nobody's invention is.
#[tokio::test]
async fn a_nonce_of_ours_is_required_where_the_client_is_configured_so() {
    let bank = Bank::with(&["dpop_nonce = true"]).await;
    let ask = bank.asks();
    let code = bank.code_for(&ask).await;
    let challenge = bank.redeems(&ask, &code, &bank.at_token()).await;
    let nonce =
        challenge.is_refused_with(400, "use_dpop_nonce").headers["dpop-nonce"].to_str().unwrap().to_owned();
    let with = |nonce: &str| bank.proof("POST", "/oauth2/token", json!({ "nonce": nonce }));
    for invented in ["", "x", &format!("{nonce}x")] {
        bank.redeems(&ask, &code, &with(invented)).await.is_refused_with(400, "use_dpop_nonce");
    }
    assert_eq!(bank.redeems(&ask, &code, &with(&nonce)).await.status, 200);
    let late = bank.asks();
    bank.world.clock.advance(std::time::Duration::from_secs(400));
    let code = bank.code_for(&late).await;
    let stale = bank.redeems(&late, &code, &with(&nonce)).await;
    let fresh =
        stale.is_refused_with(400, "use_dpop_nonce").headers["dpop-nonce"].to_str().unwrap().to_owned();
    assert_ne!(fresh, nonce);
    assert_eq!(bank.redeems(&late, &code, &with(&fresh)).await.status, 200);
}

///
#[tokio::test]
async fn a_proof_is_good_once_and_a_nonce_everywhere_at_all_replicas() {
    use crate::support::broker::{Broker, provider};
    let (clock, signer) = (super::world::clock(), Signer::ec("k1"));
    let acme = crate::support::fake_idp::FakeIdp::oidc(&clock).await;
    let machine = signing_client("machine", &signer)
        .scopes(&["api/read"])
        .with("grants = [\"client_credentials\"]")
        .with("dpop_nonce = true");
    let (one, two) =
        Broker::builder(&clock).client(machine).provider(provider("Acme", &acme)).start_pair().await;
    let (http, dpop) = (super::world::http(), Signer::ec("d"));
    let asks = |broker: &Broker, proof: String| {
        let assertion = signer.asserts(&super::world::assertion("machine", &one.issuer, &clock));
        let asked = form(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", super::world::ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ]);
        answer(http.post(broker.at("/oauth2/token")).header("dpop", proof).form(&asked))
    };
    let made = |broker: &Broker, nonce: &str| {
        let (header, claims) = honest(&dpop, "POST", &broker.at("/oauth2/token"), clock.now().secs());
        dpop.signs(&header, &super::world::but(claims, json!({ "nonce": nonce })))
    };
    let nonce = asks(&one, made(&one, "x")).await.headers["dpop-nonce"].to_str().unwrap().to_owned();
    let proof = made(&one, &nonce);
    assert_eq!(asks(&two, proof.clone()).await.status, 200, "the first replica's nonce and URL");
    for broker in [&one, &two] {
        asks(broker, proof.clone()).await.is_refused_with(400, "invalid_dpop_proof");
    }
}

/// an app that pushes without end is told to wait, and nobody else is.
#[tokio::test]
async fn a_flood_of_pushed_requests_is_the_app_s_own_trouble() {
    let clock = super::world::clock();
    let acme = crate::support::fake_idp::FakeIdp::oidc(&clock).await;
    let builder = crate::support::broker::Broker::builder(&clock)
        .limits("client = 20")
        .client(client("a").public())
        .client(client("b").public());
    let broker = builder.provider(crate::support::broker::provider("Acme", &acme)).start().await;
    let http = super::world::http();
    let push = |id: &'static str| {
        answer(http.post(broker.at("/oauth2/par")).form(&broker.app(id).asks().parameters))
    };
    let mut told = 0;
    for _ in 0..40 {
        told += usize::from(push("a").await.status == 429);
    }
    assert!((1..=20).contains(&told), "{told}");
    assert_eq!(push("b").await.status, 201);
    let huge = broker.app("b").asks().with("login_hint", "x").with("claims", &"x".repeat(30_000));
    answer(http.post(broker.at("/oauth2/par")).form(&huge.parameters))
        .await
        .is_refused_with(400, "invalid_request");
}
