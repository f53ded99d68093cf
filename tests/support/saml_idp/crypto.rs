//! Keys, signatures, encryption and the Redirect binding, apart from the broker's own.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use symbolon::model::encoding::base64;
use symbolon::protocol::saml::binding::Message;
use symbolon::protocol::saml::c14n;
use symbolon::protocol::saml::xml::Document;
use url::form_urlencoded;

const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";

/// A P-256 key and its certificate.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pkcs8: Vec<u8>,
    certificate: Vec<u8>,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pair")
    }
}

impl Pair {
    pub(crate) fn new() -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut parameters = rcgen::CertificateParams::new(vec!["idp.example".to_owned()]).expect("a name");
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2040, 1, 1);
        let certificate = parameters.self_signed(&key).expect("a certificate");
        Self { pkcs8: key.serialize_der(), certificate: certificate.der().to_vec() }
    }

    /// base64 of the DER.
    pub(crate) fn certificate(&self) -> String {
        base64(&self.certificate)
    }

    #[expect(clippy::disallowed_methods, reason = "the provider's randomness is its own")]
    fn sign(&self, bytes: &[u8]) -> String {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.pkcs8).expect("the key");
        base64(key.sign(&SystemRandom::new(), bytes).expect("a signature"))
    }

    /// `xml`, the element with this ID, signed right behind its Issuer.
    pub(super) fn sign_xml(&self, xml: &str, id: &str) -> String {
        let document = Document::parse(xml.as_bytes()).expect("what is signed is well-formed");
        let canonical = c14n::exclusive(document.root(), None, &[]).expect("short");
        let sum = base64(digest(&SHA256, &canonical));
        let info = format!(
            "<ds:SignedInfo xmlns:ds=\"{DS}\"><ds:CanonicalizationMethod \
             Algorithm=\"{EXCLUSIVE}\"></ds:CanonicalizationMethod><ds:SignatureMethod \
             Algorithm=\"{ECDSA_SHA256}\"></ds:SignatureMethod><ds:Reference \
             URI=\"#{id}\"><ds:Transforms><ds:Transform \
             Algorithm=\"{DS}enveloped-signature\"></ds:Transform><ds:Transform \
             Algorithm=\"{EXCLUSIVE}\"></ds:Transform></ds:Transforms><ds:DigestMethod \
             Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
             <ds:DigestValue>{sum}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
        );
        let signature = format!(
            "<ds:Signature \
             xmlns:ds=\"{DS}\">{info}<ds:SignatureValue>{}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>\
             <ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>",
            self.sign(info.as_bytes()),
            self.certificate()
        );
        xml.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1)
    }
}

/// A message by HTTP-Redirect, signed over the raw query.
pub(super) fn redirect_url(
    location: &str,
    kind: &str,
    xml: &str,
    relay_state: Option<&str>,
    keys: Option<&Pair>,
) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let mut query = format!("{kind}={}", encode(&base64(deflate(xml.as_bytes()))));
    if let Some(relay_state) = relay_state {
        query = format!("{query}&RelayState={}", encode(relay_state));
    }
    if let Some(keys) = keys {
        query = format!("{query}&SigAlg={}", encode(ECDSA_SHA256));
        query = format!("{query}&Signature={}", encode(&keys.sign(query.as_bytes())));
    }
    format!("{location}?{query}")
}

/// Stored blocks only: valid DEFLATE ([RFC 1951 section
/// 3.2.4](https://www.rfc-editor.org/rfc/rfc1951#section-3.2.4)).
fn deflate(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a short message");
    let mut out = vec![1];
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(bytes);
    out
}

pub(super) fn inflate(text: &str) -> Vec<u8> {
    symbolon::protocol::saml::binding::inflate(text, Message::Request).expect("DEFLATE")
}

/// The assertion encrypted for the key in this certificate: AES-256-GCM, RSA-OAEP.
pub(super) fn encrypt(assertion: &str, certificate: &[u8]) -> String {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).expect("a certificate");
    let key = PublicEncryptingKey::from_der(parsed.public_key().raw).expect("an RSA key");
    let oaep = OaepPublicEncryptingKey::new(key).expect("an RSA key");
    let (content_key, nonce) = ([7; 32], [9; 12]);
    let mut wrapped = vec![0; oaep.ciphertext_size()];
    let wrapped =
        oaep.encrypt(&OAEP_SHA1_MGF1SHA1, &content_key, &mut wrapped, None).expect("wraps").to_vec();
    let mut sealed = assertion.as_bytes().to_vec();
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &content_key).expect("a key"));
    cipher
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
        .expect("seals");
    let cipher_text = base64([nonce.as_slice(), &sealed].concat());
    let xenc = "http://www.w3.org/2001/04/xmlenc#";
    format!(
        "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"><xenc:EncryptedData \
         xmlns:xenc=\"{xenc}\" Type=\"{xenc}Element\"><xenc:EncryptionMethod \
         Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"/><ds:KeyInfo \
         xmlns:ds=\"{DS}\"><xenc:EncryptedKey><xenc:EncryptionMethod \
         Algorithm=\"{xenc}rsa-oaep-mgf1p\"/><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue>\
         </xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData>\
         <xenc:CipherValue>{cipher_text}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>\
         </saml:EncryptedAssertion>",
        base64(wrapped)
    )
}
