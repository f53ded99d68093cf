//! What `symbolon check` says of these settings.

use symbolon::config;

use super::world::Authority;

const THUMBPRINT: &str = "certificate_thumbprints = [\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"]";
const NAMED: &str = "client_auth = \"tls_client_auth\"\ntls_client_auth_subject_dn = \"CN=app,O=Bank\"";
const ARRIVING: &str = "trusted_proxies = [\"10.0.0.0/8\"]\ntrusted_client_certificate_header \
    = \"client-cert\"\nclient_ca_file = \"ca.pem\"";

/// Problems, or warnings where there is no problem.
fn said(server: &str, pool: &str, client: &str) -> Vec<String> {
    let text = format!(
        "[server]\n{server}\n[[pool]]\nid = \"eu-west-1_A1\"\n{pool}\n[[pool.client]]\nid \
         = \"bank\"\nredirect_uris = [\"https://bank.example/cb\"]\n{client}\n"
    );
    let authority = Authority::new().pem();
    let files = |name: &str| match name {
        "ca.pem" => Ok(format!("Subject: the root\n{authority}And another:\n{authority}")),
        "own.pem" => Ok(authority.clone()),
        "own.key" => Ok("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----".to_owned()),
        "bad.pem" => Ok("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".to_owned()),
        other => Err(format!("no file {other}")),
    };
    match config::parse(&text, "symbolon.toml", &[], &files) {
        Ok(config) => config.warnings.iter().map(ToString::to_string).collect(),
        Err(problems) => problems.to_string().lines().map(str::to_owned).collect(),
    }
}

#[track_caller]
fn says((server, pool, client): (&str, &str, &str), expected: &[&str]) {
    let said: Vec<String> = said(server, pool, client)
        .into_iter()
        .filter(|line| !line.contains("stolen refresh token"))
        .collect();
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (line, part) in said.iter().zip(expected) {
        assert!(line.contains(part), "{line:?} does not hold {part:?}");
    }
}

#[test]
fn a_certificate_has_exactly_one_name() {
    says((ARRIVING, "", NAMED), &[]);
    says(
        (ARRIVING, "", "client_auth = \"tls_client_auth\""),
        &["client_auth: the client's certificate has no name"],
    );
    let two = format!("{NAMED}\ntls_client_auth_san_dns = \"app.bank.example\"");
    says((ARRIVING, "", &two), &["tls_client_auth_san_dns: the certificate is named more than once"]);
    says(
        (ARRIVING, "", "tls_client_auth_san_dns = \"a.example\""),
        &["tls_client_auth_san_dns: the client shows no certificate of an authority"],
    );
    for (line, part) in [
        ("tls_client_auth_subject_dn = \"app\"", "\"app\" is no distinguished name"),
        ("tls_client_auth_subject_dn = \"FOO=app\"", "is no distinguished name"),
        ("tls_client_auth_san_dns = \"*.example\"", "\"*.example\" is no DNS name"),
        ("tls_client_auth_san_uri = \"app\"", "tls_client_auth_san_uri"),
        ("tls_client_auth_san_ip = \"192.0.2.256\"", "\"192.0.2.256\" is no address"),
        ("tls_client_auth_san_email = \"app\"", "\"app\" is no e-mail address"),
    ] {
        says((ARRIVING, "", &format!("client_auth = \"tls_client_auth\"\n{line}")), &[part]);
    }
    says(
        (ARRIVING, "", &format!("{NAMED}\nsecret = \"0123456789abcdef-0\"")),
        &["client_auth: the client has a secret as well"],
    );
}

#[test]
fn a_self_signed_certificate_has_a_thumbprint() {
    let method = "client_auth = \"self_signed_tls_client_auth\"";
    says((ARRIVING, "", &format!("{method}\n{THUMBPRINT}")), &[]);
    says((ARRIVING, "", method), &["client_auth: the client has no certificates"]);
    says(
        (ARRIVING, "", &format!("{method}\ncertificate_thumbprints = []")),
        &["certificate_thumbprints: the list is empty"],
    );
    says(
        (ARRIVING, "", &format!("{method}\ncertificate_thumbprints = [\"00:11\"]")),
        &["\"00:11\" is no SHA-256"],
    );
    says(
        (ARRIVING, "", THUMBPRINT),
        &["certificate_thumbprints: the client shows no certificate that is known"],
    );
}

#[test]
fn certificates_need_a_way_to_arrive_and_somebody_to_vouch_for_them() {
    says(("", "", NAMED), &["no authority vouches", "the certificate of the client bank cannot arrive"]);
    says(("", "", "tls_client_certificate_bound_access_tokens = true"), &["cannot arrive"]);
    let header = "trusted_client_certificate_header = \"client-cert\"";
    says((header, "", ""), &["trusted_client_certificate_header: nobody is believed who writes it"]);
    let proxied = "proxy_protocol = true\ntrusted_proxies = [\"10.0.0.1\"]";
    says((&format!("{proxied}\n{header}"), "", ""), &["passes on what apps wrote themselves"]);
    for name in ["authorization", "Cookie", "x y", "X-Forwarded-For"] {
        let line = format!("trusted_proxies = [\"10.0.0.1\"]\ntrusted_client_certificate_header = {name:?}");
        says((&line, "", ""), &["is no header for certificates"]);
    }
    says(
        ("client_ca_file = \"bad.pem\"", "", ""),
        &["client_ca_file: the file holds something else than PEM certificates"],
    );
    says(
        ("client_ca_file = \"own.key\"", "", ""),
        &["client_ca_file: the file holds something else than PEM certificates"],
    );
    says(
        ("mtls_listen = \"127.0.0.1:8443\"", "", ""),
        &["mtls_listen: this listener has no certificate of its own"],
    );
    let own = "mtls_certificate_file = \"own.pem\"\nmtls_key_file = \"own.key\"";
    says((own, "", ""), &["mtls_certificate_file: nobody listens with it"]);
    says(
        (&format!("mtls_listen = \"127.0.0.1:8080\"\n{own}"), "", ""),
        &["mtls_listen: two listeners would share one address"],
    );
    let listener = format!("mtls_listen = \"127.0.0.1:8443\"\nclient_ca_file = \"ca.pem\"\n{own}");
    says(
        (&listener, "", NAMED),
        &["the metadata does not tell the client bank where certificates are asked for"],
    );
    says((&listener, "mtls_url = \"https://localhost:8443\"", NAMED), &[]);
}

/// The page shows what can be used.
#[test]
fn the_examples_of_the_page_are_configurations() {
    let page = include_str!("../../../docs/mutual-tls.md");
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let authority = Authority::new().pem();
    let files = |name: &str| match name {
        "mtls.key" => Ok("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----".to_owned()),
        "mtls.pem" | "app-authority.pem" => Ok(authority.clone()),
        other => Err(format!("no file {other}")),
    };
    let (whole, server) = (examples[0], examples[1]);
    let (_, rest) = whole.split_once("\n\n").unwrap();
    for (text, summed_up) in [
        (whole.to_owned(), "asked for on 0.0.0.0:8443"),
        (format!("{server}{rest}"), "in the header client-cert"),
    ] {
        let read = config::parse(&text, "symbolon.toml", &[], &files)
            .unwrap_or_else(|problems| panic!("{problems}"));
        assert!(
            read.warnings.is_empty() && read.summary().contains(summed_up),
            "{:?} {}",
            read.warnings,
            read.summary()
        );
    }
}

#[test]
fn under_fapi_a_certificate_stands_in_place_of_assertions_and_proofs() {
    let pool = "signing = \"ES256\"";
    let bank = format!("profile = \"fapi2\"\n{NAMED}");
    says((ARRIVING, pool, &bank), &[]);
    says((ARRIVING, pool, &format!("{bank}\ntls_client_certificate_bound_access_tokens = true")), &[]);
    says(
        (
            ARRIVING,
            pool,
            &format!("{bank}\ntls_client_certificate_bound_access_tokens = true\nrequire_dpop = false"),
        ),
        &[],
    );
    says((ARRIVING, pool, &format!("{bank}\nrequire_dpop = false")), &["require_dpop: FAPI 2.0 requires it"]);
    let both = "tls_client_certificate_bound_access_tokens = true\nrequire_dpop = true\ndpop_nonce = true";
    let bound = "the client's tokens are bound to its certificate";
    says((ARRIVING, pool, &format!("{NAMED}\n{both}")), &[bound, bound]);
}
