//! A real redis-server of one test: on a port and in a directory of its own, with whatever options the test
//! needs.
#![expect(clippy::expect_used, reason = "a helper of tests fails the test")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::process::{Process, TempDir, free_port, wait_until};

/// A redis-server that has answered. It is killed when the value goes out of scope.
pub(crate) struct Redis {
    process: Process,
    directory: TempDir,
    port: u16,
    access: Access,
}

/// How clients get in.
#[derive(Default)]
struct Access {
    ca_file: Option<PathBuf>,
    user: Option<(String, String)>,
}

/// What a test wants of its server.
#[derive(Default)]
pub(crate) struct RedisOptions {
    directives: Vec<String>,
    tls: bool,
    user: Option<(String, String)>,
}

impl RedisOptions {
    /// Adds a line of redis.conf, e.g. `maxmemory-policy allkeys-lru`. A later line wins.
    pub(crate) fn directive(mut self, line: &str) -> Self {
        self.directives.push(line.to_owned());
        self
    }

    /// TLS only, with a certificate for `localhost` and `127.0.0.1` from an authority made for this server.
    pub(crate) fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Nobody gets in but `name` with `password`.
    pub(crate) fn user(mut self, name: &str, password: &str) -> Self {
        self.user = Some((name.to_owned(), password.to_owned()));
        self
    }

    /// Starts the server and waits until it answers.
    #[track_caller]
    pub(crate) fn start(self) -> Redis {
        let directory = TempDir::new();
        let port = free_port();
        let path = directory.path();
        let mut lines = vec![
            "bind 127.0.0.1".to_owned(),
            format!("dir {}", path.display()),
            "save \"\"".to_owned(),
            "maxmemory-policy noeviction".to_owned(),
        ];
        let mut access = Access { ca_file: None, user: self.user };
        if self.tls {
            access.ca_file = Some(write_certificates(&directory));
            lines.push(format!("port 0\ntls-port {port}\ntls-auth-clients no"));
            for (key, file) in [
                ("tls-cert-file", "server.pem"),
                ("tls-key-file", "server.key"),
                ("tls-ca-cert-file", "ca.pem"),
            ] {
                lines.push(format!("{key} {}", path.join(file).display()));
            }
        } else {
            lines.push(format!("port {port}"));
        }
        if let Some((name, password)) = &access.user {
            lines.push(format!("user default off\nuser {name} on >{password} ~* &* +@all"));
        }
        lines.extend(self.directives);
        fs::write(path.join("redis.conf"), lines.join("\n")).expect("redis.conf is written");
        let redis = Redis { process: launch(&directory), directory, port, access };
        redis.wait_until_ready();
        redis
    }
}

impl Redis {
    /// A plain server without persistence that never evicts.
    #[track_caller]
    pub(crate) fn start() -> Self {
        RedisOptions::default().start()
    }

    /// The URL a client connects to: `redis://` or, over TLS, `rediss://`, with user and password when there
    /// are any.
    pub(crate) fn url(&self) -> String {
        let (scheme, host) =
            if self.access.ca_file.is_some() { ("rediss", "localhost") } else { ("redis", "127.0.0.1") };
        let user = self
            .access
            .user
            .as_ref()
            .map_or_else(String::new, |(name, password)| format!("{name}:{password}@"));
        format!("{scheme}://{user}{host}:{}/0", self.port)
    }

    /// The port of 127.0.0.1 it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The PEM file of the authority that a client of a TLS server has to trust.
    pub(crate) fn ca_file(&self) -> Option<&PathBuf> {
        self.access.ca_file.as_ref()
    }

    /// Runs one command with redis-cli and gives what it printed, errors included.
    #[track_caller]
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "--no-auth-warning"]);
        if let Some(ca) = &self.access.ca_file {
            cli.arg("--tls").arg("--cacert").arg(ca);
        }
        if let Some((name, password)) = &self.access.user {
            cli.args(["--user", name, "--pass", password]);
        }
        let output = cli.args(arguments).output().expect("redis-cli runs");
        [output.stdout, output.stderr]
            .iter()
            .map(|text| String::from_utf8_lossy(text))
            .collect::<String>()
            .trim_end()
            .to_owned()
    }

    /// `kill -9`. The address stays; connecting to it is refused until [`Redis::start_again`].
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends the server in good order, as an operator's restart does.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.process.terminate();
    }

    /// Starts the server on the same port, in the same directory, with the same options, after
    /// [`Redis::kill`] or [`Redis::stop`]. Its data is gone unless the options keep it (`appendonly yes`).
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        self.process.kill();
        self.process = launch(&self.directory);
        self.wait_until_ready();
    }

    /// Has the server write down what it holds, and keeps that for [`Redis::restore`].
    #[track_caller]
    pub(crate) fn snapshot(&self) {
        assert_eq!(self.command(&["SAVE"]), "OK");
        let path = self.directory.path();
        fs::copy(path.join("dump.rdb"), path.join("kept.rdb")).expect("the snapshot is kept");
    }

    /// Stops the server and starts it with what [`Redis::snapshot`] kept. Only for servers without
    /// `appendonly`.
    #[track_caller]
    pub(crate) fn restore(&mut self) {
        self.process.terminate();
        let path = self.directory.path();
        fs::copy(path.join("kept.rdb"), path.join("dump.rdb")).expect("the snapshot is put back");
        self.start_again();
    }

    /// SIGSTOP: connections stay open and nothing answers until [`Redis::resume`].
    #[track_caller]
    pub(crate) fn pause(&self) {
        self.process.signal("STOP");
    }

    /// SIGCONT.
    #[track_caller]
    pub(crate) fn resume(&self) {
        self.process.signal("CONT");
    }

    #[track_caller]
    fn wait_until_ready(&self) {
        self.process.wait_for_line("Ready to accept connections");
        wait_until("redis-server answers PING", || self.command(&["PING"]) == "PONG");
    }
}

#[track_caller]
fn launch(directory: &TempDir) -> Process {
    Process::start("redis-server", Command::new("redis-server").arg(directory.path().join("redis.conf")))
}

/// Writes `ca.pem`, `server.pem` and `server.key`; gives the path of the first.
fn write_certificates(directory: &TempDir) -> PathBuf {
    let write = |file: &str, content: String| {
        let path = directory.path().join(file);
        fs::write(&path, content).expect("a certificate file is written");
        path
    };
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "authority of one test");
    authority.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    let authority_key = rcgen::KeyPair::generate().expect("a key pair");
    let authority_pem = authority.self_signed(&authority_key).expect("a certificate").pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let server_key = rcgen::KeyPair::generate().expect("a key pair");
    let mut server =
        rcgen::CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("two names");
    // A certificate whose subject is its issuer's would count as self-signed.
    server.distinguished_name.push(rcgen::DnType::CommonName, "redis");
    let server = server.signed_by(&server_key, &issuer).expect("a certificate");
    write("server.pem", server.pem());
    write("server.key", server_key.serialize_pem());
    write("ca.pem", authority_pem)
}
