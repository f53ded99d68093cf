//! Who signed an ID token, and with what.

use std::time::Duration;

use super::suite;
use crate::support::fake_idp::{Endpoint, PublicText, Switch};

/// B-16: the suite lets an app that registered `none` accept this one. No provider can be configured to send
/// unsigned tokens.
#[tokio::test]
async fn oidcc_client_test_idtoken_sig_none() {
    suite().await.refuses_id_token(Switch::AlgNone("none".to_owned()), "jws_algorithm_not_allowed").await;
}

#[tokio::test]
async fn oidcc_client_test_idtoken_sig_rs256() {
    let mut suite = suite().await;
    suite.accepts([]).await;
    let header = jsonwebtoken::decode_header(suite.op.last_id_token()).unwrap();
    assert_eq!(header.alg, jsonwebtoken::Algorithm::RS256);
}

#[tokio::test]
async fn oidcc_client_test_invalid_sig_es256() {
    let suite = suite().await;
    suite.op.does(Switch::Alg("ES256"));
    let mut visitor = crate::support::browser::Browser::new(&suite.clock);
    visitor.signs_in(&suite.app, "Suite").await;
    suite.op.does(Switch::SignatureBroken);
    visitor.forgets_cookies().opens(suite.app.asks().url()).await.sees("jws_signature");
}

/// B-16: keyed with what everybody knows, and with the secret that both know.
#[tokio::test]
async fn oidcc_client_test_invalid_sig_hs256() {
    for text in [PublicText::Pem, PublicText::JwkJson, PublicText::Empty] {
        suite().await.refuses_id_token(Switch::HmacKeyedWith(text), "jws_algorithm_not_allowed").await;
    }
}

#[tokio::test]
async fn oidcc_client_test_invalid_sig_rs256() {
    for deed in [Switch::SignatureBroken, Switch::SignedByStranger] {
        suite().await.refuses_id_token(deed, "jws_signature").await;
    }
}

/// B-27: several keys could have signed, so the token is refused; the suite lets an app do either.
#[tokio::test]
async fn oidcc_client_test_kid_absent_multiple_jwks() {
    let suite = suite().await;
    suite.op.does(Switch::ManyKeys(1));
    suite.op.does(Switch::KidMissing);
    let mut visitor = crate::support::browser::Browser::new(&suite.clock);
    visitor.opens(suite.app.asks().url()).await.sees("jws_ambiguous_key");
    assert!(visitor.cookie("symbolon-session").is_none());
}

/// B-27
#[tokio::test]
async fn oidcc_client_test_kid_absent_single_jwks() {
    suite().await.accepts([Switch::KidMissing]).await;
}

/// B-18
#[tokio::test]
async fn oidcc_client_test_signing_key_rotation() {
    let mut suite = suite().await;
    suite.accepts([]).await;
    suite.op.rotates_keys();
    suite.clock.advance(Duration::from_secs(60));
    suite.visitor.forgets_cookies();
    suite.accepts([]).await;
    assert_eq!(suite.op.count(Endpoint::Jwks), 2);
}

/// B-18: the keys change while somebody is at the provider.
#[tokio::test]
async fn oidcc_client_test_signing_key_rotation_just_before_signing() {
    let mut suite = suite().await;
    suite.accepts([]).await;
    suite.clock.advance(Duration::from_secs(60));
    let ask = suite.app.asks();
    suite.visitor.forgets_cookies().requests(ask.url()).await.follows().await;
    suite.op.rotates_keys();
    suite.visitor.follows_all().await;
    let code = suite.app.takes_code(&ask, suite.visitor.page());
    suite.app.redeems(&ask, &code).await.tokens(&suite.app).await;
}
