//! `[[pool.provider]]`: the providers of one pool compared with each other; what one table means is
//! [`crate::provider`]'s.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::duplicates::Unique;
use super::{branding, saml, secrets};
use crate::model::document::Table;
use crate::model::ids::{PoolId, ProviderName};
use crate::provider::preset::Presets;
use crate::provider::resolve::{self, PoolContext};
use crate::provider::saml::{IdpInitiated, NewKeys, Saml, SubjectRule, format};
use crate::provider::settings::{ClientAuth, EmailTrust, Protocol, Provider};

/// Clocks that are further apart than this need their provider's `clock_skew`.
const USUAL_SKEW: Duration = Duration::from_secs(60);

/// What the tables of a pool are read with.
pub(super) struct PoolReader<'p> {
    /// Presets that `use` may name.
    pub(super) presets: &'p Presets,
    /// `[server] allow_private_upstreams`.
    pub(super) allow_private: bool,
    /// Whether syntax errors hide parts of the document.
    pub(super) damaged: bool,
}

/// The providers of a pool.
pub(super) struct Read {
    /// Those that could be read.
    pub(super) providers: Vec<Provider>,
    /// Where each of them says what is compared later.
    pub(super) spots: Vec<saml::Spots>,
    /// The SVGs for their buttons.
    pub(super) marks: BTreeMap<ProviderName, String>,
    /// Every name that is given, whether the rest could be read or not.
    pub(super) names: BTreeSet<ProviderName>,
}

/// Reads the providers of a pool.
pub(super) fn read_all(pool: &Table<'_>, id: Option<&PoolId>, known: &PoolReader<'_>) -> Read {
    let mut names = Unique::new("provider name");
    let mut identifiers = Unique::new("identifier");
    let context = PoolContext { allow_private: known.allow_private, pool: id };
    let mut found =
        Read { providers: Vec::new(), spots: Vec::new(), names: BTreeSet::new(), marks: BTreeMap::new() };
    for table in pool.tables("provider") {
        if let Some(name) = table.required("name", ProviderName::parse) {
            // User names begin with it, and case-insensitive pools lower-case them.
            names.claim(pool, &name.as_str().to_ascii_lowercase(), table.spot("name"));
            found.names.insert(name);
        }
        for (index, value) in table.strings("identifiers").unwrap_or_default().iter().enumerate() {
            identifiers.claim(pool, &value.to_ascii_lowercase(), table.spot_of_item("identifiers", index));
        }
        if let Some(one) = read(&table, known.presets, &context) {
            found.marks.extend(one.mark.map(|mark| (one.provider.name.clone(), mark)));
            found.providers.push(one.provider);
            found.spots.push(one.spots);
        }
        table.finish();
    }
    found
}

/// One provider.
pub(super) struct One {
    pub(super) provider: Provider,
    /// The SVG for its button.
    pub(super) mark: Option<String>,
    spots: saml::Spots,
}

/// Reads one provider, compared with no other. What is wrong is noted in the table's document, and then there
/// is no provider.
pub(super) fn read(table: &Table<'_>, presets: &Presets, context: &PoolContext<'_>) -> Option<One> {
    if table.secret("client_secret").is_some_and(|secret| secrets::is_sample(&secret)) {
        let spot = table.secret_spot("client_secret");
        table.problem_at(
            &spot,
            "the secret is a sample from an example",
            "write the secret that the provider gave you",
        );
    }
    if table.string("client_id").is_some_and(|id| !id.contains(char::is_alphanumeric)) {
        table.problem("client_id", "this is a placeholder", "write the client id that the provider gave you");
    }
    let (spot, mark) = (table.spot(""), branding::logo(table));
    let provider = resolve::read(presets, table, context)?;
    for (option, risk) in loosened(&provider) {
        table.warn_at(&spot, format!("{option}: {risk}"), otherwise(option));
    }
    Some(One { provider, mark, spots: saml::spots(table) })
}

/// What to do in place of a loosening option.
fn otherwise(option: &str) -> String {
    match option {
        "subject_formats" => {
            "let the provider send a persistent NameID, or name an attribute with a lasting id as subject"
                .into()
        }
        _ => format!("remove {option} unless this provider needs it"),
    }
}

/// Options of this provider that take a check away, with what that risks.
fn loosened(provider: &Provider) -> Vec<(&'static str, &'static str)> {
    let quirks = provider.quirks();
    let mut found = Vec::new();
    if provider.email_trust == EmailTrust::Every {
        found.push(("trust_every_email", "whoever sets an address at this provider owns it here"));
    }
    if quirks.nonce_not_echoed {
        found.push(("nonce_not_echoed", "only state and PKCE hold off a replayed ID token"));
    }
    if quirks.tenant.as_ref().is_some_and(|tenant| tenant.allowed.is_empty()) {
        found.push(("tenants", "people of every tenant may sign in"));
    }
    if let Protocol::Saml(saml) = &provider.protocol {
        found.extend(loosened_saml(saml));
    } else if matches!(provider.client_auth, ClientAuth::None) {
        found.push(("client_auth", "the broker does not authenticate at this provider"));
    }
    found
}

fn loosened_saml(saml: &Saml) -> Vec<(&'static str, &'static str)> {
    let accepts = |format: &str| match &saml.subject {
        SubjectRule::NameId { formats } => formats.iter().any(|have| format::same(have, format)),
        SubjectRule::Attribute(_) => false,
    };
    let options = [
        (
            accepts(format::EMAIL_ADDRESS),
            "subject_formats",
            "a NameID that is an e-mail address: who gets the address later is that person here",
        ),
        (
            accepts(format::UNSPECIFIED),
            "subject_formats",
            "an unspecified NameID may be a name that changes or is given to another person",
        ),
        (saml.friendly_names, "friendly_names", "two attributes may have the same friendly name"),
        (saml.accept.sha1_until.is_some(), "sha1_until", "signatures with SHA-1 can be forged"),
        (
            saml.accept.rsa_1_5_until.is_some(),
            "rsa_1_5_until",
            "RSA 1.5 encryption can be opened with enough questions",
        ),
        (
            saml.accept.cbc_without_signature,
            "cbc_without_signature",
            "AES-CBC without a signature can be opened with enough questions",
        ),
        (saml.accept.skew > USUAL_SKEW, "clock_skew", "an assertion is accepted longer than it says"),
        (
            matches!(saml.idp_initiated, IdpInitiated::Accept { .. }),
            "idp_initiated",
            "a person can be signed in to another person's account unasked",
        ),
        (
            saml.new_keys == NewKeys::Trust,
            "new_keys",
            "whoever controls the metadata's server signs in as anybody",
        ),
    ];
    options.into_iter().filter(|(on, ..)| *on).map(|(_, option, risk)| (option, risk)).collect()
}
