//! What honest visitors notice of ten thousand connections that are opened and then do nothing, or next to
//! nothing (H-30): `cargo bench --bench slow_peers [-- nothing|header|body]`. Each round measures the same
//! requests without and with them, so what counts is the ratio.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on should stop there"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

const PEERS: u16 = 10_000;
/// The peers come from so many addresses, each within what one address may have.
const ADDRESSES: u16 = 20;
const REQUESTS: usize = 2_000;
const ROUNDS: usize = 3;

const CONFIGURATION: &str = r#"
[server]
listen = "127.0.0.1:PORT"
admin_listen = "127.0.0.1:0"
[store]
state = "memory:"
directory = "memory:"
[limits]
address = 0
[[pool]]
id = "eu-west-1_Example01"
[[pool.client]]
id = "app"
redirect_uris = ["http://127.0.0.1:1/callback"]
[[pool.provider]]
name = "Google"
use = "google"
client_id = "app"
client_secret = "not-a-secret-of-anybody"
"#;

const KINDS: [(&str, &[u8], &[u8]); 3] = [
    ("say nothing", b"", b""),
    ("send a header byte a second", b"GET /login HTTP/1.1\r\nHost: localhost\r\nX: ", b"x"),
    (
        "send a body byte a second",
        b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: \
            application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\n",
        b"x",
    ),
];

fn main() {
    // `cargo test --benches` and `cargo bench` differ in this word; as a test it would only burn time.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    rlimit::increase_nofile_limit(u64::MAX).expect("a limit of open files");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure());
}

async fn measure() {
    let broker = Broker::start();
    honest(broker.address, REQUESTS / 4).await;
    println!("{REQUESTS} sign-in requests, a connection each, beside {PEERS} connections of peers that …\n");
    println!(
        "| peers | p50 alone | p50 beside them | p99 alone | p99 beside them | ratio of p99 | kB for each \
         connection |"
    );
    println!("|---|---|---|---|---|---|---|");
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    for (name, first, drip) in KINDS.into_iter().filter(|(name, ..)| name.contains(&wanted)) {
        let mut rounds: Vec<Round> = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(round(&broker, first, drip).await);
        }
        rounds.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
        let Round { alone, beside, kilobytes } = &rounds[ROUNDS / 2];
        let ms = |duration: Duration| format!("{:.2} ms", duration.as_secs_f64() * 1e3);
        let ratio = rounds[ROUNDS / 2].ratio();
        println!(
            "| {name} | {} | {} | {} | {} | {ratio:.2} | {kilobytes:.1} |",
            ms(alone.0),
            ms(beside.0),
            ms(alone.1),
            ms(beside.1)
        );
    }
}

/// p50 and p99, twice.
struct Round {
    alone: (Duration, Duration),
    beside: (Duration, Duration),
    kilobytes: f64,
}

impl Round {
    fn ratio(&self) -> f64 {
        self.beside.1.as_secs_f64() / self.alone.1.as_secs_f64()
    }
}

async fn round(broker: &Broker, first: &'static [u8], drip: &'static [u8]) -> Round {
    let alone = honest(broker.address, REQUESTS).await;
    let before = broker.kilobytes();
    let open = Arc::new(AtomicUsize::new(0));
    let host = format!("localhost:{}", broker.address.port());
    let first: Arc<[u8]> = String::from_utf8_lossy(first).replace("localhost", &host).into_bytes().into();
    let peers: Vec<_> = (0..PEERS)
        .map(|number| tokio::spawn(slow(number, broker.address, first.clone(), drip, open.clone())))
        .collect();
    while open.load(Ordering::Relaxed) < usize::from(PEERS) * 95 / 100 {
        sleep(Duration::from_millis(50)).await;
    }
    let kilobytes = (broker.kilobytes() - before) / f64::from(PEERS);
    let beside = honest(broker.address, REQUESTS).await;
    peers.iter().for_each(tokio::task::JoinHandle::abort);
    sleep(Duration::from_secs(2)).await;
    Round { alone, beside, kilobytes }
}

/// A peer that comes back whenever it is hung up on.
async fn slow(number: u16, broker: SocketAddr, first: Arc<[u8]>, drip: &[u8], open: Arc<AtomicUsize>) {
    let from = Ipv4Addr::new(127, 0, 1, u8::try_from(1 + number % ADDRESSES).expect("a byte"));
    loop {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an option");
        socket.bind((from, 0).into()).expect("a loopback address");
        let Ok(mut stream) = socket.connect(broker).await else {
            sleep(Duration::from_millis(200)).await;
            continue;
        };
        open.fetch_add(1, Ordering::Relaxed);
        let mut said = stream.write_all(&first).await.is_ok();
        let mut answer = [0; 256];
        while said
            && !matches!(timeout(Duration::from_secs(1), stream.read(&mut answer)).await, Ok(Ok(0) | Err(_)))
        {
            said = stream.write_all(drip).await.is_ok();
        }
        open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// p50 and p99 of `count` requests that begin a sign-in, one after the other.
async fn honest(broker: SocketAddr, count: usize) -> (Duration, Duration) {
    let query = "client_id=app&response_type=code&scope=openid&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback&identity_provider=Google";
    let request = format!(
        "GET /login?{query} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n",
        broker.port()
    );
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        let mut stream = TcpStream::connect(broker).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("it listens");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        took.push(began.elapsed());
        assert!(
            answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.1 30"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    took.sort();
    (took[count / 2], took[count * 99 / 100])
}

/// The program with a configuration of its own; killed when dropped.
struct Broker {
    child: Child,
    folder: std::path::PathBuf,
    address: SocketAddr,
}

impl Broker {
    fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let folder = std::env::temp_dir().join(format!("symbolon-slow-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("symbolon.toml");
        std::fs::write(&file, CONFIGURATION.replace("PORT", &port.to_string())).expect("a file");
        let child = Command::new(env!("CARGO_BIN_EXE_symbolon"))
            .args(["serve", "--config"])
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .expect("the broker starts");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        while std::net::TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, folder, address }
    }

    /// Resident memory.
    fn kilobytes(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("resident memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
