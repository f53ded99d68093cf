//! The broker where something runs short: open files, and somebody who reads its log.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::process::Process;
use crate::world::{Answer, AppSettings, Settings, ask, broker, get, http};

/// Killed when it goes out of scope.
struct Unread(Child);

impl Drop for Unread {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn answered(url: &str, within: Duration) -> Answer {
    ask(http().get(url).timeout(within)).await
}

/// H-41
#[tokio::test]
async fn a_log_that_nobody_reads_stops_nobody() {
    let settings = Settings::new().client(&AppSettings::new("web"));
    let (folder, url) = (settings.folder(), settings.url());
    let mut command = broker::symbolon();
    command
        .args(["serve", "--log", "json", "--config", "symbolon.toml"])
        .current_dir(folder.path())
        .env("SYMBOLON_LOG", "debug");
    let _unread = Unread(command.stderr(Stdio::piped()).spawn().expect("symbolon starts"));
    let refused = format!("{url}/oauth2/authorize?client_id=nobody&response_type=code");
    for _ in 0..300 {
        if get(&refused).await.status == 400 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // A pipe holds 64 KiB, and each refusal is a line of half a kilobyte.
    for number in 0..400 {
        assert_eq!(answered(&refused, Duration::from_secs(10)).await.status, 400, "refusal {number}");
    }
}

/// H-42
#[tokio::test]
async fn with_256_open_files_visitors_wait_for_each_other_and_nothing_breaks() {
    let settings = Settings::new().server("drain_delay = \"0s\"").client(&AppSettings::new("web"));
    let folder = settings.folder();
    let program = broker::symbolon();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 256 && exec \"$0\" serve --log json --config symbolon.toml"])
        .arg(program.get_program());
    let mut process = Process::start("symbolon", command.current_dir(folder.path()));
    process.wait_for_line("\"message\":\"ready\"");
    process.wait_for_line("few_open_files");
    let discovery = format!("{}/.well-known/openid-configuration", settings.url());
    let silent: Vec<_> = (0..400)
        .map(|_| TcpStream::connect(("127.0.0.1", settings.port)).expect("the system queues them"))
        .collect();
    assert_eq!(
        answered(&discovery, Duration::from_secs(40)).await.status,
        200,
        "they are hung up on in the end"
    );
    drop(silent);
    assert_eq!(answered(&discovery, Duration::from_secs(10)).await.status, 200);
    assert!(!process.output().contains("panicked"), "{}", process.output());
    assert!(process.terminate().success());
}
