//! The broker of the demo, configured by the text that an operator would write.

use axum::Router;

use super::{DemoError, Folder, Places, Secrets};
use crate::app::App;
use crate::config;
use crate::model::encoding::base64;
use crate::outside::Outside;

pub(super) const POOL: &str = "eu-west-1_Demo00001";
pub(super) const CLIENT: &str = "sample-app";
pub(super) const CLIENT_AT_PROVIDERS: &str = "symbolon.demo";
pub(super) const APPLE_KEY: &str = "DEMOKEY001";
pub(super) const APPLE_TEAM: &str = "DEMOTEAM01";

/// Builds the broker and its routes.
pub(super) async fn start(
    places: &Places,
    secrets: &Secrets,
    folder: &Folder,
    outside: Outside,
) -> Result<Router, DemoError> {
    let text = configuration(places, secrets, folder);
    let config = config::parse(&text, "the demo's configuration", &[], &|file| {
        Err(format!("{file}: the demo has no files"))
    });
    let app = App::build(config.map_err(DemoError::Config)?, outside).await?;
    Ok(crate::web::router(app)?)
}

fn configuration(places: &Places, secrets: &Secrets, folder: &Folder) -> String {
    let Places { app, broker, google, apple, .. } = places;
    let Secrets { app: app_secret, google: google_secret, apple_key_pem, .. } = secrets;
    let listen = broker.trim_start_matches("http://localhost:");
    let store = format!("file:{}", folder.path().display());
    format!(
        r#"
[server]
listen = "127.0.0.1:{listen}"
admin_listen = "127.0.0.1:0"
public_url = "{broker}"
allow_private_upstreams = true

[store]
state = {store:?}
directory = {store:?}

[[pool]]
id = "{POOL}"
name = "Symbolon demo"

[[pool.client]]
id = "{CLIENT}"
name = "Sample app"
secret = "{app_secret}"
redirect_uris = ["{app}/callback"]
logout_uris = ["{app}/"]
scopes = ["openid", "email", "profile"]
rotation = true

[[pool.provider]]
name = "Google"
label = "Demo Google"
use = "google"
issuer = "{google}"
client_id = "{CLIENT_AT_PROVIDERS}"
client_secret = "{google_secret}"

[[pool.provider]]
name = "SignInWithApple"
label = "Demo Apple"
use = "apple"
issuer = "{apple}"
client_id = "{CLIENT_AT_PROVIDERS}"
team_id = "{APPLE_TEAM}"
key_id = "{APPLE_KEY}"
private_key = '''
{apple_key_pem}'''
"#
    )
}

/// A private key in PEM ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468#section-10)).
pub(super) fn pem(der: &[u8]) -> String {
    let text = base64(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}
