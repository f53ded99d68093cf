//! Metadata in the shape of ten identity providers, read.

use serde_json::{Value, json};
use symbolon::protocol::saml::binding::Binding;
use symbolon::protocol::saml::certificate::Certificate;
use symbolon::protocol::saml::expected::{Expected, ResponseRules, ResponseTo};
use symbolon::protocol::saml::metadata::{Endpoint, IdpMetadata, MetadataRules, MetadataWarning, parse};
use symbolon::protocol::saml::response::verify;
use symbolon::protocol::saml::verification_report::Checks;

use super::world::now;

const VENDORS: [(&str, &[u8]); 10] = [
    ("adfs", include_bytes!("../../fixtures/saml/metadata/adfs.xml")),
    ("entra", include_bytes!("../../fixtures/saml/metadata/entra.xml")),
    ("okta", include_bytes!("../../fixtures/saml/metadata/okta.xml")),
    ("google", include_bytes!("../../fixtures/saml/metadata/google.xml")),
    ("ping", include_bytes!("../../fixtures/saml/metadata/ping.xml")),
    ("onelogin", include_bytes!("../../fixtures/saml/metadata/onelogin.xml")),
    ("jumpcloud", include_bytes!("../../fixtures/saml/metadata/jumpcloud.xml")),
    ("keycloak", include_bytes!("../../fixtures/saml/metadata/keycloak.xml")),
    ("shibboleth", include_bytes!("../../fixtures/saml/metadata/shibboleth.xml")),
    ("simplesamlphp", include_bytes!("../../fixtures/saml/metadata/simplesamlphp.xml")),
];

fn read(bytes: &[u8]) -> IdpMetadata {
    parse(bytes, &MetadataRules::default(), now()).unwrap()
}

fn of(name: &str) -> IdpMetadata {
    read(VENDORS.iter().find(|(vendor, _)| *vendor == name).unwrap().1)
}

fn endpoints(endpoints: &[Endpoint]) -> Value {
    let shown = |endpoint: &Endpoint| {
        json!([if endpoint.binding == Binding::Redirect { "redirect" } else { "post" }, endpoint.location])
    };
    endpoints.iter().map(shown).collect()
}

#[test]
fn metadata_of_ten_identity_providers_tells_where_to_go_and_whom_to_believe() {
    let expected: Value =
        serde_json::from_str(include_str!("../../fixtures/saml/metadata/expected.json")).unwrap();
    for (name, bytes) in VENDORS {
        let metadata = read(bytes);
        let found = json!({
            "entity_id": metadata.entity_id,
            "signing": metadata.signing.iter().map(Certificate::fingerprint).collect::<Vec<_>>(),
            "sso": endpoints(&metadata.sso),
            "slo": endpoints(&metadata.slo),
            "wants_signed_requests": metadata.wants_signed_requests,
        });
        assert_eq!(found, expected[name], "{name}");
    }
}

#[test]
fn what_only_some_of_them_say_is_read_too() {
    assert_eq!(of("adfs").warnings, [MetadataWarning::SignatureUnchecked]);
    assert_eq!(of("adfs").name_id_formats.len(), 3);
    let ping = of("ping");
    assert_eq!(ping.cache_duration.map(|duration| duration.as_secs()), Some(86_400));
    assert_eq!(
        ping.slo(Some(Binding::Post)).unwrap().answers(),
        "https://sso.acme.example:9031/idp/SLO-return.saml2"
    );
    assert_eq!(ping.slo(None).unwrap().answers(), "https://sso.acme.example:9031/idp/SLO.saml2");
    assert!(of("google").valid_until.is_some() && of("google").slo(None).is_none());
    assert_eq!(of("jumpcloud").sso(None).unwrap().binding, Binding::Redirect);
    assert!(of("simplesamlphp").sso(Some(Binding::Post)).is_none());
}

/// C-69
#[test]
fn signed_metadata_is_held_to_its_pinned_signer() {
    let (_, adfs) = VENDORS[0];
    let signing = of("adfs").signing;
    let code = |bytes: &[u8], signer: &[_]| {
        let rules = MetadataRules { signer: Some(signer), ..MetadataRules::default() };
        parse(bytes, &rules, now()).map(|metadata| metadata.signing).map_err(|error| code(&error))
    };
    assert_eq!(code(adfs, &signing), Ok(signing.clone()));
    assert_eq!(code(adfs, &of("okta").signing), Err("saml_metadata_signature"));
    assert_eq!(code(adfs, &[]), Err("saml_metadata_signature"));
    let text = String::from_utf8(adfs.to_vec()).unwrap();
    let moved = text.replacen("https://adfs.contoso.example/adfs/ls/", "https://evil.example/adfs/ls/", 1);
    assert_eq!(code(moved.as_bytes(), &signing), Err("saml_metadata_signature"));
    assert_eq!(code(VENDORS[1].1, &signing), Err("saml_metadata_unsigned"));
    // The signed entity inside another one that is not signed.
    let inner = text.trim_start_matches('\u{feff}');
    let group = format!(
        "<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\">{inner}</EntitiesDescriptor>"
    );
    assert_eq!(code(group.as_bytes(), &signing), Err("saml_metadata_unsigned"));
}

/// C-15
#[test]
fn signed_metadata_is_no_response_and_its_signature_signs_none() {
    let text = String::from_utf8(VENDORS[0].1.to_vec()).unwrap();
    let metadata = text.trim_start_matches('\u{feff}');
    let (start, end) = (
        metadata.find("<ds:Signature ").unwrap(),
        metadata.find("</ds:Signature>").unwrap() + "</ds:Signature>".len(),
    );
    let signature = &metadata[start..end];
    let assertion = "<saml:Assertion ID=\"_a\" Version=\"2.0\" \
        IssueInstant=\"2026-11-21T07:00:00Z\">\
        <saml:Issuer>http://adfs.contoso.example/adfs/services/trust</saml:Issuer></saml:Assertion>";
    let response = |id: &str, extensions: &str| {
        format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
             xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" \
             IssueInstant=\"2026-11-21T07:00:00Z\" \
             Destination=\"https://login.acme.example/saml2/idpresponse\">\
             <saml:Issuer>http://adfs.contoso.example/adfs/services/trust</saml:Issuer>{signature}{extensions}<samlp:Status><samlp:StatusCode \
             Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>{assertion}</samlp:Response>"
        )
    };
    let donor = format!("<samlp:Extensions>{}</samlp:Extensions>", metadata.replace(signature, ""));
    let id = "_d4a3c1de-3f9b-4f4e-8d5b-0f6f1d0b2a77";
    let keys = of("adfs").signing;
    for (forged, expected) in [
        (metadata.to_owned(), "saml_not_a_response"),
        (response("_r", &donor), "saml_signature_refused"),
        (response(id, ""), "saml_signature_refused"),
        (response(id, &donor), "saml_xml_refused"),
    ] {
        let fits = Expected {
            idp: "http://adfs.contoso.example/adfs/services/trust",
            audience: "urn:amazon:cognito:sp:eu-central-1_demo",
            acs: "https://login.acme.example/saml2/idpresponse",
            request: ResponseTo::Nothing { max_age: std::time::Duration::from_secs(300) },
            keys: &keys,
            decryption: &[],
            rules: ResponseRules::default(),
            authn_context: &[],
            max_age: None,
        };
        let refused = verify(forged.as_bytes(), &fits, now(), &mut Checks::default()).unwrap_err();
        assert_eq!(code(&refused), expected, "{refused}");
    }
}

fn code(refusal: &dyn symbolon::model::fault::Refusal) -> &'static str {
    refusal.code()
}
