//! The typed view of one table.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::duration::{parse_duration, show_duration};
use super::node::{Node, Value};
use super::shape::Shape;
use super::{Invalid, Location, Log, Spot, nearest};
use crate::model::secret::SecretString;

static NOTHING: BTreeMap<String, Node> = BTreeMap::new();

/// One table of a document. Getters note a problem when a value does not fit and remember which keys are
/// known; [`Table::finish`] then reports the others.
#[must_use = "finish() reports unknown keys"]
pub struct Table<'d> {
    log: &'d Log<'d>,
    entries: &'d BTreeMap<String, Node>,
    place: Location,
    path: String,
    known: RefCell<BTreeSet<String>>,
    required: RefCell<BTreeSet<String>>,
}

impl<'d> Table<'d> {
    pub(super) fn new(log: &'d Log<'d>, node: &'d Node, path: String) -> Self {
        let entries = if let Value::Table(entries) = &node.value { entries } else { &NOTHING };
        Self::at(log, entries, node.place.clone(), path)
    }

    fn at(log: &'d Log<'d>, entries: &'d BTreeMap<String, Node>, place: Location, path: String) -> Self {
        log.remember(&path, |shape| shape.visits += 1);
        Self { log, entries, place, path, known: RefCell::default(), required: RefCell::default() }
    }

    /// Whether the key is present, whatever its value.
    pub fn has(&self, key: &str) -> bool {
        self.node(key).is_some()
    }

    /// Whether the key holds a table.
    pub fn holds_table(&self, key: &str) -> bool {
        self.node(key).is_some_and(|node| matches!(node.value, Value::Table(_)))
    }

    /// Whether the key holds a list.
    pub fn holds_list(&self, key: &str) -> bool {
        self.node(key).is_some_and(|node| matches!(node.value, Value::Array(_)))
    }

    /// How many keys the table has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the table has no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every key of the table, for tables whose keys are free.
    pub fn keys(&self) -> impl Iterator<Item = &'d str> {
        self.log.remember(&self.path, |shape| shape.free = true);
        self.entries.keys().map(String::as_str)
    }

    /// Where `key` stands, or where the table begins when it is absent. An empty key means the table itself.
    pub fn spot(&self, key: &str) -> Spot {
        if key.is_empty() {
            return Spot { place: self.place.clone(), key: self.path.clone() };
        }
        let place = self.entries.get(key).map_or_else(|| self.place.clone(), |node| node.place.clone());
        Spot { place, key: self.path_of(key) }
    }

    /// Where item `index` of the list `key` stands.
    pub fn spot_of_item(&self, key: &str, index: usize) -> Spot {
        let place = match self.entries.get(key).map(|node| &node.value) {
            Some(Value::Array(items)) => items.get(index).map(|item| item.place.clone()),
            _ => None,
        };
        Spot {
            place: place.unwrap_or_else(|| self.place.clone()),
            key: format!("{}[{index}]", self.path_of(key)),
        }
    }

    /// Notes a problem at `key`; an empty key means the table itself.
    pub fn problem(&self, key: &str, message: impl Into<String>, fix: impl Into<String>) {
        self.problem_at(&self.spot(key), message, fix);
    }

    /// Notes a problem at a place found earlier.
    pub fn problem_at(&self, spot: &Spot, message: impl Into<String>, fix: impl Into<String>) {
        self.log.note(self.log.at(spot, message.into(), fix.into()));
    }

    /// Notes a warning at `key`.
    pub fn warn(&self, key: &str, message: impl Into<String>, fix: impl Into<String>) {
        self.warn_at(&self.spot(key), message, fix);
    }

    /// Notes a warning at a place found earlier.
    pub fn warn_at(&self, spot: &Spot, message: impl Into<String>, fix: impl Into<String>) {
        let warning = self.log.at(spot, message.into(), fix.into());
        self.log.warnings.borrow_mut().push(warning);
    }

    /// Notes a problem when `key` is absent and the document is not damaged; returns whether it is present.
    pub fn require(&self, key: &str) -> bool {
        let present = self.has(key);
        self.log.remember(&self.path, |shape| {
            if self.required.borrow_mut().insert(key.to_owned()) {
                shape.key(key).required += 1;
            }
        });
        if !present && !self.log.damaged {
            self.problem(key, "missing", format!("add {key}"));
        }
        present
    }

    /// A string that is not empty.
    pub fn string(&self, key: &str) -> Option<String> {
        self.parsed(key, |text| Ok::<_, Invalid>(text.to_owned()))
    }

    /// A string that must be there.
    pub fn required_string(&self, key: &str) -> Option<String> {
        self.required(key, |text| Ok::<_, Invalid>(text.to_owned()))
    }

    /// A string turned into something by `parse`, whose error becomes a problem here.
    pub fn parsed<T, E: Into<Invalid>>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.asks(key, || Shape::Text);
        self.text(key, parse)
    }

    /// Like [`Table::parsed`], for a key that must be there.
    pub fn required<T, E: Into<Invalid>>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.parsed(key, parse);
        self.require(key);
        value
    }

    /// One of a closed set of words.
    pub fn one_of<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        self.asks(key, || Shape::Word(choices.iter().map(|(word, _)| (*word).to_owned()).collect()));
        self.text(key, |text| {
            choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
                Invalid::new(format!("{text:?} is not known here"), format!("write {}", words.join(" or ")))
            })
        })
    }

    /// `true` or `false`.
    pub fn boolean(&self, key: &str) -> Option<bool> {
        self.asks(key, || Shape::Flag);
        match &self.node(key)?.value {
            Value::Boolean(flag) => Some(*flag),
            other => self.mismatch(key, "a boolean", other, "write true or false, without quotes"),
        }
    }

    /// An integer within `range`.
    pub fn integer(&self, key: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let fix = || format!("write a number from {} to {}", range.start(), range.end());
        self.asks(key, || Shape::Integer(*range.start(), *range.end()));
        match &self.node(key)?.value {
            Value::Integer(Some(number)) if range.contains(number) => Some(*number),
            Value::Integer(number) => {
                let shown = number.map_or_else(|| "the number".to_owned(), |number| number.to_string());
                self.problem(key, format!("{shown} is out of range"), fix());
                None
            }
            other => self.mismatch(key, "an integer", other, &fix()),
        }
    }

    /// A duration within `range`: `"5m"`, `"1h"`, `"30d"`, or seconds.
    pub fn duration(&self, key: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
        self.asks(key, || Shape::Duration(*range.start(), *range.end()));
        let node = self.node(key)?;
        let fix = format!(
            "write a duration from {:?} to {:?}",
            show_duration(*range.start()),
            show_duration(*range.end())
        );
        let duration = match &node.value {
            Value::Integer(Some(seconds)) => u64::try_from(*seconds).ok().map(Duration::from_secs),
            Value::Text(text) => parse_duration(text),
            Value::Integer(None) => None,
            other => return self.mismatch(key, "a duration", other, &fix),
        };
        match duration {
            Some(duration) if range.contains(&duration) => return Some(duration),
            Some(duration) => {
                self.problem(key, format!("{:?} is out of range", show_duration(duration)), fix);
            }
            None => self.problem(key, "this is no duration", fix),
        }
        None
    }

    /// A list of strings, none empty.
    pub fn strings(&self, key: &str) -> Option<Vec<String>> {
        self.parsed_list(key, |text| Ok::<_, Invalid>(text.to_owned()))
    }

    /// A list of strings, each turned into something by `parse`; items that fail are noted and left out.
    pub fn parsed_list<T, E: Into<Invalid>>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        self.asks(key, || Shape::Texts);
        let Value::Array(items) = &self.node(key)?.value else {
            let node = self.node(key)?;
            return self.mismatch(key, "a list of strings", &node.value, "write a list: [\"…\"]");
        };
        let parsed = items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| self.parse_node(|| self.spot_of_item(key, index), item, &parse));
        Some(parsed.collect())
    }

    /// A secret from `key`, or from the file that `<key>_file` names (its last line break is dropped). Never
    /// shown in a problem.
    ///
    /// A variable wins over the document: it may set the one while the file sets the other.
    pub fn secret(&self, key: &str) -> Option<SecretString> {
        let file_key = format!("{key}_file");
        self.asks(key, || Shape::Secret);
        self.asks(&file_key, || Shape::Text);
        let from_variable =
            |key: &str| self.node(key).is_some_and(|node| matches!(node.place, Location::Variable(_)));
        if self.has(key) && self.has(&file_key) && from_variable(key) == from_variable(&file_key) {
            self.problem(&file_key, format!("{key} is given as well"), "keep one of the two");
            return None;
        }
        let use_file = self.has(&file_key) && (!self.has(key) || from_variable(&file_key));
        if use_file {
            self.file(&file_key).map(SecretString::from)
        } else {
            self.string(key).map(SecretString::from)
        }
    }

    /// Where the secret `key` was given: at `key` or at `<key>_file`.
    pub fn secret_spot(&self, key: &str) -> Spot {
        let file_key = format!("{key}_file");
        if self.has(key) { self.spot(key) } else { self.spot(&file_key) }
    }

    /// A list of secrets, none empty.
    pub fn secrets(&self, key: &str) -> Option<Vec<SecretString>> {
        self.parsed_list(key, |text| Ok::<_, Invalid>(SecretString::from(text)))
    }

    /// The text of the file that `key` names, without its last line break; empty is a problem.
    pub fn file(&self, key: &str) -> Option<String> {
        let path = self.string(key)?;
        let read =
            self.log.files.map_or_else(|| Err("files cannot be read here".to_owned()), |files| files(&path));
        match read {
            Ok(text) if !text.trim().is_empty() => {
                Some(text.strip_suffix('\n').map_or(text.as_str(), |t| t.trim_end_matches('\r')).to_owned())
            }
            Ok(_) => {
                self.problem(key, format!("{path:?} is empty"), "write the value into the file");
                None
            }
            Err(reason) => {
                self.problem(
                    key,
                    format!("{path:?} cannot be read: {reason}"),
                    "name a readable file; paths start at the folder of this one",
                );
                None
            }
        }
    }

    /// The text of a file that a list names.
    pub fn read(&self, path: &str) -> Result<String, String> {
        self.log.files.map_or_else(|| Err("files cannot be read here".to_owned()), |files| files(path))
    }

    /// The sub-table `key`, if present.
    pub fn table(&self, key: &str) -> Option<Table<'d>> {
        self.asks(key, || Shape::Table);
        let node = self.node(key)?;
        if !matches!(node.value, Value::Table(_)) {
            return self.mismatch(key, "a table", &node.value, &format!("write [{}]", self.header(key)));
        }
        Some(Self::new(self.log, node, self.path_of(key)))
    }

    /// The sub-table `key`, or an empty one in its place.
    pub fn section(&self, key: &str) -> Table<'d> {
        self.table(key).unwrap_or_else(|| Self::at(self.log, &NOTHING, self.place.clone(), self.path_of(key)))
    }

    /// The tables of the list `key`, as `[[key]]` makes them; none when it is absent.
    pub fn tables(&self, key: &str) -> Vec<Table<'d>> {
        self.asks(key, || Shape::Tables);
        let Some(node) = self.node(key) else { return Vec::new() };
        let fix = format!("write [[{}]]", self.header(key));
        let Value::Array(items) = &node.value else {
            self.mismatch::<()>(key, "a list of tables", &node.value, &fix);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let spot = self.spot_of_item(key, index);
            if matches!(item.value, Value::Table(_)) {
                tables.push(Self::new(self.log, item, spot.key));
            } else {
                self.problem_at(&spot, format!("expected a table, found {}", item.value.kind()), fix.clone());
            }
        }
        tables
    }

    /// A table of strings whose keys are free.
    pub fn map(&self, key: &str) -> Option<BTreeMap<String, String>> {
        let table = self.table(key)?;
        Some(table.keys().filter_map(|name| Some((name.to_owned(), table.string(name)?))).collect())
    }

    /// Reports every key that no getter asked for, with the nearest one that was.
    pub fn finish(self) {
        let known = self.known.borrow();
        for (key, node) in self.entries.iter().filter(|(key, _)| !known.contains(*key)) {
            let name = |word: &str| match node.place {
                Location::Variable(_) => self.variable(word),
                _ => word.to_owned(),
            };
            let fix = match nearest(key, known.iter().map(String::as_str)) {
                Some(word) => format!("remove it; the nearest known key is {}", name(word)),
                None => "remove it".to_owned(),
            };
            self.problem(key, "unknown key", fix);
        }
    }

    fn asks(&self, key: &str, shape: impl FnOnce() -> Shape) {
        self.log.remember(&self.path, |table| _ = table.key(key).may_be.insert(shape()));
    }

    fn text<T, E: Into<Invalid>>(&self, key: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let node = self.node(key)?;
        self.parse_node(|| self.spot(key), node, parse)
    }

    /// Known keys that are absent matter for the words of a problem only.
    fn node(&self, key: &str) -> Option<&'d Node> {
        let node = self.entries.get(key);
        if node.is_some() || self.log.shapes.is_some() {
            let mut known = self.known.borrow_mut();
            if !known.contains(key) {
                known.insert(key.to_owned());
            }
        }
        node
    }

    fn parse_node<T, E: Into<Invalid>>(
        &self,
        spot: impl FnOnce() -> Spot,
        node: &Node,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Some(text) = node.text() else {
            self.problem_at(
                &spot(),
                format!("expected a string, found {}", node.value.kind()),
                "write it in quotes",
            );
            return None;
        };
        if text.trim().is_empty() {
            self.problem_at(&spot(), "the text is empty", "write a value or remove the key");
            return None;
        }
        parse(text)
            .map_err(|error| {
                let Invalid { message, fix } = error.into();
                self.problem_at(&spot(), message, fix);
            })
            .ok()
    }

    fn mismatch<T>(&self, key: &str, expected: &str, found: &Value, fix: &str) -> Option<T> {
        self.problem(key, format!("expected {expected}, found {}", found.kind()), fix);
        None
    }

    fn path_of(&self, key: &str) -> String {
        let bare =
            !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        let mut path = self.path.clone();
        if !path.is_empty() {
            path.push('.');
        }
        if bare {
            path.push_str(key);
        } else {
            let _ = write!(path, "{key:?}");
        }
        path
    }

    /// The path as a table header spells it, without positions: `pool.client`.
    fn header(&self, key: &str) -> String {
        positionless(&self.path_of(key))
    }

    /// The variable that sets `key`: `pool[0].id` is `…POOL__0__ID`.
    fn variable(&self, key: &str) -> String {
        let path = self.path_of(key).replace('[', "__").replace(']', "").replace('.', "__");
        format!("{}{}", self.log.prefix, path.to_ascii_uppercase())
    }
}

/// `pool[0].client[1]` is `pool.client`.
pub(super) fn positionless(path: &str) -> String {
    path.split('[')
        .enumerate()
        .map(|(part, text)| if part == 0 { text } else { text.split_once(']').map_or("", |(_, rest)| rest) })
        .collect()
}
