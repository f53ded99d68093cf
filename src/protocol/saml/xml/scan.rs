//! One pass over the bytes before a tree exists: refuses what is never read and bounds what the parser will
//! cost.

use memchr::{memchr, memchr_iter, memchr2, memmem};

use super::{XmlError, is_xml, ns};

/// Open elements.
const DEPTH: usize = 64;
/// Attributes and namespace declarations of one element.
const PER_ELEMENT: usize = 64;
/// Namespace declarations of an element and its ancestors.
const IN_SCOPE: usize = 48;
/// Bytes of a name.
const NAME: usize = 256;
/// Bytes of a namespace.
const NAMESPACE: usize = 1024;

/// How much of what the parser may meet.
pub(super) struct Bounds {
    elements: usize,
    attributes: usize,
    declarations: usize,
    tags: usize,
    pub(super) nodes: u32,
}

impl Bounds {
    /// The bounds for documents of at most `bytes`, so that time and memory stay proportional to it.
    pub(super) fn of(bytes: usize) -> Self {
        let tags = bytes / 8;
        Self {
            elements: bytes / 20,
            attributes: bytes / 10,
            declarations: bytes / 32,
            tags,
            nodes: u32::try_from(tags).unwrap_or(u32::MAX),
        }
    }
}

pub(super) fn scan(text: &str, bounds: &Bounds) -> Result<(), XmlError> {
    Scanner {
        bytes: text.as_bytes(),
        at: 0,
        bounds,
        references: false,
        open: Vec::with_capacity(16),
        in_scope: 0,
        elements: 0,
        attributes: 0,
        declarations: 0,
    }
    .run()
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    bounds: &'a Bounds,
    /// Whether the document has any `&` at all.
    references: bool,
    /// For each open element, its namespace declarations.
    open: Vec<usize>,
    in_scope: usize,
    elements: usize,
    attributes: usize,
    declarations: usize,
}

impl<'a> Scanner<'a> {
    fn run(mut self) -> Result<(), XmlError> {
        self.count(memchr_iter(b'<', self.bytes).count(), self.bounds.tags, "tags")?;
        self.count(memchr_iter(b'=', self.bytes).count(), self.bounds.attributes, "equals signs")?;
        self.references = memchr(b'&', self.bytes).is_some();
        self.line_ends()?;
        self.declaration()?;
        while let Some(text) = memchr(b'<', self.rest()) {
            self.check_references(self.rest().get(..text).unwrap_or_default())?;
            self.at += text;
            self.markup()?;
        }
        self.check_references(self.rest())
    }

    /// A carriage return stands only before a line feed: parsers disagree on any other.
    fn line_ends(&mut self) -> Result<(), XmlError> {
        for at in memchr_iter(b'\r', self.bytes) {
            if self.bytes.get(at + 1) != Some(&b'\n') {
                self.at = at;
                return Err(self.refused("a carriage return that ends no line"));
            }
        }
        Ok(())
    }

    /// `<?xml version="1.0" encoding="UTF-8"?>`, if it is there.
    fn declaration(&mut self) -> Result<(), XmlError> {
        let Some(rest) = self.bytes.strip_prefix(b"<?xml ") else { return Ok(()) };
        let Some(end) = memmem::find(rest, b"?>") else {
            return Err(self.refused("an XML declaration without end"));
        };
        let declared = text(rest.get(..end).unwrap_or_default());
        if pseudo_attribute(declared, "version") != Some("1.0") {
            return Err(self.refused("an XML version other than 1.0"));
        }
        if declared.contains("encoding")
            && !pseudo_attribute(declared, "encoding")
                .is_some_and(|value| value.eq_ignore_ascii_case("utf-8"))
        {
            return Err(self.refused("an encoding other than UTF-8"));
        }
        self.at = "<?xml ".len() + end + "?>".len();
        Ok(())
    }

    /// What starts with the `<` at this place.
    fn markup(&mut self) -> Result<(), XmlError> {
        match self.rest() {
            [_, b'/', ..] => self.close_tag(),
            [_, b'?', ..] => Err(self.refused("a processing instruction")),
            [_, b'!', b'-', b'-', ..] => self.skip_past("<!--", b"-->", "a comment without end"),
            [_, b'!', rest @ ..] if rest.starts_with(b"[CDATA[") => {
                self.skip_past("<![CDATA[", b"]]>", "a CDATA section without end")
            }
            [_, b'!', ..] => Err(self.refused("a DOCTYPE")),
            _ => self.open_tag(),
        }
    }

    fn skip_past(&mut self, start: &str, end: &[u8], without: &'static str) -> Result<(), XmlError> {
        self.at += start.len();
        let Some(length) = memmem::find(self.rest(), end) else { return Err(self.refused(without)) };
        self.at += length + end.len();
        Ok(())
    }

    fn close_tag(&mut self) -> Result<(), XmlError> {
        let Some(end) = memchr(b'>', self.rest()) else { return Err(self.refused("a tag without end")) };
        if self.rest().starts_with(b"</:") {
            return Err(self.refused("a name with an empty prefix"));
        }
        let Some(declared) = self.open.pop() else {
            return Err(self.refused("an end tag without start tag"));
        };
        self.in_scope -= declared;
        self.at += end + 1;
        Ok(())
    }

    fn open_tag(&mut self) -> Result<(), XmlError> {
        self.at += 1;
        let name = self.name()?;
        if name.is_empty() {
            return Err(self.refused("a tag without name"));
        }
        self.elements += 1;
        self.count(self.elements, self.bounds.elements, "elements")?;
        let mut tag = Tag::default();
        loop {
            self.skip_space();
            match self.rest() {
                [b'>', ..] => {
                    self.at += 1;
                    return self.opened(tag.declared);
                }
                [b'/', b'>', ..] => {
                    self.at += 2;
                    return self.count(self.in_scope + tag.declared, IN_SCOPE, "namespaces in scope");
                }
                _ => self.attribute(&mut tag)?,
            }
        }
    }

    fn opened(&mut self, declared: usize) -> Result<(), XmlError> {
        self.in_scope += declared;
        self.count(self.in_scope, IN_SCOPE, "namespaces in scope")?;
        self.open.push(declared);
        self.count(self.open.len(), DEPTH, "levels of elements")
    }

    fn attribute(&mut self, tag: &mut Tag) -> Result<(), XmlError> {
        let name = self.name()?;
        self.skip_space();
        let [b'=', ..] = self.rest() else { return Err(self.refused("an attribute without value")) };
        self.at += 1;
        self.skip_space();
        let [quote @ (b'"' | b'\''), ..] = self.rest() else {
            return Err(self.refused("an attribute value without quotes"));
        };
        self.at += 1;
        let Some(length) = memchr(*quote, self.rest()) else {
            return Err(self.refused("an attribute value without end"));
        };
        let value = self.rest().get(..length).unwrap_or_default();
        self.check_references(value)?;
        tag.attributes += 1;
        self.attributes += 1;
        self.count(tag.attributes, PER_ELEMENT, "attributes of one element")?;
        self.count(self.attributes, self.bounds.attributes, "attributes")?;
        self.declared_by(name, value, tag)?;
        self.at += length + 1;
        Ok(())
    }

    /// Namespace declarations: absolute, never empty with a prefix, never of `xml` or `xmlns`, the default
    /// once.
    fn declared_by(&mut self, name: &[u8], value: &[u8], tag: &mut Tag) -> Result<(), XmlError> {
        match name.strip_prefix(b"xmlns") {
            Some(b"") if tag.default => return Err(self.refused("a second default namespace on one element")),
            Some(b"") => tag.default = true,
            // Says what holds anyway; Shibboleth's own metadata has it.
            Some(b":xml") if value == ns::XML.as_bytes() => return Ok(()),
            Some(b":xml" | b":xmlns") => return Err(self.refused("a declaration of the prefix xml or xmlns")),
            Some([b':', ..]) => {
                if value.is_empty() {
                    return Err(self.refused("a prefix bound to no namespace"));
                }
            }
            _ if name.ends_with(b":xmlns") => {
                return Err(self.refused("an attribute named xmlns with a prefix"));
            }
            _ => return Ok(()),
        }
        if !value.is_empty() && !is_namespace(text(value)) {
            return Err(self.refused("a namespace that is no absolute URI"));
        }
        self.count(value.len(), NAMESPACE, "bytes in a namespace")?;
        tag.declared += 1;
        self.declarations += 1;
        self.count(self.declarations, self.bounds.declarations, "namespace declarations")
    }

    fn name(&mut self) -> Result<&'a [u8], XmlError> {
        let rest = self.rest();
        let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'=' | b'/' | b'>');
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        self.count(length, NAME, "bytes in a name")?;
        let name = rest.get(..length).unwrap_or_default();
        if name.starts_with(b":") {
            return Err(self.refused("a name with an empty prefix"));
        }
        self.at += length;
        Ok(name)
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at +=
            rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).unwrap_or(rest.len());
    }

    /// Every `&` of `content`, which starts at the current place or a little before, is one of the five
    /// entities or a character that XML can hold.
    fn check_references(&self, content: &[u8]) -> Result<(), XmlError> {
        if !self.references {
            return Ok(());
        }
        for at in memchr_iter(b'&', content) {
            let rest = content.get(at + 1..).unwrap_or_default();
            let end = memchr2(b';', b'&', rest).filter(|end| rest.get(*end) == Some(&b';'));
            let reference = end.and_then(|end| rest.get(..end)).unwrap_or_default();
            match reference {
                b"amp" | b"lt" | b"gt" | b"quot" | b"apos" => {}
                _ if is_character(reference) => {}
                _ => return Err(self.refused("an entity or a character reference that XML does not know")),
            }
        }
        Ok(())
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn count(&self, found: usize, limit: usize, what: &'static str) -> Result<(), XmlError> {
        if found > limit { Err(XmlError::TooMany { line: self.line(), what, limit }) } else { Ok(()) }
    }

    fn refused(&self, what: &'static str) -> XmlError {
        XmlError::Refused { line: self.line(), what }
    }

    fn line(&self) -> usize {
        memchr_iter(b'\n', self.bytes.get(..self.at).unwrap_or_default()).count() + 1
    }
}

#[derive(Default)]
struct Tag {
    attributes: usize,
    declared: usize,
    default: bool,
}

/// A part of the document, which is UTF-8, between two ASCII characters.
fn text(part: &[u8]) -> &str {
    std::str::from_utf8(part).unwrap_or_default()
}

/// The value of `name` in an XML declaration.
fn pseudo_attribute<'a>(declared: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = declared.split_once(name)?;
    let after = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    after.get(1..)?.split(quote).next()
}

/// Whether `uri` is absolute and has only characters of [RFC
/// 3986](https://www.rfc-editor.org/rfc/rfc3986#section-2): canonicalizers disagree on others.
fn is_namespace(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let of_uri = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b'?' | b'#' | b'@' | b'!' | b'$' | b'\'' | b'(' | b')'
        | b'*' | b'+' | b',' | b';' | b'=' | b'%' => true,
        other => other.is_ascii_alphanumeric(),
    };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        && rest.bytes().all(of_uri)
        && rest
            .split('%')
            .skip(1)
            .all(|escaped| escaped.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2)
        && rest.matches('#').count() <= 1
        && rest.strip_prefix("//").is_none_or(has_authority)
}

/// Whether what follows `//` starts with a host and at most a port.
fn has_authority(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    !host.is_empty() && !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit())
}

/// `#13` or `#xD`.
fn is_character(reference: &[u8]) -> bool {
    let (digits, radix) = match reference {
        [b'#', b'x', digits @ ..] => (digits, 16),
        [b'#', digits @ ..] => (digits, 10),
        _ => return false,
    };
    let mut code = 0_u32;
    for digit in digits {
        let value = char::from(*digit).to_digit(radix);
        let Some(next) = value.and_then(|value| code.checked_mul(radix)?.checked_add(value)) else {
            return false;
        };
        code = next;
    }
    !digits.is_empty() && char::from_u32(code).is_some_and(is_xml)
}
