//! Metadata that is refused, and what the refusal says.

use std::time::Duration;

use symbolon::model::encoding::base64;
use symbolon::model::fault::Refusal;
use symbolon::protocol::saml::binding::Binding;
use symbolon::protocol::saml::metadata::{
    ByHand, IdpMetadata, LONGEST_USE, MAX_METADATA, MetadataError, MetadataRules, MetadataWarning,
    SHORTEST_USE, USUAL_USE, by_hand, parse,
};

use super::world::{IDP, at, idp_key, idp_keys, new_key, now, recorded};

const LOCATION: &str = "https://idp.example/sso?tenant=1";

fn certificate() -> String {
    base64(idp_key().certificate().der())
}

fn key(usage: &str, certificate: &str) -> String {
    format!(
        "<KeyDescriptor{usage}><ds:KeyInfo><ds:X509Data>\
         <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>"
    )
}

/// An `EntityDescriptor` without its namespaces declared.
fn entity(id: &str, keys: &str) -> String {
    format!(
        "<EntityDescriptor entityID=\"{id}\">\n<IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\n{keys}\n\
         <SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"{LOCATION}\"/>\n\
         </IDPSSODescriptor></EntityDescriptor>"
    )
}

fn declared(element: &str, xml: &str) -> String {
    const NS: &str =
        "xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
    xml.replacen(&format!("<{element}"), &format!("<{element} {NS}"), 1)
}

fn document() -> String {
    declared("EntityDescriptor", &entity(IDP, &key(" use=\"signing\"", &certificate())))
}

fn group(entities: &[String]) -> String {
    declared("EntitiesDescriptor", &format!("<EntitiesDescriptor>{}</EntitiesDescriptor>", entities.concat()))
}

fn read(xml: &str) -> Result<IdpMetadata, MetadataError> {
    parse(xml.as_bytes(), &MetadataRules::default(), now())
}

fn read_of(xml: &str, entity_id: &str) -> Result<IdpMetadata, MetadataError> {
    parse(xml.as_bytes(), &MetadataRules { entity_id: Some(entity_id), ..MetadataRules::default() }, now())
}

fn code(result: Result<IdpMetadata, MetadataError>) -> &'static str {
    let error = result.unwrap_err();
    assert!(!error.hint().is_empty());
    error.code()
}

#[test]
fn a_small_document_is_enough() {
    let metadata = read(&document()).unwrap();
    assert_eq!((metadata.entity_id.as_str(), metadata.signing.as_slice()), (IDP, idp_keys().as_slice()));
    assert_eq!(metadata.sso(None).unwrap().location, LOCATION);
    assert!(metadata.slo.is_empty() && metadata.warnings.is_empty() && !metadata.wants_signed_requests);
    let unmarked = declared("EntityDescriptor", &entity(IDP, &key("", &certificate())));
    assert_eq!(read(&unmarked).unwrap().signing, idp_keys(), "a key without use signs too");
}

/// C-30
#[test]
fn without_a_signing_certificate_there_is_no_provider() {
    let weak = recorded()["weak_certificate"].as_str().unwrap().to_owned();
    let value = "<KeyDescriptor \
        use=\"signing\"><ds:KeyInfo><ds:KeyName>k</ds:KeyName><ds:KeyValue/></ds:KeyInfo></KeyDescriptor>";
    for (keys, reason) in [
        (String::new(), "no usable signing certificate"),
        (key(" use=\"encryption\"", &certificate()), "no usable signing certificate"),
        (key(" use=\"Signing\"", &certificate()), "its use is \"Signing\""),
        (key(" use=\"signing\"", ""), "not an X.509 certificate"),
        (key(" use=\"signing\"", "AAAA"), "not an X.509 certificate"),
        (key(" use=\"signing\"", "no base64!"), "not base64"),
        (key(" use=\"signing\"", &weak), "1024 bits"),
        (value.to_owned(), "no X509Certificate but KeyName, KeyValue"),
    ] {
        let error = read(&declared("EntityDescriptor", &entity(IDP, &keys))).unwrap_err();
        assert_eq!(error.code(), "saml_metadata_no_signing_key", "{error}");
        assert!(error.to_string().contains(reason) && error.to_string().starts_with("line 2: "), "{error}");
    }
    let commented = certificate().replacen("MII", "MII<!--x-->", 1);
    assert_eq!(
        code(read(&declared("EntityDescriptor", &entity(IDP, &key("", &commented))))),
        "saml_metadata_malformed"
    );
}

#[test]
fn keys_that_do_not_count_are_named_and_the_others_used() {
    let weak = recorded()["weak_certificate"].as_str().unwrap().to_owned();
    let other = new_key("next");
    let next = base64(other.certificate().der());
    let twice =
        [certificate(), weak, next.clone(), certificate()].map(|certificate| key("", &certificate)).concat();
    let metadata = read(&declared("EntityDescriptor", &entity(IDP, &twice))).unwrap();
    assert_eq!(metadata.signing, [idp_key().certificate().clone(), other.certificate().clone()]);
    assert!(matches!(metadata.warnings.as_slice(), [MetadataWarning::KeyIgnored { line: 3,
            reason }] if reason.contains("1024 bits")));
    let chain = key("", &format!("{}</ds:X509Certificate><ds:X509Certificate>{next}", certificate()));
    let metadata = read(&declared("EntityDescriptor", &entity(IDP, &chain))).unwrap();
    assert_eq!(metadata.signing, idp_keys(), "an issuer of the signing certificate signs no responses");
    assert_eq!(metadata.warnings, [MetadataWarning::ChainIgnored { line: 3 }]);
    let many: String =
        (0..17).map(|number| key("", &base64(new_key(&number.to_string()).certificate().der()))).collect();
    assert_eq!(code(read(&declared("EntityDescriptor", &entity(IDP, &many)))), "saml_metadata_too_many_keys");
}

/// C-69
#[test]
fn what_is_no_idp_metadata_is_called_by_its_name() {
    let sp = document().replace("IDPSSODescriptor", "SPSSODescriptor");
    let saml1 = document().replace("SAML:2.0:protocol", "SAML:1.1:protocol");
    for (xml, expected, text) in [
        (
            "<!DOCTYPE html><html><body>Sign in</body></html>".to_owned(),
            "saml_metadata_other_document",
            "an HTML page (a login page?)",
        ),
        (
            "\u{feff}\n<HTML></HTML>".to_owned(),
            "saml_metadata_other_document",
            "an HTML page (a login page?)",
        ),
        (
            "<html xmlns=\"http://www.w3.org/1999/xhtml\"/>".to_owned(),
            "saml_metadata_other_document",
            "an HTML page",
        ),
        (
            "{\"issuer\":\"x\"}".to_owned(),
            "saml_metadata_other_document",
            "this is JSON (an OpenID Connect document?)",
        ),
        (" \n".to_owned(), "saml_metadata_other_document", "an empty document"),
        ("-----BEGIN CERTIFICATE-----".to_owned(), "saml_metadata_other_document", "a certificate"),
        ("https://idp.example/metadata".to_owned(), "saml_metadata_other_document", "this is an address"),
        (
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>".to_owned(),
            "saml_metadata_other_document",
            "a SAML message",
        ),
        (sp, "saml_metadata_of_sp", "line 1: this is SP metadata"),
        (saml1, "saml_metadata_no_saml2", "does not speak SAML 2.0"),
        (
            document().replace("IDPSSODescriptor", "PDPDescriptor"),
            "saml_metadata_no_idp",
            "no identity provider",
        ),
        (group(&[]), "saml_metadata_no_idp", "no identity provider"),
        (document().replace(IDP, " "), "saml_metadata_value", "line 1: entityID must be"),
        (document().replace(IDP, "a&#10;b"), "saml_metadata_value", "line 1: entityID must be"),
        (
            document().replace("HTTP-Redirect", "SOAP"),
            "saml_metadata_no_sso",
            "by HTTP-Redirect or HTTP-POST",
        ),
        (format!("<!DOCTYPE x>{}", document()), "saml_metadata_malformed", "DOCTYPE"),
        (document().replace("</EntityDescriptor>", ""), "saml_metadata_malformed", "well-formed"),
        (format!("{}{}", document(), " ".repeat(MAX_METADATA)), "saml_metadata_too_large", "at most 1048576"),
    ] {
        let error = read(&xml).unwrap_err();
        assert_eq!(error.code(), expected, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

/// C-69
#[test]
fn of_several_providers_one_must_be_chosen() {
    let one = |id: &str| entity(id, &key("", &certificate()));
    let sp = one("https://sp.example").replace("IDPSSODescriptor", "SPSSODescriptor");
    let nested = format!("<EntitiesDescriptor>{}</EntitiesDescriptor>", one("https://b.example"));
    let both = group(&[one("https://a.example"), sp.clone(), nested]);
    let error = read(&both).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this document lists 2 IdPs: https://a.example, https://b.example, set entity_id to the one you mean"
    );
    assert_eq!(read_of(&both, "https://b.example").unwrap().entity_id, "https://b.example");
    assert_eq!(code(read_of(&both, "https://sp.example")), "saml_metadata_of_sp");
    assert_eq!(read(&group(&[sp, one("https://a.example")])).unwrap().entity_id, "https://a.example");
    let error = read_of(&document(), "https://idp.example/SAML").unwrap_err();
    assert_eq!(error.code(), "saml_metadata_wrong_entity");
    assert!(error.hint().contains(IDP));
    assert_eq!(code(read_of(&group(&[one(IDP), one(IDP)]), IDP)), "saml_metadata_entity_twice");
    let smuggled = document().replacen(
        "<IDPSSODescriptor",
        &format!("<Extensions>{}</Extensions><IDPSSODescriptor", one("https://x.example")),
        1,
    );
    assert_eq!(read(&smuggled).unwrap().entity_id, IDP, "an entity inside an extension is none");
    let hundred: Vec<String> = (0..100).map(|number| one(&format!("https://{number}.example"))).collect();
    assert!(matches!(read(&group(&hundred)), Err(MetadataError::SeveralIdps { count: 100,
            listed }) if listed.len() == 10));
}

/// C-69
#[test]
fn metadata_ends_when_it_says_so() {
    let until = |text: &str| document().replacen(" entityID", &format!(" validUntil=\"{text}\" entityID"), 1);
    assert_eq!(read(&until("2026-11-21T07:01:01Z")).unwrap().valid_until, Some(at("2026-11-21T07:01:01Z")));
    for past in ["2026-11-21T07:01:00Z", "2020-01-01T00:00:00Z"] {
        let error = read(&until(past)).unwrap_err();
        assert_eq!(
            (error.code(), error.to_string()),
            ("saml_metadata_expired", format!("line 1: the metadata was valid until {past}"))
        );
    }
    assert_eq!(code(read(&until("soon"))), "saml_metadata_value");
    let group = group(&[entity(IDP, &key("", &certificate()))]);
    let outer =
        group.replacen("<EntitiesDescriptor", "<EntitiesDescriptor validUntil=\"2020-01-01T00:00:00Z\"", 1);
    assert_eq!(code(read(&outer)), "saml_metadata_expired", "of the group around it");
    let role =
        document().replacen("<IDPSSODescriptor", "<IDPSSODescriptor validUntil=\"2020-01-01T00:00:00Z\"", 1);
    assert_eq!(code(read(&role)), "saml_metadata_expired", "of the role in it");
}

/// C-69
#[test]
fn metadata_is_read_again_in_time_and_not_too_often() {
    let cached = |attributes: &str| {
        read(&document().replacen(" entityID", &format!(" {attributes} entityID"), 1))
            .map(|metadata| metadata.refresh_after(now()))
    };
    assert_eq!(read(&document()).unwrap().refresh_after(now()), USUAL_USE);
    for (attributes, expected) in [
        ("cacheDuration=\"PT1H\"", Duration::from_secs(3600)),
        ("cacheDuration=\"PT0S\"", SHORTEST_USE),
        ("cacheDuration=\"P1Y\"", LONGEST_USE),
        ("validUntil=\"2026-11-21T08:01:00Z\"", Duration::from_secs(1800)),
        ("validUntil=\"2026-11-21T07:01:01Z\"", SHORTEST_USE),
        ("validUntil=\"2026-11-21T08:01:00Z\" cacheDuration=\"PT10M\"", Duration::from_secs(600)),
    ] {
        assert_eq!(cached(attributes).unwrap(), expected, "{attributes}");
    }
    assert_eq!(cached("cacheDuration=\"-PT1H\"").unwrap_err().code(), "saml_metadata_value");
}

/// C-70
#[test]
fn people_are_sent_to_https_addresses_only() {
    for bad in [
        "javascript:alert(1)",
        "http://idp.example/sso",
        "http://127.0.0.1/sso",
        "https://user:secret@idp.example/sso",
        "https://idp.example/sso#f",
        "https://idp.exa&#10;mple/sso",
        "data:text/html,x",
        "//idp.example/sso",
        "/sso",
        "",
    ] {
        assert_eq!(code(read(&document().replace(LOCATION, bad))), "saml_metadata_value", "{bad}");
        let slo = format!(
            "<SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
             Location=\"{LOCATION}\" ResponseLocation=\"{bad}\"/></IDPSSODescriptor>"
        );
        assert_eq!(
            code(read(&document().replacen("</IDPSSODescriptor>", &slo, 1))),
            "saml_metadata_value",
            "{bad}"
        );
    }
    let local = document().replace(LOCATION, "http://localhost:8080/sso");
    let rules = MetadataRules { allow_http_loopback: true, ..MetadataRules::default() };
    assert_eq!(
        parse(local.as_bytes(), &rules, now()).unwrap().sso(None).unwrap().location,
        "http://localhost:8080/sso"
    );
    let remote = document().replace(LOCATION, "http://idp.example/sso");
    assert!(parse(remote.as_bytes(), &rules, now()).is_err());
}

/// C-69
#[test]
fn documents_of_too_many_elements_are_refused() {
    let deep = "<a>".repeat(300_000);
    let wide = group(&vec![entity(IDP, ""); 3000]);
    for xml in [deep.as_str(), wide.as_str()] {
        assert!(read(xml).is_err());
    }
}

#[test]
fn four_fields_by_hand_make_a_provider() {
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", certificate());
    let next = new_key("next");
    let both = format!("{pem}{}", pem.replace(&certificate(), &base64(next.certificate().der())));
    let fields = |certificates| ByHand { entity_id: IDP, sso_url: LOCATION, slo_url: None, certificates };
    let written = [both.clone(), certificate()];
    let metadata = by_hand(&fields(&written), false).unwrap();
    assert_eq!(metadata.signing, [idp_key().certificate().clone(), next.certificate().clone()]);
    assert_eq!(metadata.sso(Some(Binding::Post)).unwrap().location, LOCATION);
    assert!(metadata.slo.is_empty());
    let weak = recorded()["weak_certificate"].as_str().unwrap().to_owned();
    let written = [pem, weak];
    let error = by_hand(&fields(&written), false).unwrap_err();
    assert!(
        error.code() == "saml_certificate" && error.to_string().starts_with("certificate 2: "),
        "{error}"
    );
    assert_eq!(code(by_hand(&fields(&[]), false)), "saml_field", "C-30");
    let certificates = [both];
    for (entity_id, sso_url, slo_url) in [
        ("", LOCATION, None),
        (IDP, "http://idp.example", None),
        (IDP, LOCATION, Some("javascript:alert(1)")),
    ] {
        assert_eq!(
            code(by_hand(&ByHand { entity_id, sso_url, slo_url, certificates: &certificates }, false)),
            "saml_field"
        );
    }
}
