//! What a preset or a pool's table cannot say: every refusal names file, line and key.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use symbolon::provider::preset::{self, Presets};

use super::world::{p256_pem, problems};

const HEAD: &str = "name = \"Acme\"\nclient_id = \"c\"\nclient_secret = \"s\"\n";

/// The only problem of a table whose first three lines are [`HEAD`]; a missing key has no line of its own.
#[track_caller]
fn refused(table: &str, place: &str, message: &str) {
    let found = problems(&format!("{HEAD}{table}"));
    let place = if place.starts_with(|c: char| c.is_ascii_digit()) {
        format!("symbolon.toml:{place}: ")
    } else {
        format!("symbolon.toml: {place}: ")
    };
    let hit = found.iter().any(|problem| problem.starts_with(&place) && problem.contains(message));
    assert!(hit && found.len() == 1, "expected {place}: {message}\n{}", found.join("\n"));
}

#[track_caller]
fn preset_refused(text: &str, place: &str, message: &str) {
    let problems = preset::parse("providers/acme.toml", text).expect_err(text);
    let found: Vec<String> = problems.as_slice().iter().map(ToString::to_string).collect();
    let hit = found.iter().any(|problem| {
        problem.starts_with(&format!("providers/acme.toml:{place}: ")) && problem.contains(message)
    });
    assert!(hit, "expected {place}: {message}\n{}", found.join("\n"));
}

#[test]
fn unknown_keys_name_the_nearest() {
    refused(
        "use = \"google\"\nhosted_domain = [\"a.example\"]",
        "5: hosted_domain",
        "unknown key; fix: remove it; the nearest known key is hosted_domains",
    );
    refused(
        "use = \"oidc\"\nissuer = \"https://a.example\"\n[quirks]\nnonce = true",
        "7: quirks.nonce",
        "unknown key",
    );
    refused("use = \"goggle\"", "4: use", "the nearest preset is \"google\"");
    preset_refused(
        "protocol = \"oidc\"\nissuer = \"https://a.example\"\nsecret = \"x\"",
        "3: secret",
        "unknown key",
    );
}

#[test]
fn a_preset_never_holds_a_credential() {
    for key in [
        "client_id",
        "client_secret",
        "client_secret_file",
        "private_key",
        "private_key_file",
        "key_id",
        "team_id",
    ] {
        preset_refused(
            &format!("protocol = \"oidc\"\nissuer = \"https://a.example\"\n{key} = \"x\""),
            &format!("3: {key}"),
            "never holds a credential",
        );
    }
    preset_refused(
        "protocol = \"oidc\"\nissuer = \"https://a.example\"\ntrust_every_email = true",
        "3: trust_every_email",
        "never vouches",
    );
}

#[test]
fn a_preset_maps_to_attributes_that_exist() {
    preset_refused(
        "protocol = \"oidc\"\nissuer = \"https://a.example\"\n[attributes]\nmail = \"email\"",
        "4: attributes.mail",
        "no attribute",
    );
    preset_refused(
        "protocol = \"oidc\"\nissuer = \"https://a.example\"\n[attributes]\nname = { unsigned = \"/n\" }",
        "4: attributes.name",
        "no unsigned claims come",
    );
}

#[test]
fn quirks_that_cannot_be_together_are_refused() {
    let oauth2 = "protocol = \"oauth2\"\nsubject = \"id\"\n[endpoints]\nauthorization \
        = \"https://a.example/a\"\ntoken = \"https://a.example/t\"\nuserinfo = \"https://a.example/u\"\n";
    for (more, place, message) in [
        ("[quirks]\nuser_form_field = true", "8: quirks.user_form_field", "OpenID Connect provider"),
        ("[quirks]\nnonce_not_echoed = true", "8: quirks.nonce_not_echoed", "no ID token"),
        ("[quirks]\ngroups_overage = true", "8: quirks.groups_overage", "no ID token"),
        (
            "[quirks]\nverified_email_list = \"emails\"",
            "8: quirks.verified_email_list",
            "no further call fills",
        ),
        ("[request]\nmax_age = true", "8: request.max_age", "no ID token"),
    ] {
        preset_refused(&format!("{oauth2}{more}"), place, message);
    }
    let oidc = "protocol = \"oidc\"\nissuer = \"https://a.example\"\n";
    for (more, place, message) in [
        ("[quirks]\nuser_form_field = true", "4: quirks.user_form_field", "only with a form post"),
        ("[quirks]\nappsecret_proof = true", "4: quirks.appsecret_proof", "profile call"),
        (
            "[quirks]\nemail_verified_claim = \"verified\"",
            "4: quirks.email_verified_claim",
            "email_trust does not look",
        ),
        (
            "client_auth = \"none\"\n[quirks]\nnonce_not_echoed = true",
            "5: quirks.nonce_not_echoed",
            "only PKCE is left",
        ),
        ("email_trust = \"verified_list\"", "3: email_trust", "needs a list"),
        ("scopes = [\"email\"]", "3: scopes", "needs the scope openid"),
        ("scopes = [\"openid email\"]", "3: scopes[0]", "scope token"),
        ("[tenants.many]\ncommon = []", "3: tenants", "where the tenant stands"),
        (
            "[request.parameters]\ncode_challenge_method = \"plain\"",
            "3: request.parameters",
            "parameter of the protocol",
        ),
        ("[request.parameters]\nstate = \"x\"", "3: request.parameters", "parameter of the protocol"),
    ] {
        preset_refused(&format!("{oidc}{more}"), place, message);
    }
}

/// B-03: neither `none` nor a shared-secret algorithm can be configured.
#[test]
fn algorithms_without_a_public_key_are_refused() {
    for algorithm in ["none", "HS256", "HS512", "rs256", "RS1", "ES256K"] {
        refused(
            &format!(
                "use = \"oidc\"\nissuer = \"https://a.example\"\nalgorithms = [\"RS256\", \"{algorithm}\"]"
            ),
            "6: algorithms[1]",
            "no accepted algorithm",
        );
    }
}

#[test]
fn a_multi_tenant_issuer_needs_to_know_whom_to_let_in() {
    refused("use = \"microsoft\"\ntenant = \"common\"", "allowed_tenants", "nothing says which may sign in");
    refused("use = \"microsoft\"\ntenant = \"contoso.example\"", "5: tenant", "no tenant id");
    refused("use = \"microsoft\"", "tenant", "missing; the preset microsoft needs it");
    let id = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    refused(
        &format!("use = \"microsoft\"\ntenant = \"{id}\"\nallowed_tenants = [\"{id}\"]"),
        "6: allowed_tenants",
        "that of one tenant",
    );
    refused(
        "use = \"microsoft\"\ntenant = \"common\"\nallowed_tenants = [\"contoso.example\"]",
        "6: allowed_tenants",
        "no tenant id",
    );
    refused(
        "use = \"oidc\"\nissuer = \"https://a.example\"\nallowed_tenants = [\"x\"]",
        "6: allowed_tenants",
        "that of one tenant",
    );
    refused(
        "use = \"oidc\"\nissuer = \"https://a.example/{tenantid}\"\nallowed_tenants = [\"x\"]",
        "discovery_url",
        "no metadata of its own",
    );
}

#[test]
fn google_refuses_offline_access() {
    refused(
        "use = \"google\"\nscopes = [\"openid\", \"offline_access\"]",
        "5: scopes",
        "refuses the scope \"offline_access\"",
    );
}

#[test]
fn keys_that_the_preset_cannot_use_are_refused() {
    refused(
        "use = \"oidc\"\nissuer = \"https://a.example\"\ntenant = \"x\"",
        "6: tenant",
        "does not know what to do with it",
    );
    refused(
        "use = \"oidc\"\nissuer = \"https://a.example\"\nhosted_domains = [\"a.example\"]",
        "6: hosted_domains",
        "does not know",
    );
    refused("use = \"gitlab\"\norganisations = [\"a\"]", "5: organisations", "does not know");
    refused("use = \"slack\"\nbase_url = \"https://a.example\"", "5: base_url", "does not know");
    refused("use = \"google\"\nhosted_domains = []", "5: hosted_domains", "would let everybody in");
    refused("use = \"google\"\nteam_id = \"x\"", "5: team_id", "does not use it");
    refused(
        "use = \"oidc\"\nissuer = \"https://a.example\"\nemail_trust = \"domains\"",
        "6: email_trust",
        "no domains to trust",
    );
    refused(
        "use = \"oidc\"\nissuer = \"https://a.example\"\nemail_trust = \"never\"\ntrust_every_email = true",
        "7: trust_every_email",
        "email_trust is given as well",
    );
}

#[test]
fn urls_are_https_and_whole() {
    for (url, message) in [
        ("http://a.example", "not https"),
        ("ftp://a.example", "not https"),
        ("https://u:p@a.example", "user name or a password"),
        ("https://a.example#x", "fragment"),
        ("https://{realm}.example", "placeholder without a value"),
        ("a.example", "no URL"),
    ] {
        refused(&format!("use = \"oidc\"\nissuer = \"{url}\""), "5: issuer", message);
    }
}

#[test]
fn credentials_have_to_fit() {
    let found = problems("name = \"Acme\"\nuse = \"google\"\nclient_id = \"c\"");
    assert!(
        found[0].contains("client_secret: missing; fix: add client_secret or client_secret_file"),
        "{found:?}"
    );
    let found = problems("name = \"Apple\"\nuse = \"apple\"\nclient_id = \"c\"\nclient_secret = \"s\"");
    assert_eq!(found.len(), 4, "{found:?}");
    let found = problems(
        "name = \"Apple\"\nuse = \"apple\"\nclient_id = \"c\"\nteam_id = \"T\"\nkey_id = \"K\"\nprivate_key \
         = \"rubbish\"",
    );
    assert!(found[0].contains("no PKCS#8 PEM key for ES256") && !found[0].contains("rubbish"), "{found:?}");
    let key = p256_pem();
    let found = problems(&format!(
        "name = \"Acme\"\nuse = \"oidc\"\nissuer = \"https://a.example\"\nclient_id = \"c\"\nclient_auth \
         = \"private_key_jwt\"\nprivate_key = '''\n{key}'''"
    ));
    assert!(found[0].contains("no PKCS#8 PEM key for RS256"), "{found:?}");
}

#[test]
fn an_oauth2_provider_needs_its_endpoints() {
    let found = problems(
        "name = \"Acme\"\nuse = \"oauth2\"\nclient_id = \"c\"\nclient_secret = \"s\"\nsubject \
         = \"id\"\n[endpoints]\ntoken = \"https://a.example/t\"",
    );
    assert!(found.iter().any(|problem| problem.contains("endpoints.authorization: missing")), "{found:?}");
    assert!(found.iter().any(|problem| problem.contains("endpoints.userinfo: missing")), "{found:?}");
}

#[test]
fn an_operator_adds_presets_and_every_broken_one_is_named() {
    let more = [
        ("acme.toml", "protocol = \"oidc\"\nissuer = \"https://acme.example\""),
        ("google.toml", "protocol = \"oidc\"\nissuer = \"https://g.example\""),
    ];
    let presets = Presets::embedded()
        .unwrap()
        .with(more.map(|(name, text)| (name.to_owned(), text.to_owned())))
        .unwrap();
    assert_eq!(presets.get("acme").unwrap().rules.issuer.as_deref(), Some("https://acme.example"));
    assert_eq!(presets.get("google").unwrap().rules.issuer.as_deref(), Some("https://g.example"));
    let broken = ["a.toml", "b.toml"].map(|name| (name.to_owned(), "protocol = 1".to_owned()));
    assert_eq!(Presets::embedded().unwrap().with(broken).unwrap_err().as_slice().len(), 2);
    assert!(preset::parse("c.toml", "").is_err());
}

/// The operator's presets are named under `[server]`; their problems name their own file and line.
#[test]
fn a_configuration_names_presets_of_its_own() {
    let config = |preset: Option<&str>| {
        let text = "[server]\npresets = [\"extra/acme.toml\"]\n[[pool]]\nid \
            = \"eu-west-1_A1\"\n[[pool.provider]]\nname = \"Acme\"\nuse = \"acme\"\nclient_id \
            = \"c\"\nclient_secret = \"secret-of-the-app\"";
        let read = |path: &str| {
            preset
                .filter(|_| path == "extra/acme.toml")
                .map(str::to_owned)
                .ok_or_else(|| "no such file".to_owned())
        };
        symbolon::config::parse(text, "symbolon.toml", &[], &read)
    };
    let good = config(Some("label = \"Acme Inc.\"\nprotocol = \"oidc\"\nissuer = \"https://acme.example\""))
        .unwrap();
    assert_eq!(good.pools[0].providers[0].label, "Acme Inc.");
    let broken = config(Some("protocol = \"oidc\"\nissuer = \"https://acme.example\"\nx = 1"))
        .unwrap_err()
        .to_string();
    assert!(broken.contains("extra/acme.toml:3: x: unknown key"), "{broken}");
    let absent = config(None).unwrap_err().to_string();
    assert!(
        absent
            .contains("symbolon.toml:2: server.presets[0]: \"extra/acme.toml\" cannot be read: no such file"),
        "{absent}"
    );
}
