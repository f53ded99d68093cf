//! Presets: one file in `providers/` for each provider, embedded in the binary; an operator may add a
//! directory of more.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::mapping::{Mapping, Rule};
use super::rules::{ProtocolKind, Rules};
use super::rules_reader;
use super::settings::Endpoints;
use crate::model::attributes::AttributeName;
use crate::model::document::{Document, Problem, Problems, Table};
use crate::model::user::ProviderType;

/// The embedded files: name and text.
pub const EMBEDDED: [(&str, &str); 30] = [
    ("adfs", include_str!("../../providers/adfs.toml")),
    ("amazon", include_str!("../../providers/amazon.toml")),
    ("apple", include_str!("../../providers/apple.toml")),
    ("auth0", include_str!("../../providers/auth0.toml")),
    ("discord", include_str!("../../providers/discord.toml")),
    ("entra-saml", include_str!("../../providers/entra-saml.toml")),
    ("facebook", include_str!("../../providers/facebook.toml")),
    ("facebook-limited", include_str!("../../providers/facebook-limited.toml")),
    ("github", include_str!("../../providers/github.toml")),
    ("gitlab", include_str!("../../providers/gitlab.toml")),
    ("google", include_str!("../../providers/google.toml")),
    ("google-workspace", include_str!("../../providers/google-workspace.toml")),
    ("jumpcloud", include_str!("../../providers/jumpcloud.toml")),
    ("keycloak", include_str!("../../providers/keycloak.toml")),
    ("keycloak-saml", include_str!("../../providers/keycloak-saml.toml")),
    ("linkedin", include_str!("../../providers/linkedin.toml")),
    ("microsoft", include_str!("../../providers/microsoft.toml")),
    ("microsoft-ciam", include_str!("../../providers/microsoft-ciam.toml")),
    ("oauth2", include_str!("../../providers/oauth2.toml")),
    ("oidc", include_str!("../../providers/oidc.toml")),
    ("okta", include_str!("../../providers/okta.toml")),
    ("okta-saml", include_str!("../../providers/okta-saml.toml")),
    ("onelogin", include_str!("../../providers/onelogin.toml")),
    ("ping", include_str!("../../providers/ping.toml")),
    ("salesforce", include_str!("../../providers/salesforce.toml")),
    ("saml", include_str!("../../providers/saml.toml")),
    ("shibboleth", include_str!("../../providers/shibboleth.toml")),
    ("simplesamlphp", include_str!("../../providers/simplesamlphp.toml")),
    ("slack", include_str!("../../providers/slack.toml")),
    ("x", include_str!("../../providers/x.toml")),
];

/// What a preset file says.
#[derive(Debug, Clone)]
pub struct Preset {
    /// The file's name without `.toml`: the value of `use`.
    pub name: String,
    /// Protocol.
    pub kind: ProtocolKind,
    /// Cognito's type.
    pub provider_type: ProviderType,
    /// Keys that a pool must give: `issuer`, `base_url`, `tenant`, `endpoints`, `subject`.
    pub requires: Vec<String>,
    /// Scopes that the provider refuses.
    pub forbidden_scopes: Vec<String>,
    /// Whether a pool may ask for `hosted_domains`.
    pub hosted_domains: bool,
    /// What `tenant` may be.
    pub tenants: Option<Tenants>,
    /// What changes when a pool gives its own `base_url`.
    pub self_hosted: Option<SelfHosted>,
    /// How `organisations` are looked up.
    pub organisations: Option<Organisations>,
    /// The keys that presets and pools share.
    pub rules: Rules,
    mapping: Mapping,
}

impl Preset {
    /// What `attributes` come to, this preset's with a pool's laid over them; shared by all pools that change
    /// nothing about them.
    pub(super) fn mapping_of(&self, attributes: &Arc<Attributes>) -> Mapping {
        if Arc::ptr_eq(attributes, &self.rules.attributes) {
            self.mapping.clone()
        } else {
            mapping(attributes)
        }
    }
}

type Attributes = BTreeMap<AttributeName, Option<Rule>>;

fn mapping(attributes: &Attributes) -> Mapping {
    Mapping::new(attributes.iter().filter_map(|(name, rule)| Some((name.clone(), rule.clone()?))).collect())
}

/// Values of `tenant` besides the id of one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tenants {
    /// Words for many tenants, each with tenants that it excludes.
    pub many: BTreeMap<String, Vec<String>>,
    /// Words for one tenant, with its id.
    pub aliases: BTreeMap<String, String>,
}

/// URLs of an instance that the operator runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SelfHosted {
    /// Endpoints.
    pub endpoints: Endpoints,
    /// Further profile calls.
    pub also: BTreeMap<String, String>,
    /// Where organisations are listed.
    pub organisations_url: Option<String>,
}

/// How the list of organisations is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisations {
    /// URL of the list.
    pub url: String,
    /// Scopes that the call needs.
    pub scopes: Vec<String>,
}

/// All presets by name.
#[derive(Debug, Clone, Default)]
pub struct Presets(BTreeMap<String, Preset>);

impl Presets {
    /// The presets of the binary.
    pub fn embedded() -> Result<Self, Problems> {
        Self(BTreeMap::new()).with(EMBEDDED.map(|(name, text)| (format!("{name}.toml"), text.to_owned())))
    }

    /// These presets and more: (file name, text). A file named like an embedded one replaces it.
    pub fn with(mut self, files: impl IntoIterator<Item = (String, String)>) -> Result<Self, Problems> {
        let mut problems: Vec<Problem> = Vec::new();
        for (file, text) in files {
            match parse(&file, &text) {
                Ok(preset) => drop(self.0.insert(preset.name.clone(), preset)),
                Err(found) => problems.extend(found.into_vec()),
            }
        }
        if problems.is_empty() { Ok(self) } else { Err(Problems::new(problems)) }
    }

    /// The preset called `name`.
    pub fn get(&self, name: &str) -> Option<&Preset> {
        self.0.get(name)
    }

    /// Every name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Parses one preset; `file` ends in `<name>.toml` and is what problems show.
pub fn parse(file: &str, text: &str) -> Result<Preset, Problems> {
    // What helps to correct it is gathered only when there is something to correct.
    finished(Document::parse(file, text).in_haste(), file)
        .or_else(|_| finished(Document::parse(file, text), file))
}

fn finished(document: Document<'_>, file: &str) -> Result<Preset, Problems> {
    let preset = read(file, document.root());
    let problem = Problem {
        file: file.to_owned(),
        place: crate::model::document::Location::File,
        key: String::new(),
        message: String::new(),
        fix: String::new(),
    };
    match (document.finish(), preset) {
        (Ok(_), Some(preset)) => Ok(preset),
        (Err(problems), _) => Err(problems),
        (Ok(_), None) => Err(Problems::new(vec![Problem {
            message: "this is no preset".into(),
            fix: "set protocol".into(),
            ..problem
        }])),
    }
}

fn read(file: &str, table: Table<'_>) -> Option<Preset> {
    let name =
        file.rsplit(['/', '\\']).next().unwrap_or(file).strip_suffix(".toml").unwrap_or(file).to_owned();
    for key in CREDENTIALS.into_iter().filter(|key| table.has(key)) {
        table.problem(key, "a preset never holds a credential", "move it to the pool's provider");
    }
    if table.has("trust_every_email") {
        table.problem("trust_every_email", "a preset never vouches for every address", "let the pool say so");
    }
    let kind = table
        .require("protocol")
        .then(|| {
            table.one_of(
                "protocol",
                &[
                    ("oidc", ProtocolKind::Oidc),
                    ("oauth2", ProtocolKind::Oauth2),
                    ("saml", ProtocolKind::Saml),
                ],
            )
        })
        .flatten();
    let provider_type = table.parsed("provider_type", |text| {
        ProviderType::parse(text).ok_or_else(|| {
            crate::model::document::Invalid::new(
                format!("{text:?} is no provider type of Cognito"),
                "use Google, Facebook, LoginWithAmazon, SignInWithApple, SAML or OIDC",
            )
        })
    });
    let rules = rules_reader::rules(&table);
    let preset = kind.map(|kind| Preset {
        name,
        kind,
        provider_type: provider_type.unwrap_or(if kind == ProtocolKind::Saml {
            ProviderType::Saml
        } else {
            ProviderType::Oidc
        }),
        requires: table.strings("requires").unwrap_or_default(),
        forbidden_scopes: table.strings("forbidden_scopes").unwrap_or_default(),
        hosted_domains: table.boolean("hosted_domains").unwrap_or(false),
        tenants: table.table("tenants").map(tenants),
        self_hosted: table.table("self_hosted").map(self_hosted),
        organisations: table.table("organisations").and_then(organisations),
        mapping: mapping(&rules.attributes),
        rules,
    });
    if let Some(preset) = &preset {
        check(&table, preset);
    }
    table.finish();
    preset
}

/// Keys of a pool that a preset must not have.
pub(super) const CREDENTIALS: [&str; 8] = [
    "client_id",
    "client_secret",
    "client_secret_file",
    "private_key",
    "private_key_file",
    "key_id",
    "team_id",
    "key_algorithm",
];

/// What a pool may be asked for.
const REQUIRABLE: [&str; 5] = ["issuer", "base_url", "tenant", "endpoints", "subject"];

fn check(table: &Table<'_>, preset: &Preset) {
    super::contradictions::check(table, preset.kind, &preset.rules);
    if (preset.kind == ProtocolKind::Saml) != (preset.provider_type == ProviderType::Saml) {
        table.problem(
            "provider_type",
            "SAML is the type of providers that speak SAML, and of no other",
            "remove it",
        );
    }
    for key in preset.requires.iter().filter(|key| !REQUIRABLE.contains(&key.as_str())) {
        table.problem(
            "requires",
            format!("{key:?} cannot be required"),
            format!("use any of {}", REQUIRABLE.join(", ")),
        );
    }
    if preset.kind == ProtocolKind::Oidc && preset.rules.issuer.is_none() && !requires(preset, "issuer") {
        table.problem(
            "issuer",
            "missing",
            "add issuer, or require it from the pool: requires = [\"issuer\"]",
        );
    }
    if preset.kind == ProtocolKind::Saml && table.has("own_callback") {
        table.problem("own_callback", "a SAML provider has no use for it", "remove it");
    }
    if preset.kind == ProtocolKind::Oauth2 && preset.rules.subject.is_none() && !requires(preset, "subject") {
        table.problem("subject", "missing", "name the claim with the provider's id of the person");
    }
    endpoints(table, preset);
    tenant_placeholder(table, preset);
    let unsigned = preset.rules.attributes.iter().find(|(_, rule)| matches!(rule, Some(Rule::Unsigned(_))));
    if let (Some((name, _)), false) = (unsigned, preset.rules.quirks.user_form_field == Some(true)) {
        table.section("attributes").problem(
            name.as_str(),
            "no unsigned claims come from this provider",
            "set quirks.user_form_field, or map a claim",
        );
    }
}

fn requires(preset: &Preset, key: &str) -> bool {
    preset.requires.iter().any(|have| have == key)
}

/// An OAuth 2 preset has nobody to ask for its endpoints.
fn endpoints(table: &Table<'_>, preset: &Preset) {
    if preset.kind == ProtocolKind::Oauth2 && !requires(preset, "endpoints") {
        let endpoints = &preset.rules.endpoints;
        for (key, _) in [
            ("authorization", &endpoints.authorization),
            ("token", &endpoints.token),
            ("userinfo", &endpoints.userinfo),
        ]
        .into_iter()
        .filter(|(_, url)| url.is_none())
        {
            table.section("endpoints").problem(key, "missing", "an OAuth 2 preset names its endpoints");
        }
    }
}

/// Where many tenants share a preset, the issuer says which one is meant.
fn tenant_placeholder(table: &Table<'_>, preset: &Preset) {
    let multi_tenant = preset.tenants.as_ref().is_some_and(|tenants| !tenants.many.is_empty());
    let placeholder = preset
        .rules
        .issuer
        .as_deref()
        .is_some_and(|issuer| issuer.contains("{tenant}") || issuer.contains("{tenantid}"));
    if multi_tenant && !placeholder {
        table.problem(
            "tenants",
            "the issuer does not say where the tenant stands",
            "put {tenant} into issuer",
        );
    }
}

fn tenants(table: Table<'_>) -> Tenants {
    let many = table.table("many").map(|many| {
        let words = many.keys().filter_map(|word| Some((word.to_owned(), many.strings(word)?))).collect();
        many.finish();
        words
    });
    let tenants =
        Tenants { many: many.unwrap_or_default(), aliases: table.map("aliases").unwrap_or_default() };
    table.finish();
    tenants
}

fn self_hosted(table: Table<'_>) -> SelfHosted {
    let urls = SelfHosted {
        endpoints: table.table("endpoints").map(rules_reader::endpoints).unwrap_or_default(),
        also: table.map("also").unwrap_or_default(),
        organisations_url: table.string("organisations_url"),
    };
    table.finish();
    urls
}

fn organisations(table: Table<'_>) -> Option<Organisations> {
    let (url, scopes) = (table.required_string("url"), table.strings("scopes").unwrap_or_default());
    table.finish();
    Some(Organisations { url: url?, scopes })
}
