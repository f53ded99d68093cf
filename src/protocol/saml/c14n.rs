//! [Exclusive canonicalization](https://www.w3.org/TR/xml-exc-c14n/) of one element, without comments.

use std::ops::Deref;

use memchr::memchr;
use roxmltree::Node;
use thiserror::Error;
use zeroize::Zeroize;

/// The value of `Algorithm`.
pub const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// Canonical bytes may be this many times longer than the document: a declaration is repeated at every
/// element that uses it.
const GROWTH: usize = 4;
const ALWAYS: usize = 4096;

/// Canonical bytes that grow out of proportion to the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the canonical form is longer than {limit} bytes")]
pub struct TooLong {
    /// Allowed for this document.
    pub limit: usize,
}

/// Canonical bytes. Made by [`exclusive`] alone, of an element of a [`Document`](super::xml::Document), so
/// what was checked when that was parsed holds of them too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canonical(Vec<u8>);

impl Canonical {
    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for Canonical {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Zeroize for Canonical {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// The canonical bytes of `element` and what it contains, leaving out the element `without`.
/// `prefixes` is the parsed `PrefixList`, in which `#default` names the default namespace.
pub fn exclusive(
    element: Node<'_, '_>,
    without: Option<Node<'_, '_>>,
    prefixes: &[&str],
) -> Result<Canonical, TooLong> {
    let source = element.document().input_text();
    let mut writer = Writer {
        out: Vec::with_capacity(element.range().len() + 512),
        limit: source.len().saturating_mul(GROWTH).saturating_add(ALWAYS),
        source,
        without,
        prefixes,
        rendered: Vec::with_capacity(16),
        attributes: Vec::with_capacity(16),
    };
    writer.element(element)?;
    Ok(Canonical(writer.out))
}

struct Writer<'a, 'i, 'p> {
    out: Vec<u8>,
    limit: usize,
    source: &'i str,
    without: Option<Node<'a, 'i>>,
    prefixes: &'p [&'p str],
    /// Prefix and namespace of each declaration written by the open elements, innermost last.
    rendered: Vec<(&'a str, &'a str)>,
    attributes: Vec<Written<'a, 'i>>,
}

/// Namespace and local name of an attribute, by which it is sorted, and its name and value as they are
/// written.
type Written<'a, 'i> = (&'a str, &'a str, &'i str, &'a str);

impl<'a, 'i> Writer<'a, 'i, '_>
where
    'i: 'a,
{
    fn element(&mut self, element: Node<'a, 'i>) -> Result<(), TooLong> {
        let prefix = self.prefix_of(element);
        let local = element.tag_name().name();
        let outer = self.rendered.len();
        self.render(prefix, element.tag_name().namespace().unwrap_or_default());
        self.attributes.clear();
        for attribute in element.attributes() {
            let (namespace, qname) = (
                attribute.namespace().unwrap_or_default(),
                self.source.get(attribute.range_qname()).unwrap_or_default(),
            );
            let prefix =
                memchr(b':', qname.as_bytes()).and_then(|colon| qname.get(..colon)).unwrap_or_default();
            if !prefix.is_empty() {
                self.render(prefix, namespace);
            }
            self.attributes.push((namespace, attribute.name(), qname, attribute.value()));
        }
        self.render_listed(element);
        self.start_tag(outer, prefix, local);
        for child in element.children() {
            self.child(child)?;
        }
        self.out.extend_from_slice(b"</");
        self.qname(prefix, local);
        self.out.push(b'>');
        self.rendered.truncate(outer);
        if self.out.len() > self.limit { Err(TooLong { limit: self.limit }) } else { Ok(()) }
    }

    fn child(&mut self, child: Node<'a, 'i>) -> Result<(), TooLong> {
        if child.is_text() {
            write_text(&mut self.out, child.text().unwrap_or_default());
        } else if child.is_element() && Some(child) != self.without {
            self.element(child)?;
        }
        Ok(())
    }

    /// Declares `prefix` on the open element, unless the output already has it so.
    fn render(&mut self, prefix: &'a str, namespace: &'a str) {
        let current = self
            .rendered
            .iter()
            .rev()
            .find(|(rendered, _)| *rendered == prefix)
            .map_or("", |(_, namespace)| namespace);
        // The tree keeps each namespace once: mostly it is the same text at the same place.
        if !std::ptr::eq(current, namespace) && current != namespace && prefix != "xml" {
            self.rendered.push((prefix, namespace));
        }
    }

    fn render_listed(&mut self, element: Node<'a, 'i>) {
        for listed in self.prefixes {
            let prefix = (*listed != "#default").then_some(*listed);
            let in_scope = element.namespaces().find(|namespace| namespace.name() == prefix);
            match in_scope {
                Some(namespace) => self.render(namespace.name().unwrap_or_default(), namespace.uri()),
                None if prefix.is_none() => self.render("", ""),
                None => {}
            }
        }
    }

    fn start_tag(&mut self, outer: usize, prefix: &str, local: &str) {
        self.out.push(b'<');
        self.qname(prefix, local);
        let declarations = self.rendered.get_mut(outer..).unwrap_or_default();
        declarations.sort_unstable_by_key(|(prefix, _)| *prefix);
        for (prefix, namespace) in declarations.iter() {
            self.out.extend_from_slice(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
            self.out.extend_from_slice(prefix.as_bytes());
            write_value(&mut self.out, namespace);
        }
        self.attributes.sort_unstable_by_key(|(namespace, name, ..)| (*namespace, *name));
        for (_, _, qname, value) in &self.attributes {
            self.out.push(b' ');
            self.out.extend_from_slice(qname.as_bytes());
            write_value(&mut self.out, value);
        }
        self.out.push(b'>');
    }

    fn qname(&mut self, prefix: &str, local: &str) {
        if !prefix.is_empty() {
            self.out.extend_from_slice(prefix.as_bytes());
            self.out.push(b':');
        }
        self.out.extend_from_slice(local.as_bytes());
    }

    /// The prefix as written: the tree keeps only the namespace.
    fn prefix_of(&self, element: Node<'a, 'i>) -> &'a str {
        let tag = self.source.get(element.range().start + 1..).unwrap_or_default();
        let ends = |byte: &u8| matches!(byte, b':' | b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>');
        match tag.as_bytes().iter().position(ends) {
            Some(end) if tag.as_bytes().get(end) == Some(&b':') => tag.get(..end).unwrap_or_default(),
            _ => "",
        }
    }
}

/// Whether any byte is one that is written as something else. Looks at all, which for most lengths is faster
/// than to stop at the first.
fn any(bytes: &[u8], is_special: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(false, |found, byte| found | is_special(*byte))
}

fn write_value(out: &mut Vec<u8>, value: &str) {
    out.extend_from_slice(b"=\"");
    let bytes = value.as_bytes();
    if any(bytes, |byte| matches!(byte, b'&' | b'<' | b'"' | b'\t' | b'\n' | b'\r')) {
        for byte in bytes {
            match byte {
                b'&' => out.extend_from_slice(b"&amp;"),
                b'<' => out.extend_from_slice(b"&lt;"),
                b'"' => out.extend_from_slice(b"&quot;"),
                b'\t' => out.extend_from_slice(b"&#x9;"),
                b'\n' => out.extend_from_slice(b"&#xA;"),
                b'\r' => out.extend_from_slice(b"&#xD;"),
                other => out.push(*other),
            }
        }
    } else {
        out.extend_from_slice(bytes);
    }
    out.push(b'"');
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    if !any(bytes, |byte| matches!(byte, b'&' | b'<' | b'>' | b'\r')) {
        out.extend_from_slice(bytes);
        return;
    }
    for byte in bytes {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'\r' => out.extend_from_slice(b"&#xD;"),
            other => out.push(*other),
        }
    }
}
