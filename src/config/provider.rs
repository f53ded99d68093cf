//! `[[pool.provider]]`: the providers of one pool compared with each other; what one table means is [`crate::provider`]'s.

use super::secrets;
use super::unique::Unique;
use crate::model::document::Table;
use crate::model::ids::ProviderName;
use crate::provider::preset::Presets;
use crate::provider::settings::{ClientAuth, EmailTrust, Provider};
use crate::provider::{quirks, registry};

/// What the tables of a pool are read with.
pub(super) struct Known<'p> {
    /// Presets that `use` may name.
    pub(super) presets: &'p Presets,
    /// `[server] allow_private_upstreams`.
    pub(super) allow_private: bool,
    /// Whether syntax errors hide parts of the document.
    pub(super) damaged: bool,
}

/// The providers of a pool that could be read, and every name that is given, whether the rest could be read or not.
pub(super) fn read_all(pool: &Table<'_>, known: &Known<'_>) -> (Vec<Provider>, Vec<ProviderName>) {
    let mut names = Unique::new("provider name");
    let mut routes = [("identifiers", Unique::new("identifier")), ("domains", Unique::new("domain"))];
    let (mut providers, mut all) = (Vec::new(), Vec::new());
    for table in pool.tables("provider") {
        if let Some(name) = table.required("name", ProviderName::parse) {
            // User names begin with it, and case-insensitive pools lower-case them.
            names.claim(pool, &name.as_str().to_ascii_lowercase(), table.spot("name"));
            all.push(name);
        }
        for (key, seen) in &mut routes {
            let values = table.strings(key).unwrap_or_default();
            for (index, value) in values.iter().enumerate() {
                seen.claim(pool, &value.to_ascii_lowercase(), table.spot_of_item(key, index));
            }
        }
        if table.secret("client_secret").is_some_and(|secret| secrets::is_sample(&secret)) {
            let spot = table.secret_spot("client_secret");
            pool.problem_at(&spot, "the secret is a sample from an example", "write the secret that the provider gave you");
        }
        if table.string("client_id").is_some_and(|id| !id.contains(char::is_alphanumeric)) {
            table.problem("client_id", "this is a placeholder", "write the client id that the provider gave you");
        }
        let spot = table.spot("");
        let provider = registry::read(known.presets, &table, known.allow_private);
        table.finish();
        let Some(provider) = provider else { continue };
        for (option, risk) in loosened(&provider) {
            pool.warn_at(&spot, format!("{option}: {risk}"), format!("remove {option} unless this provider needs it"));
        }
        providers.push(provider);
    }
    (providers, all)
}

/// Options of this provider that take a check away, with what that risks.
fn loosened(provider: &Provider) -> Vec<(&'static str, &'static str)> {
    let quirks = quirks::quirks(provider);
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
