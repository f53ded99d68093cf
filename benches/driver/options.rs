//! The command line.

use clap::Parser;

use super::mode::Mode;

/// Most operations at once, in the search for the saturation rate and at a fixed rate.
pub const MOST_AT_ONCE: usize = 64;
/// Connections that the apps of a herd share: who finds none free waits for one, and that is counted.
pub const HERD_CONNECTIONS: usize = 256;

/// Complete federated logins against Symbolon, or against any broker with --target.
#[derive(Debug, Clone, Parser)]
#[command(name = "login", about, long_about = None)]
pub struct Options {
    /// What is done; several with commas
    #[arg(long = "mode", value_enum, value_delimiter = ',', default_values_t = Mode::ALL)]
    pub modes: Vec<Mode>,
    /// Stores of the broker: memory, file, redis; several with commas are several cases
    #[arg(long, value_delimiter = ',', default_value = "memory")]
    pub store: Vec<String>,
    /// Signing algorithm of the pool: RS256, ES256, EdDSA; several are several cases
    #[arg(long, value_delimiter = ',', default_value = "RS256")]
    pub signing: Vec<String>,
    /// Providers in each pool; several are several cases
    #[arg(long, value_delimiter = ',', default_value = "1")]
    pub providers: Vec<usize>,
    /// Pools, each at a host of its own; several are several cases
    #[arg(long, value_delimiter = ',', default_value = "1")]
    pub pools: Vec<usize>,
    /// Users in the directory before the first round; several are several cases
    #[arg(long, value_delimiter = ',', default_value = "0")]
    pub seeded: Vec<usize>,
    /// Brokers on one Redis, which take requests in turn; several are several cases
    #[arg(long, value_delimiter = ',', default_value = "1")]
    pub replicas: Vec<usize>,
    /// Processors for the replicas, one each in turn (needs taskset); without it the system chooses
    #[arg(long, value_delimiter = ',')]
    pub pin: Vec<usize>,
    /// Operations in a round
    #[arg(long, default_value_t = 400)]
    pub count: usize,
    /// Rounds; the figures are medians of them
    #[arg(long, default_value_t = 7)]
    pub rounds: usize,
    /// Operations at once
    #[arg(long, default_value_t = 8)]
    pub concurrency: usize,
    /// Begin this many operations in a second, whether or not the earlier ones have ended
    #[arg(long)]
    pub rate: Option<f64>,
    /// After the rounds, find the rate at which a case is saturated, and report the latencies at half of it
    #[arg(long)]
    pub half_load: bool,
    /// After the rounds, so many apps refresh within one second
    #[arg(long, value_name = "APPS")]
    pub herd: Option<usize>,
    /// After the rounds, so many logins in a row, and what grows meanwhile
    #[arg(long, value_name = "LOGINS")]
    pub soak: Option<usize>,
    /// People who sign in, chosen in turn; with --seeded those of the directory
    #[arg(long, default_value_t = 1000)]
    pub users: usize,
    /// Floor and broker have this many worker threads
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// Worker threads of the driver
    #[arg(long, default_value_t = 1)]
    pub driver_threads: usize,
    /// Write the report to <path>.md and <path>.json
    #[arg(long)]
    pub report: Option<String>,
    #[command(flatten)]
    pub target: Target,
    /// Serve the floor on a free port: the program calls itself with this
    #[arg(long, hide = true)]
    pub serve_floor: Option<usize>,
    /// Serve the floor inside this process
    #[arg(long, hide = true)]
    pub floor_inside: bool,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Connections of the driver: a fixed rate must not wait for one.
    pub fn workers(&self) -> usize {
        if self.herd.is_some() {
            return self.concurrency.max(HERD_CONNECTIONS);
        }
        if self.half_load || self.rate.is_some() {
            self.concurrency.max(MOST_AT_ONCE)
        } else {
            self.concurrency
        }
    }
}

/// A broker that somebody else runs.
#[derive(Debug, Clone, clap::Args)]
pub struct Target {
    /// Issuer of a running broker, whose metadata say where its endpoints are
    #[arg(long = "target", value_name = "ISSUER")]
    pub issuer: Option<String>,
    /// Process whose CPU and memory count, if the broker runs on this machine
    #[arg(long)]
    pub pid: Option<u32>,
    /// Client that is registered there
    #[arg(long, default_value = "bench")]
    pub client_id: String,
    /// Its secret
    #[arg(long, default_value = "secret-of-the-benchmark")]
    pub client_secret: String,
    /// Its redirect URI, where nobody needs to listen
    #[arg(long, default_value = "http://127.0.0.1:9401/callback")]
    pub redirect_uri: String,
    /// Further parameters of the authorization request, name=value, for example kc_idp_hint=bench
    #[arg(long = "parameter")]
    pub parameters: Vec<String>,
    /// Where the played provider listens
    #[arg(long, default_value = "127.0.0.1:0")]
    pub provider_listen: String,
    /// Print what has to be configured at the target, and stop
    #[arg(long)]
    pub show_setup: bool,
}
