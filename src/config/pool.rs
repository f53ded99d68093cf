//! `[[pool]]`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use url::Url;

use super::across_pools::{AcrossPools, Claims};
use super::duplicates::Unique;
use super::{
    PoolConfig, ServerConfig, branding, client, client_authentication, client_certificates, pool_providers,
    saml, uri,
};
use crate::model::client::{Client, Lifetimes};
use crate::model::document::Table;
use crate::model::ids::{ClientId, PoolId, ProviderName};
use crate::model::pool::{Pool, SessionPolicy, SigningAlgorithm};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// Reads every pool; values that must differ between pools are compared.
pub(super) fn read_all(
    root: &Table<'_>,
    server: &ServerConfig,
    known: &pool_providers::PoolReader<'_>,
) -> Vec<PoolConfig> {
    let tables = root.tables("pool");
    if tables.is_empty() && !known.damaged && !root.has("pool") {
        root.problem("pool", "there is no pool", "add [[pool]] with an id such as eu-west-1_Example01");
    }
    let mut across = AcrossPools::new();
    let mut pools = Vec::new();
    for table in tables {
        let (own, claims) = read(&table, server, known);
        across.claim(root, claims);
        table.finish();
        pools.extend(own);
    }
    pools
}

/// Reads one pool, compared with no other, and what it claims among all. What is wrong is noted in the
/// table's document, and then there is no pool.
pub(super) fn read(
    table: &Table<'_>,
    server: &ServerConfig,
    known: &pool_providers::PoolReader<'_>,
) -> (Option<PoolConfig>, Claims) {
    let id = table.required("id", PoolId::parse);
    let mut claims =
        Claims { id: id.as_ref().map(|id| (id.to_string(), table.spot("id"))), ..Claims::default() };
    let address = address(table, server, &mut claims);
    if let Some(id) = &id {
        claims.default_issuer = Some((default_issuer(&address.public_url, id), table.spot("issuer")));
    }
    let own = settings(table, id, address, known, &mut claims);
    if let Some(PoolConfig { pool, .. }) = &own {
        client_certificates::check_clients(table, &server.listener.certificates, pool);
    }
    (own, claims)
}

fn default_issuer(public_url: &str, id: &PoolId) -> String {
    format!("{public_url}/{id}")
}

/// Where browsers and apps find a pool.
struct Address {
    public_url: String,
    mtls_url: Option<String>,
    hosts: Vec<String>,
    issuer: Option<String>,
}

fn address(table: &Table<'_>, server: &ServerConfig, claims: &mut Claims) -> Address {
    let (public_url, mut hosts) = place(table, server);
    for (index, host) in hosts.iter().enumerate() {
        let spot = if table.has("hosts") { table.spot_of_item("hosts", index) } else { table.spot("") };
        claims.hosts.push((host.clone(), spot));
    }
    let mtls_url = table.parsed("mtls_url", uri::base);
    let other = mtls_url.as_ref().and_then(|url| Url::parse(url).ok()).and_then(|url| uri::authority(&url));
    if let Some(host) = other.filter(|host| !hosts.contains(host)) {
        claims.hosts.push((host.clone(), table.spot("mtls_url")));
        hosts.push(host);
    }
    let issuer = table.parsed("issuer", uri::issuer);
    claims.issuer = issuer.clone().map(|issuer| (issuer, table.spot("issuer")));
    Address { public_url, mtls_url, hosts, issuer }
}

/// Public URL and hosts: the pool's own, else the server's.
fn place(table: &Table<'_>, server: &ServerConfig) -> (String, Vec<String>) {
    let base = Url::parse(&server.public_url).ok();
    let scheme = base.as_ref().map_or("https", Url::scheme);
    let hosts = table.parsed_list("hosts", |text| uri::host(text, scheme));
    if hosts.as_ref().is_some_and(Vec::is_empty)
        && table.spot_of_item("hosts", 0).place == table.spot("").place
    {
        table.problem(
            "hosts",
            "the list is empty",
            "name a host, or remove the key to use that of server.public_url",
        );
    }
    match hosts.as_ref().and_then(|hosts| hosts.first()) {
        Some(first) => (format!("{scheme}://{first}"), hosts.unwrap_or_default()),
        None => (server.public_url.clone(), base.as_ref().and_then(uri::authority).into_iter().collect()),
    }
}

fn settings(
    table: &Table<'_>,
    id: Option<PoolId>,
    address: Address,
    known: &pool_providers::PoolReader<'_>,
    claims: &mut Claims,
) -> Option<PoolConfig> {
    let name = table.string("name");
    let lifetimes = client::lifetimes(table, Lifetimes::default());
    let session = session(table);
    let flow_lifetime = table.duration("flow_lifetime", MINUTE..=HOUR).unwrap_or(10 * MINUTE);
    let code_lifetime =
        table.duration("code_lifetime", Duration::from_secs(10)..=10 * MINUTE).unwrap_or(5 * MINUTE);
    let signing = table.one_of(
        "signing",
        &[
            ("RS256", SigningAlgorithm::Rs256),
            ("ES256", SigningAlgorithm::Es256),
            ("EdDSA", SigningAlgorithm::EdDsa),
        ],
    );
    let flag = |key: &str, default: bool| table.boolean(key).unwrap_or(default);
    let (separate_keys, case_insensitive, cognito_compat) =
        (flag("separate_keys", true), flag("case_insensitive", false), flag("cognito_compat", false));
    let mut branding = branding::read(table);
    let read = pool_providers::read_all(table, id.as_ref(), known);
    branding.marks = read.marks;
    let clients = clients(table, lifetimes, (!known.damaged).then_some(&read.names));
    if !known.damaged {
        saml::check_clients(table, &read.providers, &read.spots, &clients);
    }
    client_authentication::check_signing(table, signing.unwrap_or(SigningAlgorithm::Rs256), clients.values());
    claims.entity_ids = saml::entity_ids(&read.providers, &read.spots);
    let id = id?;
    let pool = Pool {
        name: name.unwrap_or_else(|| id.to_string()),
        issuer: address.issuer.unwrap_or_else(|| default_issuer(&address.public_url, &id)),
        public_url: address.public_url,
        mtls_url: address.mtls_url,
        hosts: address.hosts,
        signing: signing.unwrap_or(SigningAlgorithm::Rs256),
        separate_keys,
        case_insensitive,
        cognito_compat,
        session,
        flow_lifetime,
        code_lifetime,
        clients,
        id,
    };
    Some(PoolConfig { pool, providers: read.providers.into(), branding })
}

fn session(table: &Table<'_>) -> SessionPolicy {
    let defaults = SessionPolicy::default();
    let session = SessionPolicy {
        idle: table.duration("session_idle", MINUTE..=90 * DAY).unwrap_or(defaults.idle),
        absolute: table.duration("session_absolute", MINUTE..=90 * DAY).unwrap_or(defaults.absolute),
    };
    if session.idle > session.absolute {
        let key = if table.has("session_idle") { "session_idle" } else { "session_absolute" };
        table.problem(
            key,
            "session_idle is longer than session_absolute",
            "make session_absolute the longer one",
        );
    }
    session
}

fn clients(
    table: &Table<'_>,
    defaults: Lifetimes,
    providers: Option<&BTreeSet<ProviderName>>,
) -> BTreeMap<ClientId, Client> {
    let tables = table.tables("client");
    if tables.is_empty() && !table.has("client") {
        table.warn("client", "no app is registered, so nobody can sign in", "add [[pool.client]]");
    }
    let mut ids = Unique::new("client id");
    let mut clients = BTreeMap::new();
    for table in tables {
        let id = table.required("id", ClientId::parse);
        if let Some(id) = &id {
            ids.claim(&table, id.as_str(), table.spot("id"));
        }
        clients
            .extend(client::read(table, id, defaults, providers).map(|client| (client.id.clone(), client)));
    }
    clients
}
