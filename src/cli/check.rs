//! `symbolon check`: every problem of a configuration, or what it would serve and every check that it
//! loosens; and its schema.

use std::io::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::ConfigFile;
use crate::config::{Config, schema};
use crate::model::document::{Location, Problem, Problems};

/// Arguments of `symbolon check`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print the JSON Schema of the configuration file instead, for editors
    #[arg(long, conflicts_with = "json")]
    schema: bool,
}

/// Prints the report; exit code 0 when the configuration is valid, else 2. With `--schema`, no configuration
/// is read.
pub fn run(arguments: &Arguments) -> ExitCode {
    if arguments.schema {
        let printed = writeln!(std::io::stdout(), "{:#}", schema::schema());
        return if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let result = arguments.file.read();
    let report = if arguments.json { json_report(&result) } else { text_report(&result) };
    let _ = writeln!(std::io::stdout(), "{}", report.trim_end());
    ExitCode::from(if result.is_ok() { 0 } else { 2 })
}

/// One line per problem, or a summary and one line per warning.
pub fn text_report(result: &Result<Config, Problems>) -> String {
    match result {
        Err(problems) => problems.to_string(),
        Ok(config) => {
            let lines = std::iter::once(config.summary())
                .chain(config.warnings.iter().map(|warning| format!("warning: {warning}\n")));
            lines.collect()
        }
    }
}

/// `{"valid", "problems", "warnings", "summary"}`; each problem has `file`, `line` or `variable`, `key`,
/// `message`, `fix`.
pub fn json_report(result: &Result<Config, Problems>) -> String {
    let list = |problems: &[Problem]| problems.iter().map(object).collect::<Vec<_>>();
    let report = match result {
        Err(problems) => {
            json!({ "valid": false, "problems": list(problems.as_slice()), "warnings": [], "summary": [] })
        }
        Ok(config) => {
            let summary = config.summary();
            json!({ "valid": true, "problems": [], "warnings": list(&config.warnings),
                "summary": summary.lines().collect::<Vec<_>>() })
        }
    };
    report.to_string()
}

fn object(problem: &Problem) -> Value {
    let Problem { file, place, key, message, fix } = problem;
    let (line, variable) = match place {
        Location::File => (None, None),
        Location::Line(line) => (Some(line), None),
        Location::Variable(name) => (None, Some(name)),
    };
    json!({ "file": file, "line": line, "variable": variable, "key": key, "message": message, "fix": fix })
}
