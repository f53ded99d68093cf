//! The provider by SAML: reads an `AuthnRequest` of the Redirect binding, writes a signed answer for
//! HTTP-POST.

use std::io::Read as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use symbolon::model::encoding::{base64, base64_decode, base64url};
use symbolon::model::time::Timestamp;
use symbolon::protocol::saml::signature::{SpKey, sign};
use url::Url;

use super::Fail;

const MAIL: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";
const NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";

/// The provider's key and names.
pub struct SamlProvider {
    /// Its entity id.
    pub entity_id: String,
    /// Where requests go.
    pub sso: String,
    /// Its certificate as PEM.
    pub certificate: String,
    key: SpKey,
}

/// A form that the provider's page posts.
#[derive(Debug)]
pub struct Answer {
    /// Where it goes.
    pub acs: Url,
    /// `SAMLResponse`.
    pub response: String,
    /// `RelayState`.
    pub relay_state: String,
}

impl SamlProvider {
    /// A provider with a new RSA-2048 key.
    pub fn new(base: &str) -> Result<Self, Fail> {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)?;
        let mut parameters = rcgen::CertificateParams::new(vec!["provider.example".to_owned()])?;
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2050, 1, 1);
        let certificate = parameters.self_signed(&pair)?;
        Ok(Self {
            entity_id: format!("{base}/saml"),
            sso: format!("{base}/saml/sso"),
            certificate: format!(
                "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
                base64(certificate.der())
            ),
            key: SpKey::from_parts(&pair.serialize_der(), certificate.der())?,
        })
    }

    /// For a broker that wants to read metadata.
    pub fn metadata(&self) -> String {
        let certificate = base64(self.key.certificate().der());
        format!(
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
             entityID=\"{}\"><md:IDPSSODescriptor \
             protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><md:KeyDescriptor \
             use=\"signing\"><ds:KeyInfo \
             xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
             <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
             </md:KeyDescriptor><md:SingleSignOnService \
             Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
             Location=\"{}\"/></md:IDPSSODescriptor></md:EntityDescriptor>",
            self.entity_id, self.sso
        )
    }

    /// `subject` signs in.
    pub fn signs_in(&self, url: &Url, subject: &str) -> Result<Answer, Fail> {
        let of = |wanted: &str| {
            url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        let deflated = base64_decode(&of("SAMLRequest").ok_or("the broker sent no SAMLRequest")?)
            .ok_or("SAMLRequest is no base64")?;
        let mut request = String::new();
        flate2::read::DeflateDecoder::new(&*deflated).read_to_string(&mut request)?;
        let between = |from: &str, to: &str| {
            request.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(text, _)| text)
        };
        let id = between(" ID=\"", "\"").ok_or("the AuthnRequest has no ID")?;
        let acs = between("AssertionConsumerServiceURL=\"", "\"").ok_or("the AuthnRequest names no ACS")?;
        let audience = between("Issuer", "</")
            .and_then(|text| text.split_once('>'))
            .ok_or("the AuthnRequest has no Issuer")?
            .1;
        let xml = self.response((id, acs, audience), subject)?;
        Ok(Answer {
            acs: Url::parse(acs)?,
            response: base64(xml),
            relay_state: of("RelayState").unwrap_or_default(),
        })
    }

    fn response(&self, (request, acs, audience): (&str, &str, &str), subject: &str) -> Result<String, Fail> {
        let now =
            Timestamp::from_secs(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?);
        let (instant, end) = (now.utc(), now.plus(Duration::from_secs(300)).utc());
        let random = base64url(aws_lc_rs::digest::digest(
            &aws_lc_rs::digest::SHA256,
            format!("{request}{subject}").as_bytes(),
        ));
        let issuer = format!("<saml:Issuer>{}</saml:Issuer>", self.entity_id);
        let attribute = |name: &str, value: &str| {
            format!(
                "<saml:Attribute \
                 Name=\"{name}\"><saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute>"
            )
        };
        let attributes = attribute(MAIL, &format!("{subject}@people.example"))
            + &attribute(NAME, &format!("Person {subject}"));
        let assertion = format!(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_a{random}\" \
             Version=\"2.0\" IssueInstant=\"{instant}\">{issuer}<saml:Subject><saml:NameID \
             Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">{subject}</saml:NameID>\
             <saml:SubjectConfirmation \
             Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData \
             NotOnOrAfter=\"{end}\" Recipient=\"{acs}\" \
             InResponseTo=\"{request}\"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions \
             NotBefore=\"{instant}\" \
             NotOnOrAfter=\"{end}\"><saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience>\
             </saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement \
             AuthnInstant=\"{instant}\" \
             SessionIndex=\"_s{random}\"><saml:AuthnContext>\
             <saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</s\
             aml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>\
             <saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"
        );
        let assertion = sign(&assertion, &format!("_a{random}"), &self.key)?;
        Ok(format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
             xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_r{random}\" Version=\"2.0\" \
             IssueInstant=\"{instant}\" Destination=\"{acs}\" \
             InResponseTo=\"{request}\">{issuer}<samlp:Status><samlp:StatusCode \
             Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>{assertion}</samlp:Response>"
        ))
    }
}
