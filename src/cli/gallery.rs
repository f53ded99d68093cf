//! `symbolon gallery`: every page in every state as files, to be looked at before visitors do.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::environment;
use crate::config::{self, Config};
use crate::model::document::Problems;
use crate::web::gallery::pictures;

const SAMPLE: &str = "[[pool]]\nid = \"eu-west-1_Example01\"\nname = \"Example\"\n";

/// Arguments of `symbolon gallery`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder to write to; made when it is not there
    folder: PathBuf,
    /// Show the pages of this configuration's pool, with its name, colours, logo and templates
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Which of its pools, if it has several
    #[arg(long, value_name = "POOL_ID", requires = "config")]
    pool: Option<String>,
}

/// Writes the gallery; exit code 0, 1 when it cannot be written, 2 when the configuration is wrong.
pub fn run(arguments: &Arguments) -> ExitCode {
    let config = match read(arguments.config.as_deref()) {
        Ok(config) => config,
        Err(problems) => return failed(&problems, 2),
    };
    let wanted = |id: &str| arguments.pool.as_deref().is_none_or(|pool| pool == id);
    let Some(pool) = config.pools.iter().find(|config| wanted(config.pool.id.as_str())) else {
        return failed(&"the configuration has no such pool", 2);
    };
    let pictures = match pictures(pool) {
        Ok(pictures) => pictures,
        Err(error) => return failed(&error, 2),
    };
    for (file, text) in &pictures {
        if let Err(error) = write(&arguments.folder.join(file), text) {
            return failed(&format!("{file}: {error}"), 1);
        }
    }
    let _ = writeln!(
        std::io::stdout(),
        "{} files; begin at {}",
        pictures.len(),
        arguments.folder.join("index.html").display()
    );
    ExitCode::SUCCESS
}

fn read(path: Option<&Path>) -> Result<Config, Problems> {
    match path {
        Some(path) => config::load(path, &environment()),
        None => config::parse(SAMPLE, "sample", &[], &|_| Err("the sample names no files".to_owned())),
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

fn failed(why: &dyn std::fmt::Display, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{why}");
    ExitCode::from(code)
}
