//! `symbolon doctor`: what a sign-in will need, asked without one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use symbolon::cli::doctor::examine;
use symbolon::cli::doctor::report::{Finding, Report, TLS_DAYS, Verdict};
use symbolon::config::{self, Config};
use symbolon::outside::Outside;
use symbolon::protocol::saml::certificate::Certificate;

use super::*;
use crate::support::broker::POOL;
use crate::support::fake_idp::{Certificate as Tls, Endpoint, Switch, Trouble, Vendor};

/// A configuration with this provider, at a public address where nobody listens unless `url` says otherwise.
fn configuration(provider: &ProviderToml, url: &str, server: &str) -> Config {
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:1\"\npublic_url = {url:?}\nallow_private_upstreams = \
         true\n{server}\n[store]\nstate = \"memory:\"\n\
         directory = \"memory:\"\n[[pool]]\nid = \"{POOL}\"\n{}",
        provider.0
    );
    config::parse(&text, "symbolon.toml", &[], &|file| {
        fs::read_to_string(file).map_err(|error| error.to_string())
    })
    .unwrap_or_else(|problems| panic!("{problems}"))
}

async fn examined(config: &Config, name: Option<&str>) -> Report {
    let outside = Outside::real();
    examine(config, Path::new("Cargo.toml"), name, &outside).await.unwrap()
}

#[track_caller]
fn of<'r>(report: &'r Report, check: &str) -> &'r Finding {
    report
        .findings
        .iter()
        .find(|finding| finding.check == check)
        .unwrap_or_else(|| panic!("no {check}:\n{}", report.text()))
}

/// The check failed or warned, and what to change names all of `words`.
#[track_caller]
fn says(report: &Report, check: &str, verdict: Verdict, words: &[&str]) {
    let finding = of(report, check);
    assert_eq!(finding.verdict, verdict, "{}", report.text());
    let told = format!("{} {}", finding.found, finding.fix.as_deref().unwrap_or_default());
    for word in words {
        assert!(told.contains(word), "{word:?} is missing:\n{}", report.text());
    }
}

async fn at(acme: &FakeIdp, change: impl FnOnce(ProviderToml) -> ProviderToml) -> Report {
    examined(&configuration(&change(provider("Acme", acme)), "http://127.0.0.1:1", ""), Some("Acme")).await
}

/// B-46: what to register is said with the pool's address and the provider's name, and what a provider says
/// that it cannot do.
#[tokio::test]
async fn where_the_provider_tells_of_sign_outs_is_said() {
    let acme = FakeIdp::oidc(&Clock::Real).await;
    let report = at(&acme, |acme| acme).await;
    assert!(report.findings.iter().all(|finding| !finding.check.contains("logout")), "{}", report.text());
    let both = |acme: ProviderToml| acme.with("backchannel_logout = true").with("frontchannel_logout = true");
    let report = at(&acme, both).await;
    assert!(!report.failed(), "{}", report.text());
    let back = [
        "http://127.0.0.1:1/oauth2/backchannel_logout/Acme",
        "backchannel_logout_uri",
        "backchannel_logout_session_required",
    ];
    says(&report, "back-channel logout", Verdict::Ok, &back);
    says(
        &report,
        "front-channel logout",
        Verdict::Ok,
        &["http://127.0.0.1:1/oauth2/frontchannel_logout/Acme", "frontchannel_logout_uri"],
    );
    acme.does(Switch::Metadata("backchannel_logout_supported".to_owned(), false.into()));
    acme.does(Switch::Metadata("frontchannel_logout_supported".to_owned(), true.into()));
    let report = at(&acme, both).await;
    says(
        &report,
        "back-channel logout",
        Verdict::Warning,
        &["backchannel_logout_supported = false", "remove backchannel_logout"],
    );
    says(&report, "front-channel logout", Verdict::Ok, &["frontchannel_logout_session_required"]);
}

#[tokio::test]
async fn a_provider_that_is_set_up_well_is_well() {
    let acme = FakeIdp::oidc(&Clock::Real).await;
    let report = at(&acme, |acme| acme).await;
    assert!(!report.failed(), "{}", report.text());
    says(&report, "redirect URI", Verdict::Ok, &["http://127.0.0.1:1/oauth2/idpresponse"]);
    says(&report, "client credentials", Verdict::Ok, &["invalid_grant"]);
    let text = report.text();
    assert!(text.contains("provider Acme of eu-west-1_Example01") && text.contains("0 failed"), "{text}");
    assert!(!text.contains(acme.client_secret()) && !report.json().contains("s3cret"));
    let json: Value = serde_json::from_str(&report.json()).unwrap();
    assert_eq!(
        (json["failed"].as_bool(), json["findings"][0]["verdict"].as_str()),
        (Some(false), Some("ok"))
    );
}

#[tokio::test]
async fn a_wrong_secret_is_found_without_a_sign_in() {
    let acme = FakeIdp::oidc(&Clock::Real).await;
    let report = at(&acme, |acme| acme.with("client_secret = \"the-secret-of-last-year\"")).await;
    says(
        &report,
        "client credentials",
        Verdict::Failed,
        &["invalid_client", "client_secret of provider Acme"],
    );
    assert!(report.failed() && !report.text().contains("last-year"));
}

#[tokio::test]
async fn a_wrong_issuer_and_missing_keys_are_found() {
    let acme = FakeIdp::oidc(&Clock::Real).await;
    let slash = format!("issuer = \"{}/\"", acme.issuer());
    says(
        &at(&acme, |acme| acme.with(&slash)).await,
        "metadata",
        Verdict::Failed,
        &["set issuer to exactly", &acme.issuer()],
    );
    acme.does(Switch::At(Endpoint::Jwks, Trouble::Html));
    says(&at(&acme, |acme| acme).await, "keys", Verdict::Failed, &["jwks_uri"]);
}

#[tokio::test]
async fn a_redirect_uri_and_a_client_that_the_provider_does_not_know_are_found() {
    let acme = FakeIdp::oidc(&Clock::Real).await;
    acme.does(Switch::At(
        Endpoint::Authorize,
        Trouble::ErrorDescription("AADSTS50011: the redirect URI does not match".to_owned()),
    ));
    let report = at(&acme, |acme| acme).await;
    says(
        &report,
        "redirect URI",
        Verdict::Failed,
        &["register http://127.0.0.1:1/oauth2/idpresponse", "broker-at-idp"],
    );
    acme.behaves();
    let report = at(&acme, |acme| acme.with("client_id = \"somebody-else\"")).await;
    says(&report, "redirect URI", Verdict::Failed, &["client_id \"somebody-else\""]);
}

#[tokio::test]
async fn a_provider_that_is_down_is_said_to_be() {
    let acme = FakeIdp::oidc(&Clock::Real).await;
    acme.does(Switch::At(Endpoint::Discovery, Trouble::Reset));
    says(&at(&acme, |acme| acme).await, "metadata", Verdict::Failed, &["cannot be reached", "network"]);
    assert!(
        examined(&configuration(&provider("Acme", &acme), "http://127.0.0.1:1", ""), Some("Nobody"))
            .await
            .findings
            .is_empty()
    );
}

#[tokio::test]
async fn the_certificate_of_a_provider_is_looked_at() {
    let folder = Folder::new("doctor-tls");
    let acme = FakeIdp::start_with_tls(Vendor::Oidc, &Clock::Real, Tls::Good).await;
    let ca = folder.0.join("ca.pem");
    fs::write(&ca, acme.ca_pem()).unwrap();
    let server = format!("upstream_ca_file = {:?}", ca.display().to_string());
    let config = configuration(&provider("Acme", &acme), "http://127.0.0.1:1", &server);
    let report = examined(&config, Some("Acme")).await;
    let certificate = of(&report, "TLS certificate");
    assert!(certificate.found.contains("days") && certificate.found.contains(':'), "{}", report.text());
}

#[tokio::test]
async fn a_certificate_is_announced_before_its_end() {
    let made = rcgen::generate_simple_self_signed(vec!["idp.example".to_owned()]).unwrap();
    let certificate = Certificate::from_der(made.cert.der()).unwrap();
    let end = certificate.not_after();
    let day = Duration::from_secs(86_400);
    for (before, verdict, words) in [
        (15, Verdict::Ok, "15 days"),
        (13, Verdict::Warning, "less than 14 days"),
        (6, Verdict::Warning, "less than 7 days"),
    ] {
        let found =
            Finding::of_certificate("s", ("c", &TLS_DAYS), &certificate, end.minus(day * before), "renew it");
        assert!(found.verdict == verdict && found.found.contains(words), "{found:?}");
    }
    let over = Finding::of_certificate("s", ("c", &TLS_DAYS), &certificate, end.plus(day), "renew it");
    assert!(over.verdict == Verdict::Failed && over.fix.as_deref() == Some("renew it"));
}

#[tokio::test]
async fn the_brokers_own_address_is_asked_as_apps_would() {
    let acme = FakeIdp::oidc(&Clock::Real).await;
    let nobody = examined(&configuration(&provider("Acme", &acme), "http://127.0.0.1:1", ""), None).await;
    says(&nobody, "public URL", Verdict::Failed, &["start the broker"]);
    let broker = broker(&Clock::Real, &acme, |acme| acme).await;
    let whole = examined(&configuration(&provider("Acme", &acme), &broker.url, ""), None).await;
    says(&whole, "public URL", Verdict::Ok, &[&broker.issuer]);
    says(&whole, "durability", Verdict::Warning, &["in memory"]);
    let other = acme.base().to_owned();
    let elsewhere = examined(&configuration(&provider("Acme", &acme), &other, ""), None).await;
    says(&elsewhere, "public URL", Verdict::Failed, &["answers as", "another broker"]);
}

#[tokio::test]
async fn files_that_others_may_read_and_stores_that_do_not_answer_are_found() {
    let folder = Folder::new("doctor-files");
    let (file, data) = (folder.0.join("symbolon.toml"), folder.0.join("data"));
    fs::write(&file, "").unwrap();
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let key = "349685f3afa83a290c14b8ff3c52a0ee3e8b906c72e79ffe01106283714155b2";
    let text = format!(
        "[server]\nseal_key = {key:?}\n[store]\nstate = \"redis://127.0.0.1:1\"\ndirectory \
         = \"file:{}\"\n[[pool]]\nid = \"{POOL}\"\n",
        data.display()
    );
    let config = config::parse(&text, "symbolon.toml", &[], &|file| Err(file.to_owned())).unwrap();
    let report = examine(&config, &file, None, &Outside::real()).await.unwrap();
    let open: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.check == "file permissions").collect();
    assert_eq!(
        open.iter().map(|finding| finding.verdict).collect::<Vec<_>>(),
        [Verdict::Ok, Verdict::Warning],
        "{}",
        report.text()
    );
    assert!(open[1].fix.as_ref().unwrap().starts_with("chmod 0700 "));
    let state = report.findings.iter().find(|finding| finding.subject == "store.state").unwrap();
    assert!(
        state.verdict == Verdict::Failed && state.fix.as_ref().unwrap().contains("noeviction"),
        "{state:?}"
    );
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("symbolon-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
