//! HTTP: every route on one screen.

pub mod admin;
pub mod middleware;
pub mod complete_sign_in;
pub mod assets;
pub mod app_call;
pub mod client_address;
pub mod client_auth;
pub mod client_certificate;
pub mod cookie;
pub mod cors;
pub mod provider_redirect;
pub mod redirect;
pub mod error;
pub mod form;
pub mod gallery;
pub mod hosted;
pub mod oauth2;
pub mod request_telemetry;
pub mod page;
pub mod saml2;
pub mod security_headers;
pub mod server;
pub mod sign_in;
pub mod trace_recording;
pub mod texts;
pub mod test_login;
pub mod request_context;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
pub use axum::{Extension, Router};
pub use minijinja::Error as TemplateError;

use crate::app::App;
use crate::user_pool::oidc_sign_out::{BACK_CHANNEL, FRONT_CHANNEL};

use self::hosted::{login, logout};
use self::middleware::Middleware;
use self::oauth2::api::{preflight_get_and_post, preflight_post};
use self::oauth2::{
    authorize, backchannel_logout, frontchannel_logout, idpresponse, introspect, par, revoke, token,
    userinfo, well_known,
};
use self::page::Pages;

/// Largest accepted request body in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// The public listener's routes.
pub fn router(app: Arc<App>) -> Result<Router, minijinja::Error> {
    let pages = Arc::new(Pages::of(app.pools().iter().map(AsRef::as_ref))?);
    let routes = Router::new()
        .route("/oauth2/authorize", get(authorize::get).post(authorize::post))
        .route("/oauth2/idpresponse", get(idpresponse::get).post(idpresponse::post))
        .route("/oauth2/idpresponse/{provider}", get(idpresponse::get).post(idpresponse::post))
        .route(&of_provider(BACK_CHANNEL), post(backchannel_logout::post))
        .route(&of_provider(FRONT_CHANNEL), get(frontchannel_logout::get))
        .route("/oauth2/token", post(token::post).options(preflight_post))
        .route("/oauth2/userInfo", get(userinfo::any).post(userinfo::any).options(preflight_get_and_post))
        .route(par::PATH, post(par::post).options(preflight_post))
        .route("/oauth2/revoke", post(revoke::post).options(preflight_post))
        .route("/oauth2/introspect", post(introspect::post))
        .route("/.well-known/{document}", get(well_known::of_host))
        .route("/.well-known/{document}/{*pool}", get(well_known::before_issuer))
        .route("/{pool}/.well-known/{document}", get(well_known::below_issuer))
        .fallback(well_known::below_deep_issuer)
        .route(
            "/saml2/idpresponse",
            get(saml2::idpresponse::get).post(saml2::idpresponse::post).layer(saml_body()),
        )
        .route("/saml2/logout", get(saml2::logout::get).post(saml2::logout::post).layer(saml_body()))
        .route("/saml2/metadata", get(saml2::metadata::get))
        .route("/saml2/metadata/{provider}", get(saml2::metadata::of_provider))
        .route("/login", get(login::get).post(login::post))
        .route("/login/{provider}", get(login::choose))
        .route("/logout", get(logout::get).post(logout::post))
        .route("/logout/return", get(logout::returned))
        .route(crate::user_pool::test_login::PATH, get(test_login::get))
        .route("/assets/symbolon.css", get(assets::style))
        .route("/assets/brand.css", get(assets::brand))
        .route("/assets/logo.svg", get(assets::logo))
        .route("/assets/marks/{provider}", get(assets::mark));
    Ok(routes.layer(Middleware::new(app.clone(), pages)).with_state(app))
}

/// `path` with a provider's name behind it.
fn of_provider(path: &str) -> String {
    format!("{path}/{{provider}}")
}

/// SAML messages are larger than anything else.
fn saml_body() -> DefaultBodyLimit {
    DefaultBodyLimit::max(saml2::MAX_BODY)
}
