//! The demo's pages: server-rendered, escaped by the template engine, without scripts except the one that
//! posts back.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use minijinja::{Environment, Value, context};

use crate::model::encoding::{base64, sha256};

const STYLE: &str = include_str!("pages/style.css");
/// Posts the answer back without a click, as Apple's page does.
const POST_BACK: &str = "document.forms[0].submit()";

/// The templates, shared by the demo's servers.
#[derive(Debug, Clone)]
pub(super) struct Pages(Arc<Environment<'static>>);

impl Pages {
    /// Reads the embedded templates.
    pub(super) fn embedded() -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.add_template("base.html", include_str!("pages/base.html"))?;
        environment.add_template("choose.html", include_str!("pages/choose.html"))?;
        environment.add_template("post_back.html", include_str!("pages/post_back.html"))?;
        environment.add_template("welcome.html", include_str!("pages/welcome.html"))?;
        environment.add_template("tokens.html", include_str!("pages/tokens.html"))?;
        environment.add_template("message.html", include_str!("pages/message.html"))?;
        Ok(Self(Arc::new(environment)))
    }

    /// A page with the headers that every page has.
    pub(super) fn show(&self, template: &str, status: StatusCode, values: Value) -> Response {
        let rendered = self.0.get_template(template).and_then(|template| template.render(values));
        match rendered {
            Ok(text) => guarded((status, Html(text)).into_response()),
            Err(error) => {
                tracing::error!(%error, template, "a demo page could not be rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    /// A page that says one thing.
    pub(super) fn message(&self, status: StatusCode, title: &str, text: &str) -> Response {
        self.show("message.html", status, context! { title, text })
    }

    /// A page that posts `fields` to `action`.
    pub(super) fn post_back(&self, action: &str, fields: &[(&str, String)]) -> Response {
        let fields: Vec<Value> =
            fields.iter().map(|(name, value)| context! { name => *name, value => value.as_str() }).collect();
        self.show("post_back.html", StatusCode::OK, context! { action, fields, script => POST_BACK })
    }
}

/// `GET /style.css`.
pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

fn guarded(mut response: Response) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'sha256-{}'; base-uri 'none'; frame-ancestors \
         'none'",
        base64(sha256(POST_BACK))
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
