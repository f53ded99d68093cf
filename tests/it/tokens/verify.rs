//! Who accepts which token.

use std::time::Duration;

use serde_json::{Value, json};
use symbolon::model::encoding::{base64url, base64url_decode};
use symbolon::model::pool::SigningAlgorithm;
use symbolon::model::scope::Scopes;
use symbolon::protocol::jose::{Algorithm, JwsError, SigningKey, left_half_hash, unverified_header, verify};
use symbolon::token::claims;
use symbolon::token::issue::{self, ClientIssuance, IssueError, Logout, TokenIds};
use symbolon::token::keyset::{Keyset, Use};
use symbolon::token::pool_keys::PoolKeys;
use symbolon::token::verify::{TokenError, access, id_hint};

use super::world::{KEYS, NOW, Visit, fresh, keys_of, pool};

fn tokens(visit: &Visit, keys: &PoolKeys) -> (String, String) {
    let access = issue::access_token(&visit.issuance(), keys).unwrap();
    let id = issue::id_token(&visit.issuance(), keys, &access).unwrap();
    (id, access)
}

/// Signs claims with the pool's own access key, as only a defect could.
fn access_with(
    change: impl Fn(&mut serde_json::Map<String, Value>),
) -> Result<symbolon::token::verify::AccessClaims, TokenError> {
    let visit = Visit::with_scopes("openid");
    let mut claims = claims::access(&visit.issuance());
    change(&mut claims);
    let token = KEYS.signing(Use::Access, NOW).unwrap().sign(None, &claims).unwrap();
    access(&token, &visit.pool, &KEYS, NOW)
}

#[test]
fn adas_access_token_is_accepted_and_says_who_she_is() {
    let visit = Visit::with_scopes("openid email");
    let (_, token) = tokens(&visit, &KEYS);
    let claims = access(&token, &visit.pool, &KEYS, NOW).unwrap();
    assert_eq!(claims.sub(), Some(&visit.user.sub));
    assert_eq!(claims.username(), Some("Google_1234"));
    assert_eq!(claims.family(), Some(&visit.family));
    assert_eq!(claims.client().as_str(), "web");
    assert_eq!(claims.scopes(), &visit.scopes);
    assert_eq!((claims.issued().secs(), claims.expires().secs()), (1_790_000_000, 1_790_003_600));
    assert_eq!(claims.claims()["token_use"], "access");
}

#[test]
fn a_machines_token_is_accepted_and_has_no_person() {
    let visit = Visit::with_scopes("openid");
    let scopes = Scopes::parse("orders/read").unwrap();
    let client = visit.pool.client("web").unwrap();
    let ids = TokenIds::from_random([[1; 16]; 3]);
    let token = issue::client_token(
        &ClientIssuance { pool: &visit.pool, client, scopes: &scopes, confirmation: None, now: NOW, ids },
        &KEYS,
    )
    .unwrap();
    let claims = access(&token, &visit.pool, &KEYS, NOW).unwrap();
    assert_eq!((claims.sub(), claims.username(), claims.family()), (None, None, None));
    assert_eq!(claims.client().as_str(), "web");
}

/// The header is Cognito's: `kid`, then `alg`, nothing else; `kid` is base64 of 32 bytes.
#[test]
fn the_header_names_key_and_algorithm_in_cognitos_order() {
    let (id, access) = tokens(&Visit::with_scopes("openid"), &KEYS);
    let header =
        |token: &str| String::from_utf8(base64url_decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    for (token, usage) in [(&id, Use::Id), (&access, Use::Access)] {
        let kid = KEYS.signing(usage, NOW).unwrap().kid().unwrap().to_owned();
        assert_eq!(header(token), format!(r#"{{"kid":"{kid}","alg":"RS256"}}"#));
        assert_eq!((kid.len(), kid.ends_with('=')), (44, true));
    }
    assert_ne!(header(&id), header(&access), "ID and access tokens have a key each");
}

/// E-01, A-53
#[test]
fn id_access_and_logout_tokens_do_not_stand_in_for_each_other() {
    let visit = Visit::with_scopes("openid");
    let mut shared = visit.pool.clone();
    shared.separate_keys = false;
    for (keys, one_key) in [(&*KEYS, false), (&keys_of(&shared), true)] {
        let (id, access_token) = tokens(&visit, keys);
        let client = &visit.pool.client("web").unwrap().id;
        let logout = Logout {
            pool: &visit.pool,
            client,
            sub: &visit.user.sub,
            session: None,
            now: NOW,
            random: [7; 16],
        };
        let logout = issue::logout_token(&logout, keys).unwrap();
        assert!(access(&access_token, &visit.pool, keys, NOW).is_ok());
        assert!(id_hint(&id, &visit.pool, keys).is_ok());

        let id_as_access = access(&id, &visit.pool, keys, NOW).unwrap_err();
        let access_as_id = id_hint(&access_token, &visit.pool, keys).unwrap_err();
        if one_key {
            assert!(matches!(id_as_access, TokenError::Kind { .. }), "{id_as_access}");
            assert!(matches!(access_as_id, TokenError::Kind { .. }), "{access_as_id}");
        } else {
            assert!(matches!(id_as_access, TokenError::Jws(JwsError::UnknownKey { .. })), "{id_as_access}");
            assert!(matches!(access_as_id, TokenError::Jws(JwsError::UnknownKey { .. })), "{access_as_id}");
        }
        assert!(matches!(access(&logout, &visit.pool, keys, NOW), Err(TokenError::Kind { .. })));
        assert!(matches!(id_hint(&logout, &visit.pool, keys), Err(TokenError::Kind { .. })));
        assert_eq!(unverified_header(&logout).unwrap().typ.as_deref(), Some("logout+jwt"));
        for garbage in ["", "opaque-refresh-token", "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30."] {
            assert!(access(garbage, &visit.pool, keys, NOW).is_err(), "{garbage}");
        }
    }
}

/// E-02
#[test]
fn a_token_of_one_pool_is_nothing_at_another() {
    let visit = Visit::with_scopes("openid");
    let (id, token) = tokens(&visit, &KEYS);
    let other = pool("eu-west-1_Example02", SigningAlgorithm::Rs256);
    let foreign = keys_of(&other);
    assert!(matches!(
        access(&token, &other, &foreign, NOW),
        Err(TokenError::Jws(JwsError::UnknownKey { .. }))
    ));
    assert!(matches!(id_hint(&id, &other, &foreign), Err(TokenError::Jws(JwsError::UnknownKey { .. }))));
    assert!(
        matches!(access(&token, &other, &KEYS, NOW), Err(TokenError::Issuer { .. })),
        "even if both pools had one key"
    );
    for issuer in [
        "https://auth.example/eu-west-1_Example01/",
        "https://auth.example/eu-west-1_Example011",
        "https://auth.example",
    ] {
        let refused = access_with(|claims| drop(claims.insert("iss".into(), issuer.into())));
        assert!(matches!(refused, Err(TokenError::Issuer { .. })), "{issuer}");
    }
}

/// E-02: an ID token hint says for which app it was issued, so that another app's hint can be told apart.
#[test]
fn a_hint_names_its_app_person_and_session_and_may_be_expired() {
    let visit = Visit { now: NOW.plus(Duration::from_secs(1)), ..Visit::with_scopes("openid") };
    let (id, token) = tokens(&visit, &KEYS);
    let last = NOW.plus(Duration::from_secs(3600));
    assert!(access(&token, &visit.pool, &KEYS, last).is_ok());
    let over = last.plus(Duration::from_secs(1));
    assert!(matches!(access(&token, &visit.pool, &KEYS, over), Err(TokenError::Expired { .. })));
    let hint = id_hint(&id, &visit.pool, &KEYS).unwrap();
    assert_eq!(
        (hint.client().as_str(), hint.sub(), hint.session()),
        ("web", &visit.user.sub, Some(&visit.session))
    );
}

/// E-06
#[test]
fn times_of_the_wrong_type_huge_negative_or_missing_are_refused() {
    let wrong = [
        json!("1790003600"),
        json!(1e300),
        json!(1_790_003_600.5),
        json!(-1),
        json!(0),
        json!(null),
        json!([]),
        json!(true),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(253_402_300_800_i64),
    ];
    for name in ["exp", "iat", "nbf"] {
        for value in &wrong {
            let refused = access_with(|claims| drop(claims.insert(name.into(), value.clone())));
            assert_eq!(refused.unwrap_err(), TokenError::Claim(name), "{name} {value}");
        }
    }
    for name in ["exp", "iat"] {
        assert_eq!(access_with(|claims| drop(claims.remove(name))).unwrap_err(), TokenError::Claim(name));
    }
    for name in ["iat", "nbf"] {
        let ahead =
            |secs: i64| access_with(|claims| drop(claims.insert(name.into(), (NOW.secs() + secs).into())));
        assert!(ahead(60).is_ok(), "{name}: another replica's clock");
        assert!(matches!(ahead(61), Err(TokenError::NotYet { .. })), "{name}");
    }
}

#[test]
fn a_token_that_lost_a_claim_is_refused() {
    for name in ["token_use", "iss", "client_id", "scope", "origin_jti", "sub"] {
        assert_eq!(access_with(|claims| drop(claims.remove(name))).unwrap_err(), TokenError::Claim(name));
    }
    let nameless = access_with(|claims| drop(claims.remove("username")));
    assert_eq!(
        nameless.unwrap_err(),
        TokenError::Claim("sub"),
        "a person's token does not become a machine's"
    );
}

#[test]
fn at_hash_binds_the_id_token_to_its_access_token() {
    for signing in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
        let visit = Visit { pool: pool("eu-west-1_Example01", signing), ..Visit::with_scopes("openid") };
        let keys = keys_of(&visit.pool);
        let (id, access_token) = tokens(&visit, &keys);
        let algorithm = Algorithm::from(signing);
        let claims = verify(&id, keys.verifying(Use::Id), &[algorithm]).unwrap();
        assert_eq!(claims["at_hash"], left_half_hash(algorithm, &access_token));
        assert!(access(&access_token, &visit.pool, &keys, NOW).is_ok());
    }
}

/// A second opinion: a client library that knows only the published key set accepts the tokens of every kind
/// of pool.
#[test]
fn a_foreign_library_accepts_our_tokens_with_the_published_keys() {
    for signing in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
        let visit = Visit { pool: pool("eu-west-1_Example01", signing), ..Visit::with_scopes("openid") };
        let keys = keys_of(&visit.pool);
        let (id, access_token) = tokens(&visit, &keys);
        let published: jsonwebtoken::jwk::JwkSet = serde_json::from_slice(&keys.jwks().body).unwrap();
        for (token, audience) in [(&id, Some("web")), (&access_token, None)] {
            let header = jsonwebtoken::decode_header(token).unwrap();
            let jwk = published.find(header.kid.as_deref().unwrap()).unwrap();
            let mut validation = jsonwebtoken::Validation::new(signing.as_str().parse().unwrap());
            validation.validate_exp = false;
            validation.set_issuer(&[&visit.pool.issuer]);
            validation.validate_aud = audience.is_some();
            validation.set_audience(audience.as_slice());
            let key = jsonwebtoken::DecodingKey::from_jwk(jwk).unwrap();
            let decoded = jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap();
            assert_eq!(decoded.claims["sub"], visit.user.sub.as_str());
        }
    }
}

/// E-03: the public key is no shared secret, and an algorithm that this key is not for is refused.
#[test]
fn a_token_under_another_algorithm_is_refused() {
    let visit = Visit::with_scopes("openid");
    let (_, token) = tokens(&visit, &KEYS);
    let (_, payload) = token.split_once('.').unwrap();
    let kid = KEYS.signing(Use::Access, NOW).unwrap().kid().unwrap();
    for alg in ["none", "nOnE", "", "HS256", "HS512", "EdDSA", "ES256", "ES256K", "RS512", "PS256", "RS256 "]
    {
        let forged = format!("{}.{payload}", base64url(json!({"kid": kid, "alg": alg}).to_string()));
        assert!(access(&forged, &visit.pool, &KEYS, NOW).is_err(), "{alg}");
    }
}

/// E-39: 500 groups fit; far more than any header takes is an error that names what to change, never a
/// cut-off list.
#[test]
fn a_person_with_very_many_groups_gets_a_token_or_a_clear_error() {
    let mut visit = Visit::with_scopes("openid");
    visit.user.groups = (0..500).map(|n| format!("group-{n:06}")).collect();
    let (_, token) = tokens(&visit, &KEYS);
    let claims = access(&token, &visit.pool, &KEYS, NOW).unwrap();
    assert_eq!(claims.claims()["cognito:groups"].as_array().unwrap().len(), 501);
    visit.user.groups = (0..5000).map(|n| format!("group-{n:06}")).collect();
    let refused = issue::access_token(&visit.issuance(), &KEYS).unwrap_err();
    assert!(matches!(refused, IssueError::TooLarge { token: "access", .. }), "{refused}");
}

#[test]
fn a_pool_without_keys_issues_nothing() {
    let visit = Visit::with_scopes("openid");
    let none = PoolKeys::new(Keyset::default(), NOW).unwrap();
    assert_eq!(issue::access_token(&visit.issuance(), &none).unwrap_err(), IssueError::NoKey("access"));
}

/// E-04: a stranger's key inside the header changes nothing.
#[test]
fn a_key_in_the_header_is_ignored() {
    let visit = Visit::with_scopes("openid");
    let own = fresh(&pool("eu-west-1_Example01", SigningAlgorithm::Es256)).remove(1);
    let attacker = SigningKey::from_pkcs8_der(Algorithm::Es256, None, own.private.expose()).unwrap();
    let kid = KEYS.signing(Use::Access, NOW).unwrap().kid().unwrap();
    let genuine = attacker.sign(None, &claims::access(&visit.issuance())).unwrap();
    let (_, rest) = genuine.split_once('.').unwrap();
    for extra in [
        json!({"jwk": attacker.public_jwk()}),
        json!({"jku": "https://evil.example/jwks"}),
        json!({"x5u": "https://evil.example/c"}),
    ] {
        for kid in [kid, "../../dev/null", "' OR 1=1 --", "https://evil.example/jwks"] {
            let mut header = extra.clone();
            header["alg"] = "ES256".into();
            header["kid"] = kid.into();
            let forged = format!("{}.{rest}", base64url(header.to_string()));
            assert!(matches!(access(&forged, &visit.pool, &KEYS, NOW), Err(TokenError::Jws(_))), "{header}");
        }
    }
}
