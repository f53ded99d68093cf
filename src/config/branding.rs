//! `[pool.branding]`: how the pages of a pool look. Colours that cannot be read are refused, all at once.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use minijinja::Environment;

use crate::model::color::Color;
use crate::model::document::{Invalid, Table};
use crate::model::encoding::{base64url, sha256};
use crate::model::ids::ProviderName;
use crate::model::language::Language;

/// Templates that a pool may replace.
const TEMPLATES: [&str; 7] = [
    "base.html",
    "sign_in.html",
    "error.html",
    "sign_out.html",
    "signed_out.html",
    "departure.html",
    "trial.html",
];
const LARGEST_LOGO: usize = 128 * 1024;

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the visitor's system has it.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// The value in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The colours of one theme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palette {
    tokens: [Color; 6],
}

const TOKENS: [&str; 6] = ["ink", "quiet", "ground", "card", "line", "accent"];
const LIGHT: [[u8; 3]; 6] =
    [[26, 26, 31], [85, 85, 95], [244, 244, 246], [255, 255, 255], [118, 118, 128], [31, 79, 216]];
const DARK: [[u8; 3]; 6] =
    [[240, 240, 243], [180, 180, 190], [20, 20, 23], [31, 31, 36], [138, 138, 148], [157, 183, 255]];

/// What stands on what, and how strong the contrast must be (WCAG 2.2, 1.4.3 and 1.4.11).
const PAIRS: [(&str, &str, f64); 6] = [
    ("ink", "card", 4.5),
    ("ink", "ground", 4.5),
    ("quiet", "card", 4.5),
    ("quiet", "ground", 4.5),
    ("line", "card", 3.0),
    ("accent", "card", 4.5),
];

impl Palette {
    fn get(&self, token: &str) -> Color {
        let at = TOKENS.iter().position(|name| *name == token);
        at.and_then(|at| self.tokens.get(at)).copied().unwrap_or(Color([0; 3]))
    }
}

/// How the pages of a pool look.
#[derive(Debug, Clone)]
pub struct Branding {
    /// The language for visitors whose own cannot be had.
    pub language: Language,
    /// Light, dark or both.
    pub theme: Theme,
    /// An SVG.
    pub logo: Option<String>,
    /// The SVGs of providers, for their buttons.
    pub marks: BTreeMap<ProviderName, String>,
    /// Templates laid over the embedded ones, by name.
    pub templates: Vec<(String, String)>,
    palettes: Option<[Palette; 2]>,
    css: Option<String>,
    version: OnceLock<String>,
}

impl Branding {
    /// The style laid over that of all pages, if anything is.
    pub fn style(&self) -> Option<String> {
        let colours = self.palettes.as_ref().map(variables);
        match (colours, &self.css) {
            (None, None) => None,
            (colours, css) => {
                Some(format!("{}{}", colours.unwrap_or_default(), css.as_deref().unwrap_or_default()))
            }
        }
    }

    /// A text that changes with style and logo, so that browsers load them anew.
    pub fn version(&self) -> &str {
        self.version.get_or_init(|| {
            let all = format!("{:?}{:?}{:?}", self.style(), self.logo, self.marks);
            base64url(sha256(&all)).chars().take(8).collect()
        })
    }
}

fn variables([light, dark]: &[Palette; 2]) -> String {
    let line = |name: &str, light: Color, dark: Color| format!("  --{name}: light-dark({light}, {dark});\n");
    let mut text: String = TOKENS.iter().map(|name| line(name, light.get(name), dark.get(name))).collect();
    text.push_str(&line("on-accent", light.get("accent").ink(), dark.get("accent").ink()));
    format!(":root {{\n{text}}}\n")
}

/// Reads `language` and `[pool.branding]` of a pool.
pub(super) fn read(pool: &Table<'_>) -> Branding {
    let known = Language::ALL.map(Language::tag).join(", ");
    let language = pool.parsed("language", |tag| {
        Language::parse(tag).ok_or_else(|| {
            Invalid::new(format!("there are no texts in {tag:?}"), format!("write one of {known}"))
        })
    });
    let table = pool.section("branding");
    let theme =
        table.one_of("theme", &[("auto", Theme::Auto), ("light", Theme::Light), ("dark", Theme::Dark)]);
    let branding = Branding {
        language: language.unwrap_or_default(),
        theme: theme.unwrap_or_default(),
        logo: logo(&table),
        marks: BTreeMap::new(),
        css: table.file("css_file").map(|css| css + "\n"),
        templates: templates(&table),
        palettes: palettes(&table),
        version: OnceLock::new(),
    };
    table.finish();
    branding
}

fn palettes(branding: &Table<'_>) -> Option<[Palette; 2]> {
    let given = branding.has("light") || branding.has("dark");
    let read = |name: &str, defaults: [[u8; 3]; 6]| {
        let table = branding.section(name);
        let mut tokens = defaults.map(Color);
        for (token, name) in tokens.iter_mut().zip(TOKENS) {
            let color = table.parsed(name, |text| {
                Color::parse(text)
                    .ok_or_else(|| Invalid::new(format!("{text:?} is no colour"), "write it as \"#rrggbb\""))
            });
            *token = color.unwrap_or(*token);
        }
        let palette = Palette { tokens };
        check(&table, &palette);
        table.finish();
        palette
    };
    let palettes = [read("light", LIGHT), read("dark", DARK)];
    given.then_some(palettes)
}

fn check(table: &Table<'_>, palette: &Palette) {
    for (upper, lower, least) in PAIRS {
        let ratio = palette.get(upper).contrast(palette.get(lower));
        // Rounded down: 4.49 is not 4.5.
        if ratio < least {
            let (key, other) = if table.has(upper) { (upper, lower) } else { (lower, upper) };
            let shown = (ratio * 100.0).floor() / 100.0;
            table.problem(
                key,
                format!(
                    "{upper} {} on {lower} {} has a contrast of {shown}, and some people cannot read that",
                    palette.get(upper),
                    palette.get(lower)
                ),
                format!("choose a {key} that has at least {least} with {other}"),
            );
        }
    }
}

/// The SVG that `logo_file` names, of a pool or of a provider.
pub(super) fn logo(table: &Table<'_>) -> Option<String> {
    let logo = table.file("logo_file")?;
    let problem = if !logo.contains("<svg") {
        "the logo is no SVG"
    } else if logo.len() > LARGEST_LOGO {
        "the logo is larger than 128 kB"
    } else if logo.to_ascii_lowercase().contains("<script") {
        "the logo holds a script"
    } else {
        return Some(logo);
    };
    table.problem(
        "logo_file",
        problem,
        "name a small SVG file without scripts; a PNG can stand in it as <image \
         href=\"data:image/png;base64,…\"/>",
    );
    None
}

fn templates(table: &Table<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (index, path) in table.strings("templates").unwrap_or_default().iter().enumerate() {
        let spot = table.spot_of_item("templates", index);
        let name = path.rsplit('/').next().unwrap_or_default();
        if !TEMPLATES.contains(&name) {
            table.problem_at(
                &spot,
                format!("no page has a template {name:?}"),
                format!("name the file {}", TEMPLATES.join(" or ")),
            );
            continue;
        }
        let text = match table.read(path) {
            Ok(text) => text,
            Err(reason) => {
                table.problem_at(
                    &spot,
                    format!("{path:?} cannot be read: {reason}"),
                    "name a readable file; paths start at the folder of this one",
                );
                continue;
            }
        };
        if let Err(error) = Environment::new().add_template(name, &text) {
            let line = error.line().unwrap_or_default();
            let what = error.detail().unwrap_or("it is no template");
            table.problem_at(&spot, format!("{path}:{line}: {what}"), "correct the template");
            continue;
        }
        found.push((name.to_owned(), text));
    }
    found
}
