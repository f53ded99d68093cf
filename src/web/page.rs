//! Hosted pages: embedded templates, rendered on the server, complete without JavaScript.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use minijinja::{AutoEscape, Environment, Value};

const TEMPLATES: [(&str, &str); 7] = [
    ("base.html", include_str!("../../templates/base.html")),
    ("sign_in.html", include_str!("../../templates/pages/sign_in.html")),
    ("error.html", include_str!("../../templates/pages/error.html")),
    ("sign_out.html", include_str!("../../templates/pages/sign_out.html")),
    ("signed_out.html", include_str!("../../templates/pages/signed_out.html")),
    ("departure.html", include_str!("../../templates/pages/departure.html")),
    ("trial.html", include_str!("../../templates/pages/trial.html")),
];

const STYLE: &str = include_str!("../../templates/symbolon.css");

/// A page's template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The choice of providers.
    SignIn,
    /// A refusal, with its reference id.
    Error,
    /// The question whether to sign out.
    SignOut,
    /// Signed out.
    SignedOut,
    /// A form that submits itself to a provider.
    Departure,
    /// What a sign-in tried out by an administrator came to.
    Trial,
}

impl Page {
    const fn template(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in.html",
            Self::Error => "error.html",
            Self::SignOut => "sign_out.html",
            Self::SignedOut => "signed_out.html",
            Self::Departure => "departure.html",
            Self::Trial => "trial.html",
        }
    }
}

/// The parsed templates.
#[derive(Debug)]
pub struct Pages {
    environment: Environment<'static>,
}

impl Pages {
    /// Parses the embedded templates; every value is escaped for HTML.
    pub fn embedded() -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        for (name, source) in TEMPLATES {
            environment.add_template(name, source)?;
        }
        Ok(Self { environment })
    }

    /// The page as an HTML answer that no cache keeps.
    pub fn answer(&self, page: Page, status: StatusCode, context: &Value) -> Response {
        let rendered = self.environment.get_template(page.template()).and_then(|template| template.render(context));
        match rendered {
            Ok(html) => (status, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Html(html)).into_response(),
            Err(error) => {
                tracing::error!(code = "page_not_rendered", template = page.template(), %error, "a page could not be rendered");
                (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be shown.").into_response()
            }
        }
    }
}

/// `GET /assets/symbolon.css`.
pub async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
    ];
    (headers, STYLE).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;
    use minijinja::context;

    /// D-18
    #[tokio::test]
    async fn whatever_a_page_echoes_is_escaped() {
        let nasty = "<script>alert(1)</script>";
        let context = context! { pool_name => nasty, heading => nasty, text => nasty, reference => nasty, code => nasty, client_name => nasty, back => nasty };
        let answer = Pages::embedded().unwrap().answer(Page::Error, StatusCode::BAD_REQUEST, &context);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let html = std::str::from_utf8(&body).unwrap();
        assert!(html.contains("&lt;script&gt;"));
        assert!(!html.contains("<script"));
    }
}
