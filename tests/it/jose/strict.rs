//! What a token may not look like, whoever signed it.

use serde_json::{Value, json};
use symbolon::model::encoding::base64url;
use symbolon::protocol::jose::{
    Algorithm, JwsError, KeySet, MAX_TOKEN, unverified_header, verify, verify_payload,
};
use symbolon::protocol::json::JsonError;

use super::keys::{SIGNABLE, key, set, set_of, token_of_parts, token_with_header};

const HEADER: &str = r#"{"alg":"EdDSA","kid":"k"}"#;

fn ed_set() -> KeySet {
    set_of(&key(Algorithm::EdDsa, Some("k")))
}

fn verify_ed(token: &str) -> Result<Value, JwsError> {
    verify(token, &ed_set(), &[Algorithm::EdDsa]).map(Value::Object)
}

#[test]
fn what_we_sign_we_verify_with_every_algorithm() {
    for algorithm in SIGNABLE {
        let key = key(algorithm, Some("k"));
        let token = key.sign(None, &json!({"sub": "ada", "n": [1, 2]})).unwrap();
        let claims = verify(&token, &set_of(&key), &[algorithm]).unwrap();
        assert_eq!(Value::Object(claims), json!({"sub": "ada", "n": [1, 2]}), "{algorithm:?}");
    }
    assert_eq!(verify_ed(&token_with_header(HEADER, b"{}")), Ok(json!({})));
}

/// E-03: the caller's list decides, byte for byte.
#[test]
fn an_algorithm_outside_the_callers_list_is_refused() {
    for alg in [
        "none", "None", "nOnE", "NONE", "", "HS256", "HS384", "HS512", "ES256K", "ES512", "RS1", "eddsa",
        "EdDSA ", "Ed448",
    ] {
        let header = json!({"alg": alg, "kid": "k"}).to_string();
        let refused = verify(&token_with_header(&header, b"{}"), &ed_set(), &Algorithm::ALL);
        assert!(matches!(refused, Err(JwsError::AlgorithmNotAllowed { .. })), "{alg}: {refused:?}");
    }
    for algorithm in SIGNABLE {
        let key = key(algorithm, Some("k"));
        let token = key.sign(None, &json!({})).unwrap();
        let others: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(|other| *other != algorithm).collect();
        assert!(
            matches!(verify(&token, &set_of(&key), &others), Err(JwsError::AlgorithmNotAllowed { .. })),
            "{algorithm:?}"
        );
        assert!(
            matches!(verify(&token, &set_of(&key), &[]), Err(JwsError::AlgorithmNotAllowed { .. })),
            "{algorithm:?}"
        );
    }
}

/// E-03: HS256 with the public key as secret, in every encoding of it; no HMAC exists here to check it with.
#[test]
fn the_public_key_is_no_shared_secret() {
    let rsa = key(Algorithm::Rs256, Some("k"));
    let jwk = rsa.public_jwk();
    let modulus = jwk["n"].as_str().unwrap();
    for secret in [jwk.to_string(), modulus.to_owned(), "RSA".to_owned(), "RS256".to_owned()] {
        let signed = format!("{}.{}", base64url(r#"{"alg":"HS256","kid":"k"}"#), base64url("{}"));
        let mac = aws_lc_rs::hmac::sign(
            &aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes()),
            signed.as_bytes(),
        );
        let forged = format!("{signed}.{}", base64url(mac));
        let refused = verify(&forged, &set_of(&rsa), &Algorithm::ALL);
        assert!(matches!(refused, Err(JwsError::AlgorithmNotAllowed { .. })), "{refused:?}");
    }
}

/// E-04: a key, a URL or a certificate in the header is ignored; the named key is looked up in the caller's
/// set only.
#[test]
fn keys_in_the_header_are_ignored() {
    let stranger = key(Algorithm::Es256, None);
    for member in [
        json!({"jwk": stranger.public_jwk()}),
        json!({"jku": "http://127.0.0.1:1/jwks"}),
        json!({"x5u": "http://127.0.0.1:1/cert"}),
        json!({"x5c": ["MIIB"]}),
    ] {
        let mut header = member.clone();
        header["alg"] = "EdDSA".into();
        header["kid"] = "k".into();
        assert_eq!(
            verify_ed(&token_with_header(&header.to_string(), b"{}")),
            Ok(json!({})),
            "the set's own key still counts: {header}"
        );
        header["alg"] = "ES256".into();
        let forged = token_with_header(&header.to_string(), b"{}");
        assert!(
            matches!(verify(&forged, &ed_set(), &Algorithm::ALL), Err(JwsError::KeyMismatch { .. })),
            "{header}"
        );
    }
}

/// E-04
#[test]
fn a_kid_is_compared_and_nothing_else() {
    for kid in
        ["../../dev/null", "' OR '1'='1", "http://127.0.0.1:1/", "K", "k ", "", "k\u{0}", "{\"kid\":\"k\"}"]
    {
        let header = json!({"alg": "EdDSA", "kid": kid}).to_string();
        let refused = verify_ed(&token_with_header(&header, b"{}"));
        assert_eq!(refused, Err(JwsError::UnknownKey { kid: Some(kid.to_owned()) }));
    }
}

/// E-05
#[test]
fn extensions_that_change_the_meaning_are_refused() {
    for (member, header) in [
        ("crit", r#"{"alg":"EdDSA","kid":"k","crit":["exp"],"exp":1}"#),
        ("crit", r#"{"alg":"EdDSA","kid":"k","crit":[]}"#),
        ("crit", r#"{"alg":"EdDSA","kid":"k","b64":false,"crit":["b64"]}"#),
        ("b64", r#"{"alg":"EdDSA","kid":"k","b64":false}"#),
        ("b64", r#"{"alg":"EdDSA","kid":"k","b64":true}"#),
        ("zip", r#"{"alg":"EdDSA","kid":"k","zip":"DEF"}"#),
    ] {
        assert_eq!(
            verify_ed(&token_with_header(header, b"{}")),
            Err(JwsError::Extension(member)),
            "{header}"
        );
    }
}

/// E-05
#[test]
fn only_compact_serialization_is_read() {
    let token = token_with_header(HEADER, b"{}");
    let [header, payload, signature] = <[&str; 3]>::try_from(token.split('.').collect::<Vec<_>>()).unwrap();
    let flattened = json!({"protected": header, "payload": payload, "signature": signature}).to_string();
    for bad in [
        flattened,
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{header}.{payload}"),
        header.to_owned(),
        String::new(),
        "....".to_owned(),
    ] {
        assert!(verify_ed(&bad).is_err(), "{bad}");
    }
    for bad in [
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}.{signature}="),
        format!("{header}.{payload}.{signature}=="),
        format!("{header}.{payload} .{signature}"),
        format!("{header}\n.{payload}.{signature}"),
        format!("{header}.{payload}.{}+", &signature[..85]),
        format!("{header}.{payload}.{}/", &signature[..85]),
        format!("{header}.{payload}.{}é", &signature[..85]),
    ] {
        assert!(matches!(verify_ed(&bad), Err(JwsError::Encoding(_) | JwsError::Signature)), "{bad}");
        assert!(matches!(verify_ed(&bad), Err(JwsError::Encoding(_))), "{bad}");
    }
}

/// E-05: bits that decoding would drop are a second spelling of the same token.
#[test]
fn base64url_has_one_spelling() {
    let token = token_with_header(HEADER, b"{}");
    let last = token.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let spelled: Vec<char> = alphabet
        .chars()
        .filter(|c| verify_ed(&format!("{}{c}", &token[..token.len() - 1])).is_ok())
        .collect();
    assert_eq!(spelled, [last]);
    for (header, payload) in [
        (base64url(HEADER), "e31".to_owned()),
        (base64url(HEADER), "e30=".to_owned()),
        (format!("{}=", base64url(HEADER)), "e30".into()),
    ] {
        assert!(
            matches!(verify_ed(&token_of_parts(&header, &payload)), Err(JwsError::Encoding(_))),
            "{header}.{payload}"
        );
    }
}

/// E-05: a token inside a token, an array or plain text are no claims.
#[test]
fn the_payload_of_a_token_is_one_json_object() {
    let inner = token_with_header(HEADER, b"{}");
    for payload in [inner.as_bytes(), b"[]", b"\"text\"", b"", b"{}{}", b"\xff", b"null"] {
        assert!(matches!(verify_ed(&token_with_header(HEADER, payload)), Err(JwsError::Claims(_))));
    }
    let nested = token_with_header(r#"{"alg":"EdDSA","kid":"k","cty":"JWT"}"#, inner.as_bytes());
    assert!(matches!(verify_ed(&nested), Err(JwsError::Claims(_))));
    assert_eq!(
        verify_payload(&token_with_header(HEADER, b"foo"), &ed_set(), &[Algorithm::EdDsa]).unwrap(),
        b"foo"
    );
}

/// E-38
#[test]
fn a_member_that_occurs_twice_is_refused_in_header_and_claims() {
    let header = token_with_header(r#"{"alg":"EdDSA","kid":"k","alg":"EdDSA"}"#, b"{}");
    assert_eq!(verify_ed(&header), Err(JwsError::Header(JsonError::Duplicate("alg".into()))));
    let claims = token_with_header(HEADER, br#"{"sub":"ada","sub":"eve"}"#);
    assert_eq!(verify_ed(&claims), Err(JwsError::Claims(JsonError::Duplicate("sub".into()))));
    let nested = token_with_header(HEADER, br#"{"a":{"b":1,"b":1}}"#);
    assert_eq!(verify_ed(&nested), Err(JwsError::Claims(JsonError::Duplicate("b".into()))));
}

#[test]
fn header_members_have_their_type_or_the_token_is_refused() {
    for (member, header) in [
        ("alg", r#"{"kid":"k"}"#),
        ("alg", r#"{"alg":["EdDSA"],"kid":"k"}"#),
        ("alg", r#"{"alg":null,"kid":"k"}"#),
        ("kid", r#"{"alg":"EdDSA","kid":1}"#),
        ("kid", r#"{"alg":"EdDSA","kid":null}"#),
        ("typ", r#"{"alg":"EdDSA","kid":"k","typ":{}}"#),
    ] {
        assert_eq!(
            verify_ed(&token_with_header(header, b"{}")),
            Err(JwsError::HeaderMember(member)),
            "{header}"
        );
    }
    for header in ["", "[]", "{", "null", "{\"alg\":\"EdDSA\"} x"] {
        assert!(matches!(verify_ed(&token_with_header(header, b"{}")), Err(JwsError::Header(_))), "{header}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    assert_eq!(unverified_header(&"a".repeat(MAX_TOKEN + 1)), Err(JwsError::TooLarge(MAX_TOKEN + 1)));
    let deep = format!("{}1{}", r#"{"a":"#.repeat(17), "}".repeat(17));
    assert!(matches!(
        verify_ed(&token_with_header(HEADER, deep.as_bytes())),
        Err(JwsError::Claims(JsonError::TooDeep { .. }))
    ));
    let long = format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, "k".repeat(20_000));
    assert!(matches!(
        verify_ed(&token_with_header(&long, b"{}")),
        Err(JwsError::Header(JsonError::TooLarge { .. }))
    ));
}

#[test]
fn an_unverified_header_says_which_key_to_look_for() {
    let header =
        unverified_header(&token_with_header(r#"{"typ":"JWT","kid":"k","alg":"whatever"}"#, b"{}")).unwrap();
    assert_eq!(
        (header.alg.as_str(), header.kid.as_deref(), header.typ.as_deref()),
        ("whatever", Some("k"), Some("JWT"))
    );
}

/// B-27: without a `kid` the one key that fits is taken; several are refused rather than tried.
#[test]
fn a_token_without_kid_needs_exactly_one_fitting_key() {
    let token = token_with_header(r#"{"alg":"EdDSA"}"#, b"{}");
    let (rsa, ec, ed) = (
        key(Algorithm::Rs256, Some("r")),
        key(Algorithm::Es256, Some("e")),
        key(Algorithm::EdDsa, Some("k")),
    );
    let check = |keys: &[Value]| verify(&token, &set(keys), &Algorithm::ALL).map(Value::Object);
    assert_eq!(check(&[ed.public_jwk()]), Ok(json!({})));
    assert_eq!(
        check(&[rsa.public_jwk(), ec.public_jwk(), ed.public_jwk()]),
        Ok(json!({})),
        "keys of other types do not count"
    );
    let other = key(Algorithm::EdDsa, Some("k2"));
    assert_eq!(check(&[ed.public_jwk(), other.public_jwk()]), Err(JwsError::AmbiguousKey { count: 2 }));
    assert_eq!(check(&[rsa.public_jwk()]), Err(JwsError::UnknownKey { kid: None }));
    assert_eq!(check(&[]), Err(JwsError::UnknownKey { kid: None }));
}

#[test]
fn two_keys_with_one_kid_are_refused_unless_only_one_fits() {
    let (rsa, ed) = (key(Algorithm::Rs256, Some("k")), key(Algorithm::EdDsa, Some("k")));
    let token = ed.sign(None, &json!({})).unwrap();
    assert!(verify(&token, &set(&[rsa.public_jwk(), ed.public_jwk()]), &Algorithm::ALL).is_ok());
    let twice = set(&[ed.public_jwk(), ed.public_jwk()]);
    assert_eq!(verify(&token, &twice, &Algorithm::ALL), Err(JwsError::AmbiguousKey { count: 2 }));
}

/// E-08
#[test]
fn ecdsa_signatures_that_are_zero_short_long_or_der_are_refused() {
    let ec = key(Algorithm::Es256, Some("k"));
    let token = ec.sign(None, &json!({})).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = symbolon::model::encoding::base64url_decode(signature).unwrap();
    assert_eq!(signature.len(), 64);
    let mut swapped = signature[32..].to_vec();
    swapped.extend_from_slice(&signature[..32]);
    let der = [&[0x30, 0x44, 2, 32], &signature[..32], &[2, 32], &signature[32..]].concat();
    for bad in [
        vec![],
        vec![0; 64],
        vec![0; 63],
        vec![0; 65],
        signature[..63].to_vec(),
        [&signature[..], &[0]].concat(),
        swapped,
        der,
        vec![0xff; 64],
    ] {
        let forged = format!("{signed}.{}", base64url(&bad));
        assert_eq!(
            verify(&forged, &set_of(&ec), &Algorithm::ALL),
            Err(JwsError::Signature),
            "{} bytes",
            bad.len()
        );
    }
}

#[test]
fn a_changed_header_payload_or_signature_is_refused() {
    for algorithm in SIGNABLE {
        let key = key(algorithm, Some("k"));
        let token = key.sign(None, &json!({"sub": "ada"})).unwrap();
        let other = key.sign(None, &json!({"sub": "eve"})).unwrap();
        let (signed, _) = token.rsplit_once('.').unwrap();
        let (_, signature) = other.rsplit_once('.').unwrap();
        assert_eq!(
            verify(&format!("{signed}.{signature}"), &set_of(&key), &[algorithm]),
            Err(JwsError::Signature),
            "{algorithm:?}"
        );
    }
}
