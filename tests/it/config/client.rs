//! `[[pool.client]]`.

use std::time::Duration;

use symbolon::model::client::{Grant, Rotation};

use super::{problems, read, refused};

const CALLBACK: &str = "redirect_uris = [\"https://app.example/callback\"]";

fn client(lines: &str) -> String {
    format!("[[pool]]\nid = \"eu-west-1_A1\"\n[[pool.client]]\nid = \"web\"\n{lines}\n")
}

/// The client with a callback has this one problem at the line below it.
#[track_caller]
fn refused_client(line: &str, problem: &str) {
    refused(
        &client(&format!("{CALLBACK}\n{line}")),
        &format!("symbolon.toml:6: pool[0].client[0].{problem}"),
    );
}

#[track_caller]
fn warned(lines: &str, warning: &str) {
    let warnings = read(&client(lines)).map(|config| config.warnings).unwrap_or_default();
    assert_eq!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), [warning]);
}

/// The only redirect URI of a client is refused with this problem.
#[track_caller]
fn refused_redirect(uri: &str, problem: &str) {
    for key in ["redirect_uris", "logout_uris"] {
        let lines = if key == "redirect_uris" {
            format!("redirect_uris = ['{uri}']")
        } else {
            format!("logout_uris = ['{uri}'] \n{CALLBACK}")
        };
        refused(&client(&lines), &format!("symbolon.toml:5: pool[0].client[0].{key}[0]: {problem}"));
    }
}

/// A-11
#[test]
fn schemes_that_run_or_read_are_never_redirected_to() {
    for scheme in ["javascript", "data", "vbscript", "file", "blob", "about", "view-source"] {
        let problem = format!(
            "the scheme {scheme:?} is never allowed; fix: use https, or an app's own scheme such as \
             com.example.app"
        );
        refused_redirect(&format!("{scheme}:alert(1)"), &problem);
        let declared = format!("schemes = [\"{scheme}\"]");
        refused_client(&declared, &format!("schemes[0]: {problem}"));
    }
    refused_redirect(
        "JavaScript:alert(1)",
        "the scheme \"javascript\" is never allowed; fix: use https, or an app's own scheme such as \
         com.example.app",
    );
}

/// A-12
#[test]
fn a_wildcard_is_refused() {
    for uri in ["https://*.example/cb", "https://app.example/*", "com.example.app:/*"] {
        refused_redirect(
            uri,
            &format!("{uri:?} holds a wildcard; fix: list every URI; they are compared byte for byte"),
        );
    }
}

/// A-08
#[test]
fn redirect_uris_are_absolute_and_plain() {
    for (uri, problem) in [
        (
            "/callback",
            "\"/callback\" is no absolute URI: relative URL without a base; fix: write it in full: \
             https://app.example/callback",
        ),
        (
            "https://app.example/cb#x",
            "\"https://app.example/cb#x\" has a fragment; fix: remove # and what follows",
        ),
        (
            "https://app.example/cb#",
            "\"https://app.example/cb#\" has a fragment; fix: remove # and what follows",
        ),
        (
            "https://good@evil.example/",
            "the URI holds a user name or password; fix: remove everything before the @",
        ),
        (
            "http://app.example/cb",
            "\"http://app.example/cb\" is plain http; fix: use https; http is for localhost, 127.0.0.1 and \
             [::1] only",
        ),
        (
            "http://localhost.evil/cb",
            "\"http://localhost.evil/cb\" is plain http; fix: use https; http is for localhost, 127.0.0.1 \
             and [::1] only",
        ),
        (
            "http://127.0.0.1@evil/cb",
            "the URI holds a user name or password; fix: remove everything before the @",
        ),
        (
            "https://app.example\\@evil/",
            "\"https://app.example\\\\@evil/\" holds a character that no URI holds; fix: write ASCII only; \
             percent-encode the rest",
        ),
        (
            "https://app.example/ä",
            "\"https://app.example/ä\" holds a character that no URI holds; fix: write ASCII only; \
             percent-encode the rest",
        ),
        (
            "https:app.example",
            "\"https:app.example\" lacks the // after its scheme; fix: write it in full: \
             https://app.example/callback",
        ),
        (
            "myapp://callback",
            "any app could claim the scheme \"myapp\"; fix: use https or a scheme with a dot such as \
             com.example.app, or declare it: schemes = [\"myapp\"]",
        ),
    ] {
        refused_redirect(uri, problem);
    }
}

#[test]
fn https_loopback_and_own_schemes_are_accepted_as_written() {
    let uris = r#"["https://app.example/cb?x=1", "http://localhost:3000/", "http://127.0.0.1/cb", "http://[::1]:1/", "com.example.app:/cb", "myapp://cb"]"#;
    let config = read(&client(&format!("redirect_uris = {uris}\nschemes = [\"myapp\"]"))).unwrap();
    let redirect_uris = &config.pools[0].pool.client("web").unwrap().redirect_uris;
    assert_eq!(redirect_uris[0], "https://app.example/cb?x=1");
    assert_eq!(redirect_uris.len(), 6);
}

/// E-33
#[test]
fn sample_and_short_secrets_are_refused() {
    let fix = "fix: write the output of: openssl rand -hex 24";
    for sample in
        ["secret", "CHANGE-ME", "…", "...", "xxxxxxxxxxxxxxxxxxxxxxxx", "your_client_secret", "demo-secret"]
    {
        refused_client(
            &format!("secret = \"{sample}\""),
            &format!("secret: the secret is a sample from an example; {fix}"),
        );
    }
    refused_client(
        "secret = \"0123456789abcde\"",
        &format!("secret: the secret has 15 characters, 16 are the least; {fix}"),
    );
    refused_client(
        "secrets = [\"changeme\"]",
        &format!("secrets[0]: the secret is a sample from an example; {fix}"),
    );
}

#[test]
fn a_secret_stands_in_one_place() {
    refused_client(
        "secret_file = \"secret.txt\"\nsecret = \"0123456789abcdefg\"",
        "secret_file: secret is given as well; fix: keep one of the two",
    );
}

#[test]
fn two_secrets_overlap_while_one_is_replaced() {
    let config =
        read(&client(&format!("{CALLBACK}\nsecrets = [\"0123456789abcdefg\", \"gfedcba9876543210\"]")))
            .unwrap();
    let web = config.pools[0].pool.client("web").unwrap();
    assert!(
        web.accepts_secret("0123456789abcdefg")
            && web.accepts_secret("gfedcba9876543210")
            && !web.is_public()
    );
    refused_client(
        "secrets = []",
        "secrets: 0 secrets are given; fix: give one, or two while one replaces the other",
    );
    refused_client(
        "secrets = [\"0123456789abcdefg\"]\nsecret_file = \"secret.txt\"",
        "secrets: secret is given as well; fix: keep one of the two",
    );
}

#[test]
fn a_secret_file_is_read_without_its_line_break() {
    let config = read(&client(&format!("{CALLBACK}\nsecret_file = \"secret.txt\""))).unwrap();
    assert!(config.pools[0].pool.client("web").unwrap().accepts_secret("a secret read from a file"));
    refused_client(
        "secret_file = \"empty.txt\"",
        "secret_file: \"empty.txt\" is empty; fix: write the value into the file",
    );
}

/// A-04
#[test]
fn only_three_grants_are_offered() {
    refused_client(
        "grants = [\"authorization_code\", \"implicit\"]",
        "grants[1]: \"implicit\" is no grant that is offered; fix: use authorization_code with PKCE; tokens \
         never appear in URLs",
    );
    refused_client(
        "grants = [\"authorization_code\", \"password\"]",
        "grants[1]: \"password\" is no grant that is offered; fix: write authorization_code, refresh_token \
         or client_credentials",
    );
}

/// A-57
#[test]
fn client_credentials_need_a_secret_and_a_custom_scope() {
    let text = client("grants = [\"client_credentials\"]\nscopes = [\"openid\"]");
    assert_eq!(
        problems(&text),
        [
            "symbolon.toml:5: pool[0].client[0].grants: client_credentials needs a client with a secret; \
             fix: add secret or secret_file, or remove the grant",
            "symbolon.toml:6: pool[0].client[0].scopes: client_credentials needs a custom scope; fix: add \
             one such as \"api/read\"",
        ]
    );
    let text =
        client("grants = [\"client_credentials\"]\nscopes = [\"api/read\"]\nsecret = \"0123456789abcdefg\"");
    let config = read(&text).unwrap();
    assert!(config.pools[0].pool.client("web").unwrap().allows(Grant::ClientCredentials));
}

#[test]
fn the_code_grant_needs_somewhere_to_go() {
    refused(
        &client(""),
        "symbolon.toml:3: pool[0].client[0].redirect_uris: authorization_code needs a redirect URI; fix: add \
         redirect_uris = [\"https://app.example/callback\"]",
    );
    refused(
        &client("redirect_uris = []"),
        "symbolon.toml:5: pool[0].client[0].redirect_uris: the list is empty; fix: add the app's callback: \
         \"https://app.example/callback\"",
    );
    refused_client("grants = []", "grants: the client may use no grant; fix: name one, or remove the key");
}

#[test]
fn grants_that_do_nothing_are_warned_about() {
    let machine = "secret = \"0123456789abcdefg\"\nscopes = [\"api/read\"]";
    warned(
        &format!("{machine}\ngrants = [\"client_credentials\", \"refresh_token\"]"),
        "symbolon.toml:7: pool[0].client[0].grants: refresh_token does nothing without authorization_code; \
         fix: add authorization_code, or remove the grant",
    );
    warned(
        &format!("{machine}\ngrants = [\"client_credentials\"]\n{CALLBACK}"),
        "symbolon.toml:8: pool[0].client[0].redirect_uris: never used without authorization_code; fix: add \
         the grant, or remove the key",
    );
}

/// A-31
#[test]
fn a_public_client_without_rotation_is_warned_about() {
    warned(
        CALLBACK,
        "symbolon.toml:3: pool[0].client[0]: a stolen refresh token of this public client works to its end; \
         fix: add rotation = true, which notices reuse",
    );
}

#[test]
fn scopes_are_single_tokens_and_need_openid() {
    refused_client(
        "scopes = [\"openid email\"]",
        "scopes[0]: \"openid email\" is more than one scope; fix: write each scope as its own item",
    );
    refused_client(
        "scopes = [\"a\\\"b\"]",
        "scopes[0]: scope token \"a\\\"b\" holds a character outside %x21 / %x23-5B / %x5D-7E; fix: use \
         printable ASCII without spaces, quotes and backslashes",
    );
    refused_client(
        "scopes = [\"email\"]",
        "scopes[0]: \"email\" needs the scope openid; fix: add \"openid\" to the list",
    );
}

#[test]
fn providers_must_be_the_pools() {
    let provider = "[[pool.provider]]\nname = \"Acme\"\nuse = \"oidc\"\nissuer \
        = \"https://i.example\"\nclient_id = \"c\"\nclient_secret = \"abcdefgh1\"";
    refused(
        &client(&format!("{CALLBACK}\nproviders = [\"Acme\", \"Acne\"]\n{provider}")),
        "symbolon.toml:6: pool[0].client[0].providers[1]: this pool has no provider \"Acne\"; fix: the \
         nearest provider of this pool is \"Acme\"",
    );
    refused_client(
        "providers = [\"Acme\"]",
        "providers[0]: this pool has no provider \"Acme\"; fix: add [[pool.provider]]",
    );
    refused_client(
        "providers = []",
        "providers: the list is empty, so nobody can sign in; fix: name a provider, or remove the key to \
         allow all",
    );
}

#[test]
fn a_provider_with_another_problem_still_exists_for_clients() {
    let provider = "[[pool.provider]]\nname = \"Acme\"\nuse = \"oidc\"\nissuer \
        = \"https://i.example\"\nclient_secret = \"abcdefgh1\"";
    refused(
        &client(&format!("{CALLBACK}\nproviders = [\"Acme\"]\n{provider}")),
        "symbolon.toml:7: pool[0].provider[0].client_id: missing; fix: add client_id",
    );
}

#[test]
fn clients_of_a_pool_share_no_id() {
    refused(
        &client(&format!("{CALLBACK}\n[[pool.client]]\nid = \"web\"\n{CALLBACK}")),
        "symbolon.toml:7: pool[0].client[1].id: the client id \"web\" is already used by \
         pool[0].client[0].id; fix: give each its own client id",
    );
}

#[test]
fn lifetimes_come_from_the_pool_unless_the_client_says_otherwise() {
    let text = format!(
        "[[pool]]\nid = \"eu-west-1_A1\"\naccess_token_lifetime = \"10m\"\nrefresh_token_lifetime \
         = \"1d\"\n[[pool.client]]\nid = \"web\"\n{CALLBACK}\nrefresh_token_lifetime = \"2d\""
    );
    let lifetimes = read(&text).unwrap().pools[0].pool.client("web").unwrap().lifetimes;
    assert_eq!(lifetimes.access_token, Duration::from_secs(600));
    assert_eq!(lifetimes.refresh_token, Duration::from_secs(172_800));
    assert_eq!(lifetimes.id_token, Duration::from_secs(3600));
}

#[test]
fn refresh_tokens_outlive_the_others() {
    refused_client(
        "refresh_token_lifetime = \"1h\"\naccess_token_lifetime = \"2h\"",
        "refresh_token_lifetime: refresh tokens live 1h, shorter than other tokens (2h); fix: make \
         refresh_token_lifetime the longest",
    );
}

#[test]
fn rotation_has_a_grace_of_at_most_a_minute() {
    let rotation = |lines: &str| {
        read(&client(&format!("{CALLBACK}\n{lines}"))).unwrap().pools[0].pool.client("web").unwrap().rotation
    };
    assert_eq!(rotation("rotation = true"), Rotation::On { grace: Duration::from_secs(10) });
    assert_eq!(rotation("rotation = true\nrotation_grace = 0"), Rotation::On { grace: Duration::ZERO });
    assert_eq!(rotation(""), Rotation::Off);
    refused_client(
        "rotation_grace = 5",
        "rotation_grace: rotation is off; fix: add rotation = true, or remove the key",
    );
    refused_client(
        "rotation_grace = \"61s\"\nrotation = true",
        "rotation_grace: \"61s\" is out of range; fix: write a duration from \"0s\" to \"1m\"",
    );
}

/// A-68
#[test]
fn cors_origins_are_exact_origins() {
    for (origin, problem) in [
        (
            "*",
            "\"*\" is no absolute URI: relative URL without a base; fix: write it in full: \
             https://app.example/callback",
        ),
        (
            "https://app.example/",
            "\"https://app.example/\" is not an origin as browsers send it; fix: write \
             \"https://app.example\"",
        ),
        (
            "http://app.example",
            "\"http://app.example\" is plain http; fix: use https; http is for localhost, 127.0.0.1 and \
             [::1] only",
        ),
    ] {
        refused_client(&format!("cors_origins = [\"{origin}\"]"), &format!("cors_origins[0]: {problem}"));
    }
}

/// A-54
#[test]
fn resources_are_absolute_uris_without_a_fragment() {
    refused_client(
        "resources = [\"https://api.example/#x\"]",
        "resources[0]: \"https://api.example/#x\" has a fragment; fix: remove # and what follows",
    );
    let config =
        read(&client(&format!("{CALLBACK}\nresources = [\"https://api.example\", \"urn:example:api\"]")))
            .unwrap();
    assert_eq!(config.pools[0].pool.client("web").unwrap().resources.len(), 2);
}

/// A-64
#[test]
fn logout_tokens_go_to_an_https_endpoint() {
    refused_client(
        "backchannel_logout_uri = \"ftp://app.example/\"",
        "backchannel_logout_uri: \"ftp\" is not a web scheme; fix: use https",
    );
}

/// A-65
#[test]
fn frames_lead_to_an_origin_of_the_client_s_own() {
    let config =
        read(&client(&format!("{CALLBACK}\nfrontchannel_logout_uri = \"https://app.example/out?x=1\"")))
            .unwrap();
    assert!(config.pools[0].pool.client("web").unwrap().frontchannel_logout_uri.is_some());
    for elsewhere in ["https://other.example/out", "https://app.example:8443/out"] {
        refused_client(
            &format!("frontchannel_logout_uri = {elsewhere:?}"),
            &format!(
                "frontchannel_logout_uri: {elsewhere:?} is not where the client has a redirect URI; fix: \
                 write an address at the scheme, host and port of one of redirect_uris"
            ),
        );
    }
    refused_client(
        "frontchannel_logout_uri = \"javascript://app.example/\"",
        "frontchannel_logout_uri: \"javascript\" is not a web scheme; fix: use https",
    );
}

/// A-51
#[test]
fn a_public_client_cannot_introspect_a_pool() {
    refused_client(
        "introspects_pool = true",
        "introspects_pool: a public client cannot authenticate for introspection; fix: give it a secret, or \
         remove the key",
    );
}

#[test]
fn a_disabled_client_is_configured_but_not_found() {
    let config = read(&client(&format!("{CALLBACK}\nenabled = false"))).unwrap();
    assert!(config.pools[0].pool.client("web").is_none());
    assert_eq!(config.pools[0].pool.clients.len(), 1);
}
