//! A cookie jar with the rules that matter to a sign-in ([RFC
//! 6265bis](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis)).
//!
//! Cookies belong to a host, not to a port. `Max-Age` counts from the test's clock.

use symbolon::model::time::Timestamp;
use url::Url;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SameSite {
    Strict,
    /// Also when the attribute is absent, as browsers do today.
    Lax,
    None,
}

/// One cookie as the browser keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cookie {
    pub(crate) host: String,
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) path: String,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) same_site: SameSite,
    /// End of life; a session cookie has none.
    pub(crate) expires: Option<Timestamp>,
    /// The header as it came.
    pub(crate) raw: String,
}

/// The request for which cookies are chosen.
pub(crate) struct Outgoing<'a> {
    pub(crate) url: &'a Url,
    pub(crate) safe_method: bool,
    /// Whether the page that causes the request is of the same site.
    pub(crate) same_site: bool,
    pub(crate) now: Timestamp,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Jar(Vec<Cookie>);

impl Jar {
    /// Stores a `Set-Cookie` header; the error says why a browser would drop it.
    pub(crate) fn store(&mut self, url: &Url, raw: &str, now: Timestamp) -> Result<(), String> {
        let (cookie, domain) = parse(url, raw, now)?;
        let trustworthy = url.scheme() == "https" || is_loopback(url);
        if cookie.secure && !trustworthy {
            return Err("Secure over plain http".to_owned());
        }
        if cookie.same_site == SameSite::None && !cookie.secure {
            return Err("SameSite=None without Secure".to_owned());
        }
        let host_prefix = cookie.name.starts_with("__Host-");
        if host_prefix && (domain || cookie.path != "/" || !cookie.secure)
            || cookie.name.starts_with("__Secure-") && !cookie.secure
        {
            return Err("the name's prefix promises more than the attributes hold".to_owned());
        }
        if raw.len() > 4096 {
            return Err("longer than 4096 bytes".to_owned());
        }
        self.0.retain(|have| {
            (&have.host, &have.name, &have.path) != (&cookie.host, &cookie.name, &cookie.path)
        });
        if cookie.expires.is_none_or(|end| end > now) {
            self.0.push(cookie);
        }
        Ok(())
    }

    /// The `Cookie` header, if any cookie applies.
    pub(crate) fn header(&self, to: &Outgoing<'_>) -> Option<String> {
        let trustworthy = to.url.scheme() == "https" || is_loopback(to.url);
        let pairs: Vec<String> = self
            .0
            .iter()
            .filter(|cookie| Some(cookie.host.as_str()) == to.url.host_str())
            .filter(|cookie| path_matches(to.url.path(), &cookie.path))
            .filter(|cookie| trustworthy || !cookie.secure)
            .filter(|cookie| cookie.expires.is_none_or(|end| end > to.now))
            .filter(|cookie| match cookie.same_site {
                SameSite::None => true,
                SameSite::Lax => to.same_site || to.safe_method,
                SameSite::Strict => to.same_site,
            })
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cookie> {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Cookie> {
        self.0.iter_mut()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Whether plain http to this host counts as trustworthy
/// ([Secure Contexts](https://w3c.github.io/webappsec-secure-contexts/#potentially-trustworthy-origin)).
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn path_matches(path: &str, cookie: &str) -> bool {
    path == cookie
        || path.strip_prefix(cookie).is_some_and(|rest| cookie.ends_with('/') || rest.starts_with('/'))
}

fn parse(url: &Url, raw: &str, now: Timestamp) -> Result<(Cookie, bool), String> {
    let mut parts = raw.split(';').map(str::trim);
    let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).ok_or("no name")?;
    let mut cookie = Cookie {
        host: url.host_str().unwrap_or_default().to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
        path: url
            .path()
            .rsplit_once('/')
            .map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder })
            .to_owned(),
        secure: false,
        http_only: false,
        same_site: SameSite::Lax,
        expires: None,
        raw: raw.to_owned(),
    };
    let mut domain = false;
    for attribute in parts {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        match key.to_ascii_lowercase().as_str() {
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "domain" => domain = true,
            "max-age" => {
                let seconds: i64 = value.parse().map_err(|_| format!("Max-Age={value}"))?;
                cookie.expires =
                    Some(Timestamp::from_millis(now.millis().saturating_add(seconds.saturating_mul(1000))));
            }
            "expires" if cookie.expires.is_none() && value.contains("1970") => {
                cookie.expires = Some(Timestamp::from_secs(0));
            }
            "samesite" => {
                cookie.same_site = match value.to_ascii_lowercase().as_str() {
                    "none" => SameSite::None,
                    "strict" => SameSite::Strict,
                    _ => SameSite::Lax,
                };
            }
            _ => {}
        }
    }
    Ok((cookie, domain))
}
