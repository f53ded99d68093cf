//! Authorities, apps with certificates, and a broker that apps reach by its own TLS listener or by way of a
//! proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, SanType,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use symbolon::config::TlsFiles;
use symbolon::model::encoding::{base64, base64url, sha256};
use symbolon::outside::clock::Clock;
use symbolon::web::server::tls::Tls;
use symbolon::web::server::{ConnectionRules, Phase, serve_with};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app_proof::world::clock;
use crate::support::broker::app::{TokenAnswer, answer};
use crate::support::broker::{Ask, Broker, ClientToml, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::FakeIdp;
use crate::support::process::TempDir;

/// The address of the proxy that is trusted; everybody else comes from 127.0.0.1.
pub(crate) const PROXY: &str = "127.0.0.2";

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) der: Vec<u8>,
    pub(crate) pem: String,
    /// Certificates that lead to the authority.
    pub(crate) between: Vec<Vec<u8>>,
    pub(crate) key: String,
}

impl Identity {
    /// With a key of its own, made by nobody else.
    pub(crate) fn self_signed(name: &str) -> Self {
        Self::made(|params, key| params.self_signed(key).unwrap(), &params(name))
    }

    /// One whose last day was before the clock of the tests began.
    pub(crate) fn self_signed_and_over(name: &str) -> Self {
        let over = params_but(name, |params| params.not_after = rcgen::date_time_ymd(2026, 1, 1));
        Self::made(|params, key| params.self_signed(key).unwrap(), &over)
    }

    fn made(
        sign: impl FnOnce(&CertificateParams, &KeyPair) -> rcgen::Certificate,
        params: &CertificateParams,
    ) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = sign(params, &key);
        Self {
            der: certificate.der().to_vec(),
            pem: certificate.pem(),
            between: Vec::new(),
            key: key.serialize_pem(),
        }
    }

    /// `x5t#S256`, by hand.
    pub(crate) fn thumbprint(&self) -> String {
        base64url(sha256(&self.der))
    }

    /// As RFC 9440 writes it.
    pub(crate) fn byte_sequence(&self) -> String {
        format!(":{}:", base64(&self.der))
    }

    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }

    fn reqwest(&self) -> reqwest::Identity {
        let chain: String = self.between.iter().map(|der| pem_of(der)).collect();
        reqwest::Identity::from_pem(format!("{}{}{chain}", self.key, self.pem).as_bytes()).unwrap()
    }
}

pub(crate) fn pem_of(der: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64(der))
}

/// `CN=<name>,O=Bank`, with alternative names made of it.
fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Bank");
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = vec![
        SanType::DnsName(format!("{name}.bank.example").try_into().unwrap()),
        SanType::URI(format!("https://bank.example/{name}").try_into().unwrap()),
        SanType::Rfc822Name(format!("{name}@bank.example").try_into().unwrap()),
        SanType::IpAddress("192.0.2.7".parse().unwrap()),
    ];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// The same with a change.
pub(crate) fn params_but(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = params(name);
    change(&mut params);
    params
}

/// Who signs certificates of apps.
#[derive(Clone)]
pub(crate) struct Authority {
    issuer: Arc<CertifiedIssuer<'static, KeyPair>>,
    between: Vec<Vec<u8>>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let issuer =
            CertifiedIssuer::self_signed(authority_params("Root"), KeyPair::generate().unwrap()).unwrap();
        Self { issuer: Arc::new(issuer), between: Vec::new() }
    }

    /// One below it.
    pub(crate) fn below(&self) -> Self {
        let issuer =
            CertifiedIssuer::signed_by(authority_params("Below"), KeyPair::generate().unwrap(), &self.issuer)
                .unwrap();
        let between = std::iter::once(issuer.der().to_vec()).chain(self.between.clone()).collect();
        Self { issuer: Arc::new(issuer), between }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for the app called `name`.
    pub(crate) fn issues(&self, name: &str) -> Identity {
        self.signs(&params(name))
    }

    pub(crate) fn signs(&self, params: &CertificateParams) -> Identity {
        let made = Identity::made(|params, key| params.signed_by(key, &self.issuer).unwrap(), params);
        Identity { between: self.between.clone(), ..made }
    }
}

fn authority_params(name: &str) -> CertificateParams {
    params_but(name, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.extended_key_usages = Vec::new();
    })
}

/// By which way a request reaches the broker.
#[derive(Clone, Copy)]
pub(crate) enum Way<'w> {
    /// Without TLS, from an address that is trusted or not, with headers.
    Plain { from: &'w str, headers: &'w [(&'w str, String)] },
    /// To the listener that asks for certificates, likewise.
    Tls { from: &'w str, shows: Option<&'w Identity>, headers: &'w [(&'w str, String)] },
}

/// An app that shows a certificate to the broker itself.
pub(crate) const fn showing(identity: &Identity) -> Way<'_> {
    Way::Tls { from: "127.0.0.1", shows: Some(identity), headers: &[] }
}

/// An app that shows none.
pub(crate) const NOTHING: Way<'static> = Way::Tls { from: "127.0.0.1", shows: None, headers: &[] };

pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) clock: Clock,
    pub(crate) authority: Authority,
    /// The base URL of the listener that asks for certificates.
    pub(crate) mtls_url: String,
    /// The certificate of the listener.
    pub(crate) server_der: Vec<u8>,
    task: JoinHandle<()>,
    _acme: FakeIdp,
}

impl Drop for World {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An app that authenticates by the name in its certificate.
pub(crate) fn certified(id: &str) -> ClientToml {
    client(id)
        .public()
        .with("client_auth = \"tls_client_auth\"")
        .with(&format!("tls_client_auth_subject_dn = \"CN={id},O=Bank\""))
}

/// An app whose tokens are bound to its certificate.
pub(crate) fn bound(client: ClientToml) -> ClientToml {
    client.with("tls_client_certificate_bound_access_tokens = true")
}

impl World {
    pub(crate) async fn with(clients: Vec<ClientToml>) -> Self {
        Self::behind("client-cert", clients).await
    }

    /// Behind a proxy that writes certificates into `header`.
    pub(crate) async fn behind(header: &str, clients: Vec<ClientToml>) -> Self {
        let (clock, authority) = (clock(), Authority::new());
        let acme = FakeIdp::oidc(&clock).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mtls_url = format!("https://{}", listener.local_addr().unwrap());
        let (folder, files, server_der) = server_certificate();
        let mut builder =
            Broker::builder(&clock).pool("signing = \"EdDSA\"").pool(&format!("mtls_url = {mtls_url:?}"));
        builder =
            builder.server(&format!("trusted_proxies = [{PROXY:?}]")).server("client_ca_file = \"ca.pem\"");
        builder = builder
            .server(&format!("trusted_client_certificate_header = {header:?}"))
            .file("ca.pem", &authority.pem());
        builder = clients
            .into_iter()
            .fold(builder.provider(provider("Acme", &acme)), crate::support::broker::Builder::client);
        let broker = builder.start().await;
        let rules = ConnectionRules { tls: Some(Tls::asking(files).unwrap()), ..ConnectionRules::default() };
        let router = symbolon::web::router(broker.app.clone()).unwrap();
        let task = tokio::spawn(async move {
            let _kept = folder;
            let (_router, router) = watch::channel(router);
            let (_phase, phase) = watch::channel(Phase::Serving);
            serve_with(rules, listener, router, phase).await;
        });
        Self { broker, clock, authority, mtls_url, server_der, task, _acme: acme }
    }

    /// A client of the broker by this way, and the base of its URLs.
    fn http(&self, way: Way<'_>) -> (reqwest::Client, String, Vec<(String, String)>) {
        let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let owned = |headers: &[(&str, String)]| {
            headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        let (builder, base, from, headers) = match way {
            Way::Plain { from, headers } => (plain, self.broker.url.clone(), from, owned(headers)),
            Way::Tls { from, shows, headers } => {
                let builder =
                    plain.tls_certs_only([reqwest::Certificate::from_der(&self.server_der).unwrap()]);
                let builder =
                    shows.into_iter().fold(builder, |builder, identity| builder.identity(identity.reqwest()));
                (builder, self.mtls_url.clone(), from, owned(headers))
            }
        };
        let address: SocketAddr = format!("{from}:0").parse().unwrap();
        (builder.local_address(address.ip()).build().unwrap(), base, headers)
    }

    pub(crate) async fn posts(&self, way: Way<'_>, path: &str, form: &[(&str, &str)]) -> TokenAnswer {
        let (http, base, headers) = self.http(way);
        let request =
            headers.iter().fold(http.post(base + path), |request, (name, value)| request.header(name, value));
        answer(request.form(form)).await
    }

    pub(crate) async fn user_info(&self, way: Way<'_>, scheme: &str, token: &str) -> TokenAnswer {
        let (http, base, headers) = self.http(way);
        let request =
            http.get(base + "/oauth2/userInfo").header("authorization", format!("{scheme} {token}"));
        answer(headers.iter().fold(request, |request, (name, value)| request.header(name, value))).await
    }

    /// A person signs in to `client` and the app receives a code.
    pub(crate) async fn code(&self, client: &str) -> (Ask, String) {
        let app = self.broker.app(client);
        let ask = app.asks().at("Acme");
        let mut browser = Browser::new(&self.clock);
        browser.opens(ask.url()).await;
        let code = app.takes_code(&ask, browser.page());
        (ask, code)
    }

    pub(crate) async fn redeems(
        &self,
        way: Way<'_>,
        client: &str,
        (ask, code): &(Ask, String),
    ) -> TokenAnswer {
        let redirect = format!("https://{client}.example/callback");
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", redirect.as_str()),
            ("code_verifier", ask.verifier.as_str()),
            ("client_id", client),
        ];
        self.posts(way, "/oauth2/token", &form).await
    }

    pub(crate) async fn refreshes(&self, way: Way<'_>, client: &str, token: &str) -> TokenAnswer {
        self.posts(
            way,
            "/oauth2/token",
            &[("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", client)],
        )
        .await
    }

    /// A machine asks for a token by its certificate.
    pub(crate) async fn asks(&self, way: Way<'_>, client: &str) -> TokenAnswer {
        self.posts(way, "/oauth2/token", &[("grant_type", "client_credentials"), ("client_id", client)]).await
    }

    /// The answer is this refusal, and its story has this code.
    pub(crate) async fn is_refused(&self, answer: &TokenAnswer, error: &str, code: &str) {
        answer.is_refused_with(400, error);
        assert_eq!(answer.body.get("access_token"), None);
        let told = answer.body["error_description"].as_str().unwrap().to_owned();
        let trace = crate::diagnosis::story(&self.broker, &crate::diagnosis::reference_in(&told)).await;
        assert_eq!(trace.outcome.code, code, "{}", trace.outcome.cause);
    }
}

fn server_certificate() -> (TempDir, TlsFiles, Vec<u8>) {
    let folder = TempDir::new();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let files =
        TlsFiles { certificate: folder.path().join("server.pem"), key: folder.path().join("server.key") };
    std::fs::write(&files.certificate, certificate.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    (folder, files, certificate.der().to_vec())
}
