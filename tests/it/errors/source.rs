//! What the source says of every refusal: `code`, `fault` and `hint` of each variant, and its documentation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens as _;
use syn::visit::{self, Visit};
use syn::{Arm, Attribute, Block, Expr, ImplItem, Item, Lit, Meta, Pat, Stmt};

/// Everything that implements `Refusal`.
pub(super) struct Source {
    pub(super) refusals: Vec<Refusals>,
}

/// One enum.
pub(super) struct Refusals {
    pub(super) title: String,
    pub(super) entries: Vec<Entry>,
}

/// One code.
pub(super) struct Entry {
    pub(super) code: String,
    pub(super) faults: BTreeSet<String>,
    pub(super) meaning: String,
    pub(super) hints: Vec<String>,
}

/// What is looked up: documentation by `Enum::Variant`, alone and behind the file's name; functions by file
/// and name.
#[derive(Default)]
struct Known {
    enums: BTreeMap<String, String>,
    variants: BTreeMap<String, String>,
    functions: BTreeMap<(String, String), Block>,
}

struct Implementation {
    file: String,
    name: String,
    methods: BTreeMap<String, Block>,
}

impl Source {
    pub(super) fn read() -> Self {
        let (mut known, mut found) = (Known::default(), Vec::new());
        for (file, text) in files() {
            let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
            parsed.items.iter().for_each(|item| known.learn(&file, item, &mut found));
        }
        let refusals = found.iter().map(|implementation| known.refusals(implementation)).collect();
        Self { refusals }
    }
}

impl Known {
    fn learn(&mut self, file: &str, item: &Item, found: &mut Vec<Implementation>) {
        match item {
            Item::Enum(item) => {
                let places = [format!("{file} "), String::new()];
                for (place, name) in places.iter().map(|place| (place, &item.ident)) {
                    self.enums.insert(format!("{place}{name}"), documentation(&item.attrs));
                    for variant in &item.variants {
                        self.variants.insert(
                            format!("{place}{name}::{}", variant.ident),
                            documentation(&variant.attrs),
                        );
                    }
                }
            }
            Item::Struct(item) => {
                self.enums.insert(format!("{file} {}", item.ident), documentation(&item.attrs));
            }
            Item::Fn(function) => {
                self.functions
                    .insert((file.to_owned(), function.sig.ident.to_string()), (*function.block).clone());
            }
            Item::Impl(item)
                if item.trait_.as_ref().is_some_and(|(_, path, _)| ends_with(path, "Refusal")) =>
            {
                let name = item.self_ty.to_token_stream().to_string();
                let method = |item: &ImplItem| match item {
                    ImplItem::Fn(method) => Some((method.sig.ident.to_string(), method.block.clone())),
                    _ => None,
                };
                found.push(Implementation {
                    file: file.to_owned(),
                    name,
                    methods: item.items.iter().filter_map(method).collect(),
                });
            }
            _ => {}
        }
    }

    fn refusals(&self, implementation: &Implementation) -> Refusals {
        let Implementation { file, name, methods } = implementation;
        let mut entries: Vec<Entry> = Vec::new();
        let by_variant = matches!(result(&methods["code"]), Some(Expr::Match(_)));
        // What an inner refusal says stands with that one.
        let speaks = |arm: &Arm| !by_variant || !matches!(arm.pat, Pat::Wild(_) | Pat::Ident(_));
        for arm in arms(&methods["code"]).into_iter().filter(speaks) {
            let codes = self.strings(file, &arm.body, &is_code);
            for code in codes {
                let mut entry =
                    Entry { code, faults: BTreeSet::new(), meaning: String::new(), hints: Vec::new() };
                for pattern in alternatives(&arm.pat) {
                    self.complete(&mut entry, implementation, pattern);
                }
                match entries.iter_mut().find(|have| have.code == entry.code) {
                    Some(have) => have.join(entry),
                    None => entries.push(entry),
                }
            }
        }
        Refusals {
            title: self.title(file, name).split(['.', ':', '(']).next().unwrap_or_default().trim().to_owned(),
            entries,
        }
    }

    fn title(&self, file: &str, name: &str) -> String {
        self.enums
            .get(&format!("{file} {name}"))
            .or_else(|| self.enums.get(name))
            .cloned()
            .unwrap_or_default()
    }

    /// What the variant of `pattern` says.
    fn complete(&self, entry: &mut Entry, implementation: &Implementation, pattern: &Pat) {
        let Implementation { file, name, methods } = implementation;
        let mentioned = variants_in(pattern);
        let keys = mentioned.iter().rev().map(|path| path.replacen("Self::", &format!("{name}::"), 1));
        let meaning = keys
            .filter_map(|key| self.variants.get(&format!("{file} {key}")).or_else(|| self.variants.get(&key)))
            .find(|text| !text.is_empty())
            .cloned()
            .unwrap_or_default();
        let meaning = if meaning.is_empty() { self.title(file, name) } else { meaning };
        if !entry.meaning.contains(&meaning) {
            let joint = if entry.meaning.is_empty() { "" } else { " " };
            entry.meaning.extend([joint, &meaning]);
        }
        for (file, expr) in self.answers(file, &methods["fault"], pattern, name) {
            entry.faults.extend(self.faults(&file, &expr));
        }
        for (file, expr) in self.answers(file, &methods["hint"], pattern, name) {
            for hint in self.strings(&file, &expr, &is_sentence) {
                if !entry.hints.contains(&hint) {
                    entry.hints.push(hint);
                }
            }
        }
    }

    /// What a method can give for the variant of `pattern`: of the arms that fit it, up to the first that
    /// always fits.
    fn answers(&self, file: &str, block: &Block, pattern: &Pat, name: &str) -> Vec<(String, Expr)> {
        let Some(last) = result(block) else { return Vec::new() };
        if let Expr::Call(call) = last
            && let Some((file, body)) = self.function(file, &call.func)
        {
            return self.answers(&file, &body, pattern, name);
        }
        if !matches!(last, Expr::Match(_)) {
            return vec![(file.to_owned(), last.clone())];
        }
        let mut found = Vec::new();
        for arm in arms(block) {
            let fitting: Vec<&Pat> =
                alternatives(&arm.pat).into_iter().filter(|have| fits(have, pattern, name)).collect();
            if fitting.is_empty() {
                continue;
            }
            match &*arm.body {
                Expr::Call(call)
                    if self.function(file, &call.func).is_some_and(|(_, body)| {
                        body != *block && matches!(result(&body), Some(Expr::Match(_)))
                    }) =>
                {
                    let (file, body) = self.function(file, &call.func).unwrap();
                    found.extend(self.answers(&file, &body, pattern, name));
                }
                other => found.push((file.to_owned(), other.clone())),
            }
            let narrowed =
                |have: &&Pat| literals_in(have).is_empty() || literals_in(have) == literals_in(pattern);
            if arm.guard.is_none() && fitting.iter().any(narrowed) {
                break;
            }
        }
        found
    }

    /// The texts in an expression, also of the functions that it calls.
    fn strings(&self, file: &str, expr: &Expr, wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut texts = Texts::default();
        texts.visit_expr(expr);
        let called: Vec<_> = texts.calls.iter().filter_map(|path| self.function(file, path)).collect();
        for (_, body) in called {
            texts.visit_block(&body);
        }
        let mut found: Vec<String> = Vec::new();
        for text in texts.found.into_iter().map(|text| readable(&text)).filter(|text| wanted(text)) {
            if !found.contains(&text) {
                found.push(text);
            }
        }
        found
    }

    /// The faults that an expression names, also in the functions that it calls.
    fn faults(&self, file: &str, expr: &Expr) -> BTreeSet<String> {
        let mut texts = Texts::default();
        texts.visit_expr(expr);
        let called = texts.calls.iter().filter_map(|path| self.function(file, path));
        let text = called.fold(expr.to_token_stream().to_string(), |text, (_, body)| {
            text + &body.to_token_stream().to_string()
        });
        let named = text
            .split("Fault :: ")
            .skip(1)
            .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next());
        named.map(str::to_lowercase).collect()
    }

    /// A function of the same file, or of a file below it.
    fn function(&self, file: &str, path: &Expr) -> Option<(String, Block)> {
        let Expr::Path(path) = path else { return None };
        let names: Vec<String> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let place = match names.as_slice() {
            [name] => (file.to_owned(), name.clone()),
            [module, name] => (format!("{}/{module}.rs", file.strip_suffix(".rs")?), name.clone()),
            _ => return None,
        };
        self.functions.get(&place).map(|body| (place.0.clone(), body.clone()))
    }
}

impl Entry {
    fn join(&mut self, other: Self) {
        self.faults.extend(other.faults);
        if !self.meaning.contains(&other.meaning) {
            self.meaning = format!("{} {}", self.meaning, other.meaning);
        }
        self.hints
            .extend(other.hints.into_iter().filter(|hint| !self.hints.contains(hint)).collect::<Vec<_>>());
    }
}

/// Literal texts and called functions, patterns left out.
#[derive(Default)]
struct Texts {
    found: Vec<String>,
    calls: Vec<Expr>,
}

impl<'a> Visit<'a> for Texts {
    fn visit_pat(&mut self, _: &'a Pat) {}

    fn visit_lit(&mut self, lit: &'a Lit) {
        if let Lit::Str(text) = lit {
            self.found.push(text.value());
        }
    }

    fn visit_expr_call(&mut self, call: &'a syn::ExprCall) {
        self.calls.push((*call.func).clone());
        visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, found: &'a syn::Macro) {
        if ends_with(&found.path, "matches") {
            return;
        }
        for token in found.tokens.clone() {
            if let Ok(Lit::Str(text)) = syn::parse2::<Lit>(token.into_token_stream()) {
                self.found.push(text.value());
            }
        }
    }
}

fn result(block: &Block) -> Option<&Expr> {
    match block.stmts.last() {
        Some(Stmt::Expr(Expr::MethodCall(call), None)) if matches!(*call.receiver, Expr::Match(_)) => {
            Some(&call.receiver)
        }
        Some(Stmt::Expr(expr, None)) => Some(expr),
        _ => None,
    }
}

/// The arms of the `match` that a method ends with; a method that only gives one text has one arm for all.
fn arms(block: &Block) -> Vec<Arm> {
    match result(block) {
        Some(Expr::Match(found)) => found.arms.clone(),
        Some(other) => vec![syn::parse_quote!(_ => #other,)],
        None => Vec::new(),
    }
}

fn alternatives(pattern: &Pat) -> Vec<&Pat> {
    match pattern {
        Pat::Or(several) => several.cases.iter().collect(),
        one => vec![one],
    }
}

/// Whether a value that `code` takes by `pattern` can be taken by `have`.
fn fits(have: &Pat, pattern: &Pat, name: &str) -> bool {
    let own = |pat: &Pat| -> Vec<String> {
        variants_in(pat).iter().map(|path| path.replacen("Self::", &format!("{name}::"), 1)).collect()
    };
    let (have_paths, wanted) = (own(have), own(pattern));
    let kind = |path: &str| path.split("::").next().unwrap_or_default().to_owned();
    let agree = have_paths
        .iter()
        .all(|left| wanted.iter().filter(|right| kind(left) == kind(right)).all(|right| left == right));
    let (have_texts, texts) = (literals_in(have), literals_in(pattern));
    agree && (have_texts.is_empty() || texts.is_empty() || have_texts == texts)
}

/// `Self::A`, `Other::B` in a pattern, from the outside in.
fn variants_in(pattern: &Pat) -> Vec<String> {
    struct Paths(Vec<String>);
    impl<'a> Visit<'a> for Paths {
        fn visit_path(&mut self, path: &'a syn::Path) {
            let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            if let [.., kind, variant] = names.as_slice() {
                self.0.push(format!("{kind}::{variant}"));
            }
        }
    }
    let mut paths = Paths(Vec::new());
    paths.visit_pat(pattern);
    paths.0
}

fn literals_in(pattern: &Pat) -> Vec<String> {
    struct Literals(Vec<String>);
    impl<'a> Visit<'a> for Literals {
        fn visit_lit(&mut self, lit: &'a Lit) {
            self.0.push(lit.to_token_stream().to_string());
        }
    }
    let mut literals = Literals(Vec::new());
    literals.visit_pat(pattern);
    literals.0
}

fn documentation(attributes: &[Attribute]) -> String {
    let lines =
        attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).filter_map(|attribute| {
            match &attribute.meta {
                Meta::NameValue(pair) => match &pair.value {
                    Expr::Lit(lit) => match &lit.lit {
                        Lit::Str(text) => Some(text.value().trim().to_owned()),
                        _ => None,
                    },
                    _ => None,
                },
                _ => None,
            }
        });
    without_cases(&lines.collect::<Vec<_>>().join(" ").replace("[`", "`").replace("`]", "`"))
}

/// Without the ids of security cases that stand in brackets: ` (B-01, C-30)`.
fn without_cases(text: &str) -> String {
    let is_case =
        |text: &str| text.split(", ").all(|id| id.len() == 4 && id.as_bytes().get(1) == Some(&b'-'));
    let mut parts = text.split(" (");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| match part.split_once(')') {
        Some((inner, rest)) if is_case(inner) => out + rest,
        _ => out + " (" + part,
    })
}

/// A format string with `…` for its values.
fn readable(text: &str) -> String {
    let (mut out, text) = (String::new(), text.replace(": {self}", ""));
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        out = out + before + "…";
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    out + rest
}

fn is_code(text: &str) -> bool {
    // A word alone stands where an inner refusal says the code.
    text.contains('_')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn is_sentence(text: &str) -> bool {
    text.contains(' ') && text.len() >= 8
}

fn ends_with(path: &syn::Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

/// Codes found by reading lines: the texts after `=>`, or alone, in methods called `code` and the functions
/// that they call.
pub(super) fn codes_by_text() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, text) in files() {
        let body = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for start in ["\n    fn code(&self) -> &'static str {", "fn status_code("] {
            let blocks = body
                .split(start)
                .skip(1)
                .filter_map(|rest| rest.split("\n    }\n").next()?.split("\n}\n").next());
            let quoted = blocks
                .flat_map(|block| block.split("=>").skip(1))
                .flat_map(|arm| arm.split('"').skip(1).step_by(2).take(1));
            let only = body
                .split(start)
                .skip(1)
                .filter_map(|rest| rest.split("\n    }\n").next())
                .filter(|block| !block.contains("=>"));
            found.extend(
                only.filter_map(|block| block.split('"').nth(1))
                    .filter(|text| is_code(text))
                    .map(str::to_owned),
            );
            found.extend(quoted.filter(|text| is_code(text)).map(str::to_owned));
        }
    }
    found
}

/// The source files of the library, in order.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut files): (Vec<PathBuf>, Vec<PathBuf>) = (vec![root.join("src")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.extension() {
                _ if entry.is_dir() => folders.push(entry),
                Some(extension)
                    if extension == "rs"
                        && !entry.ends_with("tests.rs")
                        && !entry.iter().any(|part| part == "tests") =>
                {
                    files.push(entry);
                }
                _ => {}
            }
        }
    }
    files.sort();
    files
        .iter()
        .map(|path| {
            (path.strip_prefix(root).unwrap().display().to_string(), fs::read_to_string(path).unwrap())
        })
        .collect()
}
