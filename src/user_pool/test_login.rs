//! Test sign-in at a provider: a link for an administrator that runs a whole sign-in, creates nothing, and
//! shows what came of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provision;
use crate::config::PoolConfig;
use crate::model::attributes::AttributeName;
use crate::model::identity::{Claims, ExternalIdentity};
use crate::model::ids::{PoolId, ProviderName};
use crate::model::pool::Pool;
use crate::model::time::Timestamp;
use crate::provider::mapping::{Mapped, Rule, lookup};
use crate::provider::quirks;
use crate::provider::saml::format;
use crate::provider::settings::{EmailTrust, Protocol, Provider};
use crate::store::seal::Seal;

/// How long a link can be opened.
pub const LINK_LIFE: Duration = Duration::from_secs(30 * 60);
/// Where links lead.
pub const PATH: &str = "/test-login";

const LABEL: &str = "test login";

/// What a link holds, sealed.
#[derive(Serialize, Deserialize)]
struct Ticket {
    pool: PoolId,
    provider: ProviderName,
    expires: Timestamp,
}

/// The link that tries `provider` of `config` out until [`LINK_LIFE`] from `now`.
pub fn link(seal: &Seal, config: &PoolConfig, provider: &Provider, now: Timestamp) -> String {
    let ticket = Ticket {
        pool: config.pool.id.clone(),
        provider: provider.name.clone(),
        expires: now.plus(LINK_LIFE),
    };
    format!("{}{PATH}?ticket={}", config.pool.public_url, seal.token(LABEL, &ticket))
}

/// The provider that a link's ticket tries out, if it was made here for `pool` and has not expired.
pub fn open(seal: &Seal, pool: &PoolId, ticket: &str, now: Timestamp) -> Option<ProviderName> {
    let ticket: Ticket = seal.open_token(LABEL, ticket)?;
    (ticket.pool == *pool && now < ticket.expires).then_some(ticket.provider)
}

/// What a sign-in tried out would have made of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Who this is at the provider.
    pub subject: String,
    /// The user name that a first sign-in would give.
    pub username: String,
    /// Whether the e-mail address counts as verified.
    pub email_verified: bool,
    /// What the provider sent, claim by claim.
    pub received: Vec<(String, String)>,
    /// What the mapping makes of it, attribute by attribute.
    pub mapped: Vec<(String, String)>,
    /// What is probably not meant.
    pub warnings: Vec<String>,
}

impl Report {
    /// The report on what `provider` proved.
    pub fn of(pool: &Pool, provider: &Provider, identity: &ExternalIdentity) -> Self {
        let mapped = provider.mapping.apply(identity);
        let first = mapped.first.iter().map(|(name, value)| (name, value, " (at the first sign-in only)"));
        let always = mapped.attributes.iter().map(|(name, value)| (name, value, ""));
        Self {
            subject: identity.key.subject.clone(),
            username: provision::username(pool, &identity.key),
            email_verified: identity.email_verified,
            received: identity.claims.iter().map(|(name, value)| (name.clone(), shown(value))).collect(),
            mapped: always
                .chain(first)
                .map(|(name, value, when)| (format!("{name}{when}"), value.to_owned()))
                .collect(),
            warnings: warnings(provider, identity, &mapped),
        }
    }
}

/// Attributes that the mapping takes from claims of which none came, with what to change.
pub fn missing(provider: &Provider, claims: &Claims) -> Vec<(AttributeName, String)> {
    let sent: Vec<&str> = claims.keys().map(String::as_str).take(40).collect();
    let rules = provider.mapping.rules().iter().filter_map(|(name, rule)| match (rule, &provider.protocol) {
        // What is mapped there is the address that was found under one of these.
        (Rule::Claims(_), Protocol::Saml(saml)) if name.as_str() == "email" && !saml.email.is_empty() => {
            Some((name, &saml.email))
        }
        (Rule::Claims(paths), _) => Some((name, paths)),
        _ => None,
    });
    let rules = rules.filter(|(name, paths)| {
        let found = paths.iter().any(|path| lookup(claims, path).is_some());
        !(found || name.as_str() == "email" && claims.contains_key("email"))
    });
    rules
        .map(|(name, paths)| {
            let hint = format!(
                "attribute {name} stays empty: the provider sent nothing under {}; let it send that, or map \
                 {name} to one of what it sent: {}",
                paths.join(", "),
                sent.join(", ")
            );
            (name.clone(), hint)
        })
        .collect()
}

fn warnings(provider: &Provider, identity: &ExternalIdentity, mapped: &Mapped) -> Vec<String> {
    let mut warnings: Vec<String> = mapped.problems.iter().map(ToString::to_string).collect();
    warnings.extend(missing(provider, &identity.claims).into_iter().map(|(_, hint)| hint));
    let email = mapped.attributes.get("email");
    if let (Some(email), false) = (email, identity.email_verified) {
        warnings.push(format!("{email} does not count as verified{}", unverified(provider, email)));
    }
    let format = identity.upstream.as_ref().and_then(|upstream| upstream.saml.as_ref()?.format.as_deref());
    if format == Some(format::EMAIL_ADDRESS) {
        warnings.push(
            "the NameID is an e-mail address: whoever is given that address later is the same person here; a \
             persistent NameID is safer"
                .into(),
        );
    }
    if quirks::groups_overage(provider, &identity.claims) {
        warnings.push(
            "the provider sent a reference instead of the groups, because there are too many of them".into(),
        );
    }
    warnings
}

fn unverified(provider: &Provider, email: &str) -> String {
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    let inside = provider.domains.iter().any(|have| quirks::same_domain(have, domain));
    match (&provider.email_trust, inside) {
        (EmailTrust::Domains, false)
            if matches!(provider.protocol, Protocol::Saml(_)) && provider.domains.is_empty() =>
        {
            format!(": add {domain:?} to domains of this provider if it is the company's own")
        }
        (_, false) if !provider.domains.is_empty() => {
            format!(": {domain:?} is not among domains of this provider")
        }
        (EmailTrust::Never, _) => ": this provider's addresses never do".to_owned(),
        _ => ": the provider does not say that it is".to_owned(),
    }
}

/// A text as it is, anything else as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
