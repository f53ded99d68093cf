//! Who calls: client authentication at the token, revocation and introspection endpoints.

use symbolon::model::secret::SecretString;

use super::call::{FORM, basic, call, form};
use crate::grants::desk::{Desk, SECRET};

/// the token endpoint answers 400, or 401 with a challenge when the header was used; nothing tells an
/// unknown client from a wrong secret.
#[tokio::test]
async fn wrong_missing_empty_and_foreign_credentials_are_refused_alike() {
    let desk = Desk::new().await;
    let in_body = [
        "client_id=web&client_secret=wrong",
        "client_id=web",
        "client_id=web&client_secret=",
        "client_id=nobody&client_secret=x",
    ];
    for credentials in
        in_body.into_iter().chain(["client_id=nobody", "client_id=spa&client_secret=x", "client_id=%00"])
    {
        let answer =
            desk.ask_token(&form(&format!("grant_type=refresh_token&refresh_token=x&{credentials}"))).await;
        assert_eq!(answer.error(), (400, "invalid_client"), "{credentials}");
        assert_eq!(answer.body["error_description"], "unknown client or wrong client credentials");
    }
    for credentials in
        ["web:wrong", "web:", "nobody:x", "spa:", "spa:x", ":", "web", &format!("WEB:{SECRET}")]
    {
        let answer = desk.ask_token(&basic(credentials, "grant_type=refresh_token&refresh_token=x")).await;
        assert_eq!(answer.error(), (401, "invalid_client"), "{credentials}");
        assert!(answer.header("www-authenticate").starts_with("Basic realm="));
    }
}

///
#[tokio::test]
async fn both_ways_at_once_two_headers_and_credentials_in_the_query_are_invalid_requests() {
    let desk = Desk::new().await;
    let good = format!("web:{SECRET}");
    let request = "grant_type=refresh_token&refresh_token=x";
    let mut twice = basic(&good, request);
    twice.headers.append("authorization", twice.headers["authorization"].clone());
    let mut in_query = basic(&good, request);
    in_query.query = Some(format!("x=1&client%5Fsecret={SECRET}"));
    for ambiguous in [
        basic(&good, &format!("{request}&client_secret={SECRET}")),
        basic(&good, &format!("{request}&client_id=spa")),
        twice,
        in_query,
    ] {
        assert_eq!(desk.ask_token(&ambiguous).await.error(), (400, "invalid_request"));
    }
    let answer = desk
        .ask_token(&form(&format!("{request}&client_id=spa&client_assertion_type=x&client_assertion=y")))
        .await;
    assert_eq!(answer.error(), (400, "invalid_client"));
    assert_eq!(desk.ask_token(&form(request)).await.error(), (400, "invalid_request"));
    let bearer = call(&[FORM, ("authorization", "Bearer abc")], request);
    assert_eq!(desk.ask_token(&bearer).await.error(), (401, "invalid_client"));
}

/// the id may be repeated in the body, both secrets count while one is replaced, and the scheme's case
/// does not matter.
#[tokio::test]
async fn good_credentials_are_accepted_in_both_places() {
    let mut desk = Desk::new().await;
    desk.client_mut("machine").secrets =
        vec![SecretString::from("old-secret"), SecretString::from("new-secret")];
    let request = "grant_type=client_credentials";
    for secret in ["old-secret", "new-secret"] {
        let header = basic(&format!("machine:{secret}"), &format!("{request}&client_id=machine"));
        let body = form(&format!("{request}&client_id=machine&client_secret={secret}"));
        let mut lower = header.clone();
        let value = lower.headers["authorization"].to_str().unwrap().replace("Basic", "bAsIc");
        lower.headers.insert("authorization", value.parse().unwrap());
        for good in [header, body, lower] {
            assert_eq!(desk.ask_token(&good).await.status, 200);
        }
    }
}

///
#[tokio::test]
async fn a_secret_of_special_characters_is_decoded_as_the_standard_says_and_taken_raw_when_that_is_unambiguous()
 {
    let mut desk = Desk::new().await;
    let good = [
        ("a:b", "a%3Ab"),
        ("a:b", "a:b"),
        ("a+b", "a%2Bb"),
        ("a+b", "a+b"),
        ("a b", "a+b"),
        ("100%", "100%25"),
        ("100%", "100%"),
        ("caf\u{e9}", "caf%C3%A9"),
        ("caf\u{e9}", "caf\u{e9}"),
    ];
    for (secret, sent) in good {
        desk.client_mut("machine").secrets = vec![SecretString::from(secret)];
        let answer =
            desk.ask_token(&basic(&format!("machine:{sent}"), "grant_type=client_credentials")).await;
        assert_eq!(answer.status, 200, "{secret} sent as {sent}");
    }
    for (secret, sent) in [("a%3Ab", "a%3Ab"), ("a%2Bb", "a+b"), ("a+b", "a%20b"), ("a+b", "a b")] {
        desk.client_mut("machine").secrets = vec![SecretString::from(secret)];
        let answer =
            desk.ask_token(&basic(&format!("machine:{sent}"), "grant_type=client_credentials")).await;
        assert_eq!(answer.status, 401, "{secret} sent as {sent}");
    }
}

/// at revocation and introspection a failed authentication is always a 401, and introspection
/// needs a secret.
#[tokio::test]
async fn revocation_and_introspection_answer_401() {
    let desk = Desk::new().await;
    for bad in [
        form("token=x&client_id=web"),
        form("token=x&client_id=web&client_secret=no"),
        basic("web:no", "token=x"),
    ] {
        assert_eq!(desk.ask_revoke(&bad).await.error(), (401, "invalid_client"));
        assert_eq!(desk.ask_introspect(&bad).await.error(), (401, "invalid_client"));
    }
    for without in [form("token=x&client_id=spa"), form("token=x")] {
        let answer = desk.ask_introspect(&without).await;
        assert_eq!(answer.error(), (401, "invalid_client"));
        assert!(answer.header("www-authenticate").starts_with("Basic"));
    }
}

///
#[tokio::test]
async fn a_disabled_client_is_refused_at_every_door() {
    let mut desk = Desk::new().await;
    desk.client_mut("web").enabled = false;
    let good = basic(&format!("web:{SECRET}"), "token=x&grant_type=refresh_token&refresh_token=x");
    for answer in
        [desk.ask_token(&good).await, desk.ask_revoke(&good).await, desk.ask_introspect(&good).await]
    {
        assert_eq!(answer.error(), (401, "invalid_client"));
    }
}
