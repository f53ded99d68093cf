//! `cargo bench --bench login -- [options]`: what complete federated logins cost, as ratios to a floor
//! measured in the same run. See `docs/benchmarks.md`.

mod driver;

use std::process::ExitCode;

use clap::Parser as _;
use driver::options::Options;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(workers) = options.serve_floor {
        return outcome(driver::floor::serve(workers));
    }
    match driver::run(&options, env!("CARGO_BIN_EXE_symbolon")) {
        Ok(report) => outcome(driver::publish(&report, options.report.as_deref())),
        Err(error) => outcome(Err(error)),
    }
}

fn outcome(done: Result<(), driver::Fail>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("login benchmark: {error}");
            ExitCode::FAILURE
        }
    }
}
