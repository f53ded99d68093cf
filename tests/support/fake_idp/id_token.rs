//! The ID token, honest or as the switches say.

use serde_json::{Map, Value, json};

use super::keys::{self, EC, ED, STRANGER, TestKey, at_hash, b64, random_text};
use super::switch::{PublicText, Switch};
use super::weak_rsa;
use super::{Inner, Issued, Vendor};

/// The ID token for `issued`.
pub(super) fn make(inner: &Inner, issued: &Issued, access_token: &str) -> String {
    let switches = inner.switches();
    let payload = payload(&claims(inner, issued, access_token, &switches), &switches);
    sign(inner, &payload, &switches)
}

fn claims(inner: &Inner, issued: &Issued, access_token: &str, switches: &[Switch]) -> Map<String, Value> {
    let now = inner.clock.now().secs();
    let mut claims = Map::new();
    claims.insert("iss".into(), json!(inner.token_issuer(&issued.person)));
    claims.insert("sub".into(), json!(issued.person.subject));
    claims.insert("aud".into(), json!(issued.client_id));
    claims.insert("iat".into(), json!(now));
    claims.insert("exp".into(), json!(now + 600));
    if let Some(nonce) = &issued.nonce {
        claims.insert("nonce".into(), json!(nonce));
    }
    if issued.max_age.is_some() {
        claims.insert("auth_time".into(), json!(now));
    }
    claims.insert("at_hash".into(), json!(at_hash(access_token)));
    for (name, value) in &issued.person.claims {
        claims.insert(name.clone(), value.clone());
    }
    if inner.vendor == Vendor::Apple {
        claims.insert("nonce_supported".into(), json!(true));
    }
    for switch in switches {
        apply(&mut claims, switch, now);
    }
    claims
}

pub(super) fn apply(claims: &mut Map<String, Value>, switch: &Switch, now: i64) {
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default().to_owned();
    let audience = claims.get("aud").cloned().unwrap_or_default();
    let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    match switch {
        Switch::NonceWrong => set("nonce", json!("another-nonce")),
        Switch::NonceWrongAndUnsupported => {
            set("nonce", json!("another-nonce"));
            set("nonce_supported", json!(false));
        }
        Switch::IssWithSlash => set("iss", json!(issuer + "/")),
        Switch::IssOtherScheme => set("iss", json!(issuer.replacen("http:", "https:", 1))),
        Switch::IssOtherCase => set("iss", json!(issuer.to_uppercase())),
        Switch::AudWrong => set("aud", json!("another-client")),
        Switch::AudArrayWithStranger => set("aud", json!([audience, "another-client"])),
        Switch::AudArrayWithAzp(azp) => {
            set("aud", json!([audience, "another-client"]));
            set("azp", json!(azp));
        }
        Switch::Expired => {
            set("iat", json!(now - 7200));
            set("exp", json!(now - 3600));
        }
        Switch::Claim(name, value) => set(name, value.clone()),
        Switch::AtHashWrong => set("at_hash", json!(at_hash("another token"))),
        Switch::NonceMissing => drop(claims.remove("nonce")),
        Switch::IssMissing => drop(claims.remove("iss")),
        Switch::SubMissing => drop(claims.remove("sub")),
        Switch::AudMissing => drop(claims.remove("aud")),
        Switch::AtHashMissing => drop(claims.remove("at_hash")),
        Switch::ClaimMissing(name) => drop(claims.remove(name)),
        _ => {}
    }
}

pub(super) fn payload(claims: &Map<String, Value>, switches: &[Switch]) -> String {
    let mut text = Value::Object(claims.clone()).to_string();
    for switch in switches {
        if let Switch::ClaimTwice(name, value) = switch {
            text.pop();
            text = format!("{text},{}:{value}}}", json!(name));
        }
    }
    text
}

pub(super) fn sign(inner: &Inner, payload: &str, switches: &[Switch]) -> String {
    let (kid, key) = inner.signing_key();
    let mut header = Map::from_iter([
        ("alg".to_owned(), json!(key.alg())),
        ("kid".to_owned(), json!(kid)),
        ("typ".to_owned(), json!("JWT")),
    ]);
    let mut signer: &TestKey = key;
    let mut alg = key.alg();
    for switch in switches {
        match switch {
            Switch::Alg(other) => {
                alg = other;
                signer = match *other {
                    "ES256" => &EC,
                    "EdDSA" => &ED,
                    _ => signer,
                };
                header.insert("alg".into(), json!(other));
                header.insert("kid".into(), json!(inner.kid_for(other)));
            }
            Switch::Header(name, value) => drop(header.insert(name.clone(), value.clone())),
            Switch::HeaderJwk => {
                signer = &STRANGER;
                header.insert("jwk".into(), STRANGER.jwk("evil"));
            }
            Switch::SignedByStranger => signer = &STRANGER,
            Switch::KidRandom => drop(header.insert("kid".into(), json!(random_text()))),
            Switch::KidMissing => drop(header.remove("kid")),
            _ => {}
        }
    }
    special(&mut header, payload, signer, switches)
        .unwrap_or_else(|| signer.sign(alg, &json!(header).to_string(), payload))
}

/// Signatures that no honest key makes.
fn special(
    header: &mut Map<String, Value>,
    payload: &str,
    signer: &TestKey,
    switches: &[Switch],
) -> Option<String> {
    switches.iter().find_map(|switch| match switch {
        Switch::AlgNone(spelling) => {
            header.insert("alg".into(), json!(spelling));
            Some(format!("{}.{}.", b64(json!(header).to_string()), b64(payload)))
        }
        Switch::HmacKeyedWith(text) => {
            header.insert("alg".into(), json!("HS256"));
            let kid = header.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned();
            Some(keys::sign_hs256(&public_text(*text, signer, &kid), &json!(header).to_string(), payload))
        }
        Switch::SignatureBroken => {
            let mut token = signer.sign(signer.alg(), &json!(header).to_string(), payload);
            let first = token.rfind('.').map_or(0, |dot| dot + 1);
            let other = if token[first..].starts_with('A') { "B" } else { "A" };
            token.replace_range(first..=first, other);
            Some(token)
        }
        Switch::SignatureMissing => Some(format!("{}.{}.", b64(json!(header).to_string()), b64(payload))),
        Switch::KeyWithExponentOne => {
            header.insert("kid".into(), json!("exponent-one"));
            Some(keys::sign_with_exponent_one(&json!(header).to_string(), payload))
        }
        Switch::KeyOf1024Bits => {
            header.insert("kid".into(), json!("short"));
            Some(weak_rsa::sign(&json!(header).to_string(), payload))
        }
        _ => None,
    })
}

fn public_text(text: PublicText, key: &TestKey, kid: &str) -> Vec<u8> {
    match text {
        PublicText::Pem => keys::pem("PUBLIC KEY", &key.public_der()).into_bytes(),
        PublicText::Der => key.public_der(),
        PublicText::Modulus => key.rsa_numbers().0,
        PublicText::JwkJson => key.jwk(kid).to_string().into_bytes(),
        PublicText::Kty => b"RSA".to_vec(),
        PublicText::Alg => b"RS256".to_vec(),
        PublicText::Kid => kid.as_bytes().to_vec(),
        PublicText::Empty => Vec::new(),
    }
}
