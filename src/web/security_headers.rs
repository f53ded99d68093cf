//! Headers that every answer carries (D-02, D-03).

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

use crate::app::App;
use crate::model::encoding::{base64, sha256};

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri \
    'none'; frame-ancestors 'none'";
const NO_FRAMES: &str = "frame-ancestors 'none'";
const OWN_FORMS: &str = "form-action 'self'";

/// HSTS, caching, and what is added further out: the id, the date, the length.
const FURTHER: usize = 5;
/// What an answer sets itself.
const FEW: usize = 4;

const ALWAYS: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
];
const TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Lets the forms of one page lead on to these addresses: browsers hold `form-action` against every redirect
/// that follows ([CSP section 4.2](https://www.w3.org/TR/CSP3/#should-block-navigation-request)). An address
/// that is no web URL counts by its scheme.
pub fn forms_may_lead_to<'a>(page: Response, addresses: impl IntoIterator<Item = &'a str>) -> Response {
    with_policy(page, &sources(OWN_FORMS, addresses))
}

/// [`forms_may_lead_to`] these and any https address: where a provider sends people from there is not known
/// before.
pub fn forms_may_lead_onwards<'a>(page: Response, addresses: impl IntoIterator<Item = &'a str>) -> Response {
    // All of https is named already, and there may be ten thousand.
    let others = addresses.into_iter().filter(|address| !address.starts_with("https://"));
    with_policy(page, &sources(&format!("{OWN_FORMS} https:"), others))
}

/// Lets a page run this one script, which submits its form to `action`, and lets the form lead on to any
/// https address.
pub fn submits_itself_to(page: Response, action: &Url, script: &str) -> Response {
    may_run(with_policy(page, &format!("{OWN_FORMS} https: {}", source(action))), script)
}

/// Lets a page, besides what it may do, run this one script.
pub fn may_run(page: Response, script: &str) -> Response {
    with_rule(page, &format!("script-src 'sha256-{}'", base64(sha256(script))))
}

/// Lets a page, besides what it may do, show frames of these addresses' origins.
pub fn may_frame<'a>(page: Response, addresses: impl IntoIterator<Item = &'a str>) -> Response {
    with_rule(page, &sources("frame-src", addresses))
}

fn with_rule(mut page: Response, rule: &str) -> Response {
    let policy = page
        .headers()
        .get(header::CONTENT_SECURITY_POLICY)
        .and_then(|policy| policy.to_str().ok())
        .unwrap_or(POLICY);
    if let Ok(policy) = HeaderValue::from_str(&format!("{policy}; {rule}")) {
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    page
}

/// Lets pages at the origins of these addresses, and no others, show a page in a frame.
pub fn framed_by<'a>(mut page: Response, addresses: impl IntoIterator<Item = &'a str>) -> Response {
    let policy = page
        .headers()
        .get(header::CONTENT_SECURITY_POLICY)
        .and_then(|policy| policy.to_str().ok())
        .unwrap_or(POLICY);
    if let Ok(policy) =
        HeaderValue::from_str(&policy.replace(NO_FRAMES, &sources("frame-ancestors", addresses)))
    {
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    page
}

/// What is shown by itself is in a sandbox: no script, no form, no origin.
pub fn inert(page: Response) -> Response {
    with_policy(page, "form-action 'none'; sandbox")
}

fn sources<'a>(rule: &str, addresses: impl IntoIterator<Item = &'a str>) -> String {
    let mut named = BTreeSet::new();
    let addresses =
        addresses.into_iter().filter_map(|address| Url::parse(address).ok()).map(|address| source(&address));
    addresses.fold(rule.to_owned(), |mut rule, source| {
        if named.insert(source.clone()) {
            rule.push(' ');
            rule.push_str(&source);
        }
        rule
    })
}

fn source(address: &Url) -> String {
    let origin = address.origin();
    if origin.is_tuple() { origin.ascii_serialization() } else { format!("{}:", address.scheme()) }
}

/// The page under the usual policy with another rule for its forms.
fn with_policy(mut page: Response, forms: &str) -> Response {
    if let Ok(policy) = HeaderValue::from_str(&POLICY.replace(OWN_FORMS, forms)) {
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    page
}

/// [`complete`] as a layer.
pub async fn add(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    complete(&app, answer.headers_mut());
    answer
}

/// Room for a few headers and all that are added further out, so that the map does not grow.
pub fn make_room(headers: &mut HeaderMap) {
    headers.reserve(FEW + ALWAYS.len() + FURTHER);
}

/// Adds what the answer does not set itself; HSTS where browsers see https.
pub fn complete(app: &App, headers: &mut HeaderMap) {
    headers.reserve(ALWAYS.len() + FURTHER);
    let framed = headers
        .get(header::CONTENT_SECURITY_POLICY)
        .is_some_and(|policy| !contains(policy.as_bytes(), NO_FRAMES.as_bytes()));
    for (name, value) in ALWAYS {
        // The older header knows no origins: where a policy names some, it stands alone.
        if framed && name == header::X_FRAME_OPTIONS {
            continue;
        }
        headers.entry(name).or_insert(value);
    }
    if app.https() {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(TRANSPORT);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse as _;

    /// D-03
    #[test]
    fn the_forms_of_a_page_lead_to_the_origins_that_it_names_and_nowhere_else() {
        let page = forms_may_lead_to(
            "".into_response(),
            ["https://app.example:8443/bye?x=1", "com.example.app:/bye", "no address"],
        );
        let policy = page
            .headers()
            .get(header::CONTENT_SECURITY_POLICY)
            .and_then(|value| value.to_str().ok())
            .unwrap();
        assert_eq!(
            policy,
            POLICY.replace(
                "form-action 'self'",
                "form-action 'self' https://app.example:8443 com.example.app:"
            )
        );
    }
    /// D-03
    #[test]
    fn a_page_that_submits_itself_runs_one_script_and_no_other() {
        let action = Url::parse("http://localhost:8081/sso").unwrap();
        let page = submits_itself_to("".into_response(), &action, "go()");
        let policy = page
            .headers()
            .get(header::CONTENT_SECURITY_POLICY)
            .and_then(|value| value.to_str().ok())
            .unwrap();
        let script = format!("script-src 'sha256-{}'", base64(sha256("go()")));
        let forms = POLICY.replace("form-action 'self'", "form-action 'self' https: http://localhost:8081");
        assert_eq!(policy, format!("{forms}; {script}"));
    }

    ///
    #[test]
    fn a_page_shows_frames_of_the_origins_that_it_names_and_no_others() {
        let page =
            may_frame("".into_response(), ["https://app.example/out?sid=1", "https://shop.example:8443/out"]);
        let policy = page
            .headers()
            .get(header::CONTENT_SECURITY_POLICY)
            .and_then(|value| value.to_str().ok())
            .unwrap();
        assert_eq!(policy, format!("{POLICY}; frame-src https://app.example https://shop.example:8443"));
    }

    /// B-46, D-02
    #[test]
    fn a_page_is_shown_by_pages_of_the_origins_that_it_names_and_no_others() {
        let page = framed_by(
            "".into_response(),
            ["https://idp.example/issuer", "https://login.idp.example:8443/out"],
        );
        let policy = page
            .headers()
            .get(header::CONTENT_SECURITY_POLICY)
            .and_then(|value| value.to_str().ok())
            .unwrap();
        let named = "frame-ancestors https://idp.example https://login.idp.example:8443";
        assert_eq!(policy, POLICY.replace(NO_FRAMES, named));
        assert!(
            framed_by("".into_response(), ["no address"]).headers()[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .ends_with("ancestors")
        );
    }
}
