//! `symbolon doctor`: everything that can be looked at without a sign-in, and what to change.
//!
//! Nothing is changed and nobody is signed in: providers are asked for their metadata and keys, their token
//! endpoint is shown a worthless code, and their sign-in page is asked whether it knows the redirect URI.

mod home;
mod oidc;
pub mod report;
mod saml;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use futures_util::future::join_all;

use super::ConfigFile;
use crate::app;
use crate::config::{Config, PoolConfig};
use crate::model::time::Timestamp;
use crate::outside::Outside;
use crate::outside::http::HttpError;
use crate::outside::upstreams::Upstreams;
use crate::protocol::saml::certificate::Certificate;
use crate::provider::settings::{Protocol, Provider};
use report::{Finding, Report};

/// Arguments of `symbolon doctor`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Only this provider, and nothing but it
    provider: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the report. Exit code 0 when nothing failed (warnings do not count), 1 when something did, 2 when
/// there is nothing to look at.
pub fn run(arguments: &Arguments) -> ExitCode {
    let config = match arguments.file.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let failed = |reason: &dyn std::fmt::Display, code: u8| {
        let _ = writeln!(std::io::stderr(), "symbolon doctor: {reason}");
        ExitCode::from(code)
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error, 1),
    };
    let report = match runtime.block_on(examine(
        &config,
        &arguments.file.config,
        arguments.provider.as_deref(),
        &Outside::real(),
    )) {
        Ok(report) => report,
        Err(error) => return failed(&error, 1),
    };
    if report.findings.is_empty() {
        let have: Vec<&str> = config
            .pools
            .iter()
            .flat_map(|config| &config.providers)
            .map(|provider| provider.name.as_str())
            .collect();
        return failed(&format!("there is no such provider; there are: {}", have.join(", ")), 2);
    }
    let text = if arguments.json { report.json() } else { report.text() };
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    ExitCode::from(u8::from(report.failed()))
}

/// Looks at one provider, or at all of them and at everything here. `file` is where the configuration was
/// read.
pub async fn examine(
    config: &Config,
    file: &Path,
    provider: Option<&str>,
    outside: &Outside,
) -> Result<Report, HttpError> {
    let upstreams = app::upstreams(config, outside)?;
    let mut findings = Vec::new();
    if provider.is_none() {
        findings.extend(home::files(config, file));
        findings.extend(home::stores(config, outside).await);
        findings.extend(home::public_urls(config, outside).await?);
    }
    let chosen = config.pools.iter().flat_map(|pool| pool.providers.iter().map(move |found| (pool, found)));
    let chosen = chosen.filter(|(_, found)| provider.is_none_or(|name| found.name.as_str() == name));
    let looked = join_all(chosen.map(|(pool, found)| of_provider(pool, found, &upstreams, outside))).await;
    findings.extend(looked.into_iter().flatten());
    Ok(Report { findings })
}

async fn of_provider(
    config: &PoolConfig,
    provider: &Provider,
    upstreams: &Upstreams,
    outside: &Outside,
) -> Vec<Finding> {
    let subject = format!("provider {} of {}", provider.name, config.pool.id);
    if !provider.enabled {
        return vec![Finding::ok(
            &subject,
            "enabled",
            "it is disabled, so nobody can sign in with it; nothing was looked at",
        )];
    }
    let patient = Patient { subject: &subject, config, provider, upstreams, outside };
    match &provider.protocol {
        Protocol::Oidc(rules) => oidc::openid(patient, rules).await,
        Protocol::Oauth2(rules) => oidc::oauth2(patient, rules).await,
        Protocol::Saml(rules) => saml::provider(patient, rules).await,
    }
}

/// A provider being looked at.
#[derive(Debug, Clone, Copy)]
struct Patient<'a> {
    subject: &'a str,
    config: &'a PoolConfig,
    provider: &'a Provider,
    upstreams: &'a Upstreams,
    outside: &'a Outside,
}

impl Patient<'_> {
    fn ok(&self, check: &'static str, found: impl Into<String>) -> Finding {
        Finding::ok(self.subject, check, found)
    }

    fn warning(&self, check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding::warning(self.subject, check, found, fix)
    }

    fn failed(&self, check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding::failed(self.subject, check, found, fix)
    }

    fn certificate(
        &self,
        check: (&'static str, &[i64]),
        certificate: &Certificate,
        now: Timestamp,
        fix: &str,
    ) -> Finding {
        Finding::of_certificate(self.subject, check, certificate, now, fix)
    }
}
