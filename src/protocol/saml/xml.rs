//! XML, strictly: a small subset of [XML 1.0](https://www.w3.org/TR/xml/) with [Namespaces
//! 1.0](https://www.w3.org/TR/xml-names/).
//!
//! A document is UTF-8, has no DOCTYPE, no processing instruction and no entity beyond the five, and stays
//! within bounds that are checked before a tree is built. Whatever two parsers could read differently is
//! refused.

mod scan;

use std::borrow::Cow;

use roxmltree::ParsingOptions;
use thiserror::Error;

use super::c14n::{Canonical, EXCLUSIVE};

pub use roxmltree::Node;

/// Namespaces of SAML and of the specifications below it.
pub mod ns {
    /// SAML protocol.
    pub const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
    /// SAML assertion.
    pub const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
    /// SAML metadata.
    pub const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
    /// XML Signature.
    pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
    /// XML Signature, second set: the parameters of RSA-PSS.
    pub const DSIG_MORE: &str = "http://www.w3.org/2007/05/xmldsig-more#";
    /// XML Encryption.
    pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
    /// XML Encryption 1.1.
    pub const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
    /// Exclusive canonicalization.
    pub const EC: &str = super::EXCLUSIVE;
    /// XML Schema.
    pub const XS: &str = "http://www.w3.org/2001/XMLSchema";
    /// XML Schema instances.
    pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
    /// The prefix `xml`.
    pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
}

/// The largest message that a browser may bring, in bytes.
pub const MAX_MESSAGE: usize = 256 * 1024;

/// Why bytes are not a document that is read here, or why an element is not what the schema says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum XmlError {
    /// More bytes than allowed.
    #[error("the document has {bytes} bytes, at most {limit} are read")]
    TooLarge {
        /// Received.
        bytes: usize,
        /// Allowed.
        limit: usize,
    },
    /// Not UTF-8, or declared as another encoding.
    #[error("the document is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Offset of the first byte that is not.
        at: usize,
    },
    /// A construct that is refused wherever it stands.
    #[error("line {line}: {what} is refused")]
    Refused {
        /// Where.
        line: usize,
        /// What, for example `a DOCTYPE`.
        what: &'static str,
    },
    /// More of something than any real message has.
    #[error("line {line}: more than {limit} {what}")]
    TooMany {
        /// Where the limit was passed.
        line: usize,
        /// What, for example `attributes`.
        what: &'static str,
        /// Allowed.
        limit: usize,
    },
    /// Not well-formed.
    #[error("the document is not well-formed: {reason}")]
    Malformed {
        /// What the parser says, with its position.
        reason: String,
    },
    /// Two attributes that name an element have the same value.
    #[error("two elements have the ID {id}")]
    DuplicateId {
        /// The value.
        id: String,
    },
    /// An element that may stand once stands twice.
    #[error("{parent} has more than one {element}")]
    Repeated {
        /// Local name of the repeated element.
        element: &'static str,
        /// Local name of its parent.
        parent: String,
    },
    /// A required element is absent.
    #[error("{parent} has no {element}")]
    Missing {
        /// Local name of the absent element.
        element: &'static str,
        /// Local name of its parent.
        parent: String,
    },
    /// A comment or an element stands where only text may.
    #[error("the text of {element} contains {found}")]
    NotText {
        /// Local name of the element.
        element: String,
        /// What stands in its text.
        found: &'static str,
    },
}

/// A parsed document. The only way to one is through every check of [`Document::parse`].
#[derive(Debug)]
pub struct Document<'i>(roxmltree::Document<'i>);

impl<'i> Document<'i> {
    /// Parses a message of at most [`MAX_MESSAGE`] bytes.
    pub fn parse(bytes: &'i [u8]) -> Result<Self, XmlError> {
        Self::parse_within(bytes, MAX_MESSAGE)
    }

    /// Parses at most `limit` bytes. The bounds on elements, attributes and namespaces grow with `limit`;
    /// depth does not.
    pub fn parse_within(bytes: &'i [u8], limit: usize) -> Result<Self, XmlError> {
        if bytes.len() > limit {
            return Err(XmlError::TooLarge { bytes: bytes.len(), limit });
        }
        let text = utf8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))?;
        let bounds = scan::Bounds::of(limit);
        scan::scan(text, &bounds)?;
        let document = tree(text, &bounds)?;
        unique_ids(&document)?;
        Ok(Self(document))
    }

    /// Parses the canonical form of an element of another document; it may be longer than that. What was
    /// checked there holds of it too, and is not checked again.
    pub fn parse_canonical(bytes: &'i Canonical) -> Result<Self, XmlError> {
        let limit = 4 * MAX_MESSAGE;
        if bytes.len() > limit {
            return Err(XmlError::TooLarge { bytes: bytes.len(), limit });
        }
        tree(utf8(bytes)?, &scan::Bounds::of(limit)).map(Self)
    }

    /// The root element.
    pub fn root(&self) -> Node<'_, 'i> {
        self.0.root_element()
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, XmlError> {
    std::str::from_utf8(bytes).map_err(|error| XmlError::NotUtf8 { at: error.valid_up_to() })
}

fn tree<'i>(text: &'i str, bounds: &scan::Bounds) -> Result<roxmltree::Document<'i>, XmlError> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: bounds.nodes, entity_resolver: None };
    roxmltree::Document::parse_with_options(text, options)
        .map_err(|error| XmlError::Malformed { reason: clip(&error.to_string()).into_owned() })
}

/// Whether `node` is the element `local` of the namespace `namespace`.
pub fn is(node: Node<'_, '_>, namespace: &str, local: &str) -> bool {
    let name = node.tag_name();
    node.is_element() && name.name() == local && name.namespace() == Some(namespace)
}

/// The child elements.
pub fn elements<'a, 'i>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(Node::is_element)
}

/// The child elements `local` of the namespace `namespace`.
pub fn children<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &str,
    local: &str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| is(*child, namespace, local))
}

/// The child element of that name, if there is one; [`XmlError::Repeated`] when there are several.
pub fn only_child<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &str,
    local: &'static str,
) -> Result<Option<Node<'a, 'i>>, XmlError> {
    let mut found = children(node, namespace, local);
    let first = found.next();
    if found.next().is_some() {
        return Err(XmlError::Repeated { element: local, parent: name(node) });
    }
    Ok(first)
}

/// The one child element of that name; [`XmlError::Missing`] when there is none, [`XmlError::Repeated`] when
/// there are several.
pub fn required_child<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &str,
    local: &'static str,
) -> Result<Node<'a, 'i>, XmlError> {
    only_child(node, namespace, local)?
        .ok_or_else(|| XmlError::Missing { element: local, parent: name(node) })
}

/// The attribute `name` without namespace; one of the same local name in a namespace is another attribute.
pub fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes()
        .find(|attribute| attribute.namespace().is_none() && attribute.name() == name)
        .map(|attribute| attribute.value())
}

/// The whole text, untrimmed; a comment or an element in it is refused.
pub fn text(node: Node<'_, '_>) -> Result<String, XmlError> {
    text_str(node).map(str::to_owned)
}

/// [`text`] without a copy.
pub fn text_str<'a>(node: Node<'a, '_>) -> Result<&'a str, XmlError> {
    let mut content = node.children();
    let refused = |child: Node<'_, '_>| {
        let found = if child.is_element() { "an element" } else { "a comment" };
        XmlError::NotText { element: name(node), found }
    };
    let Some(first) = content.next() else { return Ok("") };
    if !first.is_text() {
        return Err(refused(first));
    }
    match content.next() {
        None => Ok(first.text().unwrap_or_default()),
        Some(second) => Err(refused(second)),
    }
}

/// `text` as the content of an element. What XML 1.0 cannot hold becomes U+FFFD.
pub fn escape_text(text: &str) -> Cow<'_, str> {
    escape(text, |character| matches!(character, '&' | '<' | '>' | '\r'))
}

/// `text` as the value of an attribute in double quotes. What XML 1.0 cannot hold becomes U+FFFD.
pub fn escape_attribute(text: &str) -> Cow<'_, str> {
    escape(text, |character| matches!(character, '&' | '<' | '>' | '"' | '\'' | '\t' | '\n' | '\r'))
}

/// The local name of `node`, cut to a length that fits a log line.
pub fn name(node: Node<'_, '_>) -> String {
    clip(node.tag_name().name()).into_owned()
}

/// The line where `node` begins.
pub(super) fn line(node: Node<'_, '_>) -> u32 {
    node.document().text_pos_at(node.range().start).row
}

/// At most 128 characters of something that came from outside.
pub fn clip(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 128;
    if text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(LONGEST) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}

fn escape(text: &str, special: fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(|character| special(character) || !is_xml(character)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            _ if !is_xml(character) => out.push('\u{FFFD}'),
            _ if !special(character) => out.push(character),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            _ => out.push_str("&#xD;"),
        }
    }
    Cow::Owned(out)
}

/// [Char](https://www.w3.org/TR/xml/#NT-Char).
const fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// No two attributes that some reader takes for an ID have the same value: any letter case, any namespace.
fn unique_ids(document: &roxmltree::Document<'_>) -> Result<(), XmlError> {
    let mut ids: Vec<&str> = Vec::new();
    for node in document.descendants() {
        ids.extend(
            node.attributes()
                .filter(|attribute| attribute.name().eq_ignore_ascii_case("id"))
                .map(|attribute| attribute.value()),
        );
    }
    ids.sort_unstable();
    match ids.windows(2).find(|pair| matches!(pair, [one, other] if one == other)) {
        Some(pair) => Err(XmlError::DuplicateId {
            id: pair.first().map(|id| clip(id).into_owned()).unwrap_or_default(),
        }),
        None => Ok(()),
    }
}
