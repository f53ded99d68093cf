//! Keys of SAML providers that presets and pools share.

use std::time::Duration;

use super::saml::format;
use crate::model::document::{Invalid, Table};
use crate::protocol::saml::binding::Binding;

/// What a preset or a pool says about a SAML provider; the subject is [`super::rules::Rules::subject`].
#[derive(Debug, Clone, Default)]
pub struct SamlKeys {
    /// Format URIs of a NameID that may be the subject.
    pub subject_formats: Option<Vec<String>>,
    /// Format URI asked for.
    pub name_id_format: Option<String>,
    /// Whether requests are signed.
    pub sign_requests: Option<bool>,
    /// How requests travel.
    pub request_binding: Option<Binding>,
    /// Authentication context classes asked for.
    pub authn_context: Option<Vec<String>>,
    /// Whether attributes are also found by `FriendlyName`.
    pub friendly_names: Option<bool>,
    /// How far the clocks may differ.
    pub clock_skew: Option<Duration>,
    /// AES-CBC without a verified signature over the ciphertext.
    pub cbc_without_signature: Option<bool>,
}

/// Every key of [`SamlKeys`].
pub(super) const SHARED: [&str; 8] = [
    "subject_formats",
    "name_id_format",
    "sign_requests",
    "request_binding",
    "authn_context",
    "friendly_names",
    "clock_skew",
    "cbc_without_signature",
];

/// The longest difference between clocks that a provider may be granted.
const MOST_SKEW: Duration = Duration::from_secs(120);

impl SamlKeys {
    /// Reads the keys; problems are noted in the table's document.
    pub(super) fn read(table: &Table<'_>) -> Self {
        let bindings = [("redirect", Binding::Redirect), ("post", Binding::Post)];
        let keys = Self {
            subject_formats: table.parsed_list("subject_formats", subject_format),
            name_id_format: table.parsed("name_id_format", name_id_format),
            sign_requests: table.boolean("sign_requests"),
            request_binding: table.one_of("request_binding", &bindings),
            authn_context: table.parsed_list("authn_context", uri),
            friendly_names: table.boolean("friendly_names"),
            clock_skew: table.duration("clock_skew", Duration::ZERO..=MOST_SKEW),
            cbc_without_signature: table.boolean("cbc_without_signature"),
        };
        if keys.subject_formats.as_ref().is_some_and(Vec::is_empty)
            && table.strings("subject_formats").is_some_and(|list| list.is_empty())
        {
            table.problem(
                "subject_formats",
                "the list is empty, so nobody can sign in",
                "list \"persistent\", or remove the key",
            );
        }
        keys
    }

    /// These keys with everything that `over` says in its place.
    #[must_use]
    pub(super) fn overlaid(self, over: Self) -> Self {
        Self {
            subject_formats: over.subject_formats.or(self.subject_formats),
            name_id_format: over.name_id_format.or(self.name_id_format),
            sign_requests: over.sign_requests.or(self.sign_requests),
            request_binding: over.request_binding.or(self.request_binding),
            authn_context: over.authn_context.or(self.authn_context),
            friendly_names: over.friendly_names.or(self.friendly_names),
            clock_skew: over.clock_skew.or(self.clock_skew),
            cbc_without_signature: over.cbc_without_signature.or(self.cbc_without_signature),
        }
    }
}

fn subject_format(text: &str) -> Result<String, Invalid> {
    let format = name_id_format(text)?;
    if format::same(&format, format::TRANSIENT) {
        return Err(Invalid::new(
            "a transient NameID identifies nobody at the next sign-in",
            "remove it, and name an attribute with a lasting id as subject",
        ));
    }
    Ok(format)
}

/// A format URI, or the last word of a well-known one.
fn name_id_format(text: &str) -> Result<String, Invalid> {
    let known = match text {
        "persistent" => format::PERSISTENT,
        "transient" => format::TRANSIENT,
        "emailAddress" => format::EMAIL_ADDRESS,
        "unspecified" => format::UNSPECIFIED,
        _ if text.starts_with("urn:") || text.starts_with("http") => text,
        _ => {
            return Err(Invalid::new(
                format!("{text:?} is no NameID format"),
                "write \"persistent\", \"emailAddress\", \"unspecified\", \"transient\" or a format's whole \
                 URI",
            ));
        }
    };
    uri(known)
}

/// A URI as identifiers in SAML are: at most 1024 characters ([SAML Core section
/// 8.3.6](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
pub(super) fn uri(text: &str) -> Result<String, Invalid> {
    let plain = text.len() <= 1024
        && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\'));
    if plain && text.contains(':') {
        Ok(text.to_owned())
    } else {
        Err(Invalid::new(
            format!("{text:?} is no URI"),
            "write it exactly as the provider's documentation does, without spaces",
        ))
    }
}
