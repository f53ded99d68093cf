//! Pages of the admin listener: embedded templates, without scripts.

use axum::response::{Html, IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use minijinja::{AutoEscape, Environment, Value};

const TEMPLATES: [(&str, &str); 3] = [
    ("base.html", include_str!("../../../templates/admin/base.html")),
    ("traces.html", include_str!("../../../templates/admin/traces.html")),
    ("trace.html", include_str!("../../../templates/admin/trace.html")),
];

const STYLE: &str = include_str!("../../../templates/admin/admin.css");

/// A page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The list of stories.
    Traces,
    /// One story.
    Trace,
}

/// The parsed templates.
#[derive(Debug)]
pub struct Views {
    environment: Environment<'static>,
}

impl Views {
    /// Parses the embedded templates; every value is escaped for HTML.
    pub fn embedded() -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        for (name, source) in TEMPLATES {
            environment.add_template(name, source)?;
        }
        Ok(Self { environment })
    }

    /// The page as an answer.
    pub fn answer(&self, view: View, context: &Value) -> Response {
        let name = match view {
            View::Traces => "traces.html",
            View::Trace => "trace.html",
        };
        match self.environment.get_template(name).and_then(|template| template.render(context)) {
            Ok(html) => Html(html).into_response(),
            Err(error) => {
                tracing::error!(code = "page_not_rendered", template = name, %error, "a page could not be \
                    rendered");
                (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be shown.\n").into_response()
            }
        }
    }
}

/// `GET /assets/admin.css`.
pub async fn style() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"))], STYLE).into_response()
}
