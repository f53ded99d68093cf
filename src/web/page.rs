//! Hosted pages: embedded templates, rendered on the server, complete without JavaScript.

use std::collections::HashMap;
use std::sync::Arc;

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use minijinja::value::Kwargs;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, Value, context};

use super::texts::Texts;
use crate::config::{PoolConfig, Theme};
use crate::model::ids::PoolId;
use crate::model::language::Language;

const TEMPLATES: [(&str, &str); 7] = [
    ("base.html", include_str!("../../templates/base.html")),
    ("sign_in.html", include_str!("../../templates/pages/sign_in.html")),
    ("error.html", include_str!("../../templates/pages/error.html")),
    ("sign_out.html", include_str!("../../templates/pages/sign_out.html")),
    ("signed_out.html", include_str!("../../templates/pages/signed_out.html")),
    ("departure.html", include_str!("../../templates/pages/departure.html")),
    ("trial.html", include_str!("../../templates/pages/trial.html")),
];

/// What a template of a pool's own extends: the embedded one that it replaces.
const ORIGINAL: &str = "symbolon/";

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

/// What is around every page: whose it is, for whom, and where its style lies.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The pool.
    pub config: &'a PoolConfig,
    /// The visitor's language.
    pub language: Language,
    /// Light, dark, or as the visitor's system has it.
    pub theme: Theme,
    /// The folder of style and logo, as links name it.
    pub assets: &'a str,
}

impl<'a> Frame<'a> {
    /// The frame of the pages of `config`, in `language`.
    pub fn of(config: &'a PoolConfig, language: Language) -> Self {
        Self { config, language, theme: config.branding.theme, assets: "/assets" }
    }

    fn context(&self) -> Value {
        let branding = &self.config.branding;
        context! {
            lang => self.language.tag(),
            dir => self.language.direction(),
            theme => self.theme.as_str(),
            assets => self.assets,
            pool_name => self.config.pool.name.as_str(),
            brand => branding.style().is_some(),
            logo => branding.logo.is_some(),
            version => branding.version(),
        }
    }
}

/// The parsed templates.
#[derive(Debug)]
pub struct Pages {
    embedded: Environment<'static>,
    /// Of pools that have templates of their own.
    own: HashMap<PoolId, Environment<'static>>,
}

impl Pages {
    /// Parses the embedded templates; every value is escaped for HTML.
    pub fn embedded() -> Result<Self, Error> {
        Ok(Self { embedded: environment(&Arc::new(Texts::embedded()), &[])?, own: HashMap::new() })
    }

    /// The embedded templates, and what `pools` lay over them.
    pub fn of<'a>(pools: impl IntoIterator<Item = &'a PoolConfig>) -> Result<Self, Error> {
        let texts = Arc::new(Texts::embedded());
        let mut own = HashMap::new();
        for PoolConfig { pool, branding, .. } in pools {
            if !branding.templates.is_empty() {
                own.insert(pool.id.clone(), environment(&texts, &branding.templates)?);
            }
        }
        Ok(Self { embedded: environment(&texts, &[])?, own })
    }

    /// The page's HTML. A template of the pool's own that fails is logged, and the embedded one is shown in
    /// its place.
    pub fn render(&self, page: Page, frame: &Frame<'_>, context: &Value) -> Result<String, Error> {
        let context = context! { ..context.clone(), ..frame.context() };
        let render = |from: &Environment<'static>| {
            from.get_template(page.template()).and_then(|template| template.render(&context))
        };
        let pool = &frame.config.pool.id;
        match self.own.get(pool).map(render) {
            Some(Ok(html)) => return Ok(html),
            Some(Err(error)) => {
                tracing::error!(code = "own_page_not_rendered", %pool, template = page.template(), %error,
                    "a template of the pool failed");
            }
            None => {}
        }
        render(&self.embedded)
    }

    /// The page as an HTML answer that no cache keeps.
    pub fn answer(&self, page: Page, status: StatusCode, frame: &Frame<'_>, context: &Value) -> Response {
        match self.render(page, frame, context) {
            Ok(html) => {
                let headers = [
                    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
                    (header::CONTENT_LANGUAGE, HeaderValue::from_static(frame.language.tag())),
                ];
                (status, headers, Html(html)).into_response()
            }
            Err(error) => {
                tracing::error!(code = "page_not_rendered", template = page.template(), %error, "a page \
                    could not be rendered");
                (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be shown.").into_response()
            }
        }
    }
}

fn environment(texts: &Arc<Texts>, own: &[(String, String)]) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
        environment.add_template_owned(format!("{ORIGINAL}{name}"), source)?;
    }
    for (name, source) in own {
        environment.add_template_owned(name.clone(), source.clone())?;
    }
    let texts = texts.clone();
    environment.add_function("t", move |state: &State<'_, '_>, id: &str, args: Kwargs| {
        say(&texts, state, id, &args)
    });
    Ok(environment)
}

/// `t("continue-with", provider=…)`: a text in the page's language.
fn say(texts: &Texts, state: &State<'_, '_>, id: &str, args: &Kwargs) -> Result<String, Error> {
    let tag = state.lookup("lang");
    let language = tag.as_ref().and_then(Value::as_str).and_then(Language::parse).unwrap_or_default();
    let names: Vec<&str> = args.args().collect();
    let values = names
        .into_iter()
        .map(|name| Ok((name, args.get::<Value>(name)?.to_string())))
        .collect::<Result<Vec<_>, Error>>()?;
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    texts
        .say(language, id, &values)
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("the text {id:?} cannot be said")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool, and what is in any file that it names.
    fn config(line: &str, file: &str) -> PoolConfig {
        let text = format!("[[pool]]\nid = \"eu-west-1_Example01\"\n{line}\n");
        let config = crate::config::parse(&text, "symbolon.toml", &[], &|_| Ok(file.to_owned()));
        config.unwrap_or_else(|problems| panic!("{problems}")).pools.remove(0)
    }

    fn shown(page: Page, config: &PoolConfig) -> String {
        let pages = Pages::of([config]).unwrap();
        pages.render(page, &Frame::of(config, Language::German), &context! { client_name => "Shop" }).unwrap()
    }

    #[test]
    fn a_template_of_the_pool_s_own_fills_blocks_of_the_embedded_one() {
        let own =
            "{% extends \"symbolon/sign_in.html\" %}{% block help %}<p>{{ t(\"or\") }} 123</p>{% endblock %}";
        let config = config("branding = { templates = [\"sign_in.html\"] }", own);
        let html = shown(Page::SignIn, &config);
        assert!(html.contains("<p>oder 123</p>") && html.contains("weiter zu Shop"), "{html}");
        assert!(!shown(Page::SignedOut, &config).contains("123"));
    }

    #[test]
    fn a_template_of_the_pool_s_own_that_fails_is_replaced_by_the_embedded_one() {
        for own in ["{{ t(\"no-such-text\") }}", "{% extends \"nothing.html\" %}", "{{ 1 / 0 }}"] {
            let config = config("branding = { templates = [\"sign_in.html\"] }", own);
            assert!(shown(Page::SignIn, &config).contains("<h1>Anmelden</h1>"), "{own}");
        }
    }

    #[test]
    fn the_look_of_the_pool_is_linked_where_it_has_one() {
        let branded = config(
            "branding = { theme = \"dark\", logo_file = \"logo.svg\", light = { accent = \"#b00020\" } }",
            "<svg/>",
        );
        let html = shown(Page::SignedOut, &branded);
        assert!(
            html.contains("data-theme=\"dark\"")
                && html.contains("assets/brand.css?v=")
                && html.contains("assets/logo.svg?v="),
            "{html}"
        );
        let plain = shown(Page::SignedOut, &config("", ""));
        assert!(!plain.contains("brand.css") && !plain.contains("logo"), "{plain}");
    }

    /// D-18
    #[test]
    fn whatever_a_page_echoes_is_escaped() {
        let nasty = "<script>alert(1)</script>";
        let config = config(&format!("name = \"{nasty}\""), "");
        let context = context! { heading => "error-us", text => "error-us-text", reference => nasty,
        code => nasty, client_name => nasty, back => nasty };
        let html = Pages::embedded()
            .unwrap()
            .render(Page::Error, &Frame::of(&config, Language::Arabic), &context)
            .unwrap();
        assert!(html.contains("&lt;script&gt;"));
        assert!(!html.contains("<script"));
        assert!(html.contains("<html lang=\"ar\" dir=\"rtl\""), "{html}");
    }
}
