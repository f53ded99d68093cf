//! Quirks of providers: one pure function for each deviation from the standard.
//!
//! A protocol check calls [`normalise`] on the merged claims, then [`admit`], then [`key`] and
//! [`super::email_trust::email_verified`].

use aws_lc_rs::hmac;
use serde_json::Value;

use super::email_trust::verified_address;
use super::mapping::lookup;
use super::quirk_error::{MAX_SUBJECT, QuirkError};
use super::settings::{GroupRule, Oidc, Protocol, Provider};
use crate::model::identity::{Claims, IdentityKey};

/// Longest `user` form field that is read.
const MAX_USER_FIELD: usize = 4096;

/// The `iss` that claims of this provider must hold: the configured one, with `{tenantid}` filled from an
/// allowed `tid`.
pub fn expected_issuer(oidc: &Oidc, claims: &Claims) -> Result<String, QuirkError> {
    let Some(rule) = &oidc.quirks.tenant else { return Ok(oidc.issuer.clone()) };
    let tenant = claims.get("tid").and_then(Value::as_str).ok_or(QuirkError::TenantMissing)?;
    let listed = |list: &[String]| list.iter().any(|have| have.eq_ignore_ascii_case(tenant));
    let is_id = !tenant.is_empty()
        && tenant.len() <= 64
        && tenant.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !is_id || listed(&rule.refused) || !(rule.allowed.is_empty() || listed(&rule.allowed)) {
        return Err(QuirkError::TenantRefused(tenant.chars().take(64).collect()));
    }
    Ok(oidc.issuer.replace("{tenantid}", tenant))
}

/// The key under which the person is known: (provider, issuer or tenant, subject), byte-exact.
pub fn key(provider: &Provider, claims: &Claims) -> Result<IdentityKey, QuirkError> {
    let (issuer, path) = match &provider.protocol {
        Protocol::Oidc(oidc) => (expected_issuer(oidc, claims)?, oidc.subject_claim.as_str()),
        Protocol::Oauth2(oauth2) => (String::new(), oauth2.subject.as_str()),
        Protocol::Saml(saml) => return super::saml_claims::key(provider, saml, claims),
    };
    let subject = subject(claims, path).ok_or_else(|| QuirkError::SubjectUnusable(path.to_owned()))?;
    Ok(IdentityKey { provider: provider.name.clone(), issuer, subject })
}

/// The subject at `path` (claim name or JSON pointer): a text, or an integer as its decimal text.
fn subject(claims: &Claims, path: &str) -> Option<String> {
    let text = match lookup(claims, path)? {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_u64() => number.to_string(),
        _ => return None,
    };
    let usable = (1..=MAX_SUBJECT).contains(&text.len()) && !text.chars().any(char::is_control);
    usable.then_some(text)
}

/// Whether the account may sign in at all: hosted domain and organisations.
pub fn admit(provider: &Provider, claims: &Claims) -> Result<(), QuirkError> {
    let quirks = provider.quirks();
    if !quirks.hosted_domains.is_empty() {
        let domain = claims.get("hd").and_then(Value::as_str);
        if !domain.is_some_and(|domain| quirks.hosted_domains.iter().any(|have| same_domain(have, domain))) {
            return Err(QuirkError::HostedDomainRefused(
                domain.map(|domain| domain.chars().take(64).collect()),
            ));
        }
    }
    if !quirks.organisations.is_empty() {
        let member = |organisation: &Value| {
            let login = organisation.get("login").and_then(Value::as_str);
            login
                .is_some_and(|login| quirks.organisations.iter().any(|have| have.eq_ignore_ascii_case(login)))
        };
        if !claims.get("orgs").and_then(Value::as_array).is_some_and(|list| list.iter().any(member)) {
            return Err(QuirkError::OrganisationRefused);
        }
    }
    Ok(())
}

/// Puts the address picked from a list of verified addresses into `email`, or that of the attribute that a
/// SAML provider's mapping names; without one, no `email` is left.
pub fn normalise(provider: &Provider, claims: &mut Claims) {
    if let Protocol::Saml(saml) = &provider.protocol {
        return super::saml_claims::normalise(saml, claims);
    }
    let Some(list) = &provider.quirks().verified_email_list else { return };
    match verified_address(claims, list) {
        Some(address) => claims.insert("email".into(), Value::String(address)),
        None => claims.remove("email"),
    };
}

/// The attribute that stands for too many groups in Entra's SAML
/// (<https://learn.microsoft.com/entra/identity-platform/reference-saml-tokens>).
const GROUPS_LINK: &str = "http://schemas.microsoft.com/claims/groups.link";

/// Whether the provider replaced the groups by a reference to another endpoint, which is never followed
/// (B-39).
pub fn groups_overage(provider: &Provider, claims: &Claims) -> bool {
    if !provider.quirks().groups_overage {
        return false;
    }
    let named = claims.get("_claim_names").and_then(|names| names.get("groups")).is_some()
        || claims.contains_key(GROUPS_LINK);
    let flagged = claims
        .get("hasgroups")
        .is_some_and(|flag| flag == &Value::Bool(true) || flag.as_str() == Some("true"));
    named || flagged
}

/// What remains of Apple's unsigned `user` form field: `name` with `firstName` and `lastName`; an e-mail in
/// it is dropped.
///
/// Empty for providers without the quirk and for text that is no such JSON.
pub fn unsigned_user(provider: &Provider, field: &str) -> Claims {
    let mut kept = Claims::new();
    if !provider.quirks().user_form_field || field.len() > MAX_USER_FIELD {
        return kept;
    }
    let parsed: Option<Value> = serde_json::from_str(field).ok();
    let Some(name) = parsed.as_ref().and_then(|user| user.get("name")).and_then(Value::as_object) else {
        return kept;
    };
    let mut names = Claims::new();
    for part in ["firstName", "middleName", "lastName"] {
        if let Some(text) = name.get(part).and_then(Value::as_str) {
            names.insert(part.into(), Value::String(text.to_owned()));
        }
    }
    kept.insert("name".into(), Value::Object(names));
    kept
}

/// Whether an ID token without `nonce` is acceptable. A `nonce` that is there must match for every provider,
/// whatever the token says of itself (B-06).
pub fn nonce_may_be_absent(oidc: &Oidc) -> bool {
    oidc.quirks.nonce_not_echoed
}

/// Facebook's `appsecret_proof`: lower-case hex of HMAC-SHA256 over the access token, keyed with the app
/// secret.
pub fn appsecret_proof(secret: &str, access_token: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), access_token.as_bytes());
    tag.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(nibble), 16));
        }
        text
    })
}

/// Whether two domain names are the same, compared in their ASCII (punycode) form; a sub-domain is another
/// domain.
pub fn same_domain(left: &str, right: &str) -> bool {
    let ascii = |domain: &str| url::Host::parse(domain).ok().map(|host| host.to_string());
    matches!((ascii(left), ascii(right)), (Some(left), Some(right)) if left == right)
}

/// Pool groups of a person by a provider's rule, each once, in the order of the provider's list. Unknown
/// groups give nothing.
pub fn pool_groups(rule: &GroupRule, claims: &Claims) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    let Some(claim) = rule.claim.as_deref().and_then(|claim| lookup(claims, claim)) else { return groups };
    let named = match claim {
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    for group in named.iter().filter_map(Value::as_str).filter_map(|name| rule.map.get(name)) {
        if !groups.contains(group) {
            groups.push(group.clone());
        }
    }
    groups
}
