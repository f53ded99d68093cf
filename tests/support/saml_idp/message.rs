//! What the provider says, and the mistakes that it can make.

use std::time::Duration;

use symbolon::model::time::Timestamp;

use super::crypto::{Pair, encrypt};
use super::{Inner, Received};
use crate::support::fake_idp::keys::random_text;

pub(crate) const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
pub(crate) const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
const MAIL: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";

/// Who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) name_id: String,
    pub(crate) format: String,
    /// Attributes of the NameID element, for example ` SPNameQualifier="x"`.
    pub(crate) qualifiers: String,
    pub(crate) attributes: Vec<(String, Vec<String>)>,
    pub(crate) session_index: String,
    /// `SessionNotOnOrAfter`, from the sign-in on.
    pub(crate) session: Option<Duration>,
}

impl Person {
    pub(crate) fn ada() -> Self {
        Self::called("ada-7", "ada@acme.example")
    }

    pub(crate) fn called(name_id: &str, email: &str) -> Self {
        Self {
            name_id: name_id.to_owned(),
            format: PERSISTENT.to_owned(),
            qualifiers: String::new(),
            attributes: vec![
                (MAIL.to_owned(), vec![email.to_owned()]),
                ("displayName".to_owned(), vec!["Ada Acme".to_owned()]),
            ],
            session_index: format!("session-of-{name_id}"),
            session: None,
        }
    }

    /// With these e-mail addresses instead.
    pub(crate) fn mail(mut self, addresses: &[&str]) -> Self {
        self.attributes.retain(|(name, _)| name != MAIL);
        if !addresses.is_empty() {
            self.attributes
                .push((MAIL.to_owned(), addresses.iter().map(|text| (*text).to_owned()).collect()));
        }
        self
    }
}

/// A mistake of the provider's administrator, or an attack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Slip {
    /// Another ACS URL in Destination and Recipient.
    Acs(String),
    Audience(String),
    /// Signed with a key that the metadata does not name.
    KeyRolled(Pair),
    /// The clock is off by these seconds.
    Clock(i64),
    Transient,
    Unsigned,
    /// Encrypted for this certificate (DER).
    EncryptedFor(Vec<u8>),
    /// The answer comes by HTTP-Redirect.
    ByRedirect,
    /// The answer names another tenant as its issuer.
    Issuer(String),
    /// `AuthnInstant` lies so many seconds back.
    OldSession(i64),
    /// The person cannot get back from the provider's sign-out.
    NeverSignsOut,
    /// `InResponseTo` is this, or absent.
    InResponseTo(Option<String>),
    /// The assertion has this ID.
    AssertionId(String),
}

/// What is answered to.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) acs: String,
    pub(crate) audience: String,
    pub(crate) request: Option<String>,
}

impl Answer {
    /// To an AuthnRequest.
    pub(crate) fn to(request: &Received) -> Self {
        let document = roxmltree::Document::parse(&request.xml).expect("well-formed");
        let root = document.root_element();
        let issuer =
            root.children().find(|node| node.tag_name().name() == "Issuer").and_then(|node| node.text());
        Self {
            acs: root.attribute("AssertionConsumerServiceURL").expect("an ACS URL").to_owned(),
            audience: issuer.expect("an issuer").to_owned(),
            request: root.attribute("ID").map(str::to_owned),
        }
    }
}

/// What an answer is made with.
pub(super) struct Making<'a> {
    pub(super) inner: &'a Inner,
    pub(super) keys: &'a Pair,
    pub(super) slips: &'a [Slip],
    pub(super) person: &'a Person,
}

impl Making<'_> {
    fn slip<T>(&self, find: impl Fn(&Slip) -> Option<T>) -> Option<T> {
        self.slips.iter().find_map(find)
    }

    fn now(&self) -> Timestamp {
        let off =
            self.slip(|slip| if let Slip::Clock(off) = slip { Some(*off) } else { None }).unwrap_or_default();
        Timestamp::from_secs(self.inner.clock.now().secs() + off)
    }

    fn issuer(&self) -> String {
        self.slip(|slip| if let Slip::Issuer(issuer) = slip { Some(issuer.clone()) } else { None })
            .unwrap_or_else(|| self.inner.entity_id())
    }
}

/// A response with one assertion, signed.
pub(super) fn response(making: &Making<'_>, answer: &Answer) -> String {
    let acs = making
        .slip(|slip| if let Slip::Acs(acs) = slip { Some(acs.clone()) } else { None })
        .unwrap_or_else(|| answer.acs.clone());
    let request = making
        .slip(|slip| if let Slip::InResponseTo(request) = slip { Some(request.clone()) } else { None })
        .unwrap_or_else(|| answer.request.clone());
    let to = request.map(|request| format!(" InResponseTo=\"{request}\"")).unwrap_or_default();
    let (now, issuer) = (making.now().utc(), making.issuer());
    let id = making
        .slip(|slip| if let Slip::AssertionId(id) = slip { Some(id.clone()) } else { None })
        .unwrap_or_else(|| format!("_a{}", hex(&random_text())));
    let plain = assertion(making, &id, (&acs, &answer.audience, &to));
    let key = making.slip(|slip| if let Slip::KeyRolled(keys) = slip { Some(keys.clone()) } else { None });
    let signed = if making.slips.contains(&Slip::Unsigned) {
        plain
    } else {
        key.as_ref().unwrap_or(making.keys).sign_xml(&plain, &id)
    };
    let body = match making.slip(|slip| {
        if let Slip::EncryptedFor(certificate) = slip { Some(certificate.clone()) } else { None }
    }) {
        Some(certificate) => encrypt(&signed, &certificate),
        None => signed,
    };
    format!(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_r{}\" Version=\"2.0\" \
         IssueInstant=\"{now}\" \
         Destination=\"{acs}\"{to}><saml:Issuer>{issuer}</saml:Issuer><samlp:Status><samlp:StatusCode \
         Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>{body}</samlp:Response>",
        hex(&random_text())
    )
}

fn assertion(making: &Making<'_>, id: &str, (acs, audience, to): (&str, &str, &str)) -> String {
    let (person, now) = (making.person, making.now());
    let at = |seconds: u64| now.plus(Duration::from_secs(seconds)).utc();
    let audience = making
        .slip(|slip| if let Slip::Audience(audience) = slip { Some(audience.clone()) } else { None })
        .unwrap_or(audience.to_owned());
    let age = making
        .slip(|slip| if let Slip::OldSession(age) = slip { Some(*age) } else { None })
        .unwrap_or_default();
    let authn = Timestamp::from_secs(now.secs() - age).utc();
    let format = if making.slips.contains(&Slip::Transient) { TRANSIENT } else { &person.format };
    let session = person
        .session
        .map(|life| format!(" SessionNotOnOrAfter=\"{}\"", at(life.as_secs())))
        .unwrap_or_default();
    let attributes = attributes(person);
    format!(
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" \
         IssueInstant=\"{issued}\"><saml:Issuer>{issuer}</saml:Issuer><saml:Subject><saml:NameID \
         Format=\"{format}\"{qualifiers}>{name}</saml:NameID><saml:SubjectConfirmation \
         Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData \
         NotOnOrAfter=\"{end}\" \
         Recipient=\"{acs}\"{to}/></saml:SubjectConfirmation></saml:Subject><saml:Conditions \
         NotBefore=\"{issued}\" \
         NotOnOrAfter=\"{end}\"><saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience>\
         </saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement \
         AuthnInstant=\"{authn}\" \
         SessionIndex=\"{index}\"{session}><saml:AuthnContext>\
         <saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassR\
         ef></saml:AuthnContext></saml:AuthnStatement>\
         <saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>",
        issued = at(0),
        end = at(300),
        issuer = making.issuer(),
        qualifiers = person.qualifiers,
        name = person.name_id,
        index = person.session_index,
    )
}

fn attributes(person: &Person) -> String {
    let mut xml = String::new();
    for (name, values) in &person.attributes {
        xml = xml + "<saml:Attribute Name=\"" + name + "\">";
        for value in values {
            xml = xml + "<saml:AttributeValue>" + value + "</saml:AttributeValue>";
        }
        xml += "</saml:Attribute>";
    }
    xml
}

/// A LogoutRequest for `person`, with an enveloped signature where keys are given.
pub(super) fn logout_request(inner: &Inner, slo: &str, person: &Person, keys: Option<&Pair>) -> String {
    let (now, id) = (inner.clock.now(), format!("_l{}", hex(&random_text())));
    let xml = format!(
        "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" \
         IssueInstant=\"{}\" Destination=\"{slo}\" \
         NotOnOrAfter=\"{}\"><saml:Issuer>{}</saml:Issuer><saml:NameID \
         Format=\"{}\"{}>{}</saml:NameID><samlp:SessionIndex>{}</samlp:SessionIndex></samlp:LogoutRequest>",
        now.utc(),
        now.plus(Duration::from_secs(300)).utc(),
        inner.entity_id(),
        person.format,
        person.qualifiers,
        person.name_id,
        person.session_index,
    );
    keys.map_or(xml.clone(), |keys| keys.sign_xml(&xml, &id))
}

/// Where the answer to a LogoutRequest goes, and what it says.
pub(super) fn logout_response(inner: &Inner, request: &Received) -> (String, String) {
    let document = roxmltree::Document::parse(&request.xml).expect("well-formed");
    let root = document.root_element();
    let slo = inner.mind().slo.clone();
    let xml = format!(
        "<samlp:LogoutResponse xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_x{}\" Version=\"2.0\" \
         IssueInstant=\"{}\" Destination=\"{slo}\" \
         InResponseTo=\"{}\"><saml:Issuer>{}</saml:Issuer><samlp:Status><samlp:StatusCode \
         Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status></samlp:LogoutResponse>",
        hex(&random_text()),
        inner.clock.now().utc(),
        root.attribute("ID").unwrap_or_default(),
        inner.entity_id(),
    );
    (slo, xml)
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}
