//! What a SAML assertion says, as claims; and which of them identifies the person.

use serde_json::Value;

use super::quirk_error::QuirkError;
use super::saml::{Saml, SubjectRule, format};
use super::settings::Provider;
use crate::model::identity::{Claims, IdentityKey};
use crate::protocol::saml::assertion::Assertion;
use crate::protocol::saml::attributes::Attribute;

/// The claim with the NameID's value. An attribute of the same name as one of these is not seen.
pub const NAME_ID: &str = "NameID";
/// The claim with the NameID's format URI; [`format::UNSPECIFIED`] where it has none.
pub const NAME_ID_FORMAT: &str = "NameIDFormat";
/// The claim with the NameID's `NameQualifier`, if any.
pub const NAME_QUALIFIER: &str = "NameQualifier";
/// The claim with the NameID's `SPNameQualifier`, if any.
pub const SP_NAME_QUALIFIER: &str = "SPNameQualifier";
/// The claim with the assertion's issuer: the provider's entity id.
pub const ISSUER: &str = "Issuer";

/// Longest subject in bytes: that of a persistent NameID ([SAML Core section
/// 8.3.7](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
const MAX_SUBJECT: usize = 256;

/// What an assertion says, as claims: each attribute under its `Name`, one value as a text and several as a
/// list; the NameID, its format and qualifiers, and the issuer under the names of this module.
///
/// With [`Saml::friendly_names`] an attribute also stands under its `FriendlyName`, where no attribute has
/// that as its name.
pub fn claims(saml: &Saml, assertion: &Assertion) -> Claims {
    let mut claims = Claims::new();
    let named = assertion.attributes.iter().map(|attribute| (attribute.name.as_str(), attribute));
    add(&mut claims, named);
    if saml.friendly_names {
        let friendly = assertion
            .attributes
            .iter()
            .filter_map(|attribute| Some((attribute.friendly_name.as_deref()?, attribute)));
        let mut further = Claims::new();
        add(&mut further, friendly);
        for (name, value) in further {
            claims.entry(name).or_insert(value);
        }
    }
    for name in [NAME_ID, NAME_ID_FORMAT, NAME_QUALIFIER, SP_NAME_QUALIFIER] {
        claims.remove(name);
    }
    claims.insert(ISSUER.into(), assertion.issuer.clone().into());
    if let Some(name_id) = &assertion.name_id {
        let format = name_id.format.as_deref().unwrap_or(format::UNSPECIFIED);
        claims.insert(NAME_ID.into(), name_id.value.clone().into());
        claims.insert(NAME_ID_FORMAT.into(), format.into());
        for (claim, value) in
            [(NAME_QUALIFIER, &name_id.name_qualifier), (SP_NAME_QUALIFIER, &name_id.sp_name_qualifier)]
        {
            if let Some(value) = value {
                claims.insert(claim.into(), value.clone().into());
            }
        }
    }
    claims
}

/// Attributes of one name have their values together, in the order of the assertion.
fn add<'a>(claims: &mut Claims, attributes: impl Iterator<Item = (&'a str, &'a Attribute)>) {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, attribute) in attributes {
        let values = attribute.values.iter().map(String::as_str);
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => known.extend(values),
            None => all.push((name, values.collect())),
        }
    }
    for (name, values) in all {
        let value = match values.as_slice() {
            [] => continue,
            [one] => Value::from(*one),
            several => Value::from(several.to_vec()),
        };
        claims.insert(name.to_owned(), value);
    }
}

/// The key under which the person of these claims is known: (provider, issuer, subject), byte-exact.
///
/// A NameID that another party than the issuer or ourselves qualifies is kept apart by its qualifiers.
pub(super) fn key(provider: &Provider, saml: &Saml, claims: &Claims) -> Result<IdentityKey, QuirkError> {
    let issuer = text(claims, ISSUER).ok_or_else(|| QuirkError::SubjectUnusable(ISSUER.into()))?;
    let (subject, issuer) = match &saml.subject {
        SubjectRule::NameId { formats } => (name_id(claims, formats)?, qualified(claims, issuer, saml)),
        SubjectRule::Attribute(name) => {
            let value = text(claims, name).ok_or_else(|| QuirkError::SubjectUnusable(name.clone()))?;
            (usable(value, name)?, issuer.to_owned())
        }
    };
    Ok(IdentityKey { provider: provider.name.clone(), issuer, subject })
}

/// The first value of the first of the mapping's e-mail attributes becomes the claim `email`, which is judged
/// and mapped. An attribute that only happens to be called `email` is none.
pub(super) fn normalise(saml: &Saml, claims: &mut Claims) {
    if saml.email.is_empty() {
        return;
    }
    let first = |value: &Value| match value {
        Value::Array(values) => values.iter().find_map(Value::as_str).map(str::to_owned),
        single => single.as_str().map(str::to_owned),
    };
    let address = saml
        .email
        .iter()
        .find_map(|name| claims.get(name).and_then(first).filter(|text| !text.trim().is_empty()));
    match address {
        Some(address) => drop(claims.insert("email".into(), Value::String(address))),
        None => drop(claims.remove("email")),
    }
}

fn name_id(claims: &Claims, formats: &[String]) -> Result<String, QuirkError> {
    let value = text(claims, NAME_ID).ok_or_else(|| QuirkError::SubjectUnusable(NAME_ID.into()))?;
    let have = text(claims, NAME_ID_FORMAT).unwrap_or(format::UNSPECIFIED);
    if format::same(have, format::TRANSIENT) {
        return Err(QuirkError::SubjectTransient);
    }
    if !formats.iter().any(|listed| format::same(listed, have)) {
        return Err(QuirkError::SubjectFormat(have.chars().take(128).collect()));
    }
    usable(value, NAME_ID)
}

fn qualified(claims: &Claims, issuer: &str, saml: &Saml) -> String {
    let other = |name: &str, usual: &str| text(claims, name).filter(|have| *have != usual);
    let (name, sp) = (other(NAME_QUALIFIER, issuer), other(SP_NAME_QUALIFIER, &saml.sp_entity_id));
    match (name, sp) {
        (None, None) => issuer.to_owned(),
        (name, sp) => [issuer, name.unwrap_or_default(), sp.unwrap_or_default()].join("!"),
    }
}

fn usable(value: &str, claim: &str) -> Result<String, QuirkError> {
    let fits = value.len() <= MAX_SUBJECT && !value.trim().is_empty() && !value.chars().any(char::is_control);
    if fits {
        Ok(value.to_owned())
    } else {
        Err(QuirkError::SubjectUnusable(claim.chars().take(128).collect()))
    }
}

/// A claim with exactly one text value, which is not empty.
fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
