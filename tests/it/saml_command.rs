//! `symbolon saml`, the built command on an embedded store.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// A folder with a configuration, gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let pem = rcgen::CertificateParams::new(Vec::new())
            .unwrap()
            .self_signed(&rcgen::KeyPair::generate().unwrap())
            .unwrap()
            .pem();
        let path = std::env::temp_dir().join(format!("symbolon-saml-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("acme.pem"), pem).unwrap();
        let config = r#"
[store]
state = "file:data"
directory = "file:data"
[[pool]]
id = "eu-west-1_A1"
[[pool.provider]]
name = "Acme"
use = "saml"
entity_id = "https://idp.acme.example"
sso_url = "https://idp.acme.example/sso"
certificates_file = "acme.pem"
[[pool.provider]]
name = "Other"
use = "saml"
metadata_url = "https://idp.other.example/metadata"
"#;
        std::fs::write(path.join("symbolon.toml"), config).unwrap();
        Self(path)
    }

    /// Exit code, standard output, standard error.
    fn saml(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_symbolon"))
            .arg("saml")
            .args(arguments)
            .current_dir(&self.0)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    /// Provider, state and fingerprint of each certificate.
    fn certificates(&self, arguments: &[&str]) -> Vec<[String; 3]> {
        let (code, out, err) = self.saml(&[arguments, &["--json"]].concat());
        assert_eq!(code, 0, "{err}");
        let report: Value = serde_json::from_str(&out).unwrap();
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or("-").to_owned();
        report["certificates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| ["provider", "state", "fingerprint"].map(|name| text(row, name)))
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn certificates_are_listed_and_our_own_rotated() {
    let folder = Folder::new("rotate");
    let before = folder.certificates(&["keys"]);
    assert_eq!(
        before.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect::<Vec<_>>(),
        [("Acme", "believed"), ("Other", "not read yet")]
    );
    let waiting = folder.certificates(&["rotate-keys"]);
    let states: Vec<&str> = waiting.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(states, ["signs", "decrypts", "signs next", "encrypt for it", "believed", "not read yet"]);
    let after = folder.certificates(&["rotate-keys", "--now"]);
    assert_eq!((after[2][1].as_str(), &after[2][2]), ("signs", &waiting[2][2]));
    assert_eq!(after.len(), waiting.len());
    let (_, table, _) = folder.saml(&["keys"]);
    assert!(table.contains("(ours)") && table.contains("CN=Symbolon eu-west-1_A1"), "{table}");
}

#[test]
fn only_what_waits_is_accepted() {
    let folder = Folder::new("accept");
    for (arguments, error) in [
        (["accept-key", "Other", "AB:CD"], "no certificate with the fingerprint AB:CD waits"),
        (["accept-key", "Acme", "AB:CD"], "stand in the configuration"),
        (["accept-key", "Nobody", "AB:CD"], "0 pools have a SAML provider \"Nobody\""),
    ] {
        let (code, out, err) = folder.saml(&arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(error), "{err}");
    }
}
