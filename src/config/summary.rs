//! A valid configuration in words.

use std::fmt::Write as _;

use super::{Config, PoolConfig};
use crate::model::client::{Client, Grant, Rotation};

impl Config {
    /// What would be served, one line per thing, without any secret.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        let server = &self.server;
        let _ = writeln!(
            text,
            "listen {}, health and metrics on {}, browsers see {}",
            server.listen, server.admin_listen, server.public_url
        );
        let certificates = &server.listener.certificates;
        if let Some(listener) = &certificates.listener {
            let _ = writeln!(text, "certificates of apps are asked for on {}", listener.address);
        }
        if let Some(header) = &certificates.header {
            let _ =
                writeln!(text, "certificates of apps are believed in the header {header} of trusted proxies");
        }
        let _ = writeln!(
            text,
            "state in {}, directory in {}",
            self.store.state.public(),
            self.store.directory.public()
        );
        for pool in &self.pools {
            describe(&mut text, pool);
        }
        text
    }
}

fn describe(text: &mut String, PoolConfig { pool, providers, .. }: &PoolConfig) {
    let _ = writeln!(
        text,
        "pool {} {:?}: issuer {}, {}, at {}",
        pool.id,
        pool.name,
        pool.issuer,
        pool.signing.as_str(),
        pool.hosts.join(", ")
    );
    for client in pool.clients.values() {
        let _ = writeln!(text, "  client {}: {}", client.id, traits(client));
    }
    for provider in providers {
        let state = if provider.enabled { "" } else { ", disabled" };
        let _ = writeln!(text, "  provider {}: {}{state}", provider.name, provider.preset);
    }
}

fn traits(client: &Client) -> String {
    let grants: Vec<&str> = client.grants.iter().map(|grant| Grant::as_str(*grant)).collect();
    let kind = if client.is_public() { "public" } else { "confidential" };
    let rotation = if client.rotation == Rotation::Off { "" } else { ", rotating" };
    let state = if client.enabled { "" } else { ", disabled" };
    format!("{kind}, {}{rotation}, scopes {}{state}", grants.join(" "), client.scopes)
}
