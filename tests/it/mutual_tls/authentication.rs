//! `tls_client_auth` and `self_signed_tls_client_auth`: whoever holds the key of the app's certificate is the
//! app.

use rcgen::ExtendedKeyUsagePurpose;

use super::world::{Authority, Identity, NOTHING, World, certified, params_but, showing};
use crate::support::broker::{ClientToml, client};

fn machine(client: ClientToml) -> ClientToml {
    client.scopes(&["api/read"]).with("grants = [\"client_credentials\"]")
}

fn pinned(id: &str, thumbprints: &[String]) -> ClientToml {
    let client = client(id).public().with("client_auth = \"self_signed_tls_client_auth\"");
    client.with(&format!("certificate_thumbprints = {thumbprints:?}"))
}

#[tokio::test]
async fn an_app_signs_in_people_with_its_certificate_at_every_endpoint() {
    let world = World::with(vec![certified("bank")]).await;
    let own = world.authority.issues("bank");
    let code = world.code("bank").await;
    let app = world.broker.app("bank");
    let tokens = world.redeems(showing(&own), "bank", &code).await.tokens(&app).await;
    assert_eq!(tokens.access.get("cnf"), None, "authentication alone binds nothing");
    let next = world.refreshes(showing(&own), "bank", &tokens.refresh_token).await.tokens(&app).await;
    let token = [("client_id", "bank"), ("token", next.refresh_token.as_str())];
    assert_eq!(world.posts(showing(&own), "/oauth2/introspect", &token).await.body["active"], true);
    world.posts(NOTHING, "/oauth2/introspect", &token).await.is_refused_with(401, "invalid_client");
    world.posts(NOTHING, "/oauth2/revoke", &token).await.is_refused_with(401, "invalid_client");
    assert_eq!(world.posts(showing(&own), "/oauth2/revoke", &token).await.status, 200);
    let refused = world.refreshes(showing(&own), "bank", &tokens.refresh_token).await;
    refused.is_refused_with(400, "invalid_grant");
    let mut pushed = app.asks().parameters;
    let form: Vec<(&str, &str)> =
        pushed.iter_mut().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(world.posts(showing(&own), "/oauth2/par", &form).await.status, 201);
    world.posts(NOTHING, "/oauth2/par", &form).await.is_refused_with(400, "invalid_client");
}

#[tokio::test]
async fn no_other_certificate_is_the_app_s() {
    let world = World::with(vec![machine(certified("bank")), machine(certified("other"))]).await;
    let own = world.authority.issues("bank");
    assert_eq!(world.asks(showing(&own), "bank").await.status, 200);
    let stranger = Authority::new();
    let server =
        params_but("bank", |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    let (past, coming) = (rcgen::date_time_ymd(2026, 12, 31), rcgen::date_time_ymd(2028, 1, 1));
    let cases = [
        (world.authority.issues("other"), "client_certificate_name"),
        (world.authority.issues("Bank"), "client_certificate_name"),
        (stranger.issues("bank"), "client_certificate_untrusted"),
        (Identity::self_signed("bank"), "client_certificate_untrusted"),
        (world.authority.signs(&server), "client_certificate_untrusted"),
        (
            world.authority.signs(&params_but("bank", |params| params.not_after = past)),
            "client_certificate_out_of_date",
        ),
        (
            world.authority.signs(&params_but("bank", |params| params.not_before = coming)),
            "client_certificate_out_of_date",
        ),
        (
            Identity { between: Vec::new(), ..world.authority.below().issues("bank") },
            "client_certificate_untrusted",
        ),
    ];
    for (shown, code) in &cases {
        world.is_refused(&world.asks(showing(shown), "bank").await, "invalid_client", code).await;
    }
    world
        .is_refused(&world.asks(NOTHING, "bank").await, "invalid_client", "client_certificate_missing")
        .await;
    world
        .is_refused(&world.asks(showing(&own), "other").await, "invalid_client", "client_certificate_name")
        .await;
    world
        .is_refused(&world.asks(showing(&own), "nobody").await, "invalid_client", "client_auth_refused")
        .await;
}

#[tokio::test]
async fn authorities_between_are_shown_by_the_app() {
    let world = World::with(vec![machine(certified("bank"))]).await;
    assert_eq!(world.asks(showing(&world.authority.below().issues("bank")), "bank").await.status, 200);
    assert_eq!(
        world.asks(showing(&world.authority.below().below().issues("bank")), "bank").await.status,
        200
    );
}

/// A connection may outlive the certificate that was shown when it began.
#[tokio::test]
async fn a_certificate_that_runs_out_authenticates_no_longer() {
    let world = World::with(vec![machine(certified("bank"))]).await;
    let brief = params_but("bank", |params| params.not_after = rcgen::date_time_ymd(2027, 1, 20));
    let own = world.authority.signs(&brief);
    assert_eq!(world.asks(showing(&own), "bank").await.status, 200);
    world.clock.advance(std::time::Duration::from_secs(6 * 86_400));
    world
        .is_refused(
            &world.asks(showing(&own), "bank").await,
            "invalid_client",
            "client_certificate_out_of_date",
        )
        .await;
}

#[tokio::test]
async fn an_app_is_known_by_one_alternative_name() {
    for (line, wrong) in [
        ("tls_client_auth_san_dns = \"BANK.bank.example\"", "tls_client_auth_san_dns = \"bank.example\""),
        (
            "tls_client_auth_san_uri = \"https://bank.example/bank\"",
            "tls_client_auth_san_uri = \"https://bank.example/ban\"",
        ),
        ("tls_client_auth_san_ip = \"192.0.2.7\"", "tls_client_auth_san_ip = \"192.0.2.8\""),
        (
            "tls_client_auth_san_email = \"bank@bank.example\"",
            "tls_client_auth_san_email = \"bank@bank.example.org\"",
        ),
        (
            "tls_client_auth_subject_dn = \"cn=bank, o=Bank\"",
            "tls_client_auth_subject_dn = \"O=Bank,CN=bank\"",
        ),
    ] {
        let named = |id: &str, line: &str| {
            machine(client(id).public().with("client_auth = \"tls_client_auth\"").with(line))
        };
        let world = World::with(vec![named("right", line), named("wrong", wrong)]).await;
        let own = world.authority.issues("bank");
        assert_eq!(world.asks(showing(&own), "right").await.status, 200, "{line}");
        world
            .is_refused(
                &world.asks(showing(&own), "wrong").await,
                "invalid_client",
                "client_certificate_name",
            )
            .await;
    }
}

/// The name in a certificate that its owner signed proves nothing; its thumbprint does.
#[tokio::test]
async fn a_self_signed_certificate_counts_where_it_is_registered() {
    let (own, next, over) = (
        Identity::self_signed("bank"),
        Identity::self_signed("bank"),
        Identity::self_signed_and_over("bank"),
    );
    let hexadecimal: Vec<String> =
        symbolon::model::encoding::sha256(&next.der).iter().map(|byte| format!("{byte:02X}")).collect();
    let known = [own.thumbprint(), hexadecimal.join(":"), over.thumbprint()];
    let world = World::with(vec![
        machine(pinned("bank", &known)),
        machine(pinned("other", &[Identity::self_signed("x").thumbprint()])),
    ])
    .await;
    for shown in [&own, &next] {
        assert_eq!(world.asks(showing(shown), "bank").await.status, 200);
        world
            .is_refused(
                &world.asks(showing(shown), "other").await,
                "invalid_client",
                "client_certificate_unknown",
            )
            .await;
    }
    world
        .is_refused(
            &world.asks(showing(&over), "bank").await,
            "invalid_client",
            "client_certificate_out_of_date",
        )
        .await;
    let alike = [Identity::self_signed("bank"), world.authority.issues("bank")];
    for shown in &alike {
        world
            .is_refused(
                &world.asks(showing(shown), "bank").await,
                "invalid_client",
                "client_certificate_unknown",
            )
            .await;
    }
    world
        .is_refused(&world.asks(NOTHING, "bank").await, "invalid_client", "client_certificate_missing")
        .await;
}

#[tokio::test]
async fn a_certificate_replaces_no_other_method_and_none_replaces_it() {
    let world = World::with(vec![machine(certified("bank")), machine(client("web"))]).await;
    let own = world.authority.issues("web");
    world.is_refused(&world.asks(showing(&own), "web").await, "invalid_client", "client_auth_refused").await;
    let bank = world.authority.issues("bank");
    let secret = [
        ("grant_type", "client_credentials"),
        ("client_id", "bank"),
        ("client_secret", "secret-of-bank-0123456789"),
    ];
    let answer = world.posts(showing(&bank), "/oauth2/token", &secret).await;
    world.is_refused(&answer, "invalid_client", "client_auth_refused").await;
    let assertion = [
        ("grant_type", "client_credentials"),
        ("client_id", "bank"),
        ("client_assertion_type", crate::app_proof::world::ASSERTION_TYPE),
        ("client_assertion", "x.y.z"),
    ];
    let answer = world.posts(showing(&bank), "/oauth2/token", &assertion).await;
    world.is_refused(&answer, "invalid_client", "client_auth_refused").await;
}
