//! E-mail trust: when an address that a provider sends counts as verified.

use serde_json::Value;

use super::mapping::lookup;
use super::routing;
use super::settings::{EmailTrust, Provider};
use crate::model::identity::Claims;

/// Whether `claims.email` belongs to this person by the provider's rule.
///
/// A provider with `domains` never proves an address outside them, whatever its rule (F-05).
pub fn email_verified(provider: &Provider, claims: &Claims) -> bool {
    let Some(address) = claims.get("email").and_then(Value::as_str) else { return false };
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    if local.is_empty() || domain.is_empty() {
        return false;
    }
    let inside = provider.domains.iter().any(|rule| routing::covers(rule, domain));
    let quirks = provider.quirks();
    let flag = lookup(claims, quirks.email_verified_claim.as_deref().unwrap_or("email_verified"));
    let trusted = match &provider.email_trust {
        EmailTrust::Never => false,
        EmailTrust::Claim => flag == Some(&Value::Bool(true)),
        EmailTrust::ClaimOrText => {
            matches!(flag, Some(Value::Bool(true))) || flag.and_then(Value::as_str) == Some("true")
        }
        EmailTrust::EdovClaim => claims.get("xms_edov").is_some_and(is_edov),
        EmailTrust::VerifiedList => {
            quirks.verified_email_list.as_deref().and_then(|list| verified_address(claims, list)).as_deref()
                == Some(address)
        }
        EmailTrust::Domains => inside,
        EmailTrust::Every => true,
    };
    trusted && (inside || provider.domains.is_empty())
}

/// `xms_edov` arrives as `true`, `"true"`, `"1"` or `1`.
fn is_edov(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::String(text) => text == "1" || text == "true",
        Value::Number(number) => number.as_u64() == Some(1),
        _ => false,
    }
}

/// The primary address of the list if it is verified, else the first verified one.
pub(super) fn verified_address(claims: &Claims, list: &str) -> Option<String> {
    let verified = || {
        claims.get(list).and_then(Value::as_array).into_iter().flatten().filter(|entry| is(entry, "verified"))
    };
    let entry = verified().find(|entry| is(entry, "primary")).or_else(|| verified().next())?;
    entry.get("email").and_then(Value::as_str).map(str::to_owned)
}

fn is(entry: &Value, member: &str) -> bool {
    entry.get(member) == Some(&Value::Bool(true))
}
