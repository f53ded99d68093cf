//! The admin listener and `symbolon trace`.

use reqwest::StatusCode;
use symbolon::cli::trace::{Failure, story as told_by_command};
use symbolon::config::{self, Config};
use symbolon::outside::Outside;
use tokio::net::TcpListener;

use super::*;
use crate::support::fake_idp::Switch;

const TOKEN: &str = "an-admin-token-0123456789";

struct World {
    broker: Broker,
    acme: FakeIdp,
    /// `127.0.0.1:<port>` of the admin listener.
    admin: String,
    http: reqwest::Client,
}

async fn world(token: Option<&str>) -> World {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let mut builder = Broker::builder(&clock)
        .pool("signing = \"EdDSA\"")
        .client(client("web"))
        .provider(provider("Acme", &acme));
    if let Some(token) = token {
        builder = builder.server(&format!("admin_token = {token:?}"));
    }
    let broker = builder.start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let admin = listener.local_addr().unwrap().to_string();
    let router = symbolon::web::admin::router(broker.app.clone()).unwrap();
    tokio::spawn(symbolon::web::server::serve(listener, router));
    World { broker, acme, admin, http: reqwest::Client::builder().no_proxy().build().unwrap() }
}

impl World {
    async fn gets(&self, path: &str, accept: &str, token: Option<&str>) -> (StatusCode, String) {
        let request = self.http.get(format!("http://{}{path}", self.admin)).header("accept", accept);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// A sign-in that is refused for its nonce; its reference.
    async fn refuses(&self) -> String {
        self.acme.does(Switch::NonceWrong);
        reference(&tries(&self.broker).await)
    }

    /// The configuration as the command reads it.
    fn config(&self, store: &str, token: Option<&str>) -> Config {
        let token = token.map(|token| format!("admin_token = {token:?}\n")).unwrap_or_default();
        let text = format!(
            "[server]\nadmin_listen = {:?}\n{token}[store]\nstate = {store:?}\ndirectory = \
             {store:?}\n[[pool]]\nid = \"eu-west-1_Example01\"\n",
            self.admin
        );
        config::parse(&text, "symbolon.toml", &[], &|file| Err(file.to_owned()))
            .unwrap_or_else(|problems| panic!("{problems}"))
    }
}

#[tokio::test]
async fn whoever_holds_the_token_reads_why_a_sign_in_was_refused() {
    let world = world(Some(TOKEN)).await;
    let reference = world.refuses().await;
    let (status, page) = world.gets("/admin/traces", "text/html", Some(TOKEN)).await;
    assert!(status == 200 && page.contains(&reference) && page.contains("id_token_nonce_mismatch"), "{page}");
    let (status, page) =
        world.gets(&format!("/admin/traces/{}", reference.to_lowercase()), "text/html", Some(TOKEN)).await;
    assert!(
        status == 200 && page.contains("What to change") && page.contains("the one that was sent"),
        "{page}"
    );
    assert!(!page.contains("<script"));
    let (_, json) = world.gets(&format!("/admin/traces/{reference}"), "application/json", Some(TOKEN)).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (json["reference"].as_str(), json["outcome"]["fault"].as_str()),
        (Some(&*reference), Some("provider"))
    );
    let (_, list) = world.gets("/admin/traces?format=json&q=nonce", "*/*", Some(TOKEN)).await;
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["traces"][0]["provider"], "Acme");
    let (_, none) = world.gets("/admin/traces?q=nothing-like-it", "text/html", Some(TOKEN)).await;
    assert!(none.contains("None with “nothing-like-it”."), "{none}");
    assert_eq!(world.gets("/admin/traces/AAAA-AAAA-AAAA", "*/*", Some(TOKEN)).await.0, 404);
}

#[tokio::test]
async fn a_browser_is_asked_for_the_token_as_a_password() {
    let world = world(Some(TOKEN)).await;
    let address = format!("http://{}/admin/traces", world.admin);
    let refused = world.http.get(&address).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic realm="));
    let admitted = world.http.get(&address).basic_auth("anyone", Some(TOKEN)).send().await.unwrap();
    assert_eq!(admitted.status(), 200);
    let policy = admitted.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert_eq!(
        world.http.get(format!("http://{}/assets/admin.css", world.admin)).send().await.unwrap().status(),
        200
    );
}

/// D-63
#[tokio::test]
async fn nobody_else_reads_anything() {
    let world = world(Some(TOKEN)).await;
    let reference = world.refuses().await;
    for token in [None, Some(""), Some("an-admin-token-012345678"), Some("an-admin-token-01234567890")] {
        for path in [
            "/admin/traces".to_owned(),
            format!("/admin/traces/{reference}"),
            format!("/admin/traces?token={TOKEN}"),
        ] {
            let (status, body) = world.gets(&path, "*/*", token).await;
            assert!(status == 401 && !body.contains(&reference), "{path} {token:?}");
        }
    }
    let public = world.http.get(world.broker.at("/admin/traces")).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(public.status(), 404);
    let open = self::world(None).await;
    for token in [None, Some(""), Some(TOKEN)] {
        assert_eq!(open.gets("/admin/traces", "*/*", token).await.0, 404, "{token:?}");
    }
    assert_eq!(open.gets("/health/live", "*/*", None).await.0, 200);
}

/// D-18
#[tokio::test]
async fn what_strangers_sent_is_text_on_the_page() {
    let world = world(Some(TOKEN)).await;
    let mut visitor = Browser::new(&world.broker.clock);
    visitor
        .opens(
            world.broker.app("web").asks().with("redirect_uri", "https://x/<script>alert(1)</script>").url(),
        )
        .await;
    let reference = reference(visitor.page());
    for path in [
        "/admin/traces".to_owned(),
        format!("/admin/traces/{reference}"),
        "/admin/traces?q=<script>".to_owned(),
    ] {
        let (_, page) = world.gets(&path, "text/html", Some(TOKEN)).await;
        assert!(!page.contains("<script"), "{page}");
    }
}

#[tokio::test]
async fn the_command_asks_the_running_broker() {
    let world = world(Some(TOKEN)).await;
    let reference = world.refuses().await;
    let outside = Outside::fake(world.broker.clock.now(), 9);
    let ask = async |token, reference: &str, json| {
        told_by_command(&world.config("memory:", token), reference, json, &outside).await
    };
    let text = ask(Some(TOKEN), &format!(" {} ", reference.to_lowercase()), false).await.unwrap();
    assert!(text.contains("What to change, by the administrator of the identity provider"), "{text}");
    assert!(text.contains("nonce: not the one that was sent"), "{text}");
    let json: Value = serde_json::from_str(&ask(Some(TOKEN), &reference, true).await.unwrap()).unwrap();
    assert_eq!(json["outcome"]["code"], "id_token_nonce_mismatch");
    assert!(matches!(
        ask(Some("another-token-0123456789"), &reference, false).await,
        Err(Failure::TokenRefused(_))
    ));
    assert!(matches!(ask(None, &reference, false).await, Err(Failure::NoToken)));
    assert!(matches!(ask(Some(TOKEN), "AAAA-AAAA-AAAA", false).await, Err(Failure::Unknown(_))));
    assert!(matches!(ask(Some(TOKEN), "../health", false).await, Err(Failure::NoReference(_))));
}
