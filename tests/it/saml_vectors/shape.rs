//! Signatures bent by hand: each is refused for its shape, before any cryptography.

use symbolon::protocol::saml::signature::{SignatureError, SignaturePolicy};

use super::signature::check;
use super::{certificate, named};

const STRICT: SignaturePolicy = SignaturePolicy { sha1: false };

fn base() -> String {
    named("signed.json", "rsa-sha256")
}

/// The part of the base from `start` up to and including `end`.
fn part<'a>(xml: &'a str, start: &str, end: &str) -> &'a str {
    let from = xml.find(start).unwrap_or_else(|| panic!("no {start}"));
    let to = xml[from..].find(end).unwrap_or_else(|| panic!("no {end}")) + from + end.len();
    &xml[from..to]
}

fn refused(xml: &str) -> String {
    match check(xml, &[certificate("rsa")], STRICT) {
        Err(SignatureError::NoKeyFits { .. } | SignatureError::Digest { .. }) => {
            panic!("cryptography was done on {xml}")
        }
        Err(error) => error.to_string(),
        Ok(found) => panic!("accepted: {found:?}"),
    }
}

#[test]
fn the_base_is_accepted() {
    assert!(check(&base(), &[certificate("rsa")], STRICT).unwrap().is_some());
}

/// C-14
#[test]
fn only_a_reference_to_the_parent_is_followed() {
    let xml = base();
    for uri in [
        "",
        "#",
        "#_a2",
        "_a1",
        "#xpointer(/)",
        "#xpointer(id('_a1'))",
        "http://127.0.0.1/x",
        "file:///etc/passwd",
        "##_a1",
        "#_a1 ",
        "#%5Fa1",
    ] {
        let reason = refused(&xml.replace("URI=\"#_a1\"", &format!("URI=\"{uri}\"")));
        assert!(reason.starts_with("the signature refers to"), "{uri}: {reason}");
    }
    assert!(refused(&xml.replace(" URI=\"#_a1\"", "")).starts_with("the signature refers to"));
    let reference = part(&xml, "<ds:Reference", "</ds:Reference>");
    assert!(refused(&xml.replace(reference, "")).starts_with("SignedInfo"));
    assert!(refused(&xml.replace(reference, &reference.repeat(2))).starts_with("SignedInfo"));
}

/// C-10, C-12: the parent must have an ID of its own, without namespace.
#[test]
fn a_parent_without_id_carries_no_signature() {
    let xml = base();
    assert!(refused(&xml.replace(" ID=\"_a1\"", "")).starts_with("Signature"));
    assert!(refused(&xml.replace(" ID=\"_a1\"", " xml:id=\"_a1\"")).starts_with("Signature"));
    assert!(refused(&xml.replace(" ID=\"_a1\"", " ID=\"\"").replace("#_a1", "#")).starts_with("Signature"));
}

/// C-16
#[test]
fn parts_stand_once_and_in_their_order() {
    let xml = base();
    let signature = part(&xml, "<ds:Signature ", "</ds:Signature>");
    assert!(refused(&xml.replace(signature, &signature.repeat(2))).contains("2 signatures"));
    for (start, end) in [
        ("<ds:SignedInfo>", "</ds:SignedInfo>"),
        ("<ds:SignatureValue>", "</ds:SignatureValue>"),
        ("<ds:CanonicalizationMethod", "/>"),
        ("<ds:SignatureMethod", "/>"),
        ("<ds:Transforms>", "</ds:Transforms>"),
        ("<ds:DigestMethod", "/>"),
        ("<ds:DigestValue>", "</ds:DigestValue>"),
    ] {
        let one = part(&xml, start, end);
        refused(&xml.replace(one, &one.repeat(2)));
        refused(&xml.replace(one, ""));
        refused(&xml.replace(one, &format!("<ds:Object>{one}</ds:Object>")));
    }
    let (info, value) = (
        part(&xml, "<ds:SignedInfo>", "</ds:SignedInfo>"),
        part(&xml, "<ds:SignatureValue>", "</ds:SignatureValue>"),
    );
    refused(&xml.replace(value, "").replace(info, &format!("{value}{info}")));
}

/// C-12: the name is not enough.
#[test]
fn parts_of_another_namespace_are_not_parts() {
    let xml = base();
    for name in ["SignedInfo", "SignatureValue", "Reference", "Transforms", "DigestMethod", "DigestValue"] {
        refused(&xml.replace(&format!("<ds:{name}"), &format!("<ds:{name} xmlns:ds=\"urn:other\"")));
    }
    let signature = part(&xml, "<ds:Signature ", ">");
    let elsewhere = xml.replace(
        signature,
        &signature.replace("http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/2000/09/xmldsig"),
    );
    assert_eq!(check(&elsewhere, &[certificate("rsa")], STRICT), Ok(None));
}

/// C-17
#[test]
fn values_are_plain_base64() {
    let xml = base();
    for name in ["DigestValue", "SignatureValue"] {
        let open = format!("<ds:{name}>");
        for inside in ["<!-- x -->", "<x/>", "*", "&amp;", "=", "\u{a0}"] {
            refused(&xml.replace(&open, &format!("{open}{inside}")));
        }
        refused(&xml.replace(part(&xml, &open, "</"), &format!("{open}</")));
    }
    assert!(
        check(
            &xml.replace("</ds:SignatureValue>", "\n \t</ds:SignatureValue>"),
            &[certificate("rsa")],
            STRICT
        )
        .unwrap()
        .is_some()
    );
}

/// C-16, C-17: nothing but the parts, not even a comment.
#[test]
fn comments_and_text_between_the_parts_are_refused() {
    let xml = base();
    for place in ["<ds:SignedInfo>", "</ds:SignatureMethod>", "<ds:Transforms>", "</ds:SignedInfo>"] {
        let place = if xml.contains(place) { place } else { "<ds:Transforms>" };
        refused(&xml.replace(place, &format!("{place}<!-- x -->")));
        refused(&xml.replace(place, &format!("{place}x")));
    }
}

/// C-18
#[test]
fn other_transforms_are_refused() {
    let xml = base();
    let (enveloped, exclusive) = (
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>",
    );
    for other in ["base64", "enveloped-signature#", "ENVELOPED-SIGNATURE"] {
        refused(&xml.replace(enveloped, &format!("http://www.w3.org/2000/09/xmldsig#{other}")));
    }
    for other in ["http://www.w3.org/2002/07/decrypt#XML", "http://www.w3.org/TR/1999/REC-xslt-19991116", ""]
    {
        assert!(xml.contains(exclusive));
        refused(&xml.replace(exclusive, &format!("\"{other}\"/></ds:Transforms>")));
    }
    let transforms = part(&xml, "<ds:Transforms>", "</ds:Transforms>");
    let (first, second) = transforms["<ds:Transforms>".len()..]
        .split_at(transforms["<ds:Transforms>".len()..].find("/>").unwrap() + 2);
    let swapped =
        format!("<ds:Transforms>{}{first}</ds:Transforms>", second.strip_suffix("</ds:Transforms>").unwrap());
    refused(&xml.replace(transforms, &swapped));
}

/// C-32, C-33: names of algorithms that do not exist here, whatever was signed.
#[test]
fn other_algorithms_are_refused() {
    let xml = base();
    let method = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    for other in [
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2009/xmldsig11#dsa-sha256",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#RSA-SHA256",
        "http://www.w3.org/2007/05/xmldsig-more#sha1-rsa-MGF1",
        "",
    ] {
        assert!(refused(&xml.replace(method, other)).starts_with("the algorithm"), "{other}");
    }
    for other in
        ["http://www.w3.org/2001/04/xmldsig-more#md5", "http://www.w3.org/2001/04/xmlenc#ripemd160", ""]
    {
        let digest = "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>";
        assert!(
            refused(&xml.replace(digest, &digest.replace("http://www.w3.org/2001/04/xmlenc#sha256", other)))
                .starts_with("the algorithm")
        );
    }
    let truncated = format!("{method}\"><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>");
    assert!(refused(&xml.replace(&format!("{method}\"/>"), &truncated)).starts_with("SignatureMethod"));
}

/// C-32
#[test]
fn rsa_pss_has_its_parameters_exactly() {
    let xml = named("signed.json", "rsa-pss-sha256");
    let from = part(&xml, "<ds:SignatureMethod", ">");
    let uri = "http://www.w3.org/2007/05/xmldsig-more#rsa-pss";
    let with = |parameters: &str| {
        let method = format!(
            "<ds:SignatureMethod Algorithm=\"{uri}\"><p:RSAPSSParams \
             xmlns:p=\"http://www.w3.org/2007/05/xmldsig-more#\">{parameters}</p:RSAPSSParams>\
             </ds:SignatureMethod>"
        );
        let short = xml.replacen("</ds:SignatureMethod>", "", 1);
        check(&short.replace(from, &method), &[certificate("rsa")], STRICT)
    };
    let sha = |bits| format!("<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha{bits}\"/>");
    let mask = |bits| {
        format!(
            "<p:MaskGenerationFunction \
             Algorithm=\"http://www.w3.org/2007/05/xmldsig-more#MGF1\">{}</p:MaskGenerationFunction>",
            sha(bits)
        )
    };
    // SignedInfo was signed with the short name, so what has the right parameters fails at the key, and only
    // there.
    for right in [
        String::new(),
        sha(256),
        sha(256) + &mask(256),
        sha(256) + "<p:SaltLength>32</p:SaltLength><p:TrailerField>1</p:TrailerField>",
    ] {
        assert!(matches!(with(&right), Err(SignatureError::NoKeyFits { .. })), "{right}");
    }
    for wrong in [
        "<ds:DigestMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#sha1\"/>".to_owned(),
        sha(256) + &mask(512),
        sha(256) + "<p:SaltLength>20</p:SaltLength>",
        sha(256) + "<p:SaltLength>-1</p:SaltLength>",
        sha(256) + "<p:TrailerField>2</p:TrailerField>",
        "<p:Unknown/>".to_owned(),
    ] {
        assert!(
            matches!(with(&wrong), Err(SignatureError::Shape { element: "RSAPSSParams", .. })),
            "{wrong}"
        );
    }
}

/// C-09, C-27, C-31: whatever `KeyInfo` says or points to is not read.
#[test]
fn the_key_info_is_never_read() {
    let xml = base();
    let info = part(&xml, "<ds:KeyInfo>", "</ds:KeyInfo>");
    for other in [
        "<ds:KeyInfo><ds:RetrievalMethod URI=\"http://127.0.0.1/key\"/></ds:KeyInfo>",
        "<ds:KeyInfo><ds:KeyName>other</ds:KeyName><ds:KeyValue/><ds:X509Data>\
         <ds:X509Certificate>!</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
        "",
    ] {
        assert!(
            check(&xml.replace(info, other), &[certificate("rsa")], STRICT).unwrap().is_some(),
            "{other}"
        );
    }
    let own = named("signed.json", "no-key-info");
    assert!(matches!(check(&own, &[certificate("other")], STRICT), Err(SignatureError::NoKeyFits { .. })));
}

/// C-18: xml-crypto repeats the prefix list on the enveloped transform, where it changes nothing.
#[test]
fn a_prefix_list_on_the_enveloped_transform_is_ignored() {
    let xml = base();
    let enveloped =
        part(&xml, "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"", "/>");
    let open = enveloped.replace("/>", ">");
    let listed = format!(
        "{open}<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" \
         PrefixList=\"xs\"/></ds:Transform>"
    );
    // The signature covers the transform itself, so this one fails at the key, past the shape.
    assert!(matches!(
        check(&xml.replace(enveloped, &listed), &[certificate("rsa")], STRICT),
        Err(SignatureError::NoKeyFits { .. })
    ));
    refused(&xml.replace(enveloped, &format!("{open}<ds:XPath>x</ds:XPath></ds:Transform>")));
}
