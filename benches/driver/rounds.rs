//! One run: floor and cases, measured in turn.

use std::collections::BTreeMap;

use super::case::Case;
use super::load::{Crew, Pace, Seen};
use super::machine::Machine;
use super::meter::{Processes, memory};
use super::mode::Mode;
use super::options::Options;
use super::reference::Floor;
use super::report::{CaseReport, Measured, PerOperation, Report, Shares};
use super::running::{self, Running};
use super::statistics::{Latency, median};
use super::upstream::Upstream;
use super::{Fail, config, half_load, herd, soak};

/// Most operations, one at a time, for what Redis counts.
const PROBED: usize = 25;
const SAMPLE: usize = 200_000;

/// Measures everything.
pub async fn measure(options: &Options, binary: &str) -> Result<Report, Fail> {
    let upstream = Upstream::start(&options.target.provider_listen).await?;
    if options.target.show_setup {
        println!("{}", config::setup(&running::client(options), &upstream));
        return Err(
            "nothing was measured: configure the target, and call again with the same --provider-listen"
                .into(),
        );
    }
    let machine = Machine::here();
    let mut cases = Vec::new();
    if let Some(issuer) = &options.target.issuer {
        cases.push(running::target(options, issuer, &upstream).await?);
    } else {
        for case in Case::all(options) {
            cases.push(running::begin(options, &case, binary, &upstream).await?);
        }
    }
    let mut floor = Floor::start(options, &upstream).await?;
    for mode in &options.modes {
        floor.sized_as(cases.first().ok_or("no case")?, *mode).await?;
        one_mode(options, *mode, &mut floor, &mut cases).await?;
    }
    for case in &mut cases {
        if let Some(apps) = options.herd {
            case.herd =
                Some(herd::measure(options, apps, &case.crew, &floor.crew(options, Mode::Refresh)?).await?);
        }
        if let Some(logins) = options.soak {
            let (pid, redis) = (case.pids.first().copied(), case.redis.as_ref());
            case.soak = Some(soak::measure(options, logins, &case.crew, pid, redis).await?);
        }
    }
    let mut redis = None;
    let mut reports = Vec::new();
    for case in cases {
        let mut keys = BTreeMap::new();
        if let Some(server) = &case.redis {
            keys = server.kinds(SAMPLE).await?;
            redis = Some(server.version().await?);
        }
        let end = case.pids.first().copied().map(memory).transpose()?;
        let Running { name, case, start, idle, modes, herd, soak, .. } = case;
        reports.push(CaseReport { name, case, start, idle, end, modes, herd, soak, keys });
    }
    let command = std::iter::once("cargo bench --bench login --".to_owned())
        .chain(std::env::args().skip(1).filter(|arg| arg != "--bench"));
    Ok(Report {
        command: command.collect::<Vec<_>>().join(" "),
        machine,
        redis,
        settings: settings(options),
        signing: median(&floor.signing),
        floor: floor.modes,
        cases: reports,
    })
}

fn settings(options: &Options) -> BTreeMap<&'static str, String> {
    let mut settings = BTreeMap::from([
        ("operations in a round", options.count.to_string()),
        ("rounds", options.rounds.to_string()),
        ("at once", options.concurrency.to_string()),
        ("people", options.users.to_string()),
        ("worker threads", options.threads.to_string()),
    ]);
    settings.extend(options.rate.map(|rate| ("begun in a second", rate.to_string())));
    settings
}

/// The rounds of one mode.
async fn one_mode(
    options: &Options,
    mode: Mode,
    floor: &mut Floor,
    cases: &mut [Running],
) -> Result<(), Fail> {
    let pace =
        Pace { count: options.count * mode.repeated(), concurrency: options.concurrency, rate: options.rate };
    let warm = Pace { count: pace.count.div_ceil(4), rate: None, ..pace };
    let floor_crew = floor.crew(options, mode)?;
    floor_crew.round(mode, warm).await?;
    let mut rounds: Vec<Rounds> = cases.iter().map(|_| Rounds::default()).collect();
    for case in cases.iter() {
        case.crew.round(mode, warm).await?;
    }
    let mut of_floor = Rounds::default();
    let mut signing = Vec::new();
    for number in 0..options.rounds {
        signing.push(floor.signs().await?);
        of_floor.add(&Processes::of(floor.pid), &floor_crew, (mode, pace)).await?;
        for step in 0..cases.len() {
            // Back and forth, so that no case is always the one after the floor.
            let index = if number % 2 == 0 { step } else { cases.len() - 1 - step };
            if let (Some(case), Some(rounds)) = (cases.get(index), rounds.get_mut(index)) {
                rounds.add(&case.processes(), &case.crew, (mode, pace)).await?;
            }
        }
    }
    let signed: Vec<f64> = signing.iter().map(|time| time * f64::from(mode.signatures())).collect();
    floor.signing.extend(signing);
    let floor_rounds = of_floor.cpu.clone();
    floor.modes.push(of_floor.measured(mode, &[], &signed));
    for (case, rounds) in cases.iter_mut().zip(rounds) {
        let redis = probe(mode, case, options.count).await?;
        let half_load = if options.half_load {
            Some(half_load::measure(options, mode, &case.crew, &floor_crew).await?)
        } else {
            None
        };
        let measured = rounds.measured(mode, &floor_rounds, &signed);
        case.modes.push(Measured { redis, half_load, ..measured });
    }
    Ok(())
}

/// What Redis counts for one operation, while one is made at a time.
async fn probe(mode: Mode, case: &Running, most: usize) -> Result<Option<PerOperation>, Fail> {
    let Some(redis) = &case.redis else { return Ok(None) };
    let (probed, pace) = (most.min(PROBED), |count| Pace { count, concurrency: 1, rate: None });
    // The first one may need what later ones have, a refresh token for example.
    case.crew.round(mode, pace(1)).await?;
    let before = redis.counts().await?;
    case.crew.round(mode, pace(probed)).await?;
    let after = redis.counts().await?;
    let per = |later: u64, earlier: u64| (later as f64 - earlier as f64) / probed as f64;
    Ok(Some(PerOperation {
        // The call that read the counters before is among the later ones.
        reads: per(after.reads, before.reads + 1),
        commands: per(after.commands, before.commands),
        bytes: per(after.memory, before.memory),
    }))
}

/// What the rounds of one server gave.
#[derive(Default)]
struct Rounds {
    cpu: Vec<f64>,
    driver: Vec<f64>,
    redis: Vec<f64>,
    rates: Vec<f64>,
    latency: Vec<Latency>,
    errors: BTreeMap<String, usize>,
    own: Vec<u64>,
    operations: usize,
}

impl Rounds {
    async fn add(
        &mut self,
        processes: &Processes,
        crew: &Crew,
        (mode, pace): (Mode, Pace),
    ) -> Result<(), Fail> {
        let before = processes.cpu()?;
        let Seen { latencies, errors, took } = crew.round(mode, pace).await?;
        let [server, driver, redis] =
            processes.since(&before)?.map(|used| used.as_secs_f64() * 1e6 / pace.count as f64);
        self.driver.push(driver);
        self.redis.push(redis);
        if let Some(pid) = processes.servers.first() {
            self.cpu.push(server);
            self.own.push(memory(*pid)?.own);
        }
        self.rates.push(pace.count as f64 / took.as_secs_f64());
        self.latency = latencies.summary();
        for (kind, count) in errors {
            *self.errors.entry(kind).or_default() += count;
        }
        self.operations += pace.count;
        Ok(())
    }

    fn measured(self, mode: Mode, floor: &[f64], signed: &[f64]) -> Measured {
        let ratio = |to: &[f64]| {
            let ratios: Vec<f64> =
                self.cpu.iter().zip(to).filter(|(_, to)| **to > 0.0).map(|(cpu, to)| cpu / to).collect();
            (!ratios.is_empty()).then(|| median(&ratios))
        };
        let later = self.operations as f64 * (self.own.len() as f64 - 1.0) / (self.own.len() as f64).max(1.0);
        let growth = self.own.first().zip(self.own.last()).filter(|_| later > 0.0);
        Measured {
            mode: mode.as_str(),
            cpu: (!self.cpu.is_empty()).then(|| median(&self.cpu)),
            to_floor: ratio(floor),
            to_signatures: ratio(signed),
            rate: median(&self.rates),
            shares: Shares {
                server: median(&self.cpu),
                driver: median(&self.driver),
                redis: median(&self.redis),
            },
            growth: growth.map(|(first, last)| (*last as f64 - *first as f64) * 1024.0 / later),
            rounds: self.cpu,
            latency: self.latency,
            errors: self.errors,
            redis: None,
            half_load: None,
        }
    }
}
