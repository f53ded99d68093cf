//! Checks of the broker's own side: files, stores, and its address.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use http::StatusCode;
use serde_json::Value;
use url::Url;

use super::report::{Finding, TLS_DAYS};
use crate::app;
use crate::config::{Config, PoolConfig, StoreUrl};
use crate::outside::Outside;
use crate::outside::http::{Http, HttpError, HttpLimits, Request};
use crate::protocol::saml::certificate::Certificate;
use crate::store::{Role, StoreError};

/// Files that hold secrets are their owner's alone.
pub(super) fn files(config: &Config, file: &Path) -> Vec<Finding> {
    let mut findings = vec![private("configuration", file, "0600")];
    let folders =
        [&config.store.state, &config.store.directory].into_iter().filter_map(|store| match store {
            StoreUrl::File(folder) => Some(folder),
            StoreUrl::Memory | StoreUrl::Redis(_) => None,
        });
    let mut seen: Vec<&Path> = Vec::new();
    for folder in folders {
        if seen.contains(&folder.as_path()) || !folder.exists() {
            continue;
        }
        seen.push(folder);
        findings.push(private("store", folder, "0700"));
        let key = folder.join("master.key");
        if key.exists() {
            findings.push(private("store", &key, "0600"));
        }
    }
    findings
}

fn private(subject: &str, path: &Path, mode: &str) -> Finding {
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) => Finding::failed(
            subject,
            "file permissions",
            format!("{shown}: {error}"),
            format!("let the broker's user read {shown}"),
        ),
        Ok(found) if found.permissions().mode().trailing_zeros() >= 6 => {
            Finding::ok(subject, "file permissions", format!("{shown} is for its owner alone"))
        }
        Ok(found) => Finding::warning(
            subject,
            "file permissions",
            format!("{shown} is open to others (mode {:04o})", found.permissions().mode() & 0o7777),
            format!("chmod {mode} {shown}: it may hold secrets"),
        ),
    }
}

/// Both stores, opened and asked.
pub(super) async fn stores(config: &Config, outside: &Outside) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (role, url) in [(Role::State, &config.store.state), (Role::Directory, &config.store.directory)] {
        let subject = format!("store.{}", role.as_str());
        findings.push(match url {
            StoreUrl::Memory => Finding::warning(
                &subject,
                "durability",
                "in memory: everything is gone with the process",
                "set file:<folder> or redis://… outside tests",
            ),
            // Opened once, as the broker does.
            StoreUrl::File(_) | StoreUrl::Redis(_)
                if role == Role::Directory && config.store.state.public() == url.public() =>
            {
                Finding::ok(&subject, "place", "the same as store.state")
            }
            StoreUrl::File(folder) if !folder.exists() => {
                Finding::ok(&subject, "folder", format!("{} is made at the first start", folder.display()))
            }
            StoreUrl::File(_) | StoreUrl::Redis(_) => opened(config, role, &subject, outside).await,
        });
    }
    findings
}

async fn opened(config: &Config, role: Role, subject: &str, outside: &Outside) -> Finding {
    let place = match role {
        Role::State => config.store.state.public(),
        Role::Directory => config.store.directory.public(),
    };
    let store = match app::open(&config.store, role, outside).await {
        Ok(store) => store,
        Err(app::AppError::Store { error: StoreError::Misconfigured(reason), .. })
            if reason.contains("in use") =>
        {
            return Finding::ok(subject, "open", format!("{place} is in use by the running broker"));
        }
        Err(error) => {
            return Finding::failed(
                subject,
                "open",
                error.to_string(),
                format!("make {place} usable as the message says"),
            );
        }
    };
    match store.ping().await {
        Ok(()) => Finding::ok(subject, "answers", place),
        Err(error) => Finding::failed(
            subject,
            "answers",
            error.to_string(),
            format!(
                "{place} must answer from this machine: server running, address, password, TLS, \
                 maxmemory-policy noeviction"
            ),
        ),
    }
}

/// Each pool's issuer, asked under its public name.
pub(super) async fn public_urls(config: &Config, outside: &Outside) -> Result<Vec<Finding>, HttpError> {
    let extra = config.server.upstream_ca.as_deref().map(str::as_bytes);
    let http = Http::new(HttpLimits::default(), true, extra)?;
    let mut findings = Vec::new();
    for pool in &config.pools {
        findings.extend(public_url(&http, pool, outside).await);
    }
    Ok(findings)
}

async fn public_url(http: &Http, config: &PoolConfig, outside: &Outside) -> Vec<Finding> {
    let subject = format!("pool {}", config.pool.id);
    let issuer = config.pool.issuer.trim_end_matches('/');
    let address = format!("{issuer}/.well-known/openid-configuration");
    let Ok(url) = Url::parse(&address) else {
        return vec![Finding::failed(
            &subject,
            "public URL",
            format!("{issuer} is no URL"),
            "set issuer to an https URL",
        )];
    };
    let (answer, certificate) = match http.probe(Request::get(url)).await {
        Ok(answer) => answer,
        Err(error) => {
            let fix = format!(
                "start the broker; then {address} must lead to it (DNS, proxy, certificate, firewall) from \
                 wherever apps are"
            );
            return vec![Finding::failed(&subject, "public URL", error.to_string(), fix)];
        }
    };
    let named = serde_json::from_slice::<Value>(&answer.body)
        .ok()
        .and_then(|body| Some(body.get("issuer")?.as_str()?.to_owned()));
    let mut findings = vec![match named {
        Some(named) if named == config.pool.issuer => {
            Finding::ok(&subject, "public URL", format!("{address} answers as {named}, from this machine"))
        }
        Some(named) => Finding::failed(
            &subject,
            "public URL",
            format!("{address} answers as {named:?}"),
            format!(
                "apps compare it with {:?}: the address leads to another broker, or issuer of the pool is \
                 wrong",
                config.pool.issuer
            ),
        ),
        None => Finding::failed(
            &subject,
            "public URL",
            format!("{address} answers with status {}{}", answer.status.as_u16(), misdirected(answer.status)),
            "let the proxy pass this path and the Host header on, and list the host in hosts of the pool",
        ),
    }];
    if let Some(certificate) = certificate.and_then(|der| Certificate::from_der(&der).ok()) {
        let fix = "renew the certificate of the public address";
        findings.push(Finding::of_certificate(
            &subject,
            ("TLS certificate", &TLS_DAYS),
            &certificate,
            outside.clock.now(),
            fix,
        ));
    }
    findings
}

fn misdirected(status: StatusCode) -> &'static str {
    if status == StatusCode::MISDIRECTED_REQUEST { ": no pool answers at this host" } else { "" }
}
