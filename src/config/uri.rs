//! URIs that an operator registers: absolute, exact, and unable to carry a token where nobody meant it to go.

use url::Url;

use crate::model::document::Invalid;
pub(super) use crate::protocol::oidc::discovery::is_loopback;

/// Schemes that run or read something in the browser instead of leading to an app.
const NEVER: [&str; 10] =
    ["javascript", "data", "vbscript", "file", "blob", "about", "filesystem", "view-source", "ws", "wss"];

/// A redirect or sign-out URI ([RFC 9700 section 4.1](https://www.rfc-editor.org/rfc/rfc9700#section-4.1)):
/// https, http on loopback, or an app's own scheme, which holds a dot ([RFC 8252 section
/// 7.1](https://www.rfc-editor.org/rfc/rfc8252#section-7.1)) or is declared.
pub(super) fn redirect(text: &str, declared: &[String]) -> Result<String, Invalid> {
    let url = absolute(text)?;
    match url.scheme() {
        "https" | "http" => web(&url, text)?,
        scheme if NEVER.contains(&scheme) => return Err(forbidden(scheme)),
        scheme if scheme.contains('.') || declared.iter().any(|own| own == scheme) => {}
        scheme => {
            return Err(Invalid::new(
                format!("any app could claim the scheme {scheme:?}"),
                format!(
                    "use https or a scheme with a dot such as com.example.app, or declare it: schemes = \
                     [{scheme:?}]"
                ),
            ));
        }
    }
    Ok(text.to_owned())
}

/// A scheme that a native app declares as its own.
pub(super) fn scheme(text: &str) -> Result<String, Invalid> {
    let well_formed = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'));
    if !well_formed || matches!(text, "http" | "https") {
        return Err(Invalid::new(
            format!("{text:?} is no scheme of an app"),
            "write a lower-case scheme such as myapp, without ://",
        ));
    }
    if NEVER.contains(&text) { Err(forbidden(text)) } else { Ok(text.to_owned()) }
}

/// A resource server's URI ([RFC 8707 section 2](https://www.rfc-editor.org/rfc/rfc8707#section-2)).
pub(super) fn resource(text: &str) -> Result<String, Invalid> {
    let url = absolute(text)?;
    match url.scheme() {
        "https" | "http" => web(&url, text)?,
        scheme if NEVER.contains(&scheme) => return Err(forbidden(scheme)),
        _ => {}
    }
    Ok(text.to_owned())
}

/// An https URL, or http on loopback, without a fragment.
pub(super) fn endpoint(text: &str) -> Result<String, Invalid> {
    let url = absolute(text)?;
    web(&url, text)?;
    Ok(text.to_owned())
}

/// Where an OpenTelemetry collector listens: http anywhere, for what it is told of concerns no person.
pub(super) fn collector(text: &str) -> Result<String, Invalid> {
    let url = absolute(text)?;
    match url.scheme() {
        "http" | "https" if url.query().is_none() => Ok(text.to_owned()),
        _ => Err(Invalid::new(
            format!("{text:?} is no URL of a collector"),
            "write a URL such as http://127.0.0.1:4318",
        )),
    }
}

/// A browser origin ([RFC 6454](https://www.rfc-editor.org/rfc/rfc6454)) as browsers send it.
pub(super) fn origin(text: &str) -> Result<String, Invalid> {
    let url = absolute(text)?;
    web(&url, text)?;
    let origin = url.origin().ascii_serialization();
    if origin == text {
        Ok(origin)
    } else {
        Err(Invalid::new(
            format!("{text:?} is not an origin as browsers send it"),
            format!("write {origin:?}"),
        ))
    }
}

/// The origin of a web address.
pub(super) fn origin_of(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    matches!(url.scheme(), "https" | "http").then(|| url.origin().ascii_serialization())
}

/// A base URL at the root of a host: no path, no query; returned without the trailing slash.
pub(super) fn base(text: &str) -> Result<String, Invalid> {
    let url = absolute(text)?;
    web(&url, text)?;
    let root = url.origin().ascii_serialization();
    if url.path() == "/" && url.query().is_none() {
        Ok(root)
    } else {
        Err(Invalid::new(
            format!("{text:?} is more than a host"),
            format!("write {root:?}: the broker's paths begin at the root of its host"),
        ))
    }
}

/// An issuer: https (http on loopback), without query and trailing slash ([OpenID Connect Core section
/// 2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)).
pub(super) fn issuer(text: &str) -> Result<String, Invalid> {
    let url = absolute(text)?;
    web(&url, text)?;
    if url.query().is_some() || text.ends_with('/') {
        return Err(Invalid::new(
            format!("{text:?} ends in a slash or has a query"),
            "write the issuer without them; tokens carry it byte for byte",
        ));
    }
    Ok(text.to_owned())
}

/// A host name, with a port when it is not the default one of `scheme`, as the Host header carries it.
pub(super) fn host(text: &str, scheme: &str) -> Result<String, Invalid> {
    let invalid = |fix: &str| Invalid::new(format!("{text:?} is no host name"), fix.to_owned());
    let usual = "write a host such as auth.example.com, or auth.example.com:8443";
    if text.bytes().any(|b| matches!(b, b'/' | b'@' | b'?' | b'#' | b'*' | b'\\') || b.is_ascii_whitespace())
    {
        return Err(invalid(usual));
    }
    let url = Url::parse(&format!("{scheme}://{text}/")).map_err(|_| invalid(usual))?;
    let canonical = authority(&url).ok_or_else(|| invalid(usual))?;
    if scheme == "http" && !is_loopback(&url) {
        return Err(Invalid::new(
            format!("{text:?} would be served over plain http"),
            "write an https URL in server.public_url, or a host such as a.localhost",
        ));
    }
    if canonical == text { Ok(canonical) } else { Err(invalid(&format!("write {canonical:?}"))) }
}

/// Host and non-default port of a URL.
pub(super) fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

fn absolute(text: &str) -> Result<Url, Invalid> {
    let plain = text.bytes().all(|b| {
        b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
    });
    if !plain {
        return Err(Invalid::new(
            format!("{text:?} holds a character that no URI holds"),
            "write ASCII only; percent-encode the rest",
        ));
    }
    let url = Url::parse(text).map_err(|error| {
        Invalid::new(
            format!("{text:?} is no absolute URI: {error}"),
            "write it in full: https://app.example/callback",
        )
    })?;
    if text.contains('*') {
        return Err(Invalid::new(
            format!("{text:?} holds a wildcard"),
            "list every URI; they are compared byte for byte",
        ));
    }
    if text.contains('#') {
        return Err(Invalid::new(format!("{text:?} has a fragment"), "remove # and what follows"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Invalid::new("the URI holds a user name or password", "remove everything before the @"));
    }
    Ok(url)
}

fn web(url: &Url, text: &str) -> Result<(), Invalid> {
    if !text.to_ascii_lowercase().starts_with(&format!("{}://", url.scheme())) {
        return Err(Invalid::new(
            format!("{text:?} lacks the // after its scheme"),
            "write it in full: https://app.example/callback",
        ));
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => Err(Invalid::new(
            format!("{text:?} is plain http"),
            "use https; http is for localhost, 127.0.0.1 and [::1] only",
        )),
        scheme => Err(Invalid::new(format!("{scheme:?} is not a web scheme"), "use https")),
    }
}

fn forbidden(scheme: &str) -> Invalid {
    Invalid::new(
        format!("the scheme {scheme:?} is never allowed"),
        "use https, or an app's own scheme such as com.example.app",
    )
}
