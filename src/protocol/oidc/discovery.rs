//! Provider metadata ([OpenID Connect Discovery
//! 1.0](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata), [RFC
//! 8414](https://www.rfc-editor.org/rfc/rfc8414)).
//!
//! A metadata document is a stranger's text, and two providers may be configured side by side, one of them
//! hostile. The broker's credentials and codes stay apart by two rules. Credentials belong to one provider
//! and go only to the token endpoint of that provider, so whatever a document says, a provider sees only its
//! own. And the browser is sent only to the issuer's own site: `authorization_endpoint` must lie on the host
//! of the issuer or of the metadata URL, or below the issuer's host, unless it is given by hand. So a hostile
//! document cannot send people to an honest provider and collect that provider's codes at its own token
//! endpoint ([RFC 9700 section 4.4](https://www.rfc-editor.org/rfc/rfc9700#section-4.4)). The other endpoints
//! may lie anywhere public, as they do for Google, Microsoft and Facebook.

use serde_json::{Map, Value};
use url::{Host, Url};

use super::super::json::{self, JsonError};
use super::super::oauth2::token_request::{DOCUMENT, shown};
use super::issuer::Issuer;
use crate::model::fault::{Fault, Refusal};

/// What the engine reads from metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `authorization_endpoint`.
    pub authorization: Option<Url>,
    /// `token_endpoint`.
    pub token: Option<Url>,
    /// `userinfo_endpoint`.
    pub userinfo: Option<Url>,
    /// `jwks_uri`.
    pub jwks: Option<Url>,
    /// `end_session_endpoint`.
    pub end_session: Option<Url>,
    /// `backchannel_logout_supported` ([Back-Channel Logout section
    /// 2.1](https://openid.net/specs/openid-connect-backchannel-1_0.html#OPMetadata)).
    pub backchannel_logout: Option<bool>,
    /// `frontchannel_logout_supported` ([Front-Channel Logout section
    /// 3](https://openid.net/specs/openid-connect-frontchannel-1_0.html#OPLogout)).
    pub frontchannel_logout: Option<bool>,
    /// `authorization_response_iss_parameter_supported` ([RFC 9207 section
    /// 3](https://www.rfc-editor.org/rfc/rfc9207#section-3)).
    pub promises_iss: bool,
}

/// Why metadata is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// A status other than 200.
    #[error("the metadata URL answered with status {0}")]
    Status(u16),
    /// No acceptable JSON.
    #[error("metadata: {0}")]
    Json(JsonError),
    /// Another issuer than configured, or none (B-10).
    #[error("metadata is of issuer {found:?}, configured is {expected:?}")]
    Issuer {
        /// In the document.
        found: String,
        /// In the settings.
        expected: String,
    },
    /// An endpoint is no usable URL.
    #[error("metadata's {name} {url:?} is no absolute https URL without user name, password and fragment")]
    Endpoint {
        /// The member.
        name: &'static str,
        /// Its value, shortened.
        url: String,
    },
    /// The browser would be sent to another site than the issuer's (B-22).
    #[error("metadata's authorization_endpoint is at {found}, but the issuer is at {issuer}")]
    ForeignSite {
        /// Host of the endpoint.
        found: String,
        /// Host of the issuer.
        issuer: String,
    },
}

impl Refusal for DiscoveryError {
    fn code(&self) -> &'static str {
        match self {
            Self::Status(_) => "discovery_status",
            Self::Json(_) => "discovery_malformed",
            Self::Issuer { .. } => "discovery_issuer_mismatch",
            Self::Endpoint { .. } => "discovery_endpoint_unusable",
            Self::ForeignSite { .. } => "discovery_foreign_site",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Issuer { .. } | Self::ForeignSite { .. } | Self::Status(400..=499) => Fault::Pool,
            Self::Status(_) | Self::Json(_) | Self::Endpoint { .. } => Fault::Provider,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Status(_) => {
                "open the metadata URL in a browser; check issuer and discovery_url of this provider".into()
            }
            Self::Json(_) => {
                "the metadata URL must answer with one JSON object; check issuer and discovery_url".into()
            }
            Self::Issuer { found, .. } => {
                format!("set issuer to exactly {found:?} if that is the provider you mean")
            }
            Self::Endpoint { name, .. } => {
                format!(
                    "the provider must publish an https URL as {name}, or the endpoint must be set under \
                     endpoints of this provider"
                )
            }
            Self::ForeignSite { found, .. } => {
                format!(
                    "if the provider's sign-in page really is at {found}, confirm it by setting \
                     endpoints.authorization of this provider"
                )
            }
        }
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::Status(429 | 500..))
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::Issuer { expected, .. } => Some(expected.clone()),
            Self::ForeignSite { issuer, .. } => Some(issuer.clone()),
            Self::Status(_) => Some("status 200".to_owned()),
            _ => None,
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::Issuer { found, .. } | Self::ForeignSite { found, .. } => Some(found.clone()),
            Self::Status(status) => Some(format!("status {status}")),
            Self::Endpoint { url, .. } => Some(url.clone()),
            Self::Json(_) => None,
        }
    }
}

/// How a document is read.
#[derive(Debug, Clone, Copy)]
pub struct Expectation<'a> {
    /// The configured issuer. A template is also accepted literally, as multi-tenant metadata has it.
    pub issuer: Issuer<'a>,
    /// Where the document was read.
    pub discovery_url: &'a Url,
    /// Whether http to loopback addresses is acceptable.
    pub loopback_http: bool,
    /// Whether the authorization endpoint is given by hand, so that the document's is not used.
    pub authorization_given: bool,
}

/// Reads a metadata document.
pub fn parse(status: u16, body: &[u8], expected: Expectation<'_>) -> Result<Metadata, DiscoveryError> {
    if status != 200 {
        return Err(DiscoveryError::Status(status));
    }
    let document = json::object(body, DOCUMENT).map_err(DiscoveryError::Json)?;
    let found = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
    if found != expected.issuer.value && !expected.issuer.admits(found) {
        return Err(DiscoveryError::Issuer {
            found: shown(found),
            expected: expected.issuer.value.to_owned(),
        });
    }
    let endpoint = |name| endpoint(&document, name, expected.loopback_http);
    let metadata = Metadata {
        authorization: if expected.authorization_given { None } else { endpoint("authorization_endpoint")? },
        token: endpoint("token_endpoint")?,
        userinfo: endpoint("userinfo_endpoint")?,
        jwks: endpoint("jwks_uri")?,
        end_session: endpoint("end_session_endpoint")?,
        backchannel_logout: document.get("backchannel_logout_supported").and_then(Value::as_bool),
        frontchannel_logout: document.get("frontchannel_logout_supported").and_then(Value::as_bool),
        promises_iss: document.get("authorization_response_iss_parameter_supported")
            == Some(&Value::Bool(true)),
    };
    if let Some(authorization) = &metadata.authorization {
        check_site(authorization, expected)?;
    }
    Ok(metadata)
}

/// Parses an endpoint URL: https without user name, password and fragment; http for loopback if allowed.
pub fn endpoint_url(text: &str, loopback_http: bool) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let secure = url.scheme() == "https" || (loopback_http && url.scheme() == "http" && is_loopback(&url));
    (secure
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none())
    .then_some(url)
}

/// Whether the URL names this machine itself.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn endpoint(
    document: &Map<String, Value>,
    name: &'static str,
    loopback_http: bool,
) -> Result<Option<Url>, DiscoveryError> {
    let text = match document.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.as_str(),
        Some(_) => "",
    };
    endpoint_url(text, loopback_http)
        .map(Some)
        .ok_or_else(|| DiscoveryError::Endpoint { name, url: shown(text) })
}

fn check_site(authorization: &Url, expected: Expectation<'_>) -> Result<(), DiscoveryError> {
    let found = place(authorization);
    let issuer = Url::parse(expected.issuer.value).ok().map(|url| place(&url)).unwrap_or_default();
    let below =
        |host: &str| found.0.strip_suffix(host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let of_issuer = !issuer.0.is_empty()
        && found.1 == issuer.1
        && below(issuer.0.strip_prefix("www.").unwrap_or(&issuer.0));
    if of_issuer || found == place(expected.discovery_url) {
        return Ok(());
    }
    Err(DiscoveryError::ForeignSite { found: found.0, issuer: issuer.0 })
}

fn place(url: &Url) -> (String, Option<u16>) {
    (url.host_str().unwrap_or_default().to_owned(), url.port_or_known_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(issuer: &str, document: &Value) -> Result<Metadata, DiscoveryError> {
        let discovery_url = Url::parse("https://idp.example/.well-known/openid-configuration").unwrap();
        let issuer = Issuer { value: issuer, aliases: &[] };
        let expected = Expectation {
            issuer,
            discovery_url: &discovery_url,
            loopback_http: false,
            authorization_given: false,
        };
        parse(200, document.to_string().as_bytes(), expected)
    }

    fn document(issuer: &str) -> Value {
        serde_json::json!({
            "issuer": issuer, "authorization_endpoint": "https://idp.example/authorize",
            "token_endpoint": "https://tokens.example/token",
            "jwks_uri": "https://keys.example/jwks", "authorization_response_iss_parameter_supported": true,
        })
    }

    #[test]
    fn endpoints_may_lie_on_other_hosts_as_google_has_them() {
        let metadata = read("https://idp.example", &document("https://idp.example")).unwrap();
        assert_eq!(metadata.token.unwrap().as_str(), "https://tokens.example/token");
        assert!(metadata.promises_iss && metadata.userinfo.is_none());
    }

    /// B-10
    #[test]
    fn metadata_of_another_issuer_is_refused_and_the_hint_names_it() {
        for found in ["https://idp.example/", "https://evil.example", "http://idp.example", ""] {
            let error = read("https://idp.example", &document(found)).unwrap_err();
            assert_eq!(error.code(), "discovery_issuer_mismatch", "{found}");
            assert!(error.hint().contains(found));
        }
        let mut none = document("x");
        none.as_object_mut().unwrap().remove("issuer");
        assert_eq!(read("https://idp.example", &none).unwrap_err().code(), "discovery_issuer_mismatch");
    }

    #[test]
    fn multi_tenant_metadata_may_hold_the_template_or_one_tenant() {
        let template = "https://idp.example/{tenantid}/v2.0";
        assert!(read(template, &document(template)).is_ok());
        assert!(
            read(template, &document("https://idp.example/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0"))
                .is_ok()
        );
        assert!(read(template, &document("https://idp.example/common/v2.0")).is_err());
    }

    /// B-22
    #[test]
    fn a_document_cannot_send_people_to_another_provider() {
        for foreign in [
            "https://honest.example/authorize",
            "https://idp.example.evil.example/a",
            "https://evilidp.example/a",
            "https://idp.example:8443/a",
        ] {
            let mut evil = document("https://idp.example");
            evil["authorization_endpoint"] = foreign.into();
            assert_eq!(
                read("https://idp.example", &evil).unwrap_err().code(),
                "discovery_foreign_site",
                "{foreign}"
            );
        }
        let mut own = document("https://www.idp.example");
        own["authorization_endpoint"] = "https://login.idp.example/authorize".into();
        assert!(read("https://www.idp.example", &own).is_ok());
    }

    /// B-43
    #[test]
    fn endpoints_that_are_no_plain_https_are_refused() {
        for bad in [
            "http://idp.example/t",
            "ftp://idp.example/t",
            "/token",
            "",
            "https://u:p@idp.example/t",
            "https://idp.example/t#f",
            "javascript:1",
        ] {
            for name in [
                "authorization_endpoint",
                "token_endpoint",
                "userinfo_endpoint",
                "jwks_uri",
                "end_session_endpoint",
            ] {
                let mut evil = document("https://idp.example");
                evil[name] = bad.into();
                assert_eq!(
                    read("https://idp.example", &evil).unwrap_err().code(),
                    "discovery_endpoint_unusable",
                    "{name} {bad}"
                );
            }
        }
    }
}
