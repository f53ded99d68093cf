//! The SAML identity providers of `tests/e2e/peers` as values of a test; each script's header lists its
//! settings and routes.
#![expect(clippy::expect_used, reason = "a helper of tests fails the test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use url::form_urlencoded;

use super::process::{Process, TempDir, free_port};

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/peers");

/// Who made the identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    SimpleSamlPhp,
    Pysaml2,
}

/// A running identity provider. It is killed when the value goes out of scope.
pub(crate) struct SamlIdp {
    pub(crate) make: Make,
    /// Its entity id, and where its metadata is.
    pub(crate) metadata_url: String,
    origin: String,
    port: u16,
    settings: Value,
    process: Process,
    directory: TempDir,
}

impl SamlIdp {
    /// Starts an identity provider that reads the service provider's metadata at `sp_metadata` and has these
    /// settings of its script.
    #[track_caller]
    pub(crate) fn start(make: Make, sp_metadata: &str, mut settings: Value) -> Self {
        let (port, directory) = (free_port(), TempDir::new());
        let members = settings.as_object_mut().expect("an object");
        members.insert("port".to_owned(), json!(port));
        members.insert("sp_metadata".to_owned(), json!(sp_metadata));
        let host = settings.get("host").and_then(Value::as_str).unwrap_or("127.0.0.1");
        let origin = format!("http://{host}:{port}");
        let metadata_url = match make {
            Make::SimpleSamlPhp => format!("{origin}/saml2/idp/metadata.php"),
            Make::Pysaml2 => format!("{origin}/metadata"),
        };
        let process = launch(make, &settings, directory.path());
        Self { make, metadata_url, origin, port, settings, process, directory }
    }

    /// It ends.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// It starts again at the same address, with another key and other settings over the earlier ones, and
    /// forgets every session.
    #[track_caller]
    pub(crate) fn starts_again_with_another_key(&mut self, settings: Value) {
        self.kill();
        self.directory = TempDir::new();
        if let (Value::Object(into), Value::Object(from)) = (&mut self.settings, settings) {
            into.extend(from);
        }
        self.process = launch(self.make, &self.settings, self.directory.path());
    }

    /// The link that signs people in to the service provider without having been asked.
    pub(crate) fn initiates(&self, sp_entity_id: &str, relay_state: &str) -> String {
        let query = |pairs: &[(&str, &str)]| {
            form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
        };
        match self.make {
            Make::SimpleSamlPhp => {
                let query = query(&[("spentityid", sp_entity_id), ("RelayState", relay_state)]);
                format!("{}/saml2/idp/SSOService.php?{query}", self.origin)
            }
            Make::Pysaml2 => format!("{}/start?{}", self.origin, query(&[("RelayState", relay_state)])),
        }
    }

    /// The link that ends the session there and tells the service provider; the last page is on this site.
    pub(crate) fn signs_out(&self) -> String {
        match self.make {
            Make::SimpleSamlPhp => {
                format!("{0}/saml2/idp/SingleLogoutService.php?ReturnTo={0}/logout.php", self.origin)
            }
            Make::Pysaml2 => format!("{}/sign-out", self.origin),
        }
    }

    /// The names of the sign-in page's fields, all of which take the login name, and the text of its button.
    pub(crate) fn sign_in_page(&self) -> (&'static [&'static str], &'static str) {
        match self.make {
            Make::SimpleSamlPhp => (&["username", "password"], "Login"),
            Make::Pysaml2 => (&["login"], "Sign in"),
        }
    }

    /// pysaml2: where it lists what arrived.
    pub(crate) fn seen(&self) -> String {
        format!("{}/seen", self.origin)
    }

    /// What it has said so far.
    pub(crate) fn output(&self) -> String {
        self.process.output()
    }

    /// Where it is, without a slash at the end.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Its port of 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

#[track_caller]
fn launch(make: Make, settings: &Value, directory: &Path) -> Process {
    let mut settings = settings.clone();
    let path = directory.to_str().expect("a path of UTF-8");
    settings.as_object_mut().expect("an object").insert("directory".to_owned(), json!(path));
    let (program, script, ready) = match make {
        Make::SimpleSamlPhp => (PathBuf::from("php"), "simplesamlphp.php", ") started"),
        Make::Pysaml2 => (Path::new(PEERS).join("venv/bin/python"), "pysaml2_idp.py", "\"metadata_url\""),
    };
    let mut command = Command::new(program);
    command.arg(Path::new(PEERS).join(script)).arg(settings.to_string()).env("PEER_ENDS_WITH_STDIN", "1");
    let process = Process::start(script, &mut command);
    process.wait_for_line(ready);
    process
}
