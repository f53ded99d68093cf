//! As much of HTML as a sign-in needs: links, forms, their fields and buttons.

use std::collections::BTreeMap;

/// A link or a form that a person could use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) method: String,
    pub(crate) action: Option<String>,
    pub(crate) enctype: String,
    /// Successful controls apart from buttons, in order.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) buttons: Vec<Button>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Button {
    pub(crate) text: String,
    /// Name and value sent when this button submits.
    pub(crate) field: Option<(String, String)>,
    pub(crate) formaction: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) text: String,
    pub(crate) href: String,
}

/// What a page offers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Document {
    pub(crate) forms: Vec<Form>,
    pub(crate) links: Vec<Link>,
    /// Whether the page submits its first form by itself.
    pub(crate) submits_itself: bool,
    /// Where the page goes on to by itself.
    pub(crate) next: Option<String>,
    /// What it loads in frames.
    pub(crate) frames: Vec<String>,
    /// The text that a person sees.
    pub(crate) text: String,
}

/// Where the reader of a page stands.
#[derive(Default)]
struct Place {
    form: Option<Form>,
    /// The open element whose text nobody sees.
    hidden: Option<String>,
    link: bool,
    button: bool,
}

enum Piece {
    Text(String),
    Open(String, BTreeMap<String, String>),
    Close(String),
}

impl Document {
    /// Reads a page; what it does not know it skips.
    pub(crate) fn parse(html: &str) -> Self {
        let mut document = Self { submits_itself: html.contains(".submit()"), ..Self::default() };
        let mut place = Place::default();
        for piece in pieces(html) {
            match piece {
                Piece::Text(text) if place.hidden.is_none() => document.take_text(&text, &mut place),
                Piece::Text(_) => {}
                Piece::Open(name, attributes) => document.open(&name, &attributes, &mut place),
                Piece::Close(name) => document.close(&name, &mut place),
            }
        }
        document.forms.extend(place.form);
        document.text = document.text.split_whitespace().collect::<Vec<_>>().join(" ");
        document
    }

    fn open(&mut self, name: &str, attributes: &BTreeMap<String, String>, place: &mut Place) {
        self.text.push(' ');
        let get = |name: &str| attributes.get(name).cloned();
        let field = || get("name").map(|name| (name, get("value").unwrap_or_default()));
        let button = |text: String| Button { text, field: field(), formaction: get("formaction") };
        match (name, place.form.as_mut()) {
            ("script" | "style" | "title", _) => place.hidden = Some(name.to_owned()),
            ("form", _) => {
                self.forms.extend(place.form.take());
                place.form = Some(Form {
                    method: get("method").unwrap_or_default().to_ascii_uppercase(),
                    action: get("action"),
                    enctype: get("enctype").unwrap_or_default(),
                    fields: Vec::new(),
                    buttons: Vec::new(),
                });
            }
            ("iframe", _) => self.frames.extend(get("src")),
            ("link", _) if get("rel").as_deref() == Some("next") => self.next = get("href"),
            ("a", _) => {
                self.links.push(Link { text: String::new(), href: get("href").unwrap_or_default() });
                place.link = true;
            }
            ("button", Some(form)) => {
                form.buttons.push(button(String::new()));
                place.button = true;
            }
            ("input", Some(form)) if get("type").as_deref() == Some("submit") => {
                form.buttons.push(button(get("value").unwrap_or_default()));
            }
            ("input", Some(form)) => {
                let choice = matches!(get("type").as_deref(), Some("checkbox" | "radio"));
                if !choice || attributes.contains_key("checked") {
                    form.fields.extend(field());
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str, place: &mut Place) {
        self.text.push(' ');
        if place.hidden.as_deref() == Some(name) {
            place.hidden = None;
        }
        match name {
            "form" => self.forms.extend(place.form.take()),
            "a" => place.link = false,
            "button" => place.button = false,
            _ => {}
        }
    }

    fn take_text(&mut self, text: &str, place: &mut Place) {
        self.text.push_str(text);
        if let Some(link) = self.links.last_mut().filter(|_| place.link) {
            link.text.push_str(text);
        }
        let button = place.form.as_mut().and_then(|form| form.buttons.last_mut());
        if let Some(button) = button.filter(|_| place.button) {
            button.text.push_str(text);
        }
    }
}

fn pieces(html: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        out.push(Piece::Text(unescape(&rest[..start])));
        rest = &rest[start..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let end = tag_end(rest);
        let tag = rest[1..end].trim_end_matches('/');
        rest = rest.get(end + 1..).unwrap_or_default();
        match tag.strip_prefix('/') {
            Some(name) => out.push(Piece::Close(name.trim().to_ascii_lowercase())),
            None => out.push(open_tag(tag)),
        }
    }
    out.push(Piece::Text(unescape(rest)));
    out
}

/// The index of the `>` that ends the tag, outside of quotes.
fn tag_end(tag: &str) -> usize {
    let mut quote = None;
    for (at, letter) in tag.char_indices() {
        match (quote, letter) {
            (None, '>') => return at,
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            _ => {}
        }
    }
    tag.len()
}

fn open_tag(tag: &str) -> Piece {
    let (name, mut rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    let mut attributes = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        let end = rest.find(|letter: char| letter.is_whitespace() || letter == '=').unwrap_or(rest.len());
        if end == 0 {
            break;
        }
        let key = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            (value, rest) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                _ => after.split_once(char::is_whitespace).unwrap_or((after, "")),
            };
        }
        attributes.insert(key, unescape(value));
    }
    Piece::Open(name.to_ascii_lowercase(), attributes)
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let entity =
            rest.find(';').filter(|end| *end < 12).and_then(|end| Some((end, character(&rest[1..end])?)));
        if let Some((end, letter)) = entity {
            out.push(letter);
            rest = &rest[end + 1..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out + rest
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let digits = entity.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}
