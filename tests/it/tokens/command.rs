//! `symbolon keys`, the built command on an embedded store.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use symbolon::outside::Outside;
use symbolon::store::{Role, Store, StoreSettings, StoreUrl};

const CONFIG: &str = r#"
[store]
state = "file:data"
directory = "file:data"
[[pool]]
id = "eu-west-1_A1"
signing = "ES256"
hosts = ["a.localhost:8080"]
[[pool]]
id = "eu-west-1_B2"
signing = "EdDSA"
hosts = ["b.localhost:8080"]
"#;

/// A folder with a configuration, gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("symbolon-keys-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("symbolon.toml"), CONFIG).unwrap();
        Self(path)
    }

    /// Exit code, standard output, standard error.
    fn keys(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_symbolon"))
            .arg("keys")
            .args(arguments)
            .current_dir(&self.0)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (code, out, err) = self.keys(&[arguments, &["--json"]].concat());
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn states(pool: &Value) -> Vec<[String; 3]> {
    let row = |row: &'_ Value| ["use", "alg", "state"].map(|name| row[name].as_str().unwrap().to_owned());
    pool["keys"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn keys_are_listed_rotated_once_and_retired() {
    let folder = Folder::new("life");
    let (code, out, _) = folder.keys(&["list"]);
    assert_eq!((code, out.lines().count()), (0, 3), "{out}");
    assert!(out.contains("eu-west-1_A1  (none before the first start)"), "{out}");

    let rotated = folder.json(&["rotate", "--pool", "eu-west-1_A1"]);
    assert_eq!(rotated["pools"].as_array().unwrap().len(), 1);
    let expected = [
        ["id", "ES256", "active"],
        ["access", "ES256", "active"],
        ["id", "ES256", "next"],
        ["access", "ES256", "next"],
    ];
    assert_eq!(states(&rotated["pools"][0]), expected);
    let again = folder.json(&["rotate", "--pool", "eu-west-1_A1"]);
    assert_eq!(again["pools"], rotated["pools"], "rotating again while successors wait changes nothing");
    assert_eq!(again["notes"][0], "eu-west-1_A1: successors are published already, nothing changed");

    let stolen = rotated["pools"][0]["keys"][1]["kid"].as_str().unwrap();
    let retired = folder.json(&["retire", "--kid", stolen]);
    let expected = [
        ["id", "ES256", "active"],
        ["access", "ES256", "revoked"],
        ["id", "ES256", "next"],
        ["access", "ES256", "active"],
    ];
    assert_eq!(states(&retired["pools"][0]), expected);

    let (code, table, _) = folder.keys(&["list", "--config", "symbolon.toml"]);
    assert_eq!(code, 0);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("POOL          KID  "), "{table}");
    assert!(lines[2].contains(stolen) && lines[2].contains("  revoked  taken out 2"), "{table}");
    assert!(lines[3].contains("  next     signs from 2"), "{table}");
}

#[test]
fn what_does_not_exist_is_a_wrong_command() {
    let folder = Folder::new("wrong");
    let (code, _, err) = folder.keys(&["list", "--pool", "eu-west-1_C3"]);
    assert_eq!((code, err.as_str()), (2, "symbolon keys: the configuration has no pool eu-west-1_C3\n"));
    let (code, _, err) = folder.keys(&["retire", "--kid", "nobody"]);
    assert_eq!(code, 2);
    assert!(err.starts_with("symbolon keys: the pool has no live key nobody; "), "{err}");
    assert_eq!(folder.keys(&["retire"]).0, 2);
    assert_eq!(folder.keys(&["list", "--config", "gone.toml"]).0, 2);
    std::fs::write(folder.0.join("symbolon.toml"), CONFIG.replace("file:data", "memory:")).unwrap();
    let (code, _, err) = folder.keys(&["rotate"]);
    assert_eq!(code, 2);
    assert!(err.contains("store.directory is memory"), "{err}");
}

#[tokio::test]
async fn a_store_in_use_by_the_broker_is_said_to_be_so() {
    let folder = Folder::new("busy");
    let outside = Outside::real();
    let settings = StoreSettings::new(StoreUrl::File(folder.0.join("data")), Role::State);
    let broker = Store::open(&settings, outside.clock.clone(), outside.random.clone()).await.unwrap();
    let (code, _, err) = folder.keys(&["rotate"]);
    assert_eq!(code, 1);
    assert!(err.contains("stop the broker, run this again, start the broker"), "{err}");
    drop(broker);
}

/// E-30
#[test]
fn no_output_and_no_file_shows_a_private_key() {
    let folder = Folder::new("secret");
    let out = folder.json(&["rotate"]).to_string();
    assert!(!out.contains("private") && !out.contains("pkcs8") && !out.contains("\"d\""));
    for entry in std::fs::read_dir(folder.0.join("data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for clear in [&b"\"private\""[..], b"\"kid\"", b"MIGHAgEAMBMG"] {
            assert!(
                !bytes.windows(clear.len()).any(|window| window == clear),
                "{}",
                String::from_utf8_lossy(clear)
            );
        }
    }
}
