//! Test responses of an IdP whose key we hold.

use std::sync::LazyLock;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{KeyPair, KeySize, OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PrivateDecryptingKey};

use super::assertion::Assertion;
use super::certificate::Certificate;
use super::encryption::DecryptionKey;
use super::error::SamlError;
use super::expected::{Expected, ResponseRules, ResponseTo};
use super::response::verify;
use super::verification_report::Checks;
use crate::model::encoding::base64;
use crate::model::fault::Refusal;
use crate::model::time::Timestamp;
use crate::protocol::Verified;
use crate::protocol::saml::signature::{SpKey, sign};
use std::time::Duration;

/// 2026-01-31T08:00:00Z
pub(super) const NOW: Timestamp = Timestamp::from_secs(1_769_846_400);
pub(super) const IDP: &str = "https://idp.example";
pub(super) const AUDIENCE: &str = "urn:amazon:cognito:sp:eu-1_abc";
pub(super) const ACS: &str = "https://broker.example/saml2/idpresponse";
pub(super) const REQUEST: &str = "_r1";
pub(super) const ALL: [Base; 3] = [Base::Response, Base::Assertion, Base::Both];

const ASSERTION: &str = r#"<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a1" Version="2.0" IssueInstant="2026-01-31T08:00:00Z"><saml:Issuer>https://idp.example</saml:Issuer><saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="2026-01-31T08:05:00Z" Recipient="https://broker.example/saml2/idpresponse" InResponseTo="_r1"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="2026-01-31T08:00:00Z" NotOnOrAfter="2026-01-31T08:05:00Z"><saml:AudienceRestriction><saml:Audience>urn:amazon:cognito:sp:eu-1_abc</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="2026-01-31T08:00:00Z" SessionIndex="s1"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="email"><saml:AttributeValue>alice@example.com</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>"#;
const BEFORE: &str = r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_p1" Version="2.0" IssueInstant="2026-01-31T08:00:00Z" Destination="https://broker.example/saml2/idpresponse" InResponseTo="_r1"><saml:Issuer>https://idp.example</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>"#;
const AFTER: &str = "</samlp:Response>";

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    Response,
    Assertion,
    Both,
    Unsigned,
}

/// A response and what it is held against.
pub(super) struct Story {
    pub base: Base,
    pub before: String,
    pub assertion: String,
    pub after: String,
    pub keys: Vec<Certificate>,
    pub rules: ResponseRules,
    pub now: Timestamp,
    pub sent: Timestamp,
    pub unsolicited: Option<Duration>,
    pub authn_context: Vec<String>,
    pub max_age: Option<Duration>,
    pub idp: &'static str,
    /// The content encryption, and whether we hold the key.
    pub encrypted: Option<Cipher>,
    pub decryption: Vec<DecryptionKey>,
}

/// How an assertion is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cipher {
    Gcm,
    Cbc,
}

pub(super) fn sound(base: Base) -> Story {
    Story {
        base,
        before: BEFORE.into(),
        assertion: ASSERTION.into(),
        after: AFTER.into(),
        keys: vec![key().certificate().clone()],
        rules: ResponseRules::default(),
        now: NOW,
        sent: NOW.minus(Duration::from_secs(20)),
        unsolicited: None,
        authn_context: Vec::new(),
        max_age: None,
        idp: IDP,
        encrypted: None,
        decryption: Vec::new(),
    }
}

impl Story {
    /// Replaces text before signing, wherever it stands.
    pub(super) fn change(&mut self, from: &str, to: &str) -> &mut Self {
        let found = self.before.contains(from) || self.assertion.contains(from);
        assert!(found, "{from} is nowhere");
        self.before = self.before.replace(from, to);
        self.assertion = self.assertion.replace(from, to);
        self
    }

    pub(super) fn xml(&self) -> String {
        let id = |xml: &str| {
            xml.split_once(" ID=\"").and_then(|(_, rest)| rest.split_once('"')).unwrap().0.to_owned()
        };
        let assertion = match self.base {
            Base::Assertion | Base::Both => sign(&self.assertion, &id(&self.assertion), key()).unwrap(),
            Base::Response | Base::Unsigned => self.assertion.clone(),
        };
        let assertion = self.encrypted.map_or(assertion.clone(), |cipher| encrypt(&assertion, cipher));
        let response = format!("{}{assertion}{}", self.before, self.after);
        match self.base {
            Base::Response | Base::Both => sign(&response, &id(&response), key()).unwrap(),
            Base::Assertion | Base::Unsigned => response,
        }
    }

    pub(super) fn verify(&self, xml: &[u8], checks: &mut Checks) -> Result<Verified<Assertion>, SamlError> {
        let request = match self.unsolicited {
            Some(max_age) => ResponseTo::Nothing { max_age },
            None => ResponseTo::Request { id: REQUEST, sent: self.sent },
        };
        let expected = Expected {
            idp: self.idp,
            audience: AUDIENCE,
            acs: ACS,
            request,
            keys: &self.keys,
            decryption: &self.decryption,
            rules: self.rules,
            authn_context: &self.authn_context,
            max_age: self.max_age,
        };
        verify(xml, &expected, self.now, checks)
    }

    pub(super) fn run_with(&self, checks: &mut Checks) -> Result<Verified<Assertion>, SamlError> {
        self.verify(self.xml().as_bytes(), checks)
    }

    pub(super) fn run(&self) -> Result<Verified<Assertion>, SamlError> {
        self.run_with(&mut Checks::default())
    }

    pub(super) fn code(&self) -> &'static str {
        self.run().map_or_else(|error| error.code(), |_| "accepted")
    }
}

/// A response whose assertion is encrypted for us.
pub(super) fn sealed(base: Base, cipher: Cipher) -> Story {
    Story { encrypted: Some(cipher), decryption: vec![decryption_key(RECIPIENT.as_ref())], ..sound(base) }
}

/// An `EncryptedAssertion` of `plaintext` for us.
pub(super) fn encrypt(plaintext: &str, cipher: Cipher) -> String {
    let (key, iv) = ([7; 32], [9; 16]);
    let (algorithm, sealed) = match cipher {
        Cipher::Gcm => ("http://www.w3.org/2009/xmlenc11#aes256-gcm", gcm(plaintext, &key)),
        Cipher::Cbc => ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", cbc(plaintext, &key, iv)),
    };
    let public = PrivateDecryptingKey::from_pkcs8(&RECIPIENT).unwrap().public_key();
    let public = OaepPublicEncryptingKey::new(public).unwrap();
    let mut transported = vec![0; public.ciphertext_size()];
    public.encrypt(&OAEP_SHA1_MGF1SHA1, &key, &mut transported, None).unwrap();
    format!(
        r#"<saml:EncryptedAssertion><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element"><xenc:EncryptionMethod Algorithm="{algorithm}"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>"#,
        base64(transported),
        base64(sealed)
    )
}

fn gcm(plaintext: &str, key: &[u8]) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let mut text = plaintext.as_bytes().to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key([5; 12]), Aad::empty(), &mut text).unwrap();
    [&[5; 12][..], &text].concat()
}

fn cbc(plaintext: &str, key: &[u8], iv: [u8; 16]) -> Vec<u8> {
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, key).unwrap()).unwrap();
    let mut text = plaintext.as_bytes().to_vec();
    key.less_safe_encrypt(&mut text, EncryptionContext::Iv128(FixedLength::from(iv))).unwrap();
    [&iv[..], &text].concat()
}

/// Our RSA key for encryption.
static RECIPIENT: LazyLock<Vec<u8>> = LazyLock::new(new_rsa);

fn new_rsa() -> Vec<u8> {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref().to_vec()
}

/// A key that nobody encrypted for.
pub(super) fn other_decryption_key() -> DecryptionKey {
    decryption_key(&new_rsa())
}

fn decryption_key(pkcs8: &[u8]) -> DecryptionKey {
    DecryptionKey::from_pkcs8(pkcs8).unwrap()
}

/// The response with `from` replaced by `to` is refused with `code` on every base.
#[track_caller]
pub(super) fn refused(from: &str, to: &str, code: &str) {
    for base in ALL {
        let mut story = sound(base);
        story.change(from, to);
        assert_eq!(story.code(), code, "{base:?}: {from} became {to}");
    }
}

/// The response with `from` replaced by `to` is accepted on every base.
#[track_caller]
pub(super) fn taken(from: &str, to: &str) {
    for base in ALL {
        let mut story = sound(base);
        story.change(from, to);
        assert_eq!(story.code(), "accepted", "{base:?}: {from} became {to}");
    }
}

/// The story as changed ends like that on every base.
#[track_caller]
pub(super) fn ends(code: &str, change: impl Fn(&mut Story)) {
    for base in ALL {
        let mut story = sound(base);
        change(&mut story);
        assert_eq!(story.code(), code, "{base:?}");
    }
}

/// The story as changed is accepted on every base.
#[track_caller]
pub(super) fn accepted(change: impl Fn(&mut Story)) {
    ends("accepted", change);
}

pub(super) fn key() -> &'static SpKey {
    static KEY: LazyLock<SpKey> = LazyLock::new(make_key);
    &KEY
}

pub(super) fn other_key() -> &'static SpKey {
    static KEY: LazyLock<SpKey> = LazyLock::new(make_key);
    &KEY
}

fn make_key() -> SpKey {
    let pair = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["idp.example".into()]).unwrap();
    let certificate = params.self_signed(&pair).unwrap();
    SpKey::from_parts(&pair.serialize_der(), certificate.der()).unwrap()
}
