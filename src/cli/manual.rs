//! `symbolon completions` and `symbolon man`: both are made from the definition of the command line.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

/// Arguments of `symbolon completions`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

/// Arguments of `symbolon man`.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// Write symbolon.1 and a page of each command to this folder, which exists
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Prints the completions.
pub(super) fn completions(arguments: &Completions, mut command: Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "symbolon", &mut script);
    outcome(io::stdout().write_all(&script))
}

/// Prints the page of `symbolon`, or writes every page.
pub(super) fn man(arguments: &Man, command: Command) -> ExitCode {
    outcome(match &arguments.folder {
        Some(folder) => clap_mangen::generate_to(command, folder),
        None => clap_mangen::Man::new(command).render(&mut io::stdout()),
    })
}

fn outcome(written: io::Result<()>) -> ExitCode {
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "symbolon: {error}");
            ExitCode::FAILURE
        }
    }
}
