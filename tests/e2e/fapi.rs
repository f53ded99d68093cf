//! An app of other make under the FAPI 2.0 security profile: `openid-client` pushes its requests, signs its
//! assertions and binds its tokens to a key, as it reads from the metadata.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::world::{AppSettings, Person, Settings, Upstream, claims, text};

/// A fresh P-256 key of the app: what the operator registers and what the app keeps.
fn key() -> (Value, Value) {
    let key = rcgen::KeyPair::generate().expect("a P-256 key");
    let point = key.public_key_raw();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let public = json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "app-1",
        "x": part(&point[1..33]), "y": part(&point[33..65]) });
    // PKCS#8 of a P-256 key holds the private number after the 36 bytes that name its kind.
    let der = key.serialize_der();
    let mut private = public.clone();
    private.as_object_mut().expect("an object").insert("d".to_owned(), part(&der[36..68]).into());
    (public, private)
}

///
#[tokio::test]
async fn a_certified_relying_party_signs_in_with_pushed_requests_signed_assertions_and_bound_tokens() {
    let (public, private) = key();
    let settings = Settings::new().pool("signing = \"ES256\"");
    let jwks = json!({ "keys": [public] });
    let bank = AppSettings::new("bank").public().with("profile = \"fapi2\"").with("native = true");
    let bank = bank
        .with("client_auth = \"private_key_jwt\"")
        .with(&format!("jwks = '''{jwks}'''"))
        .with("dpop_nonce = true");
    let bank = bank.behaves("token_endpoint_auth_method", "private_key_jwt").behaves("private_jwk", private);
    let bank =
        bank.behaves("par", true).behaves("dpop", true).behaves("id_token_signed_response_alg", "ES256");
    let upstream = Upstream::start(&settings);
    let broker = settings.table(&upstream.toml("Acme")).client(&bank).start();
    let bank = bank.start(&broker);
    let tokens = Person::new("ada").signs_in(&bank, "Acme").await;
    assert_eq!(
        tokens.pointer("/token_response/token_type").and_then(Value::as_str).map(str::to_ascii_lowercase),
        Some("dpop".to_owned())
    );
    let thumbprint = claims(&text(&tokens, "access_token"))["cnf"]["jkt"].clone();
    assert!(thumbprint.is_string(), "{tokens}");
    assert_eq!(tokens.pointer("/userinfo/sub"), tokens.pointer("/id_token_claims/sub"));
    let refreshed = bank.refreshes(&text(&tokens, "refresh_token")).await;
    assert_eq!(claims(&text(&refreshed, "access_token"))["cnf"]["jkt"], thumbprint);
    assert!(bank.sees_active(&text(&refreshed, "access_token")).await);
}
