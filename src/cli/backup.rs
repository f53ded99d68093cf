//! `symbolon backup`: what may never be lost of the embedded store, copied to a folder while the broker runs.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use zeroize::Zeroizing;

use super::ConfigFile;
use crate::app;
use crate::config::Config;
use crate::store::{self, StoreError};

/// Arguments of `symbolon backup`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Where to; made if it is not there. Nothing in it is written over
    folder: PathBuf,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Users and keys are elsewhere.
    #[error(
        "store.directory is no embedded store (file:): a Redis is backed up by its own means, and memory not \
         at all"
    )]
    NotEmbedded,
    /// The store, or the copy.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
}

/// Makes the copies and tells which. Exit code 2 where there is no embedded store, 1 when it cannot be
/// copied.
pub fn run(arguments: &Arguments) -> ExitCode {
    let config = match arguments.file.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    match back_up(&config, &arguments.folder) {
        Ok(made) => {
            let _ = writeln!(std::io::stdout(), "{made}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "symbolon backup: {failure}");
            ExitCode::from(if matches!(failure, Failure::NotEmbedded) { 2 } else { 1 })
        }
    }
}

fn back_up(config: &Config, folder: &Path) -> Result<String, Failure> {
    let keep = app::keepsakes(config).ok_or(Failure::NotEmbedded)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| of_file(folder, error))?;
    let copy = folder.join(keep.directory.file_name().unwrap_or_default());
    let records = store::back_up(&keep.directory, &copy)?;
    let made = format!(
        "{}: {records} records: users, identities, keys. Who restores it signs everybody out.",
        copy.display()
    );
    let Some(key) = keep.key else { return Ok(made) };
    let copy = folder.join(key.file_name().unwrap_or_default());
    copy_key(&key, &copy)?;
    Ok(format!("{made}\n{}: the key that opens it. Keep it elsewhere.", copy.display()))
}

fn copy_key(key: &Path, copy: &Path) -> Result<(), Failure> {
    let text = Zeroizing::new(std::fs::read(key).map_err(|error| of_file(key, error))?);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(copy)
        .map_err(|error| of_file(copy, error))?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(|error| of_file(copy, error))
}

fn of_file(path: &Path, error: std::io::Error) -> Failure {
    Failure::File(path.display().to_string(), error)
}
