//! Any answer of a provider: refused, or endpoints, tokens and claims that may be used.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_fuzz::model::secret::ExposeSecret as _;
use symbolon_fuzz::protocol::oauth2::{profile, token_request};
use symbolon_fuzz::protocol::oidc::discovery::{self, Expectation};
use symbolon_fuzz::protocol::oidc::issuer::Issuer;
use url::Url;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else { return };
    let status = [200, 200, 400, 503][usize::from(*first) % 4];
    let discovery_url = Url::parse("https://op.test/.well-known/openid-configuration").expect("a URL");
    let issuer = Issuer { value: "https://op.test", aliases: &[] };
    let expectation = Expectation {
        issuer,
        discovery_url: &discovery_url,
        loopback_http: false,
        authorization_given: false,
    };
    if let Ok(metadata) = discovery::parse(status, body, expectation) {
        assert_eq!(status, 200);
        let all =
            [metadata.authorization, metadata.token, metadata.userinfo, metadata.jwks, metadata.end_session];
        assert!(all.iter().flatten().all(|url| url.scheme() == "https" && url.username().is_empty()), "B-41");
    }
    if let Ok(tokens) = token_request::parse(status, body) {
        assert!(status == 200 && !tokens.access_token.expose_secret().is_empty());
    }
    if profile::parse(status, body).is_ok() {
        assert_eq!(status, 200);
    }
});
