//! One pool, client or provider from a document of its own, by the readers of the configuration file: the
//! same keys, checks and words. What must differ from other pools, clients and providers is not compared
//! here.

use std::collections::BTreeSet;

use super::{PoolConfig, ServerConfig, client, pool, pool_providers};
use crate::model::client::{Client, Lifetimes};
use crate::model::document::{Document, Problem, Problems};
use crate::model::ids::{ClientId, PoolId, ProviderName};
use crate::provider::preset::Presets;
use crate::provider::resolve::PoolContext;
use crate::provider::settings::Provider;

/// What was read, and what of it is allowed but risky.
#[derive(Debug, Clone)]
pub struct Single<T> {
    /// What the document describes.
    pub value: T,
    /// In the words of `symbolon check`.
    pub warnings: Vec<Problem>,
}

/// A provider and the logo for its button.
#[derive(Debug, Clone)]
pub struct SingleProvider {
    /// The provider.
    pub provider: Provider,
    /// The text of the SVG of `logo_file`.
    pub logo: Option<String>,
}

/// The pool, with its clients and providers, whose table is the top of `document`.
///
/// # Errors
/// Every problem of the document, each with its key and what to write instead.
pub fn read_pool(
    document: Document<'_>,
    server: &ServerConfig,
    presets: &Presets,
) -> Result<Single<PoolConfig>, Problems> {
    let known = pool_providers::PoolReader {
        presets,
        allow_private: server.allow_private_upstreams,
        damaged: document.is_damaged(),
    };
    let table = document.root();
    let (found, _) = pool::read(&table, server, &known);
    table.finish();
    finished(document, found)
}

/// The client whose table is the top of `document`, with the lifetimes of its pool where it names none.
/// `providers` are the names of the pool's providers.
///
/// # Errors
/// As [`read_pool`].
pub fn read_client(
    document: Document<'_>,
    defaults: Lifetimes,
    providers: &BTreeSet<ProviderName>,
) -> Result<Single<Client>, Problems> {
    let table = document.root();
    let id = table.required("id", ClientId::parse);
    let found = client::read(table, id, defaults, Some(providers));
    finished(document, found)
}

/// The provider of the pool `pool` whose table is the top of `document`.
///
/// # Errors
/// As [`read_pool`].
pub fn read_provider(
    document: Document<'_>,
    pool: &PoolId,
    server: &ServerConfig,
    presets: &Presets,
) -> Result<Single<SingleProvider>, Problems> {
    let context = PoolContext { allow_private: server.allow_private_upstreams, pool: Some(pool) };
    let table = document.root();
    let found = pool_providers::read(&table, presets, &context)
        .map(|one| SingleProvider { provider: one.provider, logo: one.mark });
    table.finish();
    finished(document, found)
}

fn finished<T>(document: Document<'_>, found: Option<T>) -> Result<Single<T>, Problems> {
    let warnings = document.finish()?;
    found.map(|value| Single { value, warnings }).ok_or_else(|| Problems::new(Vec::new()))
}
