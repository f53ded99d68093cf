//! `[[pool.provider]]`: the providers of one pool compared with each other; what one table means is [`crate::provider`]'s.

use std::collections::BTreeMap;

use super::pool::Unique;
use super::secrets;
use crate::model::document::{Invalid, Table};
use crate::model::ids::ProviderName;
use crate::model::user::ProviderType;
use crate::provider::settings::{
    ClientAuth, EmailTrust, Endpoints, GroupRule, Oidc, Protocol, Provider, Quirks, RequestRules, UserinfoRule,
};

/// The providers of a pool that could be read, and every name that is given, whether the rest could be read or not.
pub(super) fn read_all(pool: &Table<'_>) -> (Vec<Provider>, Vec<ProviderName>) {
    let (mut names, mut routes) = (Unique::new("provider name"), Unique::new("identifier or domain"));
    let (mut providers, mut all) = (Vec::new(), Vec::new());
    for table in pool.tables("provider") {
        if let Some(name) = table.required("name", ProviderName::parse) {
            // User names begin with it, and case-insensitive pools lower-case them.
            names.claim(pool, &name.as_str().to_ascii_lowercase(), table.spot("name"));
            all.push(name);
        }
        for key in ["identifiers", "domains"] {
            let values = table.strings(key).unwrap_or_default();
            for (index, value) in values.iter().enumerate() {
                routes.claim(pool, &format!("{key} {}", value.to_ascii_lowercase()), table.spot_of_item(key, index));
            }
        }
        if table.secret("client_secret").is_some_and(|secret| secrets::is_sample(&secret)) {
            let spot = table.secret_spot("client_secret");
            pool.problem_at(&spot, "the secret is a sample from an example", "write the secret that the provider gave you");
        }
        let spot = table.spot("");
        let Some(provider) = read(table) else { continue };
        for (option, risk) in loosened(&provider) {
            pool.warn_at(&spot, format!("{option}: {risk}"), format!("remove {option} unless this provider needs it"));
        }
        providers.push(provider);
    }
    (providers, all)
}

/// Options of this provider that take a check away, with what that risks.
fn loosened(provider: &Provider) -> Vec<(&'static str, &'static str)> {
    let quirks = match &provider.protocol {
        Protocol::Oidc(oidc) => &oidc.quirks,
        Protocol::Oauth2(oauth2) => &oauth2.quirks,
    };
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
    if matches!(provider.client_auth, ClientAuth::None) {
        found.push(("client_auth", "the broker does not authenticate at this provider"));
    }
    found
}

fn read(table: Table<'_>) -> Option<Provider> {
    let name = table.parsed("name", ProviderName::parse);
    let preset = table.required("use", |text| match text {
        "oidc" => Ok(text.to_owned()),
        other => Err(Invalid::new(format!("no preset is called {other:?}"), "write \"oidc\"")),
    });
    let issuer = table.required("issuer", super::uri::issuer);
    let client_id = table.required_string("client_id");
    let secret = table.secret("client_secret");
    let label = table.string("label");
    let domains = table.strings("domains").unwrap_or_default();
    let identifiers = table.strings("identifiers").unwrap_or_default();
    let scopes = table.strings("scopes").unwrap_or_else(|| ["openid", "email", "profile"].map(str::to_owned).into());
    let enabled = table.boolean("enabled").unwrap_or(true);
    table.finish();
    let (name, issuer) = (name?, issuer?);
    Some(Provider {
        label: label.unwrap_or_else(|| name.to_string()),
        preset: preset?,
        provider_type: ProviderType::Oidc,
        identifiers,
        domains,
        protocol: Protocol::Oidc(Oidc {
            discovery_url: Some(format!("{issuer}/.well-known/openid-configuration")),
            issuer,
            endpoints: Endpoints::default(),
            request: RequestRules { scopes, scope_separator: " ".to_owned(), login_hint: true, ..RequestRules::default() },
            algorithms: ["RS256", "ES256", "EdDSA"].map(str::to_owned).into(),
            userinfo: UserinfoRule::WhenOffered,
            quirks: Quirks::default(),
        }),
        client_id: client_id?,
        client_auth: secret.map_or(ClientAuth::None, ClientAuth::SecretBasic),
        email_trust: EmailTrust::Claim,
        mapping: crate::provider::mapping::Mapping::default(),
        groups: GroupRule { claim: None, map: BTreeMap::new() },
        end_session: false,
        enabled,
        name,
    })
}
