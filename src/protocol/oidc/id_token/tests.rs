use serde_json::{Value, json};

use super::*;
use crate::model::fault::Refusal;
use crate::protocol::jose::{PublicKey, SigningKey};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const NONCE: &str = "the-nonce-that-was-sent";

fn expected() -> Expected<'static> {
    Expected {
        issuer: Issuer { value: "https://idp.example", aliases: &[] },
        client_id: "broker",
        algorithms: &[Algorithm::Es256],
        nonce: NONCE,
        nonce_may_be_absent: false,
        access_token: "the-access-token",
        code: "the-code",
        sent: NOW.minus(Duration::from_secs(20)),
        max_age: None,
    }
}

fn honest() -> Claims {
    let now = NOW.secs();
    let claims = json!({"iss": "https://idp.example", "sub": "alice", "aud": "broker", "exp": now + 300,
        "iat": now, "nonce": NONCE});
    claims.as_object().unwrap().clone()
}

/// The honest token with one claim replaced; `null` takes it out.
fn with(name: &str, value: Value) -> Result<IdTokenClaims, &'static str> {
    with_all(&[(name, value)], expected())
}

fn with_all(changes: &[(&str, Value)], expected: Expected<'_>) -> Result<IdTokenClaims, &'static str> {
    let mut claims = honest();
    for (name, value) in changes {
        if value.is_null() {
            claims.remove(*name);
        } else {
            claims.insert((*name).to_owned(), value.clone());
        }
    }
    check(claims, Algorithm::Es256, expected, NOW).map_err(|error| error.code())
}

#[track_caller]
fn refused(name: &str, values: impl IntoIterator<Item = Value>, code: &str) {
    for value in values {
        assert_eq!(with(name, value.clone()).err(), Some(code), "{name} = {value}");
    }
}

#[test]
fn an_honest_token_names_its_person() {
    let claims = with_all(&[("auth_time", json!(NOW.secs() - 5)), ("sid", json!("s1"))], expected()).unwrap();
    assert_eq!(
        (claims.issuer.as_str(), claims.subject.as_str(), claims.sid.as_deref()),
        ("https://idp.example", "alice", Some("s1"))
    );
    assert_eq!(claims.auth_time, Some(NOW.minus(Duration::from_secs(5))));
}

/// B-04
#[test]
fn a_wrong_nonce_is_refused() {
    refused("nonce", [json!("other"), json!(""), json!(NONCE.to_uppercase())], "id_token_nonce_mismatch");
    refused("nonce", [json!([NONCE]), json!(1), json!(true)], "id_token_claim_malformed");
}

/// B-05
#[test]
fn a_missing_nonce_is_refused() {
    refused("nonce", [Value::Null], "id_token_nonce_missing");
}

/// B-06
#[test]
fn a_token_cannot_switch_its_own_nonce_check_off() {
    let claims = [("nonce", Value::Null), ("nonce_supported", json!(false))];
    assert_eq!(with_all(&claims, expected()).err(), Some("id_token_nonce_missing"));
    let configured = Expected { nonce_may_be_absent: true, ..expected() };
    assert!(with_all(&claims, configured).is_ok());
    assert_eq!(with_all(&[("nonce", json!("other"))], configured).err(), Some("id_token_nonce_mismatch"));
}

/// B-07
#[test]
fn another_issuer_is_refused_to_the_letter() {
    let others =
        ["https://idp.example/", "http://idp.example", "https://IDP.example", "https://evil.example", ""];
    refused("iss", others.map(Value::from), "id_token_issuer_mismatch");
    refused("iss", [Value::Null], "id_token_claim_missing");
    refused("iss", [json!(["https://idp.example"])], "id_token_claim_malformed");
}

/// B-08
#[test]
fn a_multi_tenant_token_is_of_the_tenant_in_its_issuer() {
    const TENANT: &str = "9122040d-6c67-4c5b-b112-36a304b66dad";
    let expected = Expected {
        issuer: Issuer { value: "https://login.example/{tenantid}/v2.0", aliases: &[] },
        ..expected()
    };
    let own = format!("https://login.example/{TENANT}/v2.0");
    let claims = |iss: &str, tid: Value| with_all(&[("iss", json!(iss)), ("tid", tid)], expected);
    assert_eq!(claims(&own, json!(TENANT)).unwrap().issuer, own);
    for tid in [Value::Null, json!("9188040d-6c67-4c5b-b112-36a304b66dad"), json!("common"), json!("")] {
        assert_eq!(claims(&own, tid.clone()).err(), Some("id_token_issuer_mismatch"), "{tid}");
    }
    assert_eq!(
        claims("https://login.example/{tenantid}/v2.0", json!("{tenantid}")).err(),
        Some("id_token_issuer_mismatch")
    );
    assert_eq!(
        claims("https://login.example/common/v2.0", json!("common")).err(),
        Some("id_token_issuer_mismatch")
    );
}

/// B-11
#[test]
fn a_subject_that_could_be_mistaken_is_refused() {
    refused("sub", [Value::Null], "id_token_claim_missing");
    refused("sub", [json!(7), json!(["alice"]), json!({}), json!(true)], "id_token_claim_malformed");
    let texts = [
        String::new(),
        "x".repeat(256),
        "x".repeat(10_000),
        "a\0".into(),
        "a\nb".into(),
        "\u{430}lice".into(),
    ];
    refused("sub", texts.map(Value::from), "id_token_subject_unusable");
    assert!(with("sub", json!("x".repeat(255))).is_ok());
    assert_eq!(with("sub", json!(" Alice ")).unwrap().subject, " Alice ");
}

/// B-12
#[test]
fn a_token_that_is_not_for_us_alone_is_refused() {
    refused(
        "aud",
        [json!("other"), json!("Broker"), json!(["other"]), json!([]), json!(["broker", "stranger"])],
        "id_token_audience_mismatch",
    );
    refused("aud", [Value::Null], "id_token_claim_missing");
    refused("aud", [json!(7), json!(["broker", 7]), json!({"broker": 1})], "id_token_claim_malformed");
    let both = [("aud", json!(["broker", "stranger"])), ("azp", json!("broker"))];
    assert_eq!(with_all(&both, expected()).err(), Some("id_token_audience_mismatch"));
    assert!(with("aud", json!(["broker"])).is_ok());
}

/// B-14
#[test]
fn a_token_for_another_authorized_party_is_refused() {
    refused("azp", [json!("other"), json!("")], "id_token_azp_mismatch");
    refused("azp", [json!(["broker"])], "id_token_claim_malformed");
    assert!(with("azp", json!("broker")).is_ok());
}

/// B-15
#[test]
fn times_are_checked_with_a_minute_of_skew() {
    let now = NOW.secs();
    refused("exp", [json!(now - 60), json!(now - 3600), json!(0)], "id_token_expired");
    refused("exp", [Value::Null], "id_token_claim_missing");
    refused(
        "exp",
        [json!((now + 300).to_string()), json!(1e300), json!(-1), json!(true), json!([now]), json!(u64::MAX)],
        "id_token_claim_malformed",
    );
    refused("iat", [Value::Null], "id_token_claim_missing");
    refused("iat", [json!(now.to_string()), json!(-5), json!(1e300)], "id_token_claim_malformed");
    refused("iat", [json!(now + 61)], "id_token_from_the_future");
    refused("nbf", [json!(now + 61)], "id_token_from_the_future");
    refused("nbf", [json!("0")], "id_token_claim_malformed");
    for (name, value) in [("exp", now - 59), ("iat", now + 60), ("nbf", now + 60), ("nbf", now)] {
        assert!(with(name, json!(value)).is_ok(), "{name} {value}");
    }
    assert!(with("iat", json!(1_800_000_000.75)).is_ok());
}

/// B-26
#[test]
fn hashes_that_are_there_must_fit() {
    let good = |text| json!(left_half_hash(Algorithm::Es256, text));
    assert!(
        with_all(&[("at_hash", good("the-access-token")), ("c_hash", good("the-code"))], expected()).is_ok()
    );
    refused("at_hash", [good("another"), json!(""), json!("AAAA")], "id_token_at_hash_mismatch");
    refused("c_hash", [good("another")], "id_token_c_hash_mismatch");
    refused("at_hash", [json!(1)], "id_token_claim_malformed");
}

/// B-24
#[test]
fn a_token_of_another_sign_in_is_refused() {
    let mallory = [("nonce", json!("the-nonce-of-mallory")), ("sub", json!("mallory"))];
    assert_eq!(with_all(&mallory, expected()).err(), Some("id_token_nonce_mismatch"));
}

#[test]
fn where_a_fresh_sign_in_was_asked_for_the_token_proves_it() {
    let asked = Expected { max_age: Some(Duration::from_secs(100)), ..expected() };
    let at =
        |seconds: i64| with_all(&[("auth_time", json!(expected().sent.secs() - seconds))], asked).map(|_| ());
    assert_eq!((at(0), at(160)), (Ok(()), Ok(())));
    assert_eq!(at(161), Err("id_token_authentication_too_old"));
    assert_eq!(with_all(&[], asked).err(), Some("id_token_claim_missing"));
    refused("auth_time", [json!(NOW.secs() + 61)], "id_token_from_the_future");
}

fn signer(kid: Option<&str>) -> SigningKey {
    let der =
        aws_lc_rs::signature::EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING)
            .unwrap();
    let der = der.to_pkcs8v1().unwrap();
    SigningKey::from_pkcs8_der(Algorithm::Es256, kid.map(str::to_owned), der.as_ref()).unwrap()
}

fn keys(signers: &[&SigningKey]) -> KeySet {
    KeySet::from_keys(
        signers.iter().map(|signer| PublicKey::from_jwk(&signer.public_jwk()).unwrap()).collect(),
    )
}

fn verified(raw: &str, keys: &KeySet) -> Result<String, &'static str> {
    verify(raw, keys, expected(), NOW).map(|claims| claims.into_inner().subject).map_err(|error| error.code())
}

#[test]
fn the_signature_comes_first() {
    let (ours, stranger) = (signer(Some("k1")), signer(Some("k1")));
    let keys = keys(&[&ours]);
    assert_eq!(verified(&ours.sign(None, &honest()).unwrap(), &keys).as_deref(), Ok("alice"));
    assert_eq!(verified(&stranger.sign(None, &honest()).unwrap(), &keys), Err("jws_signature"));
}

/// B-16
#[test]
fn an_algorithm_that_is_not_the_providers_is_refused() {
    use crate::model::encoding::base64url;
    let ours = signer(Some("k1"));
    let token = ours.sign(None, &honest()).unwrap();
    let (_, rest) = token.split_once('.').unwrap();
    let public = ours.public_jwk().to_string();
    for alg in ["none", "nOnE", "NONE", "", "HS256", "RS256", "ES384", "EdDSA"] {
        let header = base64url(json!({"alg": alg, "kid": "k1"}).to_string());
        assert_eq!(
            verified(&format!("{header}.{rest}"), &keys(&[&ours])),
            Err("jws_algorithm_not_allowed"),
            "{alg}"
        );
        let (payload, _) = rest.split_once('.').unwrap();
        let mac = aws_lc_rs::hmac::sign(
            &aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public.as_bytes()),
            format!("{header}.{payload}").as_bytes(),
        );
        let forged = format!("{header}.{payload}.{}", base64url(mac));
        assert_eq!(verified(&forged, &keys(&[&ours])), Err("jws_algorithm_not_allowed"), "{alg}");
    }
}

/// B-17
#[test]
fn key_material_in_the_header_is_ignored() {
    use crate::model::encoding::base64url;
    let (ours, evil) = (signer(Some("k1")), signer(Some("k1")));
    let stranger = evil.sign(None, &honest()).unwrap();
    let (_, rest) = stranger.split_once('.').unwrap();
    let (payload, _) = rest.split_once('.').unwrap();
    for extra in [
        json!({"jwk": evil.public_jwk()}),
        json!({"jku": "https://evil.example/jwks"}),
        json!({"x5u": "https://evil.example/x"}),
        json!({"x5c": ["AAAA"]}),
        json!({"kid": "https://evil.example/jwks"}),
        json!({"kid": "../../dev/null"}),
        json!({"kid": evil.public_jwk().to_string()}),
    ] {
        let mut header = json!({"alg": "ES256", "kid": "k1"});
        header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let signed = format!("{}.{payload}", base64url(header.to_string()));
        let forged = format!("{signed}.{}", stranger.rsplit_once('.').unwrap().1);
        assert!(
            matches!(verified(&forged, &keys(&[&ours])), Err("jws_signature" | "jws_unknown_key")),
            "{extra}"
        );
    }
}

/// B-27
#[test]
fn a_token_without_kid_is_accepted_while_one_key_fits() {
    let (only, other) = (signer(None), signer(Some("k2")));
    let token = only.sign(None, &honest()).unwrap();
    assert_eq!(verified(&token, &keys(&[&only])).as_deref(), Ok("alice"));
    assert_eq!(verified(&token, &keys(&[&only, &other])), Err("jws_ambiguous_key"));
}
