//! The tests' own provider and browser, checked by others' libraries: a lie that is no lie proves nothing.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;
use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;

use crate::support::browser::Browser;
use crate::support::fake_idp::keys::s256;
use crate::support::fake_idp::{Certificate, Endpoint, FakeIdp, PublicText, Switch, Trouble, Vendor};

fn clock() -> Clock {
    Clock::fake(Timestamp::from_secs(1_800_000_000))
}

async fn get(idp: &FakeIdp, endpoint: Endpoint) -> Result<reqwest::Response, reqwest::Error> {
    reqwest::Client::new().get(idp.endpoint(endpoint)).send().await
}

/// Signs in at the provider as a relying party would; the token response.
async fn signs_in(idp: &FakeIdp) -> Value {
    let mut browser = Browser::new(&clock());
    let start = format!(
        "{}?client_id={}&redirect_uri=https://broker.example/back&state=s&nonce=n&code_challenge={}",
        idp.endpoint(Endpoint::Authorize),
        idp.client_id(),
        s256("verifier"),
    );
    let code = browser.opens(start).await.lands_on("https://broker.example/back").query("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "https://broker.example/back"),
        ("code_verifier", "verifier"),
        ("client_id", idp.client_id()),
        ("client_secret", idp.client_secret()),
    ];
    let request = reqwest::Client::new()
        .post(idp.endpoint(Endpoint::Token))
        .header("accept", "application/json")
        .form(&form);
    serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
}

async fn claims(idp: &FakeIdp) -> Result<Value, jsonwebtoken::errors::Error> {
    let answer = signs_in(idp).await;
    let token = answer["id_token"].as_str().unwrap();
    let keys = get(idp, Endpoint::Jwks).await.unwrap().bytes().await.unwrap();
    let keys: JwkSet = serde_json::from_slice(&keys).unwrap();
    let header = decode_header(token)?;
    let key = keys
        .find(&header.kid.unwrap_or_default())
        .ok_or(jsonwebtoken::errors::ErrorKind::InvalidKeyFormat)?;
    let mut rules = Validation::new(header.alg);
    rules.validate_exp = false;
    rules.set_audience(&[idp.client_id()]);
    decode(token, &DecodingKey::from_jwk(key)?, &rules).map(|data| data.claims)
}

#[tokio::test]
async fn an_honest_provider_is_believed_by_another_library() {
    let idp = FakeIdp::oidc(&clock()).await;
    for alg in ["RS256", "RS384", "PS256", "ES256", "EdDSA"] {
        idp.behaves();
        idp.does(Switch::Alg(alg));
        let claims = claims(&idp).await.unwrap_or_else(|error| panic!("{alg}: {error}"));
        assert_eq!((&claims["nonce"], &claims["sub"]), (&"n".into(), &"person-1".into()), "{alg}");
    }
    idp.behaves();
    idp.rotates_keys();
    assert!(claims(&idp).await.is_ok(), "after a rotation");
}

#[tokio::test]
async fn broken_signatures_are_broken_for_another_library_too() {
    let idp = FakeIdp::oidc(&clock()).await;
    for deed in [
        Switch::SignatureBroken,
        Switch::SignatureMissing,
        Switch::SignedByStranger,
        Switch::HmacKeyedWith(PublicText::Pem),
    ] {
        idp.behaves();
        idp.does(deed.clone());
        assert!(claims(&idp).await.is_err(), "{deed:?}");
    }
}

/// B-28: the signatures of the weak keys are right, so that only a rule about keys can refuse them.
#[tokio::test]
async fn weak_keys_make_right_signatures() {
    use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RsaPublicKeyComponents};
    let idp = FakeIdp::oidc(&clock()).await;
    idp.does(Switch::KeyOf1024Bits);
    let token = signs_in(&idp).await["id_token"].as_str().unwrap().to_owned();
    let set: Value =
        serde_json::from_slice(&get(&idp, Endpoint::Jwks).await.unwrap().bytes().await.unwrap()).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let unb64 = crate::support::fake_idp::keys::unb64;
    let n = unb64(set["keys"][0]["n"].as_str().unwrap());
    let key = RsaPublicKeyComponents { n: n.as_slice(), e: &[1, 0, 1][..] };
    key.verify(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, input.as_bytes(), &unb64(signature)).unwrap();
    assert_eq!(n.len(), 128);
}

#[tokio::test]
async fn a_code_works_once_and_only_with_its_verifier() {
    let idp = FakeIdp::oidc(&clock()).await;
    signs_in(&idp).await;
    let code = idp.last_code();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("client_id", idp.client_id()),
        ("client_secret", idp.client_secret()),
    ];
    let again = reqwest::Client::new().post(idp.endpoint(Endpoint::Token)).form(&form).send().await.unwrap();
    assert_eq!(again.status(), 400);
    assert!(idp.received(&code));
    assert_eq!(idp.count(Endpoint::Token), 2);
}

#[tokio::test]
async fn apple_posts_its_answer_from_another_site_and_gets_no_lax_cookie() {
    let idp = FakeIdp::start(Vendor::Apple, &clock()).await;
    let other = FakeIdp::oidc(&clock()).await;
    let back = other.base().replace("localhost", "127.0.0.1") + "/authorize";
    let mut browser = Browser::new(&clock());
    let back_url = url::Url::parse(&back).unwrap();
    for cookie in ["lax=1; SameSite=Lax", "none=1; SameSite=None; Secure"] {
        browser.cookies().store(&back_url, cookie, clock().now()).unwrap();
    }
    let start = format!(
        "{}?client_id={}&redirect_uri={back}&state=s&response_mode=form_post",
        idp.endpoint(Endpoint::Authorize),
        idp.client_id()
    );
    browser.opens(start).await;
    let seen = other.last(Endpoint::Authorize);
    assert_eq!((seen.method.as_str(), seen.header("cookie")), ("POST", Some("none=1")));
    assert_eq!(seen.header("sec-fetch-site"), Some("cross-site"));
    assert!(seen.form_values("user")[0].contains("firstName"));
}

/// B-36: the bomb is one.
#[tokio::test]
async fn the_gzip_bomb_unpacks_to_zeros() {
    let idp = FakeIdp::oidc(&clock()).await;
    idp.does(Switch::At(Endpoint::Jwks, Trouble::GzipBomb));
    let mut response = get(&idp, Endpoint::Jwks).await.unwrap();
    let mut size = 0;
    while size < 50_000_000 {
        let chunk = response.chunk().await.unwrap().expect("it never ends");
        assert!(chunk.iter().all(|byte| *byte == 0));
        size += chunk.len();
    }
}

#[tokio::test]
async fn a_second_opinion_refuses_other_algorithms() {
    let idp = FakeIdp::oidc(&clock()).await;
    idp.does(Switch::AlgNone("nOnE".to_owned()));
    let token = signs_in(&idp).await["id_token"].as_str().unwrap().to_owned();
    assert!(token.ends_with('.') && decode_header(&token).is_err());
    assert!(
        decode::<Value>(&token, &DecodingKey::from_secret(b""), &Validation::new(Algorithm::HS256)).is_err()
    );
}

/// B-34: only the good certificate is good, and only for those who trust its authority.
#[tokio::test]
async fn bad_certificates_are_bad() {
    use Certificate::{Expired, Good, NotYetValid, OtherHost, SelfSigned, UnknownAuthority};
    for certificate in [Good, Expired, NotYetValid, OtherHost, SelfSigned, UnknownAuthority] {
        let idp = FakeIdp::start_with_tls(Vendor::Oidc, &clock(), certificate).await;
        let authority = reqwest::Certificate::from_pem(idp.ca_pem().as_bytes()).unwrap();
        let trusting = reqwest::Client::builder().tls_certs_only([authority]).build().unwrap();
        let answer = trusting.get(idp.endpoint(Endpoint::Discovery)).send().await;
        assert_eq!(answer.is_ok(), certificate == Good, "{certificate:?}: {answer:?}");
        assert!(get(&idp, Endpoint::Discovery).await.is_err(), "{certificate:?}");
    }
}
