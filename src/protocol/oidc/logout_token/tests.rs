use serde_json::json;

use super::*;
use crate::model::fault::Refusal as _;
use crate::protocol::jose::{PublicKey, SigningKey};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn expected() -> Expected<'static> {
    Expected {
        issuer: Issuer { value: "https://idp.example", aliases: &[] },
        client_id: "broker",
        algorithms: &[Algorithm::Es256],
    }
}

fn honest() -> Claims {
    let now = NOW.secs();
    let claims = json!({
        "iss": "https://idp.example", "aud": "broker", "iat": now, "exp": now + 120, "jti": "j1",
        "events": {EVENT: {}}, "sub": "alice", "sid": "s1",
    });
    claims.as_object().unwrap().clone()
}

/// The honest token with some claims replaced; `null` takes one out.
fn with(changes: &[(&str, Value)]) -> Result<LogoutClaims, &'static str> {
    let mut claims = honest();
    for (name, value) in changes {
        if value.is_null() {
            claims.remove(*name);
        } else {
            claims.insert((*name).to_owned(), value.clone());
        }
    }
    check(&claims, expected(), NOW).map_err(|error| error.code())
}

#[track_caller]
fn refused(name: &str, values: impl IntoIterator<Item = Value>, code: &str) {
    for value in values {
        assert_eq!(with(&[(name, value.clone())]).err(), Some(code), "{name} = {value}");
    }
}

#[test]
fn an_honest_token_names_a_person_a_session_or_both() {
    let both = with(&[]).unwrap();
    assert_eq!((both.issuer.as_str(), both.jti.as_str()), ("https://idp.example", "j1"));
    assert_eq!((both.subject.as_deref(), both.sid.as_deref()), (Some("alice"), Some("s1")));
    assert_eq!(both.over, NOW.plus(Duration::from_secs(180)));
    let person = with(&[("sid", Value::Null)]).unwrap();
    assert_eq!((person.subject.as_deref(), person.sid), (Some("alice"), None));
    let session = with(&[("sub", Value::Null)]).unwrap();
    assert_eq!((session.subject, session.sid.as_deref()), (None, Some("s1")));
}

/// B-46
#[test]
fn a_token_that_names_nobody_or_somebody_impossible_is_refused() {
    assert_eq!(with(&[("sub", Value::Null), ("sid", Value::Null)]).err(), Some("logout_token_names_nobody"));
    for name in ["sub", "sid"] {
        refused(
            name,
            [json!(""), json!(7), json!(["alice"]), json!("a\nb"), json!("x".repeat(256))],
            "logout_token_claim_malformed",
        );
    }
}

/// B-46
#[test]
fn the_event_is_a_back_channel_logout_with_an_object() {
    refused("events", [Value::Null], "logout_token_claim_missing");
    refused("events", [json!([]), json!(EVENT), json!([EVENT]), json!(true)], "logout_token_claim_malformed");
    let other = "http://schemas.openid.net/event/backchannel-logoutfoo";
    refused(
        "events",
        [json!({}), json!({other: {}}), json!({EVENT: true}), json!({EVENT: null}), json!({EVENT: []})],
        "logout_token_other_event",
    );
    assert!(with(&[("events", json!({EVENT: {"more": 1}, "urn:other": {}}))]).is_ok());
}

/// B-46
#[test]
fn a_nonce_makes_it_no_logout_token() {
    refused("nonce", [json!("n"), json!(""), json!(7)], "logout_token_with_nonce");
    let mut claims = honest();
    claims.insert("nonce".to_owned(), Value::Null);
    assert_eq!(check(&claims, expected(), NOW).map_err(|error| error.code()), Err("logout_token_with_nonce"));
}

/// B-46, B-07
#[test]
fn another_issuer_or_audience_is_refused() {
    refused(
        "iss",
        ["https://idp.example/", "https://evil.example", ""].map(Value::from),
        "logout_token_issuer_mismatch",
    );
    refused("iss", [Value::Null], "logout_token_claim_missing");
    let others = [json!("other"), json!([]), json!(["broker", "stranger"])];
    refused("aud", others, "logout_token_audience_mismatch");
    refused("aud", [Value::Null], "logout_token_claim_missing");
    refused("aud", [json!(7)], "logout_token_claim_malformed");
    assert!(with(&[("aud", json!(["broker"]))]).is_ok());
}

/// B-08
#[test]
fn a_multi_tenant_token_is_of_the_tenant_of_its_issuer() {
    const TENANT: &str = "9122040d-6c67-4c5b-b112-36a304b66dad";
    let expected = Expected {
        issuer: Issuer { value: "https://login.example/{tenantid}/v2.0", aliases: &[] },
        ..expected()
    };
    let own = format!("https://login.example/{TENANT}/v2.0");
    let of = |iss: &str, tid: Option<&str>| {
        let mut claims = honest();
        claims.insert("iss".to_owned(), json!(iss));
        claims.extend(tid.map(|tid| ("tid".to_owned(), json!(tid))));
        check(&claims, expected, NOW).map(|claims| claims.issuer).map_err(|error| error.code())
    };
    assert_eq!(of(&own, None).as_deref(), Ok(own.as_str()));
    assert_eq!(of(&own, Some(TENANT)).as_deref(), Ok(own.as_str()));
    assert_eq!(of(&own, Some("9188040d-6c67-4c5b-b112-36a304b66dad")), Err("logout_token_issuer_mismatch"));
    assert_eq!(of("https://login.example/common/v2.0", None), Err("logout_token_issuer_mismatch"));
    assert_eq!(of("https://login.example/{tenantid}/v2.0", None), Err("logout_token_issuer_mismatch"));
}

/// B-46, B-15
#[test]
fn times_are_checked_with_a_minute_of_skew() {
    let now = NOW.secs();
    refused("exp", [Value::Null], "logout_token_claim_missing");
    refused("exp", [json!(now - 60), json!(0)], "logout_token_expired");
    refused("exp", [json!(now + 24 * 3600 + 1), json!(253_402_300_799_i64)], "logout_token_lasts_too_long");
    refused("exp", [json!("soon"), json!(-1), json!(1e300)], "logout_token_claim_malformed");
    refused("iat", [Value::Null], "logout_token_claim_missing");
    refused("iat", [json!(now + 61)], "logout_token_from_the_future");
    for (name, value) in [("exp", now - 59), ("exp", now + 24 * 3600), ("iat", now + 60), ("iat", now - 3600)]
    {
        assert!(with(&[(name, json!(value))]).is_ok(), "{name} {value}");
    }
}

/// B-46
#[test]
fn a_token_that_cannot_be_remembered_is_refused() {
    refused("jti", [Value::Null], "logout_token_claim_missing");
    refused("jti", [json!(""), json!(7)], "logout_token_claim_malformed");
}

fn signer() -> SigningKey {
    let der =
        aws_lc_rs::signature::EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING)
            .unwrap();
    let der = der.to_pkcs8v1().unwrap();
    SigningKey::from_pkcs8_der(Algorithm::Es256, Some("k1".to_owned()), der.as_ref()).unwrap()
}

fn verified(raw: &str, by: &SigningKey) -> Result<Option<String>, &'static str> {
    let keys = KeySet::from_keys(vec![PublicKey::from_jwk(&by.public_jwk()).unwrap()]);
    verify(raw, &keys, expected(), NOW).map(|claims| claims.into_inner().sid).map_err(|error| error.code())
}

/// B-46, B-16
#[test]
fn the_signature_comes_first() {
    let (ours, stranger) = (signer(), signer());
    assert_eq!(
        verified(&ours.sign(Some("logout+jwt"), &honest()).unwrap(), &ours),
        Ok(Some("s1".to_owned()))
    );
    assert_eq!(verified(&stranger.sign(Some("logout+jwt"), &honest()).unwrap(), &ours), Err("jws_signature"));
    let token = ours.sign(None, &honest()).unwrap();
    let (_, rest) = token.split_once('.').unwrap();
    for alg in ["none", "None", "HS256", "RS256"] {
        let header = crate::model::encoding::base64url(json!({"alg": alg, "kid": "k1"}).to_string());
        assert_eq!(verified(&format!("{header}.{rest}"), &ours), Err("jws_algorithm_not_allowed"), "{alg}");
    }
}

/// B-46
#[test]
fn a_token_of_another_explicit_type_is_refused() {
    let ours = signer();
    for typ in [None, Some("logout+jwt"), Some("application/logout+jwt"), Some("Logout+JWT"), Some("JWT")] {
        assert!(verified(&ours.sign(typ, &honest()).unwrap(), &ours).is_ok(), "{typ:?}");
    }
    for typ in ["at+jwt", "secevent+jwt", "id_token+jwt", "dpop+jwt", ""] {
        assert_eq!(
            verified(&ours.sign(Some(typ), &honest()).unwrap(), &ours),
            Err("logout_token_other_type"),
            "{typ}"
        );
    }
}
