//! Real handshakes with the built binary: certificates by `openssl`, apps by `openid-client` and `curl`, and
//! HAProxy as a proxy that terminates TLS.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::process::{Process, TempDir, free_port};
use crate::world::{AppSettings, Broker, Person, Settings, Upstream, claims, text};

/// A subject of every kind of part that RFC 4514 has a rule for.
const SUBJECT: &str = "/C=DE/O=Bank, \"Ltd\"/organizationIdentifier=PSDDE-BAFIN-123/OU=a;b+serialNumber=7/CN=app #1/emailAddress=app@bank.example";

/// A folder with an authority, `ca.pem`, and what it signed.
struct Certificates(TempDir);

impl Certificates {
    fn new() -> Self {
        let made = Self(TempDir::new());
        made.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout ca.key -out ca.pem",
            &["-subj", "/CN=Authority"],
        );
        made.issue("server", "/CN=server", "subjectAltName=IP:127.0.0.1");
        made.issue("app", SUBJECT, "extendedKeyUsage=clientAuth");
        made.issue("other", "/O=Bank/CN=other", "extendedKeyUsage=clientAuth");
        made
    }

    /// `name.pem` and `name.key` by the authority.
    fn issue(&self, name: &str, subject: &str, extension: &str) {
        let request =
            format!("req -newkey rsa:2048 -nodes -multivalue-rdn -keyout {name}.key -out {name}.csr");
        self.openssl(&request, &["-utf8", "-subj", subject]);
        std::fs::write(self.path(&format!("{name}.ext")), extension).expect("the extensions are written");
        self.openssl(
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out {name}.pem \
                -extfile {name}.ext"
            ),
            &[],
        );
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    fn openssl(&self, arguments: &str, more: &[&str]) -> Vec<u8> {
        let output = Command::new("openssl")
            .current_dir(self.0.path())
            .args(arguments.split(' '))
            .args(more)
            .output()
            .expect("openssl runs");
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// The subject as `openssl` writes it.
    fn subject(&self, name: &str) -> String {
        let said = String::from_utf8(
            self.openssl(&format!("x509 -in {name}.pem -noout -subject -nameopt RFC2253"), &[]),
        )
        .expect("text");
        said.trim().strip_prefix("subject=").unwrap_or_else(|| panic!("{said}")).to_owned()
    }

    /// `x5t#S256`.
    fn thumbprint(&self, name: &str) -> String {
        let said =
            String::from_utf8(self.openssl(&format!("x509 -in {name}.pem -noout -fingerprint -sha256"), &[]))
                .expect("text");
        let digits = said.trim().rsplit('=').next().unwrap_or_default();
        let bytes: Vec<u8> =
            digits.split(':').map(|byte| u8::from_str_radix(byte, 16).expect("a byte")).collect();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Lines for `[server]`.
    fn listener(&self, port: u16) -> [String; 4] {
        let file = |key: &str, name: &str| format!("{key} = {:?}", self.path(name).display().to_string());
        [
            format!("mtls_listen = \"127.0.0.1:{port}\""),
            file("mtls_certificate_file", "server.pem"),
            file("mtls_key_file", "server.key"),
            file("client_ca_file", "ca.pem"),
        ]
    }

    /// Status and body of what `curl` is answered who shows the certificate called `shows`.
    fn curl(&self, shows: Option<&str>, arguments: &[&str]) -> (u16, Value) {
        let mut command = Command::new("curl");
        command.args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--max-time",
            "20",
            "--write-out",
            "\n%{http_code}",
            "--cacert",
        ]);
        command.arg(self.path("ca.pem"));
        if let Some(name) = shows {
            command
                .arg("--cert")
                .arg(self.path(&format!("{name}.pem")))
                .arg("--key")
                .arg(self.path(&format!("{name}.key")));
        }
        let output = command.args(arguments).output().expect("curl runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = said.rsplit_once('\n').unwrap_or_default();
        (status.parse().unwrap_or_default(), serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

fn certified(app: AppSettings, certificates: &Certificates) -> AppSettings {
    let app = app.public().with("client_auth = \"tls_client_auth\"");
    app.with(&format!("tls_client_auth_subject_dn = '{}'", certificates.subject("app")))
}

/// E-25
#[tokio::test]
async fn a_certified_relying_party_signs_in_with_its_certificate_under_the_fapi_profile() {
    let certificates = Certificates::new();
    let (settings, port) = (Settings::new(), free_port());
    let settings = certificates.listener(port).iter().fold(settings, |settings, line| settings.server(line));
    let mtls_url = format!("https://127.0.0.1:{port}");
    let settings = settings.pool("signing = \"ES256\"").pool(&format!("mtls_url = {mtls_url:?}"));
    let bank =
        certified(AppSettings::new("bank"), &certificates).with("profile = \"fapi2\"").with("native = true");
    let bank = bank.with("tls_client_certificate_bound_access_tokens = true").behaves("par", true);
    let shown = json!({ "cert": certificates.read("app.pem"), "key": certificates.read("app.key"),
        "ca": certificates.read("ca.pem") });
    let bank =
        bank.behaves("token_endpoint_auth_method", "tls_client_auth").behaves("client_certificate", shown);
    let bank = bank.behaves("id_token_signed_response_alg", "ES256");
    let upstream = Upstream::start(&settings);
    let broker = settings.table(&upstream.toml("Acme")).client(&bank).start();
    let app = bank.start(&broker);
    let tokens = Person::new("ada").signs_in(&app, "Acme").await;
    let access = text(&tokens, "access_token");
    assert_eq!(claims(&access)["cnf"], json!({ "x5t#S256": certificates.thumbprint("app") }));
    assert_eq!(tokens.pointer("/userinfo/sub"), tokens.pointer("/id_token_claims/sub"));
    assert!(app.sees_active(&access).await);
    let refreshed = app.refreshes(&text(&tokens, "refresh_token")).await;
    assert_eq!(claims(&text(&refreshed, "access_token"))["cnf"], claims(&access)["cnf"]);

    let (bearer, asked) = (format!("authorization: Bearer {access}"), format!("{mtls_url}/oauth2/userInfo"));
    let user_info = |shows| certificates.curl(shows, &["--header", &bearer, &asked]);
    assert_eq!(user_info(Some("app")).0, 200);
    assert_eq!((user_info(Some("other")).0, user_info(None).0), (401, 401));
    let plain = format!("{}/oauth2/userInfo", broker.url);
    assert_eq!(
        certificates.curl(Some("app"), &["--header", &bearer, &plain]).0,
        401,
        "where nobody asks for a certificate"
    );
    let refresh = format!(
        "grant_type=refresh_token&client_id=bank&refresh_token={}",
        text(&refreshed, "refresh_token")
    );
    for (shows, why) in [(Some("other"), "called otherwise"), (None, "no client certificate was shown")] {
        let (status, body) =
            certificates.curl(shows, &["--data", &refresh, &format!("{mtls_url}/oauth2/token")]);
        assert_eq!((status, text(&body, "error").as_str()), (400, "invalid_client"), "{body}");
        assert!(text(&body, "error_description").contains(why), "{body}");
    }
}

/// H-27: the authority that an operator takes out vouches for nobody from then on, and the listener's own
/// renewed certificate is served.
#[tokio::test]
async fn authorities_and_the_listeners_certificate_are_read_again() {
    let certificates = Certificates::new();
    let (settings, port) = (Settings::new(), free_port());
    let settings = certificates.listener(port).iter().fold(settings, |settings, line| settings.server(line));
    let machine = certified(AppSettings::new("machine"), &certificates)
        .scope("api/read")
        .with("grants = [\"client_credentials\"]");
    let mut broker =
        settings.pool(&format!("mtls_url = \"https://127.0.0.1:{port}\"")).client(&machine).start();
    let url = format!("https://127.0.0.1:{port}/oauth2/token");
    let asks = || {
        certificates.curl(Some("app"), &["--data", "grant_type=client_credentials&client_id=machine", &url])
    };
    assert_eq!(asks().0, 200);
    let trusted = certificates.read("ca.pem");
    certificates.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout new.key -out ca.pem",
        &["-subj", "/CN=New"],
    );
    let renewed = certificates.read("ca.pem");
    broker.process().signal("HUP");
    broker.logs("configuration_applied");
    // The listener is still one of the old authority.
    std::fs::write(certificates.path("ca.pem"), &trusted).expect("it is written");
    let (status, body) = asks();
    assert_eq!((status, text(&body, "error").as_str()), (400, "invalid_client"), "{body}");
    assert!(text(&body, "error_description").contains("no trusted authority"), "{body}");
    std::fs::write(certificates.path("ca.pem"), trusted + &renewed).expect("it is written");
    certificates.issue("server", "/CN=server", "subjectAltName=IP:127.0.0.1");
    broker.process().signal("HUP");
    for _ in 0..100 {
        if asks().0 == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(asks().0, 200);
    let served = Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::null())
        .output();
    let served = String::from_utf8_lossy(&served.expect("openssl runs").stdout).into_owned();
    let body = certificates.read("server.pem").lines().nth(5).expect("a line of base64").to_owned();
    assert!(served.contains(&body), "the renewed one: {served}");
    assert!(broker.terminate().success(), "both listeners end");
}

/// D-36
#[tokio::test]
async fn behind_a_proxy_that_terminates_tls_the_certificate_that_it_saw_counts_and_no_header_of_an_app() {
    let certificates = Certificates::new();
    let (settings, port) = (Settings::new(), free_port());
    let machine = certified(AppSettings::new("machine"), &certificates)
        .scope("api/read")
        .with("grants = [\"client_credentials\"]");
    let machine = machine.with("tls_client_certificate_bound_access_tokens = true");
    let ca = certificates.path("ca.pem");
    let settings = settings
        .server("trusted_proxies = [\"127.0.0.2\"]")
        .server("trusted_client_certificate_header = \"client-cert\"");
    let settings = settings.server(&format!("client_ca_file = {:?}", ca.display().to_string()));
    let broker = settings.pool(&format!("mtls_url = \"https://127.0.0.1:{port}\"")).client(&machine).start();
    let _proxy = haproxy(&certificates, port, &broker).await;

    let form = "grant_type=client_credentials&client_id=machine";
    let by_proxy = format!("https://127.0.0.1:{port}/oauth2/token");
    let directly = format!("{}/oauth2/token", broker.url);
    let der = certificates.openssl("x509 -in app.pem -outform der", &[]);
    let forged = format!("client-cert: :{}:", base64::engine::general_purpose::STANDARD.encode(der));
    let (status, body) = certificates.curl(Some("app"), &["--data", form, &by_proxy]);
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        claims(&text(&body, "access_token"))["cnf"],
        json!({ "x5t#S256": certificates.thumbprint("app") })
    );
    for (shows, url, why) in [
        (None, &by_proxy, "no client certificate was shown"),
        (Some("other"), &by_proxy, "called otherwise"),
        (None, &directly, "no client certificate was shown"),
    ] {
        let (status, body) = certificates.curl(shows, &["--header", &forged, "--data", form, url]);
        assert_eq!((status, text(&body, "error").as_str()), (400, "invalid_client"), "{url} {body}");
        assert!(text(&body, "error_description").contains(why), "{url} {body}");
    }
}

/// HAProxy with the lines of docs/mutual-tls.md, once it lets people through.
async fn haproxy(certificates: &Certificates, port: u16, broker: &Broker) -> Process {
    let page = include_str!("../../docs/mutual-tls.md");
    let row = page.lines().find_map(|line| line.strip_prefix("| HAProxy |")).expect("a row");
    let rules: Vec<&str> = row.split('`').filter(|part| part.starts_with("http-request ")).collect();
    assert_eq!(rules.len(), 3, "{row}");
    let site = certificates.path("site.pem");
    std::fs::write(&site, certificates.read("server.pem") + &certificates.read("server.key"))
        .expect("the pair is written");
    let file = certificates.path("haproxy.cfg");
    let bind = format!(
        "bind 127.0.0.1:{port} ssl crt {} ca-file {} verify optional",
        site.display(),
        certificates.path("ca.pem").display()
    );
    let text = format!(
        "defaults\n mode http\n timeout connect 3s\n timeout client 9s\n timeout server 9s\n\
         frontend apps\n {bind}\n {}\n default_backend broker\n\
         backend broker\n server one 127.0.0.1:{} source 127.0.0.2\n",
        rules.join("\n "),
        broker.settings().port,
    );
    std::fs::write(&file, text).expect("the file is written");
    let proxy =
        Process::start("haproxy", Command::new("haproxy").args([Path::new("-db"), Path::new("-f"), &file]));
    for _ in 0..100 {
        if certificates.curl(None, &[&format!("https://127.0.0.1:{port}/.well-known/openid-configuration")]).0
            == 200
        {
            return proxy;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the proxy lets nobody through:\n{}", proxy.output());
}
