//! What `symbolon check` says of these settings.

use symbolon::config;

use super::world::Signer;
use crate::support::fake_idp::keys::STRANGER;

/// The problems and warnings of a client with these lines, without their places.
fn said(pool: &str, lines: &str) -> Vec<String> {
    let text = format!(
        "[[pool]]\nid = \"eu-west-1_A1\"\n{pool}\n[[pool.client]]\nid = \"bank\"\nredirect_uris = \
         [\"https://bank.example/cb\"]\n{lines}\n"
    );
    let read = config::parse(&text, "symbolon.toml", &[], &|name| Err(format!("no file {name}")));
    let all = match read {
        Ok(config) => config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        Err(problems) => problems.to_string().lines().map(str::to_owned).collect(),
    };
    all.into_iter().filter(|line| line.contains("client[0]") || line.contains("signing")).collect()
}

#[track_caller]
fn says(pool: &str, lines: &str, expected: &[&str]) {
    let said = said(pool, lines);
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (line, part) in said.iter().zip(expected) {
        assert!(line.contains(part), "{line:?} does not hold {part:?}");
    }
}

fn signs(more: &str) -> String {
    format!("client_auth = \"private_key_jwt\"\njwks = '''{}'''\n{more}", Signer::ec("k").jwks())
}

#[test]
fn an_app_that_signs_needs_keys_in_one_place_and_no_secret() {
    says("", &signs(""), &[]);
    says("", "client_auth = \"private_key_jwt\"", &["client_auth: the client has no public keys"]);
    says("", &signs("secret = \"0123456789abcdef-0\""), &["client_auth: the client has a secret as well"]);
    says(
        "",
        &signs("jwks_uri = \"https://bank.example/jwks\""),
        &["jwks_uri: keys are given in more than one place"],
    );
    says(
        "",
        &signs("assertion_algorithms = [\"HS256\"]"),
        &["assertion_algorithms[0]: \"HS256\" is not accepted"],
    );
    says("", &signs("assertion_algorithms = []"), &["assertion_algorithms: the list is empty"]);
    says("", "jwks_uri = \"https://bank.example/jwks\"", &["jwks_uri: the client signs nothing"]);
    says("", "client_auth = \"private_key_jwt\"\njwks = 'x'", &["jwks: key set"]);
    says("", "client_auth = \"private_key_jwt\"\njwks = '{\"keys\": []}'", &["jwks: the set holds no key"]);
    let mut private = STRANGER.jwk("k");
    private["d"] = "AQAB".into();
    says(
        "",
        &format!("client_auth = \"private_key_jwt\"\njwks = '{{\"keys\": [{private}]}}'"),
        &["private or symmetric key"],
    );
}

#[test]
fn every_rule_of_the_fapi_profile_is_checked_at_once() {
    says("signing = \"ES256\"", &signs("profile = \"fapi2\""), &[]);
    says("", &signs("profile = \"fapi2\""), &["signing"]);
    let bad = "profile = \"fapi2\"\nrotation = true\nrequire_par = false\nassertion_algorithms = \
        [\"RS256\"]\ntoken_endpoint_as_audience = true";
    let all = said("signing = \"EdDSA\"", &signs(bad));
    for part in [
        "rotation: FAPI",
        "require_par: FAPI",
        "assertion_algorithms: FAPI",
        "token_endpoint_as_audience: under FAPI",
    ] {
        assert!(all.iter().any(|line| line.contains(part)), "{part}: {all:#?}");
    }
    let secret = "profile = \"fapi2\"\nsecret = \"0123456789abcdef-0\"";
    assert!(
        said("signing = \"EdDSA\"", secret).iter().any(|line| line.contains("profile: a FAPI 2.0 client"))
    );
}
