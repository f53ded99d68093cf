//! Parsers take anything without panicking, and no change of a token goes unnoticed.

use proptest::prelude::*;
use serde_json::{Map, Value};
use symbolon::protocol::jose::{Algorithm, KeySet, PublicKey, unverified_header, verify};
use symbolon::protocol::json::{self, Limits};

use super::keys::{key, set_of, token_with_header};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec(("\\PC{0,4}", inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Key sets made of the right words in the wrong places.
fn any_jwk() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("RSA"),
        Just("EC"),
        Just("OKP"),
        Just("oct"),
        Just("P-256"),
        Just("Ed25519"),
        Just("sig"),
        Just("RS256"),
        Just("ES256"),
        Just("AQAB"),
        Just("verify")
    ];
    let value =
        prop_oneof![word.prop_map(Value::from), "[A-Za-z0-9_-]{0,86}".prop_map(Value::from), any_json()];
    let name = prop_oneof![
        Just("kty"),
        Just("crv"),
        Just("alg"),
        Just("use"),
        Just("key_ops"),
        Just("kid"),
        Just("n"),
        Just("e"),
        Just("x"),
        Just("y")
    ];
    prop::collection::vec((name.prop_map(str::to_owned), value), 0..8)
        .prop_map(|pairs| Value::Object(pairs.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_strict_parser_agrees_with_serde_json_wherever_no_member_repeats(value in any_json()) {
        let text = value.to_string();
        prop_assert_eq!(json::value(text.as_bytes(), Limits::default()).unwrap(), value);
    }

    #[test]
    fn any_bytes_are_an_error_or_json(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let strict = json::object(&bytes, Limits::default());
        let lax = serde_json::from_slice::<Map<String, Value>>(&bytes);
        prop_assert!(lax.is_ok() || strict.is_err(), "strict accepts only what serde_json does");
        let _parsed: Result<KeySet, _> = KeySet::parse(&bytes);
    }

    #[test]
    fn any_text_is_no_token(text in "[\\PC.]{0,300}") {
        let keys = set_of(&key(Algorithm::EdDsa, Some("k")));
        prop_assert!(verify(&text, &keys, &Algorithm::ALL).is_err());
        let _header = unverified_header(&text);
    }

    #[test]
    fn any_header_signed_by_somebody_panics_nowhere(header in any_json(), payload in any_json()) {
        let keys = set_of(&key(Algorithm::EdDsa, Some("k")));
        let token = token_with_header(&header.to_string(), payload.to_string().as_bytes());
        prop_assert!(verify(&token, &keys, &Algorithm::ALL).is_err(), "no random header names both the key \
            and its algorithm");
    }

    #[test]
    fn any_key_is_usable_or_left_out(jwk in any_jwk()) {
        if let Ok(key) = PublicKey::from_jwk(&jwk) {
            prop_assert!(key.algorithms().count() > 0);
            prop_assert!(key.algorithms().all(|algorithm| !key.verifies(algorithm, b"message", &[0; 64])));
        }
    }

    #[test]
    fn one_changed_character_is_noticed(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let key = key(Algorithm::EdDsa, Some("k"));
        let token = key.sign(None, &serde_json::json!({"sub": "ada", "scope": "openid"})).unwrap();
        let at = at.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(at..=at, &to);
        prop_assert_eq!(verify(&changed, &set_of(&key), &[Algorithm::EdDsa]).is_ok(), changed == token);
    }
}
