//! Resolving a `[[pool.provider]]` table against its preset, into a checked [`Provider`].

use super::client_auth_settings;
use super::contradictions::{self, web_url};
use super::deviations::{Quirks, TenantRule};
use super::preset::{CREDENTIALS, Preset, Presets};
use super::resolve_saml;
use super::rules::{ProtocolKind, Rules};
use super::rules_reader;
use super::saml::Saml;
use super::settings::{
    ClientAuth, EmailTrust, Endpoints, GroupRule, LogoutRule, Oauth2, Oidc, Protocol, Provider, RequestRules,
    UserinfoRule,
};
use crate::model::document::{Invalid, Table};
use crate::model::ids::{PoolId, ProviderName};

/// What stands around a provider's table.
#[derive(Debug, Clone, Copy)]
pub struct PoolContext<'a> {
    /// `[server] allow_private_upstreams`: without it plain http is refused even on loopback.
    pub allow_private: bool,
    /// The pool, if its id could be read.
    pub pool: Option<&'a PoolId>,
}

/// Reads one provider of a pool; every problem is noted in the table's document, and then there is no
/// provider.
pub fn read(presets: &Presets, table: &Table<'_>, context: &PoolContext<'_>) -> Option<Provider> {
    let name = table.required("name", ProviderName::parse);
    let preset = table.required("use", |text| presets.get(text).ok_or_else(|| no_preset(presets, text)));
    let saml = preset.is_some_and(|preset| preset.kind == ProtocolKind::Saml);
    let mut reading = Reading { table, complete: true, allow_private: context.allow_private };
    let own = rules_reader::rules(table);
    let pool = ProviderTable {
        identifiers: table.parsed_list("identifiers", identifier).unwrap_or_default(),
        domains: table.parsed_list("domains", domain_rule).unwrap_or_default(),
        client_id: if saml { None } else { table.required_string("client_id") },
        enabled: table.boolean("enabled").unwrap_or(true),
        tenant: table.string("tenant"),
        allowed_tenants: table.strings("allowed_tenants"),
        hosted_domains: table.parsed_list("hosted_domains", domain),
        organisations: table.strings("organisations"),
    };
    resolve_saml::mark_known(table);
    let credentials = client_auth_settings::read(table);
    let preset = preset?;
    reading.fits(preset, &own, &pool);
    let mut rules = reading.place(preset, &pool, preset.rules.clone().overlaid(own.clone()), &own);
    contradictions::check(table, preset.kind, &rules);
    if !saml {
        reading.no_saml();
    }
    if rules.email_trust == Some(EmailTrust::Domains) && pool.domains.is_empty() {
        reading.note("email_trust", "there are no domains to trust", "list them in domains");
    }
    let protocol = reading.protocol(preset, &pool, &mut rules, context);
    let auth = if saml {
        Some(ClientAuth::None)
    } else {
        client_auth_settings::client_auth(table, &rules, credentials)
    };
    if !reading.complete {
        return None;
    }
    let (name, protocol) = (name?, protocol?);
    let client_id = match &protocol {
        Protocol::Saml(saml) => saml.sp_entity_id.clone(),
        Protocol::Oidc(_) | Protocol::Oauth2(_) => pool.client_id?,
    };
    Some(Provider {
        label: rules.label.unwrap_or_else(|| name.to_string()),
        name,
        preset: preset.name.clone(),
        provider_type: preset.provider_type,
        identifiers: pool.identifiers,
        domains: pool.domains,
        protocol,
        client_id,
        client_auth: auth?,
        email_trust: rules.email_trust.unwrap_or(if saml { EmailTrust::Domains } else { EmailTrust::Never }),
        require_verified_email: rules.require_verified_email.unwrap_or(false),
        mapping: preset.mapping_of(&rules.attributes),
        groups: GroupRule { claim: rules.groups_claim, map: rules.groups_map },
        end_session: rules.end_session.unwrap_or(false),
        own_callback: rules.own_callback.unwrap_or(false),
        enabled: pool.enabled,
    })
}

fn no_preset(presets: &Presets, name: &str) -> Invalid {
    let near = crate::model::document::nearest(name, presets.names()).unwrap_or_default();
    Invalid::new(
        format!("there is no preset {name:?}"),
        format!(
            "the nearest preset is {near:?}; any other OpenID Connect provider is \"oidc\", any other SAML \
             provider \"saml\""
        ),
    )
}

/// Keys that only a pool has.
struct ProviderTable {
    identifiers: Vec<String>,
    domains: Vec<String>,
    client_id: Option<String>,
    enabled: bool,
    tenant: Option<String>,
    allowed_tenants: Option<Vec<String>>,
    hosted_domains: Option<Vec<String>>,
    organisations: Option<Vec<String>>,
}

/// One table being read, and whether everything fitted so far.
struct Reading<'t, 'd> {
    table: &'t Table<'d>,
    complete: bool,
    allow_private: bool,
}

impl Reading<'_, '_> {
    fn note(&mut self, key: &str, message: impl Into<String>, fix: impl Into<String>) {
        self.table.problem(key, message, fix);
        self.complete = false;
    }

    /// What the provider speaks, with all that this protocol needs.
    fn protocol(
        &mut self,
        preset: &Preset,
        pool: &ProviderTable,
        rules: &mut Rules,
        context: &PoolContext<'_>,
    ) -> Option<Protocol> {
        match preset.kind {
            ProtocolKind::Oidc => self.oidc(preset, pool, rules).map(Protocol::Oidc),
            ProtocolKind::Oauth2 => self.oauth2(preset, pool, rules).map(Protocol::Oauth2),
            ProtocolKind::Saml => self.saml(rules, context.pool).map(|saml| Protocol::Saml(Box::new(saml))),
        }
    }

    /// What the preset asks for is there; what it cannot use is not.
    fn fits(&mut self, preset: &Preset, own: &Rules, pool: &ProviderTable) {
        for key in preset.requires.iter().filter(|key| !self.table.has(key)) {
            self.note(key, format!("missing; the preset {} needs it", preset.name), format!("add {key}"));
        }
        let unused = [
            ("tenant", pool.tenant.is_some() && preset.tenants.is_none()),
            ("hosted_domains", pool.hosted_domains.is_some() && !preset.hosted_domains),
            ("organisations", pool.organisations.is_some() && preset.organisations.is_none()),
            (
                "base_url",
                own.base_url.is_some()
                    && preset.rules.base_url.is_none()
                    && !preset.requires.iter().any(|key| key == "base_url"),
            ),
        ];
        for (key, _) in unused.into_iter().filter(|(_, unused)| *unused) {
            self.note(
                key,
                format!("the preset {} does not know what to do with it", preset.name),
                "remove it",
            );
        }
        for scope in own.scopes.iter().flatten().filter(|scope| preset.forbidden_scopes.contains(scope)) {
            self.note(
                "scopes",
                format!("this provider refuses the scope {scope:?}"),
                format!("remove {scope:?}; the preset asks for the same in the provider's own way"),
            );
        }
        for (key, list) in [("organisations", &pool.organisations), ("hosted_domains", &pool.hosted_domains)]
        {
            if list.as_ref().is_some_and(Vec::is_empty) {
                self.note(
                    key,
                    "an empty list would let everybody in",
                    "list whom to let in, or remove the key",
                );
            }
        }
    }

    /// Fills `{base_url}` and `{tenant}`, and the URLs of a self-hosted instance.
    fn place(&mut self, preset: &Preset, pool: &ProviderTable, mut rules: Rules, own: &Rules) -> Rules {
        if let (Some(_), Some(hosted)) = (&own.base_url, &preset.self_hosted) {
            let under = Rules { endpoints: hosted.endpoints.clone(), ..Rules::default() };
            rules = rules
                .overlaid(under)
                .overlaid(Rules { endpoints: own.endpoints.clone(), ..Rules::default() });
            rules.profile.also.extend(hosted.also.clone());
            rules.profile.also.extend(own.profile.also.clone());
        }
        let (in_path, in_issuer) = self.tenant(preset, pool);
        let base = rules.base_url.clone().unwrap_or_default();
        let fill = |url: String, tenant: &str| url.replace("{base_url}", &base).replace("{tenant}", tenant);
        rules.issuer = rules.issuer.map(|issuer| fill(issuer, &in_issuer));
        rules.discovery_url = rules.discovery_url.map(|url| fill(url, &in_path));
        let endpoints = &mut rules.endpoints;
        for url in [
            &mut endpoints.authorization,
            &mut endpoints.token,
            &mut endpoints.userinfo,
            &mut endpoints.jwks,
            &mut endpoints.end_session,
        ] {
            *url = url.take().map(|url| fill(url, &in_path));
        }
        for url in rules.profile.also.values_mut() {
            *url = fill(std::mem::take(url), &in_path);
        }
        if let (Some(_), Some(organisations)) = (&pool.organisations, &preset.organisations) {
            let hosted = preset
                .self_hosted
                .as_ref()
                .filter(|_| own.base_url.is_some())
                .and_then(|hosted| hosted.organisations_url.clone());
            rules
                .profile
                .also
                .insert("orgs".into(), fill(hosted.unwrap_or_else(|| organisations.url.clone()), &in_path));
            let scopes = rules.scopes.get_or_insert_default();
            let missing: Vec<String> =
                organisations.scopes.iter().filter(|scope| !scopes.contains(scope)).cloned().collect();
            scopes.extend(missing);
        }
        rules
    }

    /// What stands for `{tenant}` in URLs and in the issuer.
    fn tenant(&mut self, preset: &Preset, pool: &ProviderTable) -> (String, String) {
        let (Some(tenants), Some(tenant)) = (&preset.tenants, &pool.tenant) else {
            return Default::default();
        };
        if tenants.many.contains_key(tenant) {
            return (tenant.clone(), "{tenantid}".into());
        }
        if let Some(id) = tenants.aliases.get(tenant) {
            return (id.clone(), id.clone());
        }
        if uuid::Uuid::try_parse(tenant).is_err() {
            let words: Vec<&str> =
                tenants.many.keys().chain(tenants.aliases.keys()).map(String::as_str).collect();
            self.note(
                "tenant",
                format!("{tenant:?} is no tenant id"),
                format!("write the tenant's id (a UUID), or one of {}", words.join(", ")),
            );
        }
        (tenant.to_ascii_lowercase(), tenant.to_ascii_lowercase())
    }

    fn oidc(&mut self, preset: &Preset, pool: &ProviderTable, rules: &Rules) -> Option<Oidc> {
        let issuer = rules.issuer.clone()?;
        let template = issuer.contains("{tenantid}");
        self.url("issuer", &issuer.replace("{tenantid}", "tenant"));
        let by_hand = rules.endpoints.authorization.is_some()
            && rules.endpoints.token.is_some()
            && rules.endpoints.jwks.is_some();
        let discovery_url = match &rules.discovery_url {
            Some(url) => Some(url.clone()),
            None if by_hand => None,
            None => Some(format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))),
        };
        if discovery_url.as_ref().is_some_and(|url| url.contains("{tenantid}")) {
            self.note(
                "discovery_url",
                "an issuer for many tenants has no metadata of its own",
                "name the metadata's URL",
            );
        } else if let Some(url) = &rules.discovery_url {
            self.url("discovery_url", url);
        }
        self.endpoint_urls(&rules.endpoints);
        let tenant = self.tenant_rule(preset, pool, template);
        Some(Oidc {
            issuer,
            discovery_url,
            endpoints: rules.endpoints.clone(),
            request: request(rules, &["openid", "email", "profile"]),
            algorithms: rules
                .algorithms
                .clone()
                .filter(|list| !list.is_empty())
                .unwrap_or_else(|| vec!["RS256".into()]),
            subject_claim: rules.subject.clone().unwrap_or_else(|| "sub".into()),
            userinfo: rules.userinfo.unwrap_or(UserinfoRule::WhenOffered),
            logout: LogoutRule {
                back_channel: rules.backchannel_logout.unwrap_or(false),
                front_channel: rules.frontchannel_logout.unwrap_or(false),
            },
            quirks: Quirks { tenant, ..quirks(pool, rules) },
        })
    }

    fn oauth2(&mut self, preset: &Preset, pool: &ProviderTable, rules: &Rules) -> Option<Oauth2> {
        let present = [
            ("authorization", &rules.endpoints.authorization),
            ("token", &rules.endpoints.token),
            ("userinfo", &rules.endpoints.userinfo),
        ];
        for (key, _) in present.into_iter().filter(|(_, url)| url.is_none()) {
            if self.table.has("endpoints") || !preset.requires.iter().any(|key| key == "endpoints") {
                self.table.section("endpoints").problem(key, "missing", format!("add {key}"));
            }
            self.complete = false;
        }
        if pool.allowed_tenants.is_some() {
            self.note("allowed_tenants", "an OAuth 2 provider has no tenants", "remove it");
        }
        self.endpoint_urls(&rules.endpoints);
        for url in rules.profile.also.values().chain(rules.quirks.token_audience.iter().map(|rule| &rule.url))
        {
            self.url("profile", url);
        }
        Some(Oauth2 {
            endpoints: rules.endpoints.clone(),
            request: request(rules, &[]),
            subject: rules.subject.clone()?,
            profile: rules.profile.clone(),
            quirks: quirks(pool, rules),
        })
    }

    fn saml(&mut self, rules: &mut Rules, pool: Option<&PoolId>) -> Option<Saml> {
        for key in CREDENTIALS.into_iter().filter(|key| self.table.has(key)) {
            self.note(
                key,
                "a SAML provider gives no credentials",
                "remove it; our entity id is sp_entity_id",
            );
        }
        resolve_saml::read(self.table, rules, self.allow_private, pool)
    }

    /// Keys of SAML at another provider.
    fn no_saml(&mut self) {
        for key in resolve_saml::OWN.into_iter().filter(|key| self.table.has(key)) {
            self.note(key, "this belongs to a SAML provider", "remove it, or use a saml preset");
        }
    }

    fn tenant_rule(&mut self, preset: &Preset, pool: &ProviderTable, template: bool) -> Option<TenantRule> {
        let allowed = pool.allowed_tenants.clone();
        if !template {
            if allowed.is_some() {
                self.note(
                    "allowed_tenants",
                    "the issuer is that of one tenant",
                    "remove allowed_tenants, or use an issuer with {tenantid}",
                );
            }
            return None;
        }
        let Some(allowed) = allowed.filter(|list| !list.is_empty()) else {
            self.note(
                "allowed_tenants",
                "the issuer is that of many tenants and nothing says which may sign in",
                "list their ids, or write [\"*\"] to let every tenant in",
            );
            return None;
        };
        let every = allowed.iter().any(|tenant| tenant == "*");
        if every && allowed.len() > 1 {
            self.note("allowed_tenants", "\"*\" stands beside tenant ids", "keep the one or the other");
        }
        if let Some(odd) = allowed.iter().find(|tenant| {
            *tenant != "*" && uuid::Uuid::try_parse(tenant).is_err() && preset.tenants.is_some()
        }) {
            self.note(
                "allowed_tenants",
                format!("{odd:?} is no tenant id"),
                "write tenant ids (UUIDs); domain names are not in tokens",
            );
        }
        let refused = preset
            .tenants
            .as_ref()
            .zip(pool.tenant.as_ref())
            .and_then(|(tenants, tenant)| tenants.many.get(tenant).cloned());
        Some(TenantRule {
            allowed: if every { Vec::new() } else { allowed },
            refused: refused.unwrap_or_default(),
        })
    }

    fn endpoint_urls(&mut self, endpoints: &Endpoints) {
        for url in [
            &endpoints.authorization,
            &endpoints.token,
            &endpoints.userinfo,
            &endpoints.jwks,
            &endpoints.end_session,
        ]
        .into_iter()
        .flatten()
        {
            self.url("endpoints", url);
        }
    }

    fn url(&mut self, key: &str, text: &str) {
        match web_url(text) {
            Ok(url) if url.scheme() == "http" && !self.allow_private => {
                self.note(
                    key,
                    format!("{text:?} is plain http"),
                    "use https, or set server.allow_private_upstreams = true for tests on loopback",
                );
            }
            Ok(_) => {}
            Err(Invalid { message, fix }) => self.note(key, message, fix),
        }
    }
}

fn request(rules: &Rules, default_scopes: &[&str]) -> RequestRules {
    let keys = &rules.request;
    RequestRules {
        scopes: rules
            .scopes
            .clone()
            .unwrap_or_else(|| default_scopes.iter().map(|scope| (*scope).to_owned()).collect()),
        scope_separator: keys.scope_separator.clone().unwrap_or_else(|| " ".into()),
        parameters: keys.parameters.clone(),
        form_post: keys.form_post.unwrap_or(false),
        login_hint: keys.login_hint.unwrap_or(false),
        prompts: keys.prompts.clone().unwrap_or_default(),
        max_age: keys.max_age.unwrap_or(false),
    }
}

fn quirks(pool: &ProviderTable, rules: &Rules) -> Quirks {
    let keys = &rules.quirks;
    Quirks {
        tenant: None,
        hosted_domains: pool.hosted_domains.clone().unwrap_or_default(),
        issuer_aliases: keys.issuer_aliases.clone().unwrap_or_default(),
        nonce_not_echoed: keys.nonce_not_echoed.unwrap_or(false),
        user_form_field: keys.user_form_field.unwrap_or(false),
        appsecret_proof: keys.appsecret_proof.unwrap_or(false),
        token_audience: keys.token_audience.clone(),
        email_verified_claim: keys.email_verified_claim.clone(),
        verified_email_list: keys.verified_email_list.clone(),
        organisations: pool.organisations.clone().unwrap_or_default(),
        groups_overage: keys.groups_overage.unwrap_or(false),
    }
}

/// Cognito: at most 40 characters, none of them a control character.
fn identifier(text: &str) -> Result<String, Invalid> {
    if text.chars().count() <= 40 && !text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::new(format!("{text:?} is no identifier"), "use at most 40 characters without spaces"))
    }
}

/// A domain, or `*.` before one for every domain below it.
fn domain_rule(text: &str) -> Result<String, Invalid> {
    match text.strip_prefix("*.") {
        Some(above) => domain(above).map(|above| format!("*.{above}")),
        None => domain(text),
    }
}

/// A domain name in its ASCII (punycode) form.
fn domain(text: &str) -> Result<String, Invalid> {
    match url::Host::parse(text) {
        Ok(url::Host::Domain(name))
            if name.contains('.') && !name.ends_with('.') && !text.contains(['/', '@', '*']) =>
        {
            Ok(name)
        }
        _ => Err(Invalid::new(
            format!("{text:?} is no domain"),
            "write a domain such as example.com; domains lists the domains below it as *.example.com",
        )),
    }
}
