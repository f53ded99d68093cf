//! `AttributeStatement` ([SAML Core section
//! 2.7.3](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).

use super::error::SamlError;
use super::signature_wrapping::{qualified, trimmed};
use super::verification_report::{Judge, shown};
use super::xml::{self, Node, ns};

/// Most attributes of one assertion.
const MAX_ATTRIBUTES: usize = 500;
/// Most values of one assertion.
const MAX_VALUES: usize = 5000;
/// Longest `Name` in bytes.
const MAX_NAME: usize = 1024;

/// An attribute. Attributes of the same `Name` are one, whose values come in document order; the format and
/// friendly name are those of the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// `Name`.
    pub name: String,
    /// `NameFormat`, a URI.
    pub name_format: Option<String>,
    /// `FriendlyName`: for people; no specification makes it unique.
    pub friendly_name: Option<String>,
    /// The text of each value. A value that is `xsi:nil` is left out. A value that is one `NameID`
    /// (eduPersonTargetedID) is that name; other XML has no text that could stand for it and is left out with
    /// a note.
    pub values: Vec<String>,
}

/// Reads all attributes (C-66).
pub(super) fn read(assertion: Node<'_, '_>, judge: &mut Judge<'_>) -> Result<Vec<Attribute>, SamlError> {
    let mut attributes: Vec<Attribute> = Vec::new();
    let mut values = 0;
    for statement in xml::children(assertion, ns::SAML, "AttributeStatement") {
        for element in xml::elements(statement) {
            if !xml::is(element, ns::SAML, "Attribute") {
                refuse(element, judge)?;
                continue;
            }
            let attribute = read_one(element, judge)?;
            values += attribute.values.len();
            if values > MAX_VALUES {
                return Err(SamlError::TooMany { what: "attribute values", limit: MAX_VALUES });
            }
            match attributes.iter_mut().find(|other| other.name == attribute.name) {
                Some(same) => same.values.extend(attribute.values),
                None => attributes.push(attribute),
            }
            if attributes.len() > MAX_ATTRIBUTES {
                return Err(SamlError::TooMany { what: "attributes", limit: MAX_ATTRIBUTES });
            }
        }
    }
    let names: Vec<&str> = attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    judge.checks.note("Attributes", &names.join(", "));
    Ok(attributes)
}

fn refuse(element: Node<'_, '_>, judge: &mut Judge<'_>) -> Result<(), SamlError> {
    if !xml::is(element, ns::SAML, "EncryptedAttribute") {
        return Err(SamlError::Misplaced {
            element: qualified(element),
            parent: "saml:AttributeStatement".into(),
        });
    }
    let error = SamlError::Encrypted { element: "EncryptedAttribute" };
    judge.decide::<()>("Attribute", "in the clear", "EncryptedAttribute", Err(error));
    Ok(())
}

fn read_one(element: Node<'_, '_>, judge: &mut Judge<'_>) -> Result<Attribute, SamlError> {
    const NAME: &str = "Attribute/@Name";
    let name = match xml::attribute(element, "Name") {
        None | Some("") => return Err(SamlError::Missing { element: NAME }),
        Some(name) if name.len() > MAX_NAME => {
            return Err(SamlError::Malformed { element: NAME, found: shown(name) });
        }
        Some(name) => name.to_owned(),
    };
    let mut values = Vec::new();
    for value in xml::elements(element) {
        if !xml::is(value, ns::SAML, "AttributeValue") {
            return Err(SamlError::Misplaced { element: qualified(value), parent: "saml:Attribute".into() });
        }
        if is_nil(value) {
            continue;
        }
        match read_value(value)? {
            Some(text) => values.push(text),
            None => judge.checks.note("Attribute value left out: it is XML", &name),
        }
    }
    let optional = |attribute: &str| xml::attribute(element, attribute).map(str::to_owned);
    Ok(Attribute {
        name,
        name_format: optional("NameFormat"),
        friendly_name: optional("FriendlyName"),
        values,
    })
}

/// The text of a value; `None` for XML other than one `NameID`. A comment in text is refused (C-20).
fn read_value(value: Node<'_, '_>) -> Result<Option<String>, SamlError> {
    let mut inner = xml::elements(value);
    let Some(first) = inner.next() else { return Ok(Some(trimmed(xml::text_str(value)?).to_owned())) };
    let alone = inner.next().is_none()
        && value.children().all(|child| child == first || trimmed(child.text().unwrap_or("?")).is_empty());
    if alone && xml::is(first, ns::SAML, "NameID") {
        return Ok(Some(trimmed(xml::text_str(first)?).to_owned()));
    }
    Ok(None)
}

fn is_nil(value: Node<'_, '_>) -> bool {
    matches!(value.attribute((ns::XSI, "nil")), Some("true" | "1"))
}
