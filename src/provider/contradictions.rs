//! Contradictions in a provider's rules: those that exclude each other or need each other.

use url::{Host, Url};

use super::rules::{AuthMethod, ProtocolKind, QuirkKeys, Rules};
use super::saml_rules;
use super::settings::EmailTrust;
use crate::model::document::{Invalid, Table};

/// Notes every impossible combination of `rules`, at the key in `table` where it stands, else at the table.
pub(super) fn check(table: &Table<'_>, kind: ProtocolKind, rules: &Rules) {
    let note = |section: &str, key: &str, message: &str, fix: &str| {
        if section.is_empty() {
            table.problem(key, message, fix);
        } else {
            table.section(section).problem(key, message, fix);
        }
    };
    match kind {
        ProtocolKind::Oidc => only_oauth2(rules, &note),
        ProtocolKind::Oauth2 => only_oidc(rules, &note),
        ProtocolKind::Saml => return no_saml(table, rules, &note),
    }
    for key in saml_rules::SHARED.into_iter().filter(|key| table.has(key)) {
        note("", key, "this belongs to a SAML provider", "remove it, or use a saml preset");
    }
    dependent(rules, &note);
    scopes(kind, rules, &note);
}

/// Keys without a meaning in SAML.
const NO_SAML: [&str; 14] = [
    "client_auth",
    "issuer",
    "discovery_url",
    "endpoints",
    "scopes",
    "algorithms",
    "userinfo",
    "own_callback",
    "backchannel_logout",
    "frontchannel_logout",
    "profile",
    "request",
    "allowed_tenants",
    "base_url",
];

fn no_saml(table: &Table<'_>, rules: &Rules, note: &dyn Fn(&str, &str, &str, &str)) {
    for key in NO_SAML.into_iter().filter(|key| table.has(key)) {
        note("", key, "a SAML provider has no use for it", "remove it");
    }
    let known = QuirkKeys { groups_overage: rules.quirks.groups_overage, ..QuirkKeys::default() };
    if rules.quirks != known {
        note("", "quirks", "of the quirks a SAML provider may have groups_overage only", "remove the others");
    }
    if matches!(rules.email_trust, Some(EmailTrust::EdovClaim | EmailTrust::VerifiedList)) {
        note(
            "",
            "email_trust",
            "no assertion holds what this looks at",
            "use \"domains\", \"claim_or_text\" or \"never\"",
        );
    }
}

fn only_oauth2(rules: &Rules, note: &dyn Fn(&str, &str, &str, &str)) {
    let quirks = &rules.quirks;
    let present = [
        ("quirks", "appsecret_proof", quirks.appsecret_proof == Some(true)),
        ("quirks", "token_audience", quirks.token_audience.is_some()),
        ("quirks", "verified_email_list", quirks.verified_email_list.is_some()),
        ("", "profile", rules.profile != super::settings::ProfileRule::default()),
    ];
    for (section, key, _) in present.into_iter().filter(|(_, _, present)| *present) {
        note(
            section,
            key,
            "this belongs to the profile call of an OAuth 2 provider",
            "remove it, or use an oauth2 preset",
        );
    }
}

fn only_oidc(rules: &Rules, note: &dyn Fn(&str, &str, &str, &str)) {
    let quirks = &rules.quirks;
    let present = [
        ("", "issuer", rules.issuer.is_some()),
        ("", "discovery_url", rules.discovery_url.is_some()),
        ("", "algorithms", rules.algorithms.is_some()),
        ("", "userinfo", rules.userinfo.is_some()),
        ("", "end_session", rules.end_session == Some(true)),
        ("", "backchannel_logout", rules.backchannel_logout == Some(true)),
        ("", "frontchannel_logout", rules.frontchannel_logout == Some(true)),
        ("", "email_trust", rules.email_trust == Some(EmailTrust::EdovClaim)),
        ("", "client_auth", rules.client_auth == Some(AuthMethod::AppleJwt)),
        ("endpoints", "jwks", rules.endpoints.jwks.is_some()),
        ("endpoints", "end_session", rules.endpoints.end_session.is_some()),
        ("request", "max_age", rules.request.max_age == Some(true)),
        ("quirks", "issuer_aliases", quirks.issuer_aliases.is_some()),
        ("quirks", "nonce_not_echoed", quirks.nonce_not_echoed == Some(true)),
        ("quirks", "user_form_field", quirks.user_form_field == Some(true)),
        ("quirks", "groups_overage", quirks.groups_overage == Some(true)),
    ];
    for (section, key, _) in present.into_iter().filter(|(_, _, present)| *present) {
        note(
            section,
            key,
            "this belongs to an OpenID Connect provider; an OAuth 2 provider has no ID token",
            "remove it, or use an oidc preset",
        );
    }
}

fn dependent(rules: &Rules, note: &dyn Fn(&str, &str, &str, &str)) {
    let quirks = &rules.quirks;
    if quirks.user_form_field == Some(true) && rules.request.form_post != Some(true) {
        note(
            "quirks",
            "user_form_field",
            "the user field comes only with a form post",
            "set request.form_post = true, or remove it",
        );
    }
    let listed = rules.email_trust == Some(EmailTrust::VerifiedList);
    if listed && quirks.verified_email_list.is_none() {
        note(
            "",
            "email_trust",
            "verified_list needs a list of addresses",
            "name it in quirks.verified_email_list",
        );
    }
    if !listed && quirks.verified_email_list.is_some() && rules.email_trust.is_none() {
        note(
            "quirks",
            "verified_email_list",
            "the list is read, but no address is trusted by it",
            "set email_trust = \"verified_list\"",
        );
    }
    if quirks.verified_email_list.as_ref().is_some_and(|list| !rules.profile.also.contains_key(list)) {
        note("quirks", "verified_email_list", "no further call fills this list", "add it to profile.also");
    }
    if quirks.email_verified_claim.is_some()
        && !matches!(rules.email_trust, Some(EmailTrust::Claim | EmailTrust::ClaimOrText))
    {
        note(
            "quirks",
            "email_verified_claim",
            "email_trust does not look at this claim",
            "set email_trust = \"claim\", or remove it",
        );
    }
    secrets(rules, note);
}

/// What is made with the client's secret, or stands in for it.
fn secrets(rules: &Rules, note: &dyn Fn(&str, &str, &str, &str)) {
    let quirks = &rules.quirks;
    let shared_secret =
        matches!(rules.client_auth, None | Some(AuthMethod::SecretBasic | AuthMethod::SecretPost));
    if !shared_secret && quirks.appsecret_proof == Some(true) {
        note(
            "quirks",
            "appsecret_proof",
            "the proof is made with a client secret",
            "use client_secret_post or client_secret_basic",
        );
    }
    if !shared_secret && quirks.token_audience.as_ref().is_some_and(|rule| rule.app_token) {
        note(
            "quirks",
            "token_audience",
            "app_token is made with a client secret",
            "use client_secret_post or client_secret_basic",
        );
    }
    if quirks.nonce_not_echoed == Some(true) && rules.client_auth == Some(AuthMethod::None) {
        note(
            "quirks",
            "nonce_not_echoed",
            "with neither nonce nor client authentication only PKCE is left",
            "use a client secret or key",
        );
    }
}

fn scopes(kind: ProtocolKind, rules: &Rules, note: &dyn Fn(&str, &str, &str, &str)) {
    let Some(scopes) = &rules.scopes else { return };
    let openid = scopes.iter().any(|scope| scope == "openid");
    if kind == ProtocolKind::Oidc && !openid {
        note("", "scopes", "OpenID Connect needs the scope openid", "add \"openid\"");
    }
    let separator = rules.request.scope_separator.as_deref().unwrap_or(" ");
    if scopes.iter().any(|scope| scope.contains(separator)) {
        note("", "scopes", "a scope holds the character that joins scopes", "list each scope on its own");
    }
}

/// A URL of a provider: https, or http on loopback, without fragment, user name and password.
pub(super) fn web_url(text: &str) -> Result<Url, Invalid> {
    let in_full = || "write it in full: https://login.example.com/…".to_owned();
    let url =
        Url::parse(text).map_err(|error| Invalid::new(format!("{text:?} is no URL: {error}"), in_full()))?;
    if text.contains(['{', '}', '*', '\\']) || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Invalid::new(
            format!("{text:?} holds a character that no URL holds, or a placeholder without a value"),
            in_full(),
        ));
    }
    if text.contains('#') || !url.username().is_empty() || url.password().is_some() {
        return Err(Invalid::new("the URL has a fragment, a user name or a password", "remove it"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(Invalid::new(
            format!("{text:?} is not https"),
            "use https; http is for localhost, 127.0.0.1 and [::1] only",
        )),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
