//! Calls to upstreams: deadline, size cap, address guard, no redirects, no proxy.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use std::{fmt, io};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use crate::model::time::Timestamp;

use super::address::{UrlRefused, check_url, is_public, origin_of};

/// Largest JSON document read from an upstream, after decompression.
pub const JSON_BYTES: usize = 256 * 1024;
/// Largest answer of any kind, after decompression.
pub const MAX_BYTES: usize = 1024 * 1024;

/// What a call may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// From the first packet to the last byte of the body.
    pub total: Duration,
    /// Name lookup, TCP and TLS.
    pub connect: Duration,
    /// How long an unused connection counts as open. Peers close theirs too, Node and Apache after five
    /// seconds, and what is sent into that is lost: a code cannot be sent twice.
    pub idle: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self { total: Duration::from_secs(10), connect: Duration::from_secs(5), idle: Duration::from_secs(4) }
    }
}

/// One call.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL, checked by [`Http::send`].
    pub url: Url,
    /// Headers; a `User-Agent` is added.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Largest answer in bytes, at most [`MAX_BYTES`].
    pub limit: usize,
}

impl Request {
    /// A GET that expects JSON.
    pub fn get(url: Url) -> Self {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]);
        Self { method: Method::GET, url, headers, body: Bytes::new(), limit: JSON_BYTES }
    }

    /// A form POST that expects JSON.
    pub fn form(url: Url, pairs: &[(String, String)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let mut request = Self { method: Method::POST, body: body.into(), ..Self::get(url) };
        request
            .headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        request
    }

    /// Adds a header whose value is kept out of logs.
    #[must_use]
    pub fn secret_header(mut self, name: header::HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.insert(name, value);
        self
    }
}

/// Shows method, origin and path: query, headers and body may carry secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.method, origin_of(&self.url), self.url.path())
    }
}

/// An answer of any status, completely read. Redirects are answers like any other.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
}

impl Response {
    /// The media type of `Content-Type` in lower case, without its parameters.
    pub fn media_type(&self) -> Option<String> {
        let value = self.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        Some(value.split(';').next()?.trim().to_ascii_lowercase())
    }

    /// The peer's clock: its `Date` header.
    pub fn date(&self) -> Option<Timestamp> {
        let date = httpdate::parse_http_date(self.headers.get(header::DATE)?.to_str().ok()?).ok()?;
        let since = date.duration_since(UNIX_EPOCH).ok()?;
        Some(Timestamp::from_secs(i64::try_from(since.as_secs()).ok()?))
    }
}

/// Shows status and length: the body may carry tokens.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} bytes", self.status, self.body.len())
    }
}

/// Why a call brought no answer. Texts name the host, never the path or query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The URL may not be called.
    #[error(transparent)]
    Url(#[from] UrlRefused),
    /// The name resolves to private addresses only.
    #[error("{0} resolves to no public address and private upstreams are not allowed")]
    PrivateName(String),
    /// No complete answer in time.
    #[error("{host} gave no complete answer within {after:?}")]
    Deadline {
        /// The host.
        host: String,
        /// The deadline.
        after: Duration,
    },
    /// The certificate or the handshake is not acceptable.
    #[error("TLS with {host}: {reason}")]
    Tls {
        /// The host.
        host: String,
        /// What the TLS library says.
        reason: String,
    },
    /// Lookup, connection or transport failed.
    #[error("{host} cannot be reached: {reason}")]
    Transport {
        /// The host.
        host: String,
        /// What went wrong.
        reason: String,
    },
    /// The answer is larger than allowed.
    #[error("the answer of {host} is larger than {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit.
        limit: usize,
    },
    /// The client cannot be built: no usable root certificates.
    #[error("the HTTP client cannot be built: {0}")]
    Setup(String),
}

/// Answers instead of the network, in tests.
pub type FakeAnswers = Arc<dyn Fn(&Request) -> Result<Response, HttpError> + Send + Sync>;

/// The client. Clones share its connections.
#[derive(Clone)]
pub enum Http {
    /// The network.
    Real(RealHttp),
    /// A function.
    Fake(FakeAnswers),
}

/// The network with its rules.
#[derive(Clone)]
pub struct RealHttp {
    client: reqwest::Client,
    limits: HttpLimits,
    allow_private: bool,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Real(_)) { "Http::Real" } else { "Http::Fake" })
    }
}

impl Http {
    /// A client for the network. `extra_ca` is PEM and is trusted besides the system's roots.
    pub fn new(limits: HttpLimits, allow_private: bool, extra_ca: Option<&[u8]>) -> Result<Self, HttpError> {
        // Fails only when a provider is installed already, and there is one in this program.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let setup = |error: reqwest::Error| HttpError::Setup(chain(&error));
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .tls_info(true)
            .user_agent(concat!("symbolon/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect)
            .pool_max_idle_per_host(8)
            .pool_idle_timeout(limits.idle)
            .dns_resolver(Arc::new(GuardedResolver { allow_private }));
        if let Some(pem) = extra_ca {
            builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem).map_err(setup)?);
        }
        Ok(Self::Real(RealHttp { client: builder.build().map_err(setup)?, limits, allow_private }))
    }

    /// A client that asks `answers`.
    pub fn fake(answers: impl Fn(&Request) -> Result<Response, HttpError> + Send + Sync + 'static) -> Self {
        Self::Fake(Arc::new(answers))
    }

    /// Sends `request` and reads the whole answer.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        Ok(self.probe(request).await?.0)
    }

    /// [`Http::send`], and the certificate (DER) that the peer showed, if it speaks TLS.
    pub async fn probe(&self, request: Request) -> Result<(Response, Option<Vec<u8>>), HttpError> {
        match self {
            Self::Real(real) => real.send(request).await,
            Self::Fake(answers) => Ok((answers(&request)?, None)),
        }
    }
}

impl RealHttp {
    async fn send(&self, request: Request) -> Result<(Response, Option<Vec<u8>>), HttpError> {
        check_url(&request.url, self.allow_private)?;
        let host = request.url.host_str().unwrap_or_default().to_owned();
        match tokio::time::timeout(self.limits.total, self.exchange(request, &host)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::Deadline { host, after: self.limits.total }),
        }
    }

    async fn exchange(&self, request: Request, host: &str) -> Result<(Response, Option<Vec<u8>>), HttpError> {
        let limit = request.limit.min(MAX_BYTES);
        let failed = |error: reqwest::Error| self.explain(host, &error);
        let call =
            self.client.request(request.method, request.url).headers(request.headers).body(request.body);
        let mut answer = call.send().await.map_err(failed)?;
        let too_large = || HttpError::TooLarge { host: host.to_owned(), limit };
        if answer.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let info = answer.extensions().get::<reqwest::tls::TlsInfo>();
        let certificate = info.and_then(reqwest::tls::TlsInfo::peer_certificate).map(<[u8]>::to_vec);
        Ok((
            Response {
                status: answer.status(),
                headers: std::mem::take(answer.headers_mut()),
                body: body.freeze(),
            },
            certificate,
        ))
    }

    fn explain(&self, host: &str, error: &reqwest::Error) -> HttpError {
        let host = host.to_owned();
        if causes(error).any(<dyn Error>::is::<OnlyPrivate>) {
            return HttpError::PrivateName(host);
        }
        if error.is_timeout() {
            return HttpError::Deadline { host, after: self.limits.connect };
        }
        match causes(error).find_map(tls_cause) {
            Some(reason) => HttpError::Tls { host, reason },
            None => HttpError::Transport { host, reason: chain(error) },
        }
    }
}

/// Resolves names for connections and hands out only addresses that may be called.
struct GuardedResolver {
    allow_private: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("no public address")]
struct OnlyPrivate;

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let usable: Vec<SocketAddr> =
                found.into_iter().filter(|address| allow_private || is_public(address.ip())).collect();
            if usable.is_empty() {
                return Err(OnlyPrivate.into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause| (*cause).source())
}

/// The TLS library's error, which stands inside I/O errors of the layers above it.
fn tls_cause(cause: &(dyn Error + 'static)) -> Option<String> {
    match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => tls_cause(inner),
        None => cause.downcast_ref::<rustls::Error>().map(ToString::to_string),
    }
}

/// The texts of all causes below reqwest's own, which holds the URL.
fn chain(error: &reqwest::Error) -> String {
    let texts: Vec<String> = causes(error).skip(1).map(ToString::to_string).collect();
    if texts.is_empty() { "the request failed".into() } else { texts.join(": ") }
}
