//! Our own metadata, which an identity provider reads
//! ([SAML Metadata section 2.4.4](https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf)).

use super::binding::Binding;
use super::certificate::Certificate;
use super::xml::{escape_attribute, escape_text, ns};
use crate::model::encoding::base64;

/// Key transport and content encryption that are always decrypted, best first: an identity provider takes the
/// first that it knows.
const ENCRYPTION_METHODS: [&str; 4] = [
    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    "http://www.w3.org/2009/xmlenc11#aes192-gcm",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
];
/// Content encryption that is decrypted where the provider's rules say so.
const CBC_METHODS: [&str; 2] =
    ["http://www.w3.org/2001/04/xmlenc#aes256-cbc", "http://www.w3.org/2001/04/xmlenc#aes128-cbc"];

/// What the broker is towards one identity provider.
#[derive(Debug, Clone)]
pub struct SpMetadata<'a> {
    /// Our entity id.
    pub entity_id: &'a str,
    /// Our assertion consumer service, by POST.
    pub acs_url: &'a str,
    /// Our single logout service, by Redirect and POST.
    pub slo_url: Option<&'a str>,
    /// The certificates of our signatures, the one in use first; several while a key is replaced.
    pub signing: &'a [Certificate],
    /// The certificates of the keys we decrypt with, the newest first: it is the one to encrypt for.
    pub encryption: &'a [Certificate],
    /// `AuthnRequestsSigned`.
    pub signs_requests: bool,
    /// `WantAssertionsSigned`.
    pub wants_signed_assertions: bool,
    /// Whether AES-CBC is decrypted too, for identity providers that know nothing else.
    pub cbc: bool,
    /// NameID formats that we take.
    pub name_id_formats: &'a [String],
}

impl SpMetadata<'_> {
    /// The document, unsigned: an identity provider's administrator reads it from our https address.
    pub fn to_xml(&self) -> String {
        let methods = self.encryption_methods();
        let signing = self.signing.iter().map(|certificate| key_descriptor("signing", certificate, ""));
        let encryption =
            self.encryption.iter().map(|certificate| key_descriptor("encryption", certificate, &methods));
        let formats = self
            .name_id_formats
            .iter()
            .map(|format| format!("    <md:NameIDFormat>{}</md:NameIDFormat>\n", escape_text(format)));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<md:EntityDescriptor xmlns:md=\"{}\" \
             xmlns:ds=\"{}\" entityID=\"{}\">\n  \
             <md:SPSSODescriptor AuthnRequestsSigned=\"{}\" WantAssertionsSigned=\"{}\" \
             protocolSupportEnumeration=\"{}\">\n{}{}{}    \
             <md:AssertionConsumerService Binding=\"{}\" Location=\"{}\" index=\"0\" \
             isDefault=\"true\"/>\n  </md:SPSSODescriptor>\n\
             </md:EntityDescriptor>\n",
            ns::MD,
            ns::DS,
            escape_attribute(self.entity_id),
            self.signs_requests,
            self.wants_signed_assertions,
            ns::SAMLP,
            signing.chain(encryption).collect::<String>(),
            self.slo_url.map(logout_services).unwrap_or_default(),
            formats.collect::<String>(),
            Binding::Post.uri(),
            escape_attribute(self.acs_url),
        )
    }

    fn encryption_methods(&self) -> String {
        let cbc = CBC_METHODS.iter().filter(|_| self.cbc);
        let method = |uri: &&str| format!("      <md:EncryptionMethod Algorithm=\"{uri}\"/>\n");
        ENCRYPTION_METHODS.iter().chain(cbc).map(method).collect()
    }
}

fn key_descriptor(usage: &str, certificate: &Certificate, methods: &str) -> String {
    format!(
        "    <md:KeyDescriptor use=\"{usage}\">\n      <ds:KeyInfo><ds:X509Data>\
         <ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>\
         </ds:KeyInfo>\n{methods}    </md:KeyDescriptor>\n",
        base64(certificate.der()),
    )
}

fn logout_services(url: &str) -> String {
    let service = |binding: Binding| {
        format!(
            "    <md:SingleLogoutService Binding=\"{}\" Location=\"{}\"/>\n",
            binding.uri(),
            escape_attribute(url)
        )
    };
    [Binding::Redirect, Binding::Post].map(service).concat()
}
