//! A browser without scripts: cookies, redirects, forms, and the rules by which a cross-site request loses
//! its cookies.
//!
//! Hosts under `.example` do not exist: landing there is recorded and shows an empty page, so an app needs no
//! server.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, redirect};
use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;
use url::{Url, form_urlencoded};

pub(crate) mod cookies;
pub(crate) mod html;

use cookies::{Cookie, Jar, Outgoing};
use html::{Button, Document, Form};

/// What the window shows.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// A request that a browser would make.
#[derive(Debug, Clone)]
struct Navigation {
    method: Method,
    url: Url,
    body: Option<(String, String)>,
    /// Origin of the page that causes it; none for the address bar.
    initiator: Option<Url>,
    /// Whether that page's referrer policy hides its origin.
    origin_hidden: bool,
    /// The redirects since then.
    redirects: Vec<Url>,
}

impl Navigation {
    fn get(url: Url, initiator: Option<Url>) -> Self {
        Self { method: Method::GET, url, body: None, initiator, origin_hidden: false, redirects: Vec::new() }
    }
}

/// One tab. Clones and [`Browser::new_tab`] share the cookies.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    http: reqwest::Client,
    jar: Arc<Mutex<Jar>>,
    clock: Clock,
    page: Option<Page>,
    /// What caused the page that shows, and the redirects since then.
    cause: (Option<Url>, Vec<Url>),
    filled: Vec<(String, String)>,
    trail: Vec<Page>,
    dropped_cookies: Vec<String>,
}

impl Browser {
    /// A fresh browser whose cookies age by `clock`.
    pub(crate) fn new(clock: &Clock) -> Self {
        // Apps close idle connections after five seconds.
        let idle = Duration::from_secs(4);
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .pool_idle_timeout(idle)
            .build();
        Self {
            http: http.expect("an HTTP client"),
            jar: Arc::default(),
            clock: clock.clone(),
            page: None,
            cause: (None, Vec::new()),
            filled: Vec::new(),
            trail: Vec::new(),
            dropped_cookies: Vec::new(),
        }
    }

    /// Another tab of the same browser.
    pub(crate) fn new_tab(&self) -> Self {
        Self { page: None, filled: Vec::new(), trail: Vec::new(), ..self.clone() }
    }

    /// Types an address and follows whatever comes until a page shows.
    pub(crate) async fn opens(&mut self, url: impl AsRef<str>) -> &mut Self {
        self.requests(url).await.follows_all().await
    }

    /// Types an address and looks at the first answer only.
    pub(crate) async fn requests(&mut self, url: impl AsRef<str>) -> &mut Self {
        let url = Url::parse(url.as_ref()).expect("an absolute URL");
        self.go(Navigation::get(url, None)).await
    }

    /// Takes one redirect, or sends one self-submitting form.
    pub(crate) async fn follows(&mut self) -> &mut Self {
        let next = self.next_hop().unwrap_or_else(|| panic!("nothing to follow: {self}"));
        self.go(next).await
    }

    /// Takes redirects and self-submitting forms until a page shows.
    pub(crate) async fn follows_all(&mut self) -> &mut Self {
        for _ in 0..20 {
            let Some(next) = self.next_hop() else { return self };
            self.go(next).await;
        }
        panic!("a redirect loop: {:?}", self.trail.iter().map(|page| page.url.as_str()).collect::<Vec<_>>());
    }

    /// Writes into a form field; the next click sends it.
    pub(crate) fn fills(&mut self, name: &str, value: &str) -> &mut Self {
        self.filled.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Presses the button or link whose text holds `text`, and follows all.
    pub(crate) async fn clicks(&mut self, text: &str) -> &mut Self {
        let next = self.click(text);
        self.go(next).await.follows_all().await
    }

    /// Presses the button or link and looks at the first answer only.
    pub(crate) async fn presses(&mut self, text: &str) -> &mut Self {
        let next = self.click(text);
        self.go(next).await
    }

    /// Sends a form from a page of another origin, as an attacker's page would.
    pub(crate) async fn is_lured_to_post(
        &mut self,
        from: &str,
        url: &str,
        fields: &[(&str, &str)],
    ) -> &mut Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let navigation = Navigation {
            method: Method::POST,
            url: Url::parse(url).expect("an absolute URL"),
            body: Some((FORM.to_owned(), body)),
            initiator: Some(Url::parse(from).expect("an absolute URL")),
            origin_hidden: false,
            redirects: Vec::new(),
        };
        self.go(navigation).await
    }

    /// Follows a link on a page of another origin.
    pub(crate) async fn is_lured_to(&mut self, from: &str, url: &str) -> &mut Self {
        let parse = |text: &str| Url::parse(text).expect("an absolute URL");
        self.go(Navigation::get(parse(url), Some(parse(from)))).await
    }

    /// The page that shows.
    #[track_caller]
    pub(crate) fn page(&self) -> &Page {
        self.page.as_ref().expect("a page was opened")
    }

    /// Every answer so far, redirects included.
    pub(crate) fn trail(&self) -> &[Page] {
        &self.trail
    }

    /// What all pages so far loaded in frames.
    pub(crate) fn framed(&self) -> Vec<Url> {
        let frames = |page: &Page| Document::parse(&page.body).frames;
        self.trail.iter().flat_map(frames).map(|src| Url::parse(&src).expect("an absolute URL")).collect()
    }

    /// The cookies, for tests that read or damage them.
    pub(crate) fn cookies(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().expect("no test panics while it holds the jar")
    }

    /// The cookie called `name` on any host.
    pub(crate) fn cookie(&self, name: &str) -> Option<Cookie> {
        self.cookies().iter().find(|cookie| cookie.name == name).cloned()
    }

    /// Why cookies were dropped, one line each: a working sign-in has none.
    pub(crate) fn dropped_cookies(&self) -> &[String] {
        &self.dropped_cookies
    }

    /// Deletes every cookie.
    pub(crate) fn forgets_cookies(&mut self) -> &mut Self {
        self.cookies().clear();
        self
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Loads a page: cookies out, cookies in.
    async fn go(&mut self, navigation: Navigation) -> &mut Self {
        self.filled.clear();
        let url = navigation.url.clone();
        self.cause = (navigation.initiator.clone(), navigation.redirects.clone());
        if url.host_str().is_some_and(|host| host.ends_with(".example")) {
            return self.shows(Page { url, status: 200, headers: HeaderMap::new(), body: String::new() });
        }
        let response = self.request(navigation).send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for raw in headers.get_all(SET_COOKIE) {
            let raw = String::from_utf8_lossy(raw.as_bytes()).into_owned();
            let stored = self.cookies().store(&url, &raw, self.clock.now());
            if let Err(why) = stored {
                self.dropped_cookies.push(format!("{raw}: {why}"));
            }
        }
        let body = String::from_utf8_lossy(&response.bytes().await.unwrap_or_default()).into_owned();
        self.shows(Page { url, status, headers, body })
    }

    fn request(&self, navigation: Navigation) -> reqwest::RequestBuilder {
        let Navigation { method, url, body, initiator, origin_hidden, redirects } = navigation;
        let site = initiator.as_ref().map_or("none", |from| {
            redirects.iter().fold(relation(from, &url), |so_far, hop| farther(so_far, relation(hop, &url)))
        });
        let same_site = initiator.as_ref().is_none_or(|from| relation(from, &url) != "cross-site");
        let out = Outgoing { url: &url, safe_method: method == Method::GET, same_site, now: self.now() };
        let cookies = self.cookies().header(&out);
        let unsafe_method = method != Method::GET;
        let mut request = self
            .http
            .request(method, url)
            .header("sec-fetch-site", site)
            .header("sec-fetch-mode", "navigate");
        if let Some(cookies) = cookies {
            request = request.header(COOKIE, cookies);
        }
        if let (true, Some(from)) = (unsafe_method, initiator) {
            let origin = if origin_hidden { "null".to_owned() } else { from.origin().ascii_serialization() };
            request = request.header(ORIGIN, origin);
        }
        match body {
            Some((kind, body)) => request.header(CONTENT_TYPE, kind).body(body),
            None => request,
        }
    }

    fn shows(&mut self, page: Page) -> &mut Self {
        self.trail.push(page.clone());
        self.page = Some(page);
        self
    }

    fn next_hop(&self) -> Option<Navigation> {
        let page = self.page();
        if let Some(location) = page.headers.get(LOCATION) {
            let location = String::from_utf8_lossy(location.as_bytes());
            let url = page.url.join(&location).unwrap_or_else(|error| panic!("Location {location}: {error}"));
            let (initiator, mut redirects) = self.cause.clone();
            redirects.push(page.url.clone());
            return Some(Navigation { redirects, ..Navigation::get(url, initiator) });
        }
        let document = Document::parse(&page.body);
        if let Some(next) = &document.next {
            let url = page.url.join(next).expect("an address that leads somewhere");
            return Some(Navigation::get(url, Some(page.url.clone())));
        }
        let form = document.forms.first().filter(|_| document.submits_itself)?;
        Some(self.submission(form, None))
    }

    fn click(&self, text: &str) -> Navigation {
        let document = Document::parse(&self.page().body);
        for form in &document.forms {
            if let Some(button) = form.buttons.iter().find(|button| button.text.contains(text)) {
                return self.submission(form, Some(button));
            }
        }
        let link = document.links.iter().find(|link| link.text.contains(text));
        let link = link.unwrap_or_else(|| panic!("no {text:?} to press: {self}"));
        let url = self.page().url.join(&link.href).expect("a link that leads somewhere");
        Navigation::get(url, Some(self.page().url.clone()))
    }

    fn submission(&self, form: &Form, button: Option<&Button>) -> Navigation {
        let page = self.page();
        let action = button
            .and_then(|button| button.formaction.as_ref())
            .or(form.action.as_ref())
            .filter(|action| !action.is_empty());
        let mut url = action.map_or(page.url.clone(), |action| {
            page.url.join(action).expect("an action that leads somewhere")
        });
        let mut fields = form.fields.clone();
        for (name, value) in &self.filled {
            match fields.iter_mut().find(|(have, _)| have == name) {
                Some(field) => field.1.clone_from(value),
                None => fields.push((name.clone(), value.clone())),
            }
        }
        fields.extend(button.and_then(|button| button.field.clone()));
        let policy =
            page.headers.get("referrer-policy").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (initiator, origin_hidden) = (Some(page.url.clone()), policy == "no-referrer");
        if form.method == "POST" {
            let body = Some(encode(&form.enctype, &fields));
            return Navigation {
                method: Method::POST,
                url,
                body,
                initiator,
                origin_hidden,
                redirects: Vec::new(),
            };
        }
        url.set_query(Some(&form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish()));
        Navigation::get(url, initiator)
    }
}

impl std::fmt::Display for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.page {
            Some(page) => write!(f, "{} {} {}", page.status, page.url, page.text()),
            None => f.write_str("no page yet"),
        }
    }
}

impl Page {
    /// The value of a query parameter of the page's URL.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(have, _)| have == name).map(|(_, value)| value.into_owned())
    }

    /// The text that a person sees.
    pub(crate) fn text(&self) -> String {
        Document::parse(&self.body).text
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn encode(enctype: &str, fields: &[(String, String)]) -> (String, String) {
    if enctype == "text/plain" {
        let lines: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}\r\n")).collect();
        return (enctype.to_owned(), lines.concat());
    }
    (FORM.to_owned(), form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
}

/// `Sec-Fetch-Site`. No two hosts of the tests share a registrable domain, so a site is a scheme and a host.
fn relation(from: &Url, to: &Url) -> &'static str {
    if from.origin() == to.origin() {
        "same-origin"
    } else if from.scheme() == to.scheme() && from.host_str() == to.host_str() {
        "same-site"
    } else {
        "cross-site"
    }
}

fn farther(one: &'static str, other: &'static str) -> &'static str {
    ["cross-site", "same-site"].into_iter().find(|site| [one, other].contains(site)).unwrap_or("same-origin")
}
