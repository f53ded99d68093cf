//! A TOML or JSON document read with all its problems: every wrong value is noted with file, line, key and
//! what to write instead.
//!
//! [`Document::parse`] never fails. [`Document::root`] gives a [`Table`] whose typed getters note a problem
//! and return `None` when a value does not fit, so reading goes on; [`Document::finish`] tells whether
//! anything was noted.

mod duration;
mod environment;
mod node;
mod problem;
mod shape;
mod table;

use std::cell::RefCell;
use std::collections::BTreeSet;

use toml::de::DeTable;

use node::{Node, Value};

pub use duration::{parse_duration, show_duration};
pub use problem::{Invalid, Location, Problem, Problems, Spot, nearest};
pub use shape::{KeyShape, Shape, Shapes, TableShape};
pub use table::Table;

/// Reads a file that a `…_file` key names; the error says why it could not.
pub type FileReader<'f> = &'f dyn Fn(&str) -> Result<String, String>;

/// A parsed document and the problems noted so far.
pub struct Document<'f> {
    root: Node,
    log: Log<'f>,
}

/// What the getters of every table write to.
struct Log<'f> {
    file: String,
    files: Option<FileReader<'f>>,
    damaged: bool,
    prefix: &'static str,
    problems: RefCell<BTreeSet<Problem>>,
    warnings: RefCell<Vec<Problem>>,
    /// What was asked for; `None` where only the values are wanted.
    shapes: Option<RefCell<Shapes>>,
}

impl<'f> Document<'f> {
    /// Parses TOML; syntax errors and duplicate keys become problems, the rest of the document stays
    /// readable.
    ///
    /// `file` is the name that problems show.
    pub fn parse(file: &str, text: &str) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        let log = Log::new(file, errors.iter().any(|error| error.message() != DUPLICATE));
        let lines = node::Lines::of(text);
        for error in errors {
            log.note(syntax_problem(file, text, &lines, &error));
        }
        Self {
            root: Node {
                place: Location::File,
                value: Value::Table(node::entries(&lines, root.into_inner())),
                raw: None,
            },
            log,
        }
    }

    /// The same kind of document from JSON, as it is stored: a member that is `null` is not there, and
    /// problems name `name` and the key, without a line.
    pub fn of_json(name: &str, members: &serde_json::Map<String, serde_json::Value>) -> Self {
        let value = Value::Table(node::members(members));
        Self { root: Node { place: Location::File, value, raw: None }, log: Log::new(name, false) }
    }

    /// The same document, with a reader for `…_file` keys. Without one such keys cannot be read, which is a
    /// problem.
    #[must_use]
    pub fn with_files(mut self, files: FileReader<'f>) -> Self {
        self.log.files = Some(files);
        self
    }

    /// The same document, overlaid by variables: `<prefix>SERVER__LISTEN` is `server.listen`,
    /// `<prefix>POOL__0__ID` is `pool[0].id`.
    ///
    /// A value is read as TOML where it is TOML, else as text. Variables without the prefix are left alone.
    #[must_use]
    pub fn with_environment(mut self, prefix: &'static str, variables: &[(String, String)]) -> Self {
        self.log.prefix = prefix;
        for problem in environment::overlay(&mut self.root, prefix, variables) {
            let file = self.log.file.clone();
            self.log.note(Problem { file, ..problem });
        }
        self
    }

    /// The same document, which does not remember what was asked of it: several times faster, every problem
    /// is found, but the fix of an unknown key does not name the nearest known one. For a first reading,
    /// which nearly always finds nothing wrong.
    #[must_use]
    pub fn in_haste(mut self) -> Self {
        self.log.shapes = None;
        self
    }

    /// The document's top table.
    pub fn root(&self) -> Table<'_> {
        Table::new(&self.log, &self.root, String::new())
    }

    /// Whether syntax errors hide parts of the document, so that a missing key proves nothing.
    pub fn is_damaged(&self) -> bool {
        self.log.damaged
    }

    /// Notes a problem at a place found earlier with [`Table::spot`].
    pub fn problem(&self, spot: &Spot, message: impl Into<String>, fix: impl Into<String>) {
        self.log.note(self.log.at(spot, message.into(), fix.into()));
    }

    /// Notes something that is allowed but risky or probably not meant.
    pub fn warn(&self, spot: &Spot, message: impl Into<String>, fix: impl Into<String>) {
        let warning = self.log.at(spot, message.into(), fix.into());
        self.log.warnings.borrow_mut().push(warning);
    }

    /// Adds problems found elsewhere, for example while a preset was resolved.
    pub fn extend(&self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            self.log.note(problem);
        }
    }

    /// What was asked of the document so far, whether it was there or not; nothing of one read in haste.
    pub fn shapes(&self) -> Shapes {
        self.log.shapes.as_ref().map(|shapes| shapes.borrow().clone()).unwrap_or_default()
    }

    /// Every warning when there is no problem, else every problem; both sorted by line.
    pub fn finish(self) -> Result<Vec<Problem>, Problems> {
        let problems = self.log.problems.into_inner();
        if problems.is_empty() {
            let mut warnings = self.log.warnings.into_inner();
            warnings.sort();
            Ok(warnings)
        } else {
            Err(Problems::new(problems.into_iter().collect()))
        }
    }
}

impl Log<'_> {
    fn new(file: &str, damaged: bool) -> Self {
        Self {
            file: file.to_owned(),
            files: None,
            damaged,
            prefix: "",
            problems: RefCell::default(),
            warnings: RefCell::default(),
            shapes: Some(RefCell::default()),
        }
    }

    fn note(&self, problem: Problem) {
        self.problems.borrow_mut().insert(problem);
    }

    /// Remembers what is asked of the table at `path`, unless the document is read in haste.
    fn remember(&self, path: &str, ask: impl FnOnce(&mut TableShape)) {
        if let Some(shapes) = &self.shapes {
            ask(shapes.borrow_mut().table(&table::positionless(path)));
        }
    }

    fn at(&self, spot: &Spot, message: String, fix: String) -> Problem {
        Problem { file: self.file.clone(), place: spot.place.clone(), key: spot.key.clone(), message, fix }
    }
}

/// The parser's words for a key that stands twice.
const DUPLICATE: &str = "duplicate key";

fn syntax_problem(file: &str, text: &str, lines: &node::Lines, error: &toml::de::Error) -> Problem {
    let span = error.span().unwrap_or_default();
    let place = Location::Line(lines.line_at(span.start));
    let (key, fix) = if error.message() == DUPLICATE {
        (text.get(span).unwrap_or_default().to_owned(), "keep one of them")
    } else {
        (String::new(), "correct the TOML syntax on this line")
    };
    Problem { file: file.to_owned(), place, key, message: error.message().to_owned(), fix: fix.to_owned() }
}
