//! `[[pool.provider]]` of SAML providers, and what clients and other pools have to do with them.

use std::time::Duration;

use symbolon::model::time::Timestamp;
use symbolon::protocol::saml::binding::Binding;
use symbolon::provider::saml::{IdpInitiated, MetadataSource, NewKeys, Saml, format};
use symbolon::provider::settings::{EmailTrust, Protocol};

use super::{problems, read, refused};

/// Lines 1 to 7 of every configuration here.
const POOL: &str = "[server]\npublic_url = \"https://auth.example.com\"\n[[pool]]\nid \
    = \"eu-west-1_A1\"\n[[pool.provider]]\nname = \"Acme\"\nuse = \"saml\"\n";
const URL: &str = "metadata_url = \"https://idp.acme.example/metadata\"\n";

fn with_metadata(lines: &str) -> String {
    format!("{POOL}{URL}{lines}\n")
}

#[track_caller]
fn saml(text: &str) -> Saml {
    let provider =
        read(text).unwrap_or_else(|problems| panic!("{}", problems.join("\n"))).pools.remove(0).providers[0]
            .clone();
    match provider.protocol {
        Protocol::Saml(saml) => *saml,
        other => panic!("{other:?}"),
    }
}

/// `problem` is at a key of the provider, in the first line after the metadata's URL.
#[track_caller]
fn refused_line(lines: &str, problem: &str) {
    refused(&with_metadata(lines), &format!("symbolon.toml:9: pool[0].provider[0].{problem}"));
}

fn certificate() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap().pem()
}

#[test]
fn a_url_is_all_that_is_needed() {
    let config = read(&with_metadata("")).unwrap();
    let provider = &config.pools[0].providers[0];
    assert_eq!(provider.client_id, "urn:amazon:cognito:sp:eu-west-1_A1");
    assert_eq!(provider.email_trust, EmailTrust::Domains);
    assert_eq!(config.warnings.len(), 1, "only that no app is registered: {:?}", config.warnings);
    let saml = saml(&with_metadata(""));
    assert_eq!(saml.source, MetadataSource::Url("https://idp.acme.example/metadata".into()));
    assert_eq!((saml.acs_url, saml.new_keys, saml.idp_initiated), (None, NewKeys::Wait, IdpInitiated::Off));
    assert_eq!(
        (saml.accept.skew, saml.accept.cbc_without_signature, saml.friendly_names),
        (Duration::from_secs(60), false, false)
    );
    assert_eq!((saml.request.sign, saml.request.binding), (None, None));
}

#[test]
fn everything_can_be_said() {
    let saml = saml(&with_metadata(
        "entity_id = \"https://idp.acme.example\"\nsp_entity_id = \"https://old.example/sp\"\nacs_url \
         = \"https://old.example/acs\"\n\
         subject_formats = [\"persistent\", \"urn:x:format\"]\nname_id_format \
         = \"emailAddress\"\nsign_requests = true\nrequest_binding = \"post\"\n\
         authn_context = \
         [\"urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport\"]\nfriendly_names = \
         true\nclock_skew = \"2m\"\n\
         sha1_until = \"2027-06-30\"\nrsa_1_5_until = \"2028-02-29\"\ncbc_without_signature = true\nnew_keys \
         = \"trust\"\nend_session = true",
    ));
    assert_eq!(saml.entity_id.as_deref(), Some("https://idp.acme.example"));
    assert_eq!(
        (saml.sp_entity_id.as_str(), saml.acs_url.as_deref()),
        ("https://old.example/sp", Some("https://old.example/acs"))
    );
    assert_eq!((saml.request.binding, saml.request.sign), (Some(Binding::Post), Some(true)));
    assert_eq!(saml.request.name_id_format.as_deref(), Some(format::EMAIL_ADDRESS));
    let end_of_june = Timestamp::from_secs(1_814_400_000);
    assert!(
        saml.accept.sha1(end_of_june.minus(Duration::from_secs(1))) && !saml.accept.sha1(end_of_june),
        "the last day counts whole"
    );
    assert_eq!(saml.accept.rsa_1_5_until, Some(Timestamp::from_secs(1_835_481_600)));
}

/// C-30
#[test]
fn a_provider_by_hand_needs_entity_id_url_and_certificate() {
    let by_hand = format!(
        "{POOL}entity_id = \"https://idp.acme.example\"\nsso_url = \"https://idp.acme.example/sso\"\n"
    );
    refused(
        &by_hand,
        "symbolon.toml:5: pool[0].provider[0].certificates: missing: without one nothing that the provider \
         says can be checked; fix: add the provider's signing certificate",
    );
    let bad = "certificates: there is no certificate; fix: give PEM text, from BEGIN CERTIFICATE to END \
        CERTIFICATE";
    refused(
        &format!("{by_hand}certificates = \"-----BEGIN PRIVATE KEY-----\"\n"),
        &format!("symbolon.toml:10: pool[0].provider[0].{bad}"),
    );
    let two = format!("certificates = [\"\"\"{}\"\"\", \"\"\"{}\"\"\"]\n", certificate(), certificate());
    let MetadataSource::Configured(acme) = saml(&format!("{by_hand}{two}")).source else {
        panic!("written by hand")
    };
    assert_eq!((acme.signing.len(), acme.sso.len()), (2, 2));
    refused(
        &format!(
            "{POOL}sso_url = \"https://idp.acme.example/sso\"\ncertificates = \"\"\"{}\"\"\"\n",
            certificate()
        ),
        "symbolon.toml:5: pool[0].provider[0].entity_id: missing; fix: add entity_id",
    );
}

#[test]
fn a_provider_is_described_once() {
    refused(
        POOL,
        "symbolon.toml:5: pool[0].provider[0].metadata_url: missing: nothing says who the provider is; fix: \
         add metadata_url, metadata_file or metadata; or entity_id, sso_url and certificates",
    );
    let twice = problems(&with_metadata("metadata = \"<x/>\""));
    assert_eq!(twice.len(), 1, "{twice:?}");
    assert!(twice[0].contains("the provider is described twice"), "{twice:?}");
}

/// C-70
#[test]
fn urls_are_https() {
    refused(
        &format!("{POOL}metadata_url = \"http://idp.acme.example/metadata\"\n"),
        "symbolon.toml:8: pool[0].provider[0].metadata_url: \"http://idp.acme.example/metadata\" is not \
         https; fix: use https; http is for localhost, 127.0.0.1 and [::1] only",
    );
    refused(
        &format!("{POOL}metadata_url = \"http://localhost/metadata\"\n"),
        "symbolon.toml:8: pool[0].provider[0].metadata_url: \"http://localhost/metadata\" is plain http; \
         fix: use https, or set server.allow_private_upstreams = true for tests on loopback",
    );
    refused_line(
        "acs_url = \"javascript:alert(1)\"",
        "acs_url: \"javascript:alert(1)\" is not https; fix: use https; http is for localhost, 127.0.0.1 and \
         [::1] only",
    );
}

#[test]
fn loosening_has_bounds_and_a_last_day() {
    refused_line(
        "clock_skew = \"121s\"",
        "clock_skew: \"121s\" is out of range; fix: write a duration from \"0s\" to \"2m\"",
    );
    for day in ["2027-02-29", "2027-13-01", "2027-6-30", "tomorrow", "2027-06-00", "2100-02-29"] {
        refused_line(
            &format!("sha1_until = \"{day}\""),
            &format!(
                "sha1_until: {day:?} is no day; fix: write the last day on which it is accepted, such as \
                 \"2027-06-30\""
            ),
        );
    }
    refused_line(
        "subject_formats = [\"transient\"]",
        "subject_formats[0]: a transient NameID identifies nobody at the next sign-in; fix: remove it, and \
         name an attribute with a lasting id as subject",
    );
}

#[test]
fn keys_of_other_protocols_are_refused() {
    refused_line(
        "client_secret = \"0123456789abcdef\"",
        "client_secret: a SAML provider gives no credentials; fix: remove it; our entity id is sp_entity_id",
    );
    refused_line("scopes = [\"openid\"]", "scopes: a SAML provider has no use for it; fix: remove it");
    let other = with_metadata("").replace(
        "\"saml\"",
        "\"oidc\"\nissuer = \"https://a.example\"\nclient_id = \"a\"\nclient_secret = \"0123456789abcdef\"",
    );
    refused(
        &other,
        "symbolon.toml:11: pool[0].provider[0].metadata_url: this belongs to a SAML provider; fix: remove \
         it, or use a saml preset",
    );
}

/// Every option that takes a check away is named by `symbolon check`.
#[test]
fn what_is_loosened_is_said() {
    let warnings = |lines: &str| {
        let config = read(&with_metadata(lines)).unwrap();
        let mut said: Vec<String> = config
            .warnings
            .iter()
            .filter_map(|warning| warning.message.split_once(": "))
            .map(|(option, _)| option.to_owned())
            .collect();
        said.dedup();
        said
    };
    for line in [
        "sha1_until = \"2027-06-30\"",
        "rsa_1_5_until = \"2027-06-30\"",
        "cbc_without_signature = true",
        "friendly_names = true",
        "clock_skew = \"61s\"",
        "new_keys = \"trust\"",
        "subject_formats = [\"emailAddress\"]",
        "subject_formats = [\"unspecified\"]",
        "trust_every_email = true",
    ] {
        assert_eq!(warnings(line), [line.split(' ').next().unwrap()], "{line}");
    }
    assert!(warnings("clock_skew = \"60s\"\nsubject_formats = [\"persistent\"]").is_empty());
}

fn with_client(lines: &str, client: &str) -> String {
    format!(
        "{}[[pool.client]]\nid = \"web\"\nredirect_uris = [\"https://app.example/cb\"]\n{client}\n",
        with_metadata(lines)
    )
}

#[test]
fn an_unasked_response_leads_to_a_client_that_can_take_it() {
    let accept = "idp_initiated = \"accept\"\nidp_initiated_client = \"web\"";
    let secret = "secret = \"kT4mZ8qLw2Xn6Rb0\"";
    let ok = read(&with_client(accept, secret)).unwrap();
    assert!(
        ok.warnings.iter().any(|warning| warning.message.starts_with("idp_initiated: ")),
        "{:?}",
        ok.warnings
    );
    let at = "symbolon.toml:10: pool[0].provider[0].idp_initiated_client: ";
    refused(
        &with_client(accept, "rotation = true"),
        &format!(
            "{at}a public client needs PKCE, and nobody began this sign-in; fix: give the client a secret, \
             or use idp_initiated = \"restart\""
        ),
    );
    refused(
        &with_client(accept, &format!("{secret}\nrequire_par = true")),
        &format!(
            "{at}the client has to push its requests, and nobody began this sign-in; fix: use idp_initiated \
             = \"restart\""
        ),
    );
    refused(
        &with_client(&accept.replace("web", "app"), secret),
        &format!("{at}this pool has no client \"app\"; fix: name a client of this pool"),
    );
    let other = "[[pool.provider]]\nname = \"B\"\nuse = \"saml\"\nmetadata_url = \"https://b.example\"";
    refused(
        &with_client(accept, &format!("{secret}\nproviders = [\"B\"]\n{other}")),
        &format!("{at}the client may not use this provider; fix: add the provider to the client's providers"),
    );
    let restart = "idp_initiated = \"restart\"\nidp_initiated_client = \"web\"";
    refused(
        &with_client(restart, secret),
        &format!(
            "{at}the client does not say where it begins a sign-in; fix: add initiate_login_uri to the client"
        ),
    );
    let public = with_client(restart, "rotation = true\ninitiate_login_uri = \"https://app.example/login\"");
    assert!(
        matches!(saml(&public).idp_initiated, IdpInitiated::Restart { client } if client.as_str() == "web")
    );
    refused(
        &with_metadata("idp_initiated = \"restart\""),
        "symbolon.toml:5: pool[0].provider[0].idp_initiated_client: missing; fix: name the client that \
         people who start at the provider come to",
    );
}

#[test]
fn two_pools_share_no_entity_id() {
    let second = "[[pool]]\nid = \"eu-west-1_B1\"\nhosts = [\"b.example.com\"]\n[[pool.provider]]\nname \
        = \"Acme\"\nuse = \"saml\"\n";
    let own = "sp_entity_id = \"https://old.example/sp\"\n";
    let text = format!("{}{second}{URL}{own}", with_metadata(own));
    assert_eq!(
        problems(&text),
        ["symbolon.toml:18: pool[1].provider[0].sp_entity_id: the entity id \"https://old.example/sp\" is \
             already used in another pool by pool[0].provider[0].sp_entity_id; fix: give each pool its own: \
             an assertion for one must not count in another"]
    );
    assert!(read(&format!("{}{second}{URL}", with_metadata(""))).is_ok());
}

/// C-69, C-30: a document that describes no usable identity provider is refused where it stands, with its
/// line.
#[test]
fn unusable_metadata_is_refused_when_the_configuration_is_read() {
    let inline = |xml: &str| format!("{POOL}metadata = '''{xml}'''\n");
    for (xml, reason) in [
        ("<html><body>Sign in</body></html>", "an HTML page (a login page?), not SAML metadata"),
        ("{\"issuer\": 1}", "JSON (an OpenID Connect document?), not SAML metadata"),
        (
            "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
             entityID=\"https://a.example\"><SPSSODescriptor \
             protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"/></EntityDescriptor>",
            "this is SP metadata",
        ),
        ("<!DOCTYPE x><x/>", "metadata: "),
    ] {
        let found = problems(&inline(xml));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("symbolon.toml:8: pool[0].provider[0].metadata: ")
                && found[0].contains(reason),
            "{found:?}"
        );
    }
    let wrong = problems(&format!(
        "{}entity_id = \"https://other.example\"\n",
        inline(&metadata(&certificate(), "PT6H"))
    ));
    assert!(
        wrong[0].contains("the metadata is not of https://other.example; it is of https://idp.acme.example"),
        "{wrong:?}"
    );
    let no_key = metadata(&certificate(), "PT6H").replace("use=\"signing\"", "use=\"encryption\"");
    assert!(problems(&inline(&no_key))[0].contains("has no usable signing certificate"));
    let unsigned =
        format!("{}metadata_signer = '''{}'''\n", inline(&metadata(&certificate(), "PT6H")), certificate());
    assert!(problems(&unsigned)[0].contains("the metadata is not signed, but a signer is configured for it"));
}

/// Metadata of `https://idp.acme.example` with this signing certificate.
fn metadata(pem: &str, cache: &str) -> String {
    let certificate: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
         entityID=\"https://idp.acme.example\" cacheDuration=\"{cache}\" \
         validUntil=\"2027-01-20T00:00:00Z\"><IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor \
         use=\"signing\"><KeyInfo \
         xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data>\
         <X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>\
         <SingleSignOnService \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"https://idp.acme.example/sso\"/></IDPSSODescriptor></EntityDescriptor>"
    )
}

/// Time makes no configuration invalid, so the broker starts; it says what to do.
#[test]
fn what_has_passed_or_ends_soon_is_said() {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.not_after = rcgen::date_time_ymd(2027, 2, 1);
    let pem = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
    let text = format!(
        "{POOL}metadata = '''{}'''\nsha1_until = \"2027-01-10\"\nrsa_1_5_until = \"2028-06-01\"\n",
        metadata(&pem, "PT6H")
    );
    let config = read(&text).unwrap();
    let due = |at: Timestamp| {
        config.expiry_warnings("symbolon.toml", at).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let at = "symbolon.toml: pool[0].provider[0].";
    let january_15 = due(Timestamp::from_secs(1_800_000_000));
    assert_eq!(
        january_15[0],
        format!("{at}sha1_until: the day has passed, so it allows nothing; fix: remove it")
    );
    assert!(
        january_15[1].starts_with(&format!("{at}rsa_1_5_until: the day is more than a year away; fix: ")),
        "{january_15:?}"
    );
    assert!(january_15[2].contains("expires on 2027-02-01, in 16 days; fix: "), "{january_15:?}");
    assert_eq!(january_15.len(), 3);
    let march = due(Timestamp::from_secs(1_804_000_000));
    assert!(
        march[1].contains("rsa_1_5_until")
            && march[2].contains("the metadata was valid until 2027-01-20, so nobody can sign in"),
        "{march:?}"
    );
    assert!(march[3].contains("expired on 2027-02-01; it is still believed"), "{march:?}");
}
