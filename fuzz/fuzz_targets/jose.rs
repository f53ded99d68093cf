//! Any key set and any token: keys are usable or left out, and no token is one that nobody signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_fuzz::protocol::jose::{
    Algorithm, KeySet, unverified_claims, unverified_header, verify, verify_payload,
};
use symbolon_fuzz::protocol::oauth2::{client_assertion, dpop};
use symbolon_fuzz::protocol::oidc::issuer::Issuer;
use symbolon_fuzz::protocol::oidc::{id_token, logout_token};
use symbolon_fuzz::{NOW, PROVIDER};

const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let allowed: Vec<Algorithm> = ALGORITHMS.iter().filter_map(|name| Algorithm::parse(name)).collect();
    let (set, token) = text.split_once('\n').unwrap_or((text, text));
    let _ = (unverified_header(token), unverified_claims(token), client_assertion::unverified_client(token));
    let issuer = Issuer { value: "https://op.test", aliases: &[] };
    let logout = logout_token::Expected { issuer, client_id: "broker", algorithms: &allowed };
    assert!(logout_token::verify(token, &PROVIDER, logout, NOW).is_err(), "B-46");
    if let Ok(keys) = KeySet::parse(set.as_bytes()) {
        if let Ok(proven) = logout_token::verify(token, &keys, logout, NOW) {
            assert!((proven.subject.is_some() || proven.sid.is_some()) && proven.over > NOW, "B-46");
        }
        // Keys and token come from one hand here, so they may fit each other.
        let (claims, payload) = (verify(token, &keys, &allowed), verify_payload(token, &keys, &allowed));
        assert!(claims.is_err() || payload.is_ok());
    }
    assert!(verify(token, &PROVIDER, &allowed).is_err(), "B-05");
    let expected = id_token::Expected {
        issuer,
        client_id: "broker",
        algorithms: &allowed,
        nonce: "n",
        nonce_may_be_absent: true,
        access_token: "a",
        code: "c",
        sent: NOW,
        max_age: None,
    };
    assert!(id_token::verify(token, &PROVIDER, expected, NOW).is_err(), "B-05");
    let urls = ["https://auth.test/oauth2/token".to_owned()];
    // A proof brings its key along: any hand may have made a good one.
    if let Ok(proof) =
        dpop::verify(token, dpop::Expected { method: "POST", urls: &urls, access_token: None, now: NOW })
    {
        assert!(!proof.jti().is_empty() && proof.expires() > NOW);
    }
});
