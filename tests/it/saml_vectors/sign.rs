//! What we sign, others verify.

use std::io::Write as _;
use std::process::{Command, Stdio};

use symbolon::protocol::saml::certificate::Certificate;
use symbolon::protocol::saml::signature::{
    SignError, SignatureError, SignaturePolicy, SpKey, sign, verify_raw,
};

use super::signature::check;
use super::{certificate, fixture, private_key};

const REQUEST: &str = "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_q1\" \
    Version=\"2.0\"><saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">urn:räte &amp; \
    co</saml:Issuer><samlp:NameIDPolicy/></samlp:AuthnRequest>";

fn key(name: &str) -> SpKey {
    SpKey::from_parts(&private_key(name), certificate(name).der()).unwrap()
}

/// C-74
#[test]
fn a_request_that_we_signed_verifies_and_nothing_else_changed() {
    for name in ["rsa", "p256"] {
        let signed = sign(REQUEST, "_q1", &key(name)).unwrap();
        let found = check(&signed, &[certificate(name)], SignaturePolicy::default()).unwrap().unwrap();
        assert_eq!(found.algorithm, key(name).algorithm_uri());
        assert_eq!(
            String::from_utf8(found.canonical.into_bytes()).unwrap(),
            REQUEST.replace("<samlp:NameIDPolicy/>", "<samlp:NameIDPolicy></samlp:NameIDPolicy>")
        );
        assert!(matches!(
            check(&signed.replace("räte", "rate"), &[certificate(name)], SignaturePolicy::default()),
            Err(SignatureError::Digest { .. })
        ));
        assert!(signed.find("<ds:Signature").unwrap() > signed.find("</saml:Issuer>").unwrap());
        assert!(signed.find("<ds:Signature").unwrap() < signed.find("<samlp:NameIDPolicy").unwrap());
    }
}

/// C-74: xmlsec1 is the judge, where it is installed.
#[test]
fn xmlsec1_verifies_what_we_signed() {
    let pem = |name: &str| format!("{}/tests/fixtures/saml/keys/{name}.crt.pem", env!("CARGO_MANIFEST_DIR"));
    for name in ["rsa", "p256"] {
        let signed = sign(REQUEST, "_q1", &key(name)).unwrap();
        let id = "urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest";
        let arguments = ["--verify", "--pubkey-cert-pem", &pem(name), "--id-attr:ID", id, "/dev/stdin"];
        let child = Command::new("xmlsec1")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            println!("xmlsec1 is absent: our signatures were verified by ourselves only");
            return;
        };
        child.stdin.take().unwrap().write_all(signed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// C-68: the Redirect binding signs the query as it is.
#[test]
fn signatures_over_plain_bytes_verify() {
    for name in ["rsa", "p256"] {
        let (key, query) = (key(name), b"SAMLRequest=a%2fb&RelayState=x&SigAlg=y");
        let signature = key.sign(query).unwrap();
        let keys = [certificate("other"), certificate(name)];
        assert_eq!(
            verify_raw(key.algorithm_uri(), query, &signature, &keys, SignaturePolicy::default()),
            Ok(1)
        );
        let changed = verify_raw(
            key.algorithm_uri(),
            b"SAMLRequest=a%2Fb&RelayState=x&SigAlg=y",
            &signature,
            &keys,
            SignaturePolicy::default(),
        );
        assert!(matches!(changed, Err(SignatureError::NoKeyFits { .. })));
    }
    let keys = [certificate("rsa")];
    for (uri, loose) in [
        ("", true),
        ("http://www.w3.org/2000/09/xmldsig#hmac-sha1", true),
        ("http://www.w3.org/2000/09/xmldsig#dsa-sha1", true),
    ] {
        assert!(
            matches!(
                verify_raw(uri, b"x", b"y", &keys, SignaturePolicy { sha1: loose }),
                Err(SignatureError::Algorithm(_))
            ),
            "{uri}"
        );
    }
    let sha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
    assert!(matches!(
        verify_raw(sha1, b"x", b"y", &keys, SignaturePolicy::default()),
        Err(SignatureError::Sha1(_))
    ));
    assert!(matches!(
        verify_raw(sha1, b"x", b"y", &keys, SignaturePolicy { sha1: true }),
        Err(SignatureError::NoKeyFits { .. })
    ));
    assert_eq!(
        verify_raw(key("rsa").algorithm_uri(), b"x", b"y", &[], SignaturePolicy::default()),
        Err(SignatureError::NoKeys)
    );
}

/// C-46
#[test]
fn a_key_goes_with_its_own_certificate_only() {
    let mixed = |private: &str, public: &str| {
        SpKey::from_parts(&private_key(private), certificate(public).der()).map(drop)
    };
    assert_eq!(mixed("rsa", "other"), Err(SignError::OtherCertificate));
    assert_eq!(mixed("rsa", "p256"), Err(SignError::OtherCertificate));
    assert_eq!(mixed("p384", "p384"), Err(SignError::Key));
    assert_eq!(SpKey::from_parts(b"junk", certificate("rsa").der()).map(drop), Err(SignError::Key));
}

#[test]
fn only_the_root_with_that_id_is_signed() {
    for (xml, id) in [(REQUEST, "_q2"), ("<a ID='_q1'/>", "_q1"), ("<a>x</a>", "_q1")] {
        assert_eq!(sign(xml, id, &key("rsa")), Err(SignError::NoTarget(id.to_owned())));
    }
    assert!(matches!(sign("<a", "_q1", &key("rsa")), Err(SignError::Xml(_))));
    let first = sign("<a ID='_q1'>x</a>", "_q1", &key("rsa")).unwrap();
    assert!(check(&first, &[certificate("rsa")], SignaturePolicy::default()).unwrap().is_some());
}

#[test]
fn certificates_come_as_pem_der_or_base64() {
    let pem = fixture("keys/rsa.crt.pem");
    let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let body = lines.join(" \r\n\t");
    let found = Certificate::from_base64(&body).unwrap();
    assert_eq!(found, certificate("rsa"));
    assert_eq!(Certificate::from_der(found.der()).unwrap(), found);
    assert_eq!(found.subject(), "CN=Acme rsa");
    assert_eq!(
        (found.fingerprint().len(), found.public_key().key_type().to_string().as_str()),
        (95, "RSA 2048")
    );
    for broken in ["", "!", "AAAA", &body[..400]] {
        Certificate::from_base64(broken).unwrap_err();
    }
    let mut longer = found.der().to_vec();
    longer.push(0);
    Certificate::from_der(&longer).unwrap_err();
    for length in 0..found.der().len() {
        Certificate::from_der(&found.der()[..length]).unwrap_err();
    }
}
