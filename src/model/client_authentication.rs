//! Client authentication beyond a secret, and what the client's tokens are bound to.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a client is held to besides the rules for everybody. The default asks for nothing.
#[derive(Debug, Clone, Default)]
pub struct ClientAuthentication {
    /// How it authenticates.
    pub authentication: Authentication,
    /// Its authorization requests come by `/oauth2/par` only ([RFC
    /// 9126](https://www.rfc-editor.org/rfc/rfc9126)).
    pub require_par: bool,
    /// Its tokens are bound to a DPoP key ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)).
    pub require_dpop: bool,
    /// Its DPoP proofs carry a nonce of ours ([RFC 9449 section
    /// 8](https://www.rfc-editor.org/rfc/rfc9449#section-8)).
    pub dpop_nonce: bool,
    /// Its tokens are bound to its certificate ([RFC 8705 section
    /// 3](https://www.rfc-editor.org/rfc/rfc8705#section-3)).
    pub certificate_bound: bool,
    /// It keeps to the [FAPI 2.0 security
    /// profile](https://openid.net/specs/fapi-security-profile-2_0-final.html).
    pub fapi2: bool,
}

/// Longest life of a code under FAPI ([FAPI 2.0 security profile section
/// 5.3.2.1](https://openid.net/specs/fapi-security-profile-2_0-final.html)).
const FAPI2_CODE: Duration = Duration::from_secs(60);

impl ClientAuthentication {
    /// How long the client's codes live where the pool's live for `pool`.
    pub fn code_lifetime(&self, pool: Duration) -> Duration {
        if self.fapi2 { pool.min(FAPI2_CODE) } else { pool }
    }
}

/// How a client authenticates.
#[derive(Debug, Clone, Default)]
pub enum Authentication {
    /// By its secret, or not at all when it has none.
    #[default]
    Secret,
    /// By an assertion that it signed ([RFC 7523](https://www.rfc-editor.org/rfc/rfc7523)).
    PrivateKeyJwt(AssertionRules),
    /// By a certificate of a trusted authority ([RFC 8705 section
    /// 2.1](https://www.rfc-editor.org/rfc/rfc8705#section-2.1)).
    TlsClientAuth(CertificateName),
    /// By one of these certificates, as SHA-256 of their DER ([RFC 8705 section
    /// 2.2](https://www.rfc-editor.org/rfc/rfc8705#section-2.2)).
    SelfSignedTls(Vec<[u8; 32]>),
}

/// Which client assertions are good.
#[derive(Debug, Clone)]
pub struct AssertionRules {
    /// The client's public keys.
    pub keys: ClientKeySource,
    /// Algorithms that it may sign with.
    pub algorithms: Vec<AssertionAlgorithm>,
    /// Whether the URL of the token endpoint is an audience beside the issuer.
    pub token_endpoint_as_audience: bool,
}

/// Where the public keys of a client come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientKeySource {
    /// A JWK Set in the configuration.
    Given(String),
    /// A URL that answers with one.
    Fetched(String),
}

/// An algorithm of client assertions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionAlgorithm {
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256; not under FAPI.
    Rs256,
}

impl AssertionAlgorithm {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Ps256, Self::Es256, Self::EdDsa, Self::Rs256];

    /// The JOSE `alg` value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
}

impl Authentication {
    /// Whether the client shows a certificate.
    pub const fn is_by_certificate(&self) -> bool {
        matches!(self, Self::TlsClientAuth(_) | Self::SelfSignedTls(_))
    }
}

/// What a client's certificate is called; exactly one of these is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateName {
    /// The subject ([RFC 4514](https://www.rfc-editor.org/rfc/rfc4514)).
    Subject(String),
    /// A DNS name among the alternative ones.
    Dns(String),
    /// A URI among them.
    Uri(String),
    /// An address among them: its 4 or 16 bytes.
    Ip(Vec<u8>),
    /// An e-mail address among them.
    Email(String),
}

/// As an operator writes it.
impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(text) | Self::Dns(text) | Self::Uri(text) | Self::Email(text) => f.write_str(text),
            Self::Ip(bytes) => {
                match (<[u8; 4]>::try_from(bytes.as_slice()), <[u8; 16]>::try_from(bytes.as_slice())) {
                    (Ok(four), _) => write!(f, "{}", Ipv4Addr::from(four)),
                    (_, Ok(sixteen)) => write!(f, "{}", Ipv6Addr::from(sixteen)),
                    _ => write!(f, "{bytes:02x?}"),
                }
            }
        }
    }
}

/// What a token is bound to: the `cnf` claim ([RFC 7800](https://www.rfc-editor.org/rfc/rfc7800)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmation {
    /// The SHA-256 thumbprint of a DPoP key, base64url.
    #[serde(rename = "jkt")]
    Jkt(String),
    /// The SHA-256 thumbprint of a certificate, base64url.
    #[serde(rename = "x5t#S256")]
    Certificate(String),
}

impl Confirmation {
    /// The member of `cnf`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Jkt(_) => "jkt",
            Self::Certificate(_) => "x5t#S256",
        }
    }

    /// Its value.
    pub fn value(&self) -> &str {
        match self {
            Self::Jkt(text) | Self::Certificate(text) => text,
        }
    }

    /// The same kind of binding, whatever the key.
    pub const fn is_like(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Jkt(_), Self::Jkt(_)) | (Self::Certificate(_), Self::Certificate(_)))
    }
}
