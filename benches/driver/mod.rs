//! A load driver that plays browser, upstream provider and app, C at once.
//!
//! What counts is the CPU of the server, read from the operating system; the driver runs beside it on the
//! same machine and is not counted. Every round measures the floor and each case in turn, so that a busy
//! machine slows all of them.
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock, plays a browser without deadlines and signs with keys of its own"
)]
#![expect(
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures of a benchmark are small, and its own keys are sound"
)]

pub mod app;
pub mod browser;
pub mod case;
pub mod config;
pub mod connection;
pub mod floor;
pub mod half_load;
pub mod herd;
pub mod load;
pub mod machine;
pub mod markdown;
pub mod meter;
pub mod mode;
pub mod operation;
pub mod options;
pub mod redis;
pub mod reference;
pub mod report;
pub mod rounds;
pub mod running;
pub mod saml;
pub mod seed;
pub mod server;
pub mod soak;
pub mod statistics;
pub mod upstream;

use std::fs;

use options::Options;
use report::Report;

/// Why a run stopped.
pub type Fail = Box<dyn std::error::Error + Send + Sync>;

/// Measures what the options ask for. `binary` is the broker.
pub fn run(options: &Options, binary: &str) -> Result<Report, Fail> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.driver_threads)
        .enable_all()
        .build()?;
    runtime.block_on(rounds::measure(options, binary))
}

/// Prints the Markdown, and writes it and the JSON to files that begin with `path`. Fails when a file cannot
/// be written, and when an operation had failed.
pub fn publish(report: &Report, path: Option<&str>) -> Result<(), Fail> {
    let text = markdown::render(report);
    println!("{text}");
    if let Some(path) = path {
        fs::write(format!("{path}.md"), text)?;
        fs::write(format!("{path}.json"), serde_json::to_string_pretty(report)? + "\n")?;
    }
    let errors = report.errors();
    if errors.is_empty() { Ok(()) } else { Err(format!("some operations failed: {errors:?}").into()) }
}
