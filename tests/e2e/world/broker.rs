//! The built binary under a configuration file of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::thread;

use serde_json::Value;

use super::{Answer, AppSettings, get, secrets};
use crate::support::process::{Process, TempDir, free_port, wait_until};
use crate::support::redis::Redis;

/// The pool of every test.
pub(crate) const POOL: &str = "eu-west-1_Example01";
const SEAL_KEY: &str = "bPm3kq8sNw1Zt5Vx9Ya2Cd4Ef6Gh7Jk0LmNoPqRsTuU=";

/// What an operator writes.
pub(crate) struct Settings {
    /// Where browsers and apps reach the broker.
    pub(crate) port: u16,
    public_port: u16,
    admin_port: u16,
    server: Vec<String>,
    store: Vec<String>,
    pool: Vec<String>,
    tables: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Settings {
    /// One pool on a free port, everything in memory.
    pub(crate) fn new() -> Self {
        let port = free_port();
        Self {
            port,
            public_port: port,
            admin_port: 0,
            server: vec![],
            store: vec![],
            pool: vec![],
            tables: vec![],
            environment: vec![],
        }
    }

    /// Where browsers reach the broker.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.public_port)
    }

    /// The redirect URI to register at providers.
    pub(crate) fn callback(&self) -> String {
        format!("{}/oauth2/idpresponse", self.url())
    }

    /// A line of `[server]`.
    pub(crate) fn server(mut self, line: &str) -> Self {
        self.server.push(line.to_owned());
        self
    }

    /// A line of `[[pool]]`.
    pub(crate) fn pool(mut self, line: &str) -> Self {
        self.pool.push(line.to_owned());
        self
    }

    /// The embedded store, in the folder `data` beside the file.
    pub(crate) fn file_store(mut self) -> Self {
        self.store = vec!["state = \"file:data\"".into(), "directory = \"file:data\"".into()];
        self
    }

    /// Both stores in `redis`.
    pub(crate) fn redis_store(mut self, redis: &Redis) -> Self {
        let url = redis.url();
        self.store = vec![format!("state = {url:?}"), format!("directory = {url:?}")];
        self.store.extend(redis.ca_file().map(|file| format!("ca_file = {:?}", file.display().to_string())));
        self
    }

    /// An app.
    pub(crate) fn client(self, app: &AppSettings) -> Self {
        self.table(&app.toml())
    }

    /// Further tables of the pool.
    pub(crate) fn table(mut self, text: &str) -> Self {
        self.tables.push(text.to_owned());
        self
    }

    /// A variable of the process's environment.
    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The configuration of another replica: everything alike but where it listens, on both listeners the
    /// same after a restart.
    pub(crate) fn replica(&self) -> Self {
        Self {
            port: free_port(),
            public_port: self.public_port,
            admin_port: free_port(),
            server: self.server.clone(),
            store: self.store.clone(),
            pool: self.pool.clone(),
            tables: self.tables.clone(),
            environment: self.environment.clone(),
        }
    }

    fn toml(&self) -> String {
        let memory = ["state = \"memory:\"".to_owned(), "directory = \"memory:\"".to_owned()];
        let store = if self.store.is_empty() { &memory[..] } else { &self.store };
        format!(
            "[server]\nlisten = \"127.0.0.1:{}\"\nadmin_listen = \"127.0.0.1:{}\"\npublic_url \
             = \"{}\"\nallow_private_upstreams = true\n\
             seal_key = \"{SEAL_KEY}\"\n{}\n\n[store]\n{}\n\n[[pool]]\nid = \"{POOL}\"\nname \
             = \"Example\"\n{}\n\n{}\n",
            self.port,
            self.admin_port,
            self.url(),
            self.server.join("\n"),
            store.join("\n"),
            self.pool.join("\n"),
            self.tables.join("\n"),
        )
    }

    /// A folder with nothing but the configuration, `symbolon.toml`.
    #[track_caller]
    pub(crate) fn folder(&self) -> TempDir {
        let directory = TempDir::new();
        fs::write(directory.path().join("symbolon.toml"), self.toml()).expect("the configuration is written");
        directory
    }

    /// Starts the broker and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(self) -> Broker {
        let directory = self.folder();
        let (url, issuer) = (self.url(), format!("{}/{POOL}", self.url()));
        secrets::add(SEAL_KEY);
        let mut broker = Broker {
            process: None,
            admin: String::new(),
            earlier_logs: String::new(),
            url,
            issuer,
            settings: self,
            directory,
        };
        broker.start_again();
        broker
    }

    /// Starts the broker and expects that it gives up: its status and what it said.
    #[track_caller]
    pub(crate) fn fails_to_start(&self) -> (ExitStatus, String) {
        let directory = self.folder();
        serve(&directory, &self.environment).communicate("")
    }
}

/// A running broker. Dropped, it is killed and its log is searched for secrets (E-34).
pub(crate) struct Broker {
    process: Option<Process>,
    settings: Settings,
    directory: TempDir,
    earlier_logs: String,
    /// What browsers see.
    pub(crate) url: String,
    /// The second listener.
    pub(crate) admin: String,
    /// `iss` of every token.
    pub(crate) issuer: String,
}

impl Broker {
    /// What it was started with.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The folder of the configuration file and the embedded store.
    pub(crate) fn folder(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// The running process.
    pub(crate) fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the broker was started")
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
            self.earlier_logs += &process.output();
        }
    }

    /// SIGTERM; the status with which it ended.
    #[track_caller]
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let status = self.process().terminate();
        self.kill();
        status
    }

    /// Starts the broker on the same configuration, port and folder.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        self.kill();
        let process = serve(&self.directory, &self.settings.environment);
        let ready: Value =
            serde_json::from_str(&process.wait_for_line("\"message\":\"ready\"")).expect("the log is JSON");
        let admin = ready.get("admin_listen").and_then(Value::as_str).expect("the second listener's address");
        self.admin = format!("http://{admin}");
        self.process = Some(process);
    }

    /// Everything that it has logged, since its first start.
    pub(crate) fn log(&self) -> String {
        let now = self.process.as_ref().map(Process::output).unwrap_or_default();
        format!("{}{now}", self.earlier_logs)
    }

    /// `GET /health/ready`.
    pub(crate) async fn readiness(&self) -> Answer {
        get(&format!("{}/health/ready", self.admin)).await
    }

    /// `GET /health/live`.
    pub(crate) async fn liveness(&self) -> Answer {
        get(&format!("{}/health/live", self.admin)).await
    }

    /// Waits until `/health/ready` answers `status`.
    pub(crate) async fn becomes(&self, status: u16) {
        for _ in 0..150 {
            if self.readiness().await.status == status {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("readiness never became {status}: {:?}", self.readiness().await);
    }

    /// Waits until the log holds `text`.
    #[track_caller]
    pub(crate) fn logs(&self, text: &str) {
        wait_until(&format!("the broker logs {text:?}"), || self.log().contains(text));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        if !thread::panicking() {
            let found = secrets::found_in(&self.earlier_logs);
            assert!(
                found.is_empty(),
                "E-34: the log holds {found:?}\n{}",
                lines_with(&self.earlier_logs, &found)
            );
        }
    }
}

fn lines_with(log: &str, secrets: &[String]) -> String {
    log.lines()
        .filter(|line| secrets.iter().any(|secret| line.contains(secret.as_str())))
        .take(5)
        .collect::<Vec<_>>()
        .join("\n")
}

#[track_caller]
fn serve(directory: &TempDir, environment: &[(String, String)]) -> Process {
    let mut command = symbolon();
    command.args(["serve", "--log", "json", "--config", "symbolon.toml"]).current_dir(directory.path());
    command.env("SYMBOLON_LOG", "debug").envs(environment.iter().cloned());
    Process::start("symbolon", &mut command)
}

/// The built binary, without the surrounding environment's settings.
pub(crate) fn symbolon() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_symbolon"));
    std::env::vars().filter(|(name, _)| name.starts_with("SYMBOLON")).for_each(|(name, _)| {
        command.env_remove(name);
    });
    command
}
