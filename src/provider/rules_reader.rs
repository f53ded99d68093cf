//! The keys that presets and pools share, read from a table.

use std::collections::BTreeMap;

use super::deviations::TokenAudienceRule;
use super::expression::Expression;
use super::mapping::{DECIDED_HERE, Rule, UNSIGNED};
use super::rules::{AuthMethod, QuirkKeys, RequestKeys, Rules};
use super::saml_rules::SamlKeys;
use super::settings::{EmailTrust, Endpoints, ProfileRule, UserinfoRule};
use crate::model::attributes::AttributeName;
use crate::model::document::{Invalid, Table};
use crate::model::scope::{InvalidScope, Scopes};
use crate::protocol::jose::Algorithm;

/// Reads the shared keys; problems are noted in the table's document.
pub(super) fn rules(table: &Table<'_>) -> Rules {
    let (groups_claim, groups_map) = table.table("groups").map(groups).unwrap_or_default();
    Rules {
        label: table.string("label"),
        issuer: table.string("issuer"),
        discovery_url: table.string("discovery_url"),
        base_url: table.parsed("base_url", base_url),
        endpoints: table.table("endpoints").map(endpoints).unwrap_or_default(),
        scopes: table.parsed_list("scopes", scope),
        request: table.table("request").map(request).unwrap_or_default(),
        algorithms: table.parsed_list("algorithms", algorithm),
        subject: table.parsed("subject", claim),
        userinfo: table.one_of(
            "userinfo",
            &[("never", UserinfoRule::Never), ("when_offered", UserinfoRule::WhenOffered)],
        ),
        client_auth: table.one_of("client_auth", &AUTH_METHODS),
        email_trust: email_trust(table),
        require_verified_email: table.boolean("require_verified_email"),
        end_session: table.boolean("end_session"),
        backchannel_logout: table.boolean("backchannel_logout"),
        frontchannel_logout: table.boolean("frontchannel_logout"),
        own_callback: table.boolean("own_callback"),
        profile: table.table("profile").map(profile).unwrap_or_default(),
        quirks: table.table("quirks").map(quirks).unwrap_or_default(),
        attributes: table.table("attributes").map(attributes).unwrap_or_default().into(),
        groups_claim,
        groups_map,
        saml: SamlKeys::read(table),
    }
}

pub(super) const AUTH_METHODS: [(&str, AuthMethod); 5] = [
    ("client_secret_basic", AuthMethod::SecretBasic),
    ("client_secret_post", AuthMethod::SecretPost),
    ("private_key_jwt", AuthMethod::PrivateKeyJwt),
    ("apple_jwt", AuthMethod::AppleJwt),
    ("none", AuthMethod::None),
];

fn email_trust(table: &Table<'_>) -> Option<EmailTrust> {
    const CHOICES: [(&str, u8); 6] = [
        ("never", 0),
        ("claim", 1),
        ("claim_or_text", 2),
        ("edov_claim", 3),
        ("verified_list", 4),
        ("domains", 5),
    ];
    let every = table.boolean("trust_every_email").unwrap_or(false);
    let chosen = table.one_of("email_trust", &CHOICES);
    if every && chosen.is_some() {
        table.problem("trust_every_email", "email_trust is given as well", "keep one of the two");
    }
    match chosen {
        _ if every => Some(EmailTrust::Every),
        Some(1) => Some(EmailTrust::Claim),
        Some(2) => Some(EmailTrust::ClaimOrText),
        Some(3) => Some(EmailTrust::EdovClaim),
        Some(4) => Some(EmailTrust::VerifiedList),
        Some(5) => Some(EmailTrust::Domains),
        Some(_) => Some(EmailTrust::Never),
        None => None,
    }
}

pub(super) fn endpoints(table: Table<'_>) -> Endpoints {
    let endpoints = Endpoints {
        authorization: table.string("authorization"),
        token: table.string("token"),
        userinfo: table.string("userinfo"),
        jwks: table.string("jwks"),
        end_session: table.string("end_session"),
    };
    table.finish();
    endpoints
}

fn request(table: Table<'_>) -> RequestKeys {
    let keys = RequestKeys {
        scope_separator: table
            .one_of("scope_separator", &[("space", " "), ("comma", ",")])
            .map(str::to_owned),
        parameters: table.map("parameters").unwrap_or_default(),
        form_post: table.boolean("form_post"),
        login_hint: table.boolean("login_hint"),
        prompts: table.parsed_list("prompts", prompt),
        max_age: table.boolean("max_age"),
    };
    for name in keys.parameters.keys().filter(|name| PROTOCOL_PARAMETERS.contains(&name.as_str())) {
        table.problem(
            "parameters",
            format!("{name} is a parameter of the protocol, made afresh for each sign-in"),
            format!("remove {name}"),
        );
    }
    table.finish();
    keys
}

/// Parameters that no fixed value may replace: that would switch off a check.
const PROTOCOL_PARAMETERS: [&str; 14] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "login_hint",
    "max_age",
    "request",
    "request_uri",
    "client_secret",
];

fn profile(table: Table<'_>) -> ProfileRule {
    let rule = ProfileRule {
        query: table.map("query").unwrap_or_default(),
        token_header: table.parsed("token_header", header),
        also: table.map("also").unwrap_or_default(),
    };
    table.finish();
    rule
}

fn quirks(table: Table<'_>) -> QuirkKeys {
    let keys = QuirkKeys {
        issuer_aliases: table.strings("issuer_aliases"),
        nonce_not_echoed: table.boolean("nonce_not_echoed"),
        user_form_field: table.boolean("user_form_field"),
        appsecret_proof: table.boolean("appsecret_proof"),
        token_audience: table.table("token_audience").and_then(token_audience),
        email_verified_claim: table.parsed("email_verified_claim", claim),
        verified_email_list: table.parsed("verified_email_list", claim),
        groups_overage: table.boolean("groups_overage"),
    };
    table.finish();
    keys
}

fn token_audience(table: Table<'_>) -> Option<TokenAudienceRule> {
    let (url, parameter) = (table.required_string("url"), table.required_string("parameter"));
    let (audience, app_token) =
        (table.required("audience", claim), table.boolean("app_token").unwrap_or(false));
    table.finish();
    Some(TokenAudienceRule { url: url?, parameter: parameter?, audience: audience?, app_token })
}

fn groups(table: Table<'_>) -> (Option<String>, BTreeMap<String, String>) {
    let (claim, map) = (table.parsed("claim", claim), table.map("map").unwrap_or_default());
    for group in map
        .values()
        .filter(|group| group.len() > 128 || group.chars().any(|c| c.is_whitespace() || c.is_control()))
    {
        table.problem("map", format!("{group:?} is no group name"), "use 1 to 128 characters without spaces");
    }
    table.finish();
    (claim, map)
}

fn attributes(table: Table<'_>) -> BTreeMap<AttributeName, Option<Rule>> {
    let mut rules = BTreeMap::new();
    for key in table.keys() {
        let name = match AttributeName::parse(key) {
            Ok(name) if DECIDED_HERE.contains(&name.as_str()) => {
                table.problem(
                    key,
                    format!("{key} is no attribute that a mapping may set"),
                    "remove it: email_trust decides which addresses are verified",
                );
                continue;
            }
            Ok(name) => name,
            Err(error) => {
                let Invalid { message, fix } = error.into();
                table.problem(key, message, fix);
                continue;
            }
        };
        match attribute(&table, key, &name) {
            Some(Source::Rule(rule)) => drop(rules.insert(name, Some(rule))),
            Some(Source::Unmapped) => drop(rules.insert(name, None)),
            None => {}
        }
    }
    // Every key was looked at above; one that failed has its problem already.
    for key in table.keys() {
        table.has(key);
    }
    table.finish();
    rules
}

/// `"claim"`, `["first", "second"]`, `{ constant = … }`, `{ cel = … }`, `{ unsigned = … }`,
/// or `{ none = true }` to unmap.
fn attribute(table: &Table<'_>, key: &str, name: &AttributeName) -> Option<Source> {
    if table.holds_list(key) {
        return table
            .parsed_list(key, claim)
            .filter(|claims| !claims.is_empty())
            .map(|claims| Source::Rule(Rule::Claims(claims)));
    }
    if !table.holds_table(key) {
        return table.parsed(key, claim).map(|claim| Source::Rule(Rule::Claims(vec![claim])));
    }
    let source = table.table(key)?;
    if source.len() != 1 {
        table.problem(key, "one source is expected", "write one of constant, cel, unsigned or none");
    }
    let constant = source.parsed("constant", constant).map(Rule::Constant);
    let expression = source.parsed("cel", expression).map(Rule::Expression);
    let unsigned = source.parsed("unsigned", claim).map(Rule::Unsigned);
    let none = source.boolean("none");
    source.finish();
    if unsigned.is_some() && !UNSIGNED.contains(&name.as_str()) {
        table.problem(
            key,
            "an unsigned claim may only fill a name",
            format!("map {key} from a signed claim"),
        );
        return None;
    }
    if none == Some(true) {
        Some(Source::Unmapped)
    } else {
        constant.or(expression).or(unsigned).map(Source::Rule)
    }
}

/// What an attribute is filled with.
enum Source {
    Rule(Rule),
    /// Nothing, although the preset maps it.
    Unmapped,
}

fn claim(text: &str) -> Result<String, Invalid> {
    if text.len() <= 256 && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::new(
            "this is no claim name",
            "write a claim name or a JSON pointer of at most 256 bytes",
        ))
    }
}

fn constant(text: &str) -> Result<String, Invalid> {
    let max = crate::model::attributes::MAX_VALUE;
    if text.len() <= max {
        Ok(text.to_owned())
    } else {
        Err(Invalid::new("the text is too long", format!("use at most {max} bytes")))
    }
}

fn expression(text: &str) -> Result<Expression, Invalid> {
    Expression::parse(text).map_err(|error| {
        Invalid::new(
            error.to_string(),
            "write a CEL expression over claims without loops; the documentation of attributes lists the \
             functions",
        )
    })
}

fn scope(text: &str) -> Result<String, Invalid> {
    let parsed = Scopes::parse(text)?;
    if parsed.iter().count() == 1 && parsed.to_string() == text {
        Ok(text.to_owned())
    } else {
        Err(InvalidScope(text.to_owned()).into())
    }
}

/// Symmetric algorithms and `none` are not among the accepted ones.
pub(super) fn algorithm(text: &str) -> Result<String, Invalid> {
    match Algorithm::parse(text) {
        Some(algorithm) => Ok(algorithm.as_str().to_owned()),
        None => Err(Invalid::new(
            format!("{text:?} is no accepted algorithm"),
            "use RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA",
        )),
    }
}

fn prompt(text: &str) -> Result<String, Invalid> {
    if ["none", "login", "consent", "select_account"].contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::new(
            format!("{text:?} is no prompt value"),
            "use none, login, consent or select_account",
        ))
    }
}

fn header(text: &str) -> Result<String, Invalid> {
    http::HeaderName::from_bytes(text.as_bytes())
        .map(|name| name.to_string())
        .map_err(|_| Invalid::new("this is no header name", "write a header name"))
}

fn base_url(text: &str) -> Result<String, Invalid> {
    let url = super::contradictions::web_url(text)?;
    if url.query().is_some() {
        return Err(Invalid::new("a base URL has no query", "remove the part from ? on"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}
