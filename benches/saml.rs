//! `cargo bench --bench saml`: what verifying a SAML response costs beside the cryptography in it, and what
//! refusing a hostile one costs.
//!
//! Ratios of one run against a floor measured in that run: one RSA-2048 verification with a prepared key,
//! SHA-256 over the signed bytes and one parse of the same bytes. Best of many rounds, which alternate, so
//! that a busy machine slows both.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_collect,
    reason = "a benchmark stops at what it did not expect"
)]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use serde_json::Value;
use symbolon::model::time::Timestamp;
use symbolon::protocol::saml::certificate::Certificate;
use symbolon::protocol::saml::expected::{Expected, ResponseRules, ResponseTo};
use symbolon::protocol::saml::response::verify;
use symbolon::protocol::saml::verification_report::Checks;

#[path = "driver/machine.rs"]
mod machine;

use machine::Machine;

const ROUNDS: usize = 200;
const TIMES: u32 = 20;

/// With the number of a message: only refuse that, in a process of its own.
const ALONE: &str = "--alone";

fn main() {
    if let Some(number) = argument(ALONE) {
        return println!("{}", memory_of_refusing(number.parse().expect("a number")));
    }
    let report = Report::measured();
    let text = report.markdown();
    println!("{text}");
    if let Some(path) = argument("--report") {
        fs::write(format!("{path}.md"), text).expect("the report is written");
        fs::write(format!("{path}.json"), serde_json::to_string_pretty(&report).unwrap() + "\n")
            .expect("the report is written");
    }
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

#[derive(serde::Serialize)]
struct Report {
    machine: Machine,
    verified: Vec<Verified>,
    refused: Vec<Refused>,
}

#[derive(serde::Serialize)]
struct Verified {
    response: &'static str,
    bytes: usize,
    verify_us: f64,
    floor_us: f64,
    ratio: f64,
}

#[derive(serde::Serialize)]
struct Refused {
    message: &'static str,
    bytes: usize,
    millis: f64,
    /// What a process of its own grew by at most, in kB: without the message, with what it touches for the
    /// first time.
    kilobytes: u64,
}

impl Report {
    fn measured() -> Self {
        let machine = Machine::here();
        let verified = [
            "simplesamlphp-response-signed.xml",
            "pysaml2-response-signed.xml",
            "simplesamlphp-both-signed.xml",
        ]
        .map(|response| {
            let answer = Answer::read(response);
            let (ours, floor) = answer.measured();
            let [verify_us, floor_us] = [ours, floor].map(|time| time.as_secs_f64() * 1e6);
            Verified { response, bytes: answer.xml.len(), verify_us, floor_us, ratio: verify_us / floor_us }
        });
        let answer = Answer::read("pysaml2-response-signed.xml");
        let refused = bombs().into_iter().enumerate().map(|(number, (message, xml))| {
            let began = Instant::now();
            let accepted = answer.verify(xml.as_bytes());
            let took = began.elapsed();
            assert!(!accepted, "{message} was accepted");
            Refused {
                message,
                bytes: xml.len(),
                millis: took.as_secs_f64() * 1000.0,
                kilobytes: alone(number),
            }
        });
        let refused = refused.collect();
        Self { machine, verified: verified.into(), refused }
    }

    fn markdown(&self) -> String {
        let Machine { processor, cores, kernel, load, version, commit, rustc, profile, .. } = &self.machine;
        let mut text = format!(
            "# SAML responses\n\n```sh\ncargo bench --bench saml -- --report benches/reports/saml\n```\n\n- \
             {processor}, {cores} logical processors, \
             Linux {kernel}; load average at the start {load}\n- Symbolon {version} ({commit}), {rustc}, \
             {profile}\n\n\
             | response | bytes | verify (us) | floor (us) | ratio |\n|---|---|---|---|---|\n"
        );
        for Verified { response, bytes, verify_us, floor_us, ratio } in &self.verified {
            let _ = writeln!(text, "| {response} | {bytes} | {verify_us:.1} | {floor_us:.1} | {ratio:.2} |");
        }
        text += "\n| refused | bytes | time (ms) | memory (kB) |\n|---|---|---|---|\n";
        for Refused { message, bytes, millis, kilobytes } in &self.refused {
            let _ = writeln!(text, "| {message} | {bytes} | {millis:.2} | {kilobytes} |");
        }
        text + "\nMemory: what a process that does nothing else grew by at most, beside the message itself.\n"
    }
}

/// What an IdP really answered, and what it is compared with.
struct Answer {
    xml: Vec<u8>,
    expected: Value,
    keys: [Certificate; 1],
}

impl Answer {
    fn read(file: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/saml/recorded");
        let all: Value =
            serde_json::from_str(&fs::read_to_string(folder.join("recorded.json")).unwrap()).unwrap();
        let expected =
            all.as_array().unwrap().iter().find(|answer| answer["file"] == file).expect("recorded").clone();
        let certificate = fs::read_to_string(folder.join(expected["certificate"].as_str().unwrap())).unwrap();
        Self {
            xml: fs::read(folder.join(file)).unwrap(),
            expected,
            keys: [Certificate::from_pem(&certificate).unwrap()],
        }
    }

    fn verify(&self, xml: &[u8]) -> bool {
        let text = |member: &str| self.expected[member].as_str().unwrap_or_default();
        let now = Timestamp::from_secs(self.expected["now"].as_i64().unwrap());
        let expected = Expected {
            idp: text("idp"),
            audience: text("audience"),
            acs: text("acs"),
            request: ResponseTo::Request {
                id: text("in_response_to"),
                sent: now.minus(Duration::from_secs(30)),
            },
            keys: &self.keys,
            decryption: &[],
            rules: ResponseRules::default(),
            authn_context: &[],
            max_age: None,
        };
        let mut checks = Checks::default();
        verify(black_box(xml), &expected, now, &mut checks).is_ok()
    }

    /// The best of ours and of the floor. A signature that does not verify takes the same exponentiation as
    /// one that does.
    fn measured(&self) -> (Duration, Duration) {
        assert!(self.verify(&self.xml), "the recorded response is accepted");
        let text = std::str::from_utf8(&self.xml).unwrap();
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.keys[0].public_key().bytes())
            .expect("an RSA key");
        let signature = [0x5a; 256];
        let floor = || {
            let accepted = key.verify_sig(black_box(b"SignedInfo"), &signature).is_ok();
            let tree = roxmltree::Document::parse(black_box(text)).is_ok();
            (accepted, tree, digest(&SHA256, black_box(&self.xml)))
        };
        let (mut ours, mut bare) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            ours = ours.min(timed(|| _ = black_box(self.verify(&self.xml))));
            bare = bare.min(timed(|| _ = black_box(floor())));
        }
        (ours, bare)
    }
}

fn timed(mut work: impl FnMut()) -> Duration {
    let began = Instant::now();
    for _ in 0..TIMES {
        work();
    }
    began.elapsed() / TIMES
}

/// Messages made to cost (C-26): the largest of each kind that is read at all.
fn bombs() -> Vec<(&'static str, String)> {
    const LARGE: usize = 256 * 1024;
    let response = |inner: &str| {
        format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\">{inner}</samlp:Response>"
        )
    };
    let filled = |piece: &str| response(&piece.repeat((LARGE - 200) / piece.len()));
    let entities: String = (0..20).map(|n| format!("<!ENTITY e{} \"&e{n};&e{n};\">", n + 1)).collect();
    vec![
        ("10^5 deep", response(&"<a>".repeat(80_000))),
        (
            "10^5 attributes",
            format!("<a{}/>", (0..20_000).map(|n| format!(" b{n}=\"\"")).collect::<String>()),
        ),
        (
            "10^4 namespaces",
            format!("<a{}/>", (0..10_000).map(|n| format!(" xmlns:b{n}=\"u:{n}\"")).collect::<String>()),
        ),
        ("billion laughs", format!("<!DOCTYPE a [<!ENTITY e0 \"ha\">{entities}]><a>&e20;</a>")),
        ("empty elements", filled("<a/>")),
        ("10^4 signatures", filled("<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>")),
        ("character references", filled("&#x41;")),
        ("comments", filled("<!---->")),
        ("text", filled("x")),
        ("as many elements as are read", filled("<a>0123456789abcd</a>")),
        ("as many attributes as are read", filled("<a bb=\"0123\" cc=\"0123\"/>")),
        ("10 MB", "x".repeat(10 << 20)),
    ]
}

/// [`memory_of_refusing`] in a new process.
fn alone(number: usize) -> u64 {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program)
        .args(["--bench", ALONE, &number.to_string()])
        .output()
        .expect("this program runs again");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("kilobytes")
}

/// By how many kB this process grows at most while it refuses one message of [`bombs`].
fn memory_of_refusing(number: usize) -> u64 {
    let answer = Answer::read("pysaml2-response-signed.xml");
    // All stay: what one gives back would be used again, and not counted.
    let bombs = bombs();
    let (_, xml) = &bombs[number];
    // From here on the peak is counted anew (proc_pid_clear_refs(5)).
    fs::write("/proc/self/clear_refs", "5").expect("Linux counts memory");
    let before = resident("VmRSS:");
    assert!(!answer.verify(xml.as_bytes()), "refused");
    resident("VmHWM:").saturating_sub(before)
}

/// A line of `/proc/self/status`, in kB.
fn resident(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = status.lines().find_map(|read| read.strip_prefix(line)).unwrap_or_default();
    value.trim().trim_end_matches(" kB").parse().expect("kilobytes")
}
