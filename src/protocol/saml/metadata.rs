//! Metadata of an identity provider ([SAML
//! Metadata](https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf)).
//!
//! Metadata is what a company's administrator pastes, so each refusal says in their words what the document
//! is and what to do. It is also what every later signature rests on: only keys that it names for signing are
//! ever used, and without one it is refused (C-30).
//!
//! The locations are addresses for a browser, never fetched by the broker. An https address on a company's
//! own network is therefore acceptable; any other scheme is not (C-70).

mod document;
mod error;
mod keys;

use std::time::Duration;

pub use document::parse;
pub use error::{MetadataError, MetadataWarning};

use super::binding::Binding;
use super::certificate::Certificate;
use crate::model::time::Timestamp;
use crate::protocol::oidc::discovery::endpoint_url;

/// The largest document, in bytes.
pub const MAX_METADATA: usize = 1024 * 1024;
/// How long metadata is used without reading it again, when it says nothing.
pub const USUAL_USE: Duration = Duration::from_secs(6 * 3600);
/// Metadata is not read more often than this, whatever it says.
pub const SHORTEST_USE: Duration = Duration::from_secs(5 * 60);
/// Metadata is read again after this time, whatever it says.
pub const LONGEST_USE: Duration = Duration::from_secs(24 * 3600);

/// What the broker uses of an identity provider's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdpMetadata {
    /// `entityID`: the Issuer of its messages.
    pub entity_id: String,
    /// The certificates whose keys may sign its messages, in the order of the document; never empty.
    pub signing: Vec<Certificate>,
    /// `SingleSignOnService` with a binding that is spoken here; never empty.
    pub sso: Vec<Endpoint>,
    /// `SingleLogoutService` with a binding that is spoken here.
    pub slo: Vec<Endpoint>,
    /// `WantAuthnRequestsSigned`.
    pub wants_signed_requests: bool,
    /// `NameIDFormat`.
    pub name_id_formats: Vec<String>,
    /// The earliest `validUntil` that applies.
    pub valid_until: Option<Timestamp>,
    /// The shortest `cacheDuration` that applies.
    pub cache_duration: Option<Duration>,
    /// What an administrator should know.
    pub warnings: Vec<MetadataWarning>,
}

/// Where messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// How.
    pub binding: Binding,
    /// `Location`, as written: it is compared as `Destination`.
    pub location: String,
    /// `ResponseLocation`: where answers go if not to `location`.
    pub response_location: Option<String>,
}

impl Endpoint {
    /// Where answers go.
    pub fn answers(&self) -> &str {
        self.response_location.as_deref().unwrap_or(&self.location)
    }
}

impl IdpMetadata {
    /// Where an authentication request goes: by `binding`, or else by the first of Redirect and POST that
    /// there is.
    pub fn sso(&self, binding: Option<Binding>) -> Option<&Endpoint> {
        choose(&self.sso, binding)
    }

    /// Where a logout message goes, chosen as in [`IdpMetadata::sso`].
    pub fn slo(&self, binding: Option<Binding>) -> Option<&Endpoint> {
        choose(&self.slo, binding)
    }

    /// When to read the metadata again: after `cacheDuration`, well before `validUntil`, and never sooner
    /// than [`SHORTEST_USE`] nor later than [`LONGEST_USE`].
    pub fn refresh_after(&self, now: Timestamp) -> Duration {
        let wanted = self.cache_duration.unwrap_or(USUAL_USE);
        let validity = self.valid_until.map_or(Duration::MAX, |until| until.since(now) / 2);
        wanted.min(validity).clamp(SHORTEST_USE, LONGEST_USE)
    }
}

/// How a document is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct MetadataRules<'a> {
    /// Which identity provider is meant; required when the document has several.
    pub entity_id: Option<&'a str>,
    /// Whose signature the root must have; `None` takes the document as it is, signed or not.
    pub signer: Option<&'a [Certificate]>,
    /// Whether http to loopback addresses is acceptable.
    pub allow_http_loopback: bool,
}

/// An identity provider without a metadata document.
#[derive(Debug, Clone, Copy)]
pub struct ByHand<'a> {
    /// Its entity id.
    pub entity_id: &'a str,
    /// Where authentication requests go, by Redirect or POST.
    pub sso_url: &'a str,
    /// Where logout messages go, by Redirect or POST.
    pub slo_url: Option<&'a str>,
    /// PEM or bare base64, each one certificate or several PEM blocks.
    pub certificates: &'a [String],
}

/// Metadata of the four fields that an administrator wrote.
pub fn by_hand(fields: &ByHand<'_>, allow_http_loopback: bool) -> Result<IdpMetadata, MetadataError> {
    let entity_id = entity_id(fields.entity_id)
        .ok_or(MetadataError::Field { field: "entity_id", problem: ENTITY_ID.to_owned() })?;
    let endpoints = |field, url: &str| {
        let location = location(url, allow_http_loopback)
            .ok_or_else(|| MetadataError::Field { field, problem: LOCATION.to_owned() })?;
        let endpoint = |binding| Endpoint { binding, location: location.clone(), response_location: None };
        Ok::<_, MetadataError>(vec![endpoint(Binding::Redirect), endpoint(Binding::Post)])
    };
    Ok(IdpMetadata {
        entity_id,
        signing: keys::written(fields.certificates)?,
        sso: endpoints("sso_url", fields.sso_url)?,
        slo: fields.slo_url.map_or(Ok(Vec::new()), |url| endpoints("slo_url", url))?,
        wants_signed_requests: false,
        name_id_formats: Vec::new(),
        valid_until: None,
        cache_duration: None,
        warnings: Vec::new(),
    })
}

const LOCATION: &str = "must be an absolute https URL without user name, password and fragment";
const ENTITY_ID: &str = "must be 1 to 1024 characters without control characters";

/// A usable location, as written.
fn location(text: &str, allow_http_loopback: bool) -> Option<String> {
    let text = text.trim_ascii();
    // The URL parser drops line breaks, so that what is compared and what is called would differ.
    let plain = !text.contains(|character: char| character.is_whitespace() || character.is_control());
    // So would `https:/host`: a browser that is sent there from https takes it for a path of ours.
    let whole =
        text.split_once(':').is_some_and(|(_, rest)| rest.starts_with("//") && !rest.starts_with("///"));
    (plain && whole && endpoint_url(text, allow_http_loopback).is_some()).then(|| text.to_owned())
}

/// A usable entity id ([section
/// 2.2.1](https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf)); some are names with
/// spaces.
fn entity_id(text: &str) -> Option<String> {
    let text = text.trim_ascii();
    let plain = !text.contains(char::is_control) && (1..=1024).contains(&text.chars().count());
    plain.then(|| text.to_owned())
}

fn choose(endpoints: &[Endpoint], binding: Option<Binding>) -> Option<&Endpoint> {
    let by = |binding| endpoints.iter().find(|endpoint| endpoint.binding == binding);
    match binding {
        Some(binding) => by(binding),
        None => by(Binding::Redirect).or_else(|| by(Binding::Post)),
    }
}
