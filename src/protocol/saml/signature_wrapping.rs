//! Defence against XML signature wrapping: what may stand where in a response, as an allow-list that is
//! applied before any cryptography (C-01 to C-12).
//!
//! Children of the schema types come in schema order, namespace-exact. An element called Response, Assertion,
//! EncryptedAssertion or Signature, in whatever namespace, stands at its one place or nowhere: not in
//! Extensions, Advice, Object, StatusDetail, SubjectConfirmationData, AttributeValue or KeyInfo.

use super::error::SamlError;
use super::xml::{self, Node, ns};

/// The assertion of a response, as it came.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content<'a, 'i> {
    Plain(Node<'a, 'i>),
    Encrypted,
}

/// Names in schema order, each at most once.
type Sequence = [(&'static str, &'static str)];

const RESPONSE: &Sequence =
    &[(ns::SAML, "Issuer"), (ns::DS, "Signature"), (ns::SAMLP, "Extensions"), (ns::SAMLP, "Status")];

const ASSERTION: &Sequence = &[
    (ns::SAML, "Issuer"),
    (ns::DS, "Signature"),
    (ns::SAML, "Subject"),
    (ns::SAML, "Conditions"),
    (ns::SAML, "Advice"),
];

const STATEMENTS: [&str; 3] = ["AuthnStatement", "AttributeStatement", "AuthzDecisionStatement"];

/// Names that stand at their place or nowhere.
const CONFINED: [&str; 4] = ["Response", "Assertion", "EncryptedAssertion", "Signature"];

/// Checks a whole response and gives its assertions, of which a successful one has exactly one.
pub(super) fn response<'a, 'i>(root: Node<'a, 'i>) -> Result<Vec<Content<'a, 'i>>, SamlError> {
    if !xml::is(root, ns::SAMLP, "Response") {
        return Err(SamlError::NotAResponse { found: qualified(root) });
    }
    let mut contents = Vec::new();
    in_sequence(root, RESPONSE, |child| {
        if xml::is(child, ns::SAML, "Assertion") {
            contents.push(Content::Plain(child));
        } else if xml::is(child, ns::SAML, "EncryptedAssertion") {
            contents.push(Content::Encrypted);
        } else {
            return false;
        }
        true
    })?;
    if contents.len() > 1 {
        return Err(SamlError::AssertionCount { found: contents.len() });
    }
    if let Some(Content::Plain(node)) = contents.first() {
        in_sequence(*node, ASSERTION, is_statement)?;
    }
    confined(root)?;
    Ok(contents)
}

/// Checks an assertion that is a document of its own: what was decrypted.
pub(super) fn assertion(root: Node<'_, '_>) -> Result<(), SamlError> {
    if !xml::is(root, ns::SAML, "Assertion") {
        return Err(SamlError::Plaintext { reason: format!("it is a {}", qualified(root)) });
    }
    in_sequence(root, ASSERTION, is_statement)?;
    confined(root)
}

/// The name of an element with its namespace if that is not one of SAML's, bounded.
pub(super) fn qualified(node: Node<'_, '_>) -> String {
    let local = xml::name(node);
    match node.tag_name().namespace() {
        Some(ns::SAMLP) => format!("samlp:{local}"),
        Some(ns::SAML) => format!("saml:{local}"),
        Some(ns::DS) => format!("ds:{local}"),
        Some(other) => format!("{local} of namespace {}", xml::clip(other)),
        None => format!("{local} without namespace"),
    }
}

fn is_statement(node: Node<'_, '_>) -> bool {
    node.tag_name().namespace() == Some(ns::SAML) && STATEMENTS.contains(&node.tag_name().name())
}

/// The children of `parent` are those of `sequence` in its order, then any that `rest` takes, with only white
/// space between.
fn in_sequence<'a, 'i>(
    parent: Node<'a, 'i>,
    sequence: &Sequence,
    mut rest: impl FnMut(Node<'a, 'i>) -> bool,
) -> Result<(), SamlError> {
    let mut remaining = sequence;
    for child in parent.children() {
        if child.is_text() && child.text().is_some_and(|text| !trimmed(text).is_empty()) {
            return Err(SamlError::Misplaced { element: "text".into(), parent: qualified(parent) });
        }
        if !child.is_element() {
            continue;
        }
        match remaining.iter().position(|(namespace, local)| xml::is(child, namespace, local)) {
            Some(at) => remaining = remaining.get(at + 1..).unwrap_or_default(),
            None if rest(child) => remaining = &[],
            None => {
                return Err(SamlError::Misplaced { element: qualified(child), parent: qualified(parent) });
            }
        }
    }
    Ok(())
}

/// No element of [`CONFINED`] below the places that [`in_sequence`] has looked at: the children of `root`,
/// and of an assertion among them.
fn confined(root: Node<'_, '_>) -> Result<(), SamlError> {
    let at_its_place = |node: Node<'_, '_>| {
        node.parent_element().is_none_or(|parent| {
            parent == root || (parent.parent_element() == Some(root) && is_signed_assertion(parent, node))
        })
    };
    let stray = root
        .descendants()
        .filter(|node| node.is_element() && CONFINED.contains(&node.tag_name().name()))
        .find(|node| !at_its_place(*node));
    match stray {
        Some(node) => {
            let parent = node.parent_element().map(qualified).unwrap_or_default();
            Err(SamlError::Misplaced { element: qualified(node), parent })
        }
        None => Ok(()),
    }
}

fn is_signed_assertion(parent: Node<'_, '_>, child: Node<'_, '_>) -> bool {
    xml::is(parent, ns::SAML, "Assertion") && xml::is(child, ns::DS, "Signature")
}

/// `text` without XML white space at its ends.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}
