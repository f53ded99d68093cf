//! Every page in every state, from sample data: to be looked at, and to be checked for accessibility.

use std::fmt::Write as _;

use minijinja::{Error, Value, context};

use super::assets::STYLE;
use super::error::VISITOR_TEXTS;
use super::page::{Frame, Page, Pages};
use crate::config::{PoolConfig, Theme};
use crate::model::language::Language;

/// Stands for the logo of any provider.
const MARK: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 20 20\"><circle cx=\"10\" \
    cy=\"10\" r=\"9\" fill=\"#808080\"/></svg>";

/// A file of the gallery: its path and what is in it.
pub type Picture = (String, String);

/// Every page as the visitors of `config` would see it, in every language, light and dark, with style and
/// logo, and an index of them.
pub fn pictures(config: &PoolConfig) -> Result<Vec<Picture>, Error> {
    let pages = Pages::of([config])?;
    let states = states();
    let mut found = Vec::new();
    for language in Language::ALL {
        for theme in [Theme::Light, Theme::Dark] {
            let frame = Frame { config, language, theme, assets: "assets" };
            // The administrator's page is in English.
            let shown =
                states.iter().filter(|(_, page, _)| *page != Page::Trial || language == Language::English);
            for (name, page, context) in shown {
                let file = format!("{name}.{}.{}.html", language.tag(), theme.as_str());
                found.push((file, pages.render(*page, &frame, context)?));
            }
        }
    }
    let index = index(&states, &found);
    found.push(("assets/symbolon.css".to_owned(), STYLE.to_owned()));
    found.extend(config.branding.style().map(|style| ("assets/brand.css".to_owned(), style)));
    found.extend(config.branding.logo.clone().map(|logo| ("assets/logo.svg".to_owned(), logo)));
    found.push(("assets/mark.svg".to_owned(), MARK.to_owned()));
    found.push(("index.html".to_owned(), index));
    Ok(found)
}

type State = (String, Page, Value);

fn index(states: &[State], pictures: &[Picture]) -> String {
    let mut text = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta \
         charset=\"utf-8\">\n<title>Pages</title>\n<h1>Pages</h1>\n",
    );
    for (name, ..) in states {
        let links = pictures
            .iter()
            .filter_map(|(file, _)| Some((file, file.strip_prefix(name.as_str())?.strip_prefix('.')?)));
        let links: Vec<String> = links
            .map(|(file, rest)| format!("<a href=\"{file}\">{}</a>", rest.trim_end_matches(".html")))
            .collect();
        let _ = writeln!(text, "<h2>{name}</h2>\n<p>{}</p>", links.join(" "));
    }
    text
}

fn states() -> Vec<State> {
    let mut states: Vec<State> = sign_in();
    for (heading, text) in VISITOR_TEXTS {
        let common = context! { heading, text, reference => "8F2K-Q1WZ-7N4C", code => "flow_expired" };
        states.push((
            heading.to_owned(),
            Page::Error,
            context! { back => "https://shop.example/", client_name => "Example Shop", ..common },
        ));
    }
    let alone = context! { heading => "error-us", text => "error-us-text", reference => "8F2K-Q1WZ-7N4C",
    code => "internal" };
    states.push(("error-without-app".to_owned(), Page::Error, alone));
    states.push((
        "sign-out".to_owned(),
        Page::SignOut,
        context! { confirm => "sample", fields => Vec::<Value>::new() },
    ));
    states.push(("signed-out".to_owned(), Page::SignedOut, context! {}));
    let onwards = context! { next => "https://shop.example/", script => "void 0" };
    states.push(("signed-out-onwards".to_owned(), Page::SignedOut, onwards));
    let fields = vec![context! { name => "SAMLRequest", value => "sample" }];
    let departure =
        context! { label => "Acme", action => "https://idp.acme.example/sso", fields, script => "void 0" };
    states.push(("departure".to_owned(), Page::Departure, departure));
    states.extend(trial());
    states
}

fn sign_in() -> Vec<State> {
    let flow = "sample";
    let button = |label: &str, last_used: bool| {
        context! { label, last_used, href => "#",
        brand => label.to_lowercase(), mark => (label != "GitHub").then_some("assets/mark.svg") }
    };
    let buttons = |labels: &[&str]| labels.iter().map(|label| button(label, false)).collect::<Vec<Value>>();
    let client_name = "Example Shop";
    let social = || buttons(&["Google", "Apple", "Facebook", "Amazon"]);
    let by_email = context! { flow, client_name, by_email => true };
    let long = "Bundesverwaltungsamtsangestelltenportal-der-Donaudampfschifffahrtsgesellschaft";
    let account = context! { label => "ada.lovelace@analytical-engines.example", token => "sample" };
    let states = [
        ("sign-in", context! { flow, client_name, providers => buttons(&["Google", "Acme"]) }),
        (
            "sign-in-folded",
            context! { flow, client_name, providers => social(), more => buttons(&["GitHub", "Microsoft",
            "LinkedIn"]) },
        ),
        (
            "sign-in-unfolded",
            context! { flow, client_name, providers => social(), more => vec![button("GitHub", false),
            button("Microsoft", true)], more_open => true },
        ),
        (
            "sign-in-last-used",
            context! { flow, providers => vec![button("Google", true), button("Apple", false)] },
        ),
        ("sign-in-none", context! { flow, client_name }),
        ("sign-in-email", by_email.clone()),
        (
            "sign-in-email-or",
            context! { providers => social(), email => "ada@acme.example", ..by_email.clone() },
        ),
        (
            "sign-in-email-recent",
            context! { recent => button("Acme", true), providers => social(), ..by_email.clone() },
        ),
        (
            "sign-in-email-invalid",
            context! { email => "ada", problem => "invalid", providers => social(), ..by_email.clone() },
        ),
        (
            "sign-in-email-unknown",
            context! { email => "ada@example.com", problem => "unknown", providers => social(), ..by_email },
        ),
        (
            "sign-in-several",
            context! { flow, domain => "acme.example", providers => buttons(&["Acme", "Acme Labs"]) },
        ),
        ("sign-in-account", context! { flow, client_name, account, providers => social() }),
        (
            "sign-in-long-words",
            context! { flow, client_name => long, providers => vec![button(long, true), button("بوابة \
            الموظفين", false)] },
        ),
    ];
    states.into_iter().map(|(name, context)| (name.to_owned(), Page::SignIn, context)).collect()
}

fn trial() -> [State; 2] {
    let item = |name: &str, value: &str| context! { name, value };
    let common = context! { label => "Acme", reference => "8F2K-Q1WZ-7N4C", checks => vec!["state belongs to \
    this browser", "signature by key k1"] };
    let works = context! {
        subject => "ada", username => "Acme_ada", email_verified => true,
        warnings => vec!["family_name is mapped and did not come"],
        received => vec![item("email", "ada@acme.example")],
        mapped => vec![item("email", "ada@acme.example")],
        ..common.clone()
    };
    let failure = context! { hint => "Correct \
    client_secret.", cause => "invalid_client", fault => "the pool's \
    administrator", code => "token_refused" };
    [
        ("trial-works".to_owned(), Page::Trial, works),
        ("trial-failed".to_owned(), Page::Trial, context! { failure, ..common }),
    ]
}
