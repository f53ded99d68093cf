//! One person's browser for one sign-in: cookies, and one step at a time.

use std::time::{Duration, Instant};

use reqwest::Client;
use reqwest::header::{COOKIE, HOST, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use url::Url;

use super::Fail;

/// Hosts below it are reached at 127.0.0.1: the pools of one broker.
pub const LOCAL: &str = ".localhost";

/// A client that follows nothing by itself and keeps its connection.
pub fn connection() -> Result<Client, Fail> {
    Ok(Client::builder().redirect(Policy::none()).no_proxy().pool_max_idle_per_host(64).timeout(Duration::from_secs(30)).build()?)
}

/// A browser without history.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    cookies: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    name: String,
    value: String,
    /// Whether it also comes with a form that another site posts.
    cross_site: bool,
}

/// What came of a request.
#[derive(Debug)]
pub struct Step {
    /// The status.
    pub status: u16,
    /// `Location`, as an absolute URL.
    pub location: Option<Url>,
    /// From the request's first byte to the answer's last one.
    pub took: Duration,
}

impl Browser {
    /// Uses `client`'s connections.
    pub fn new(client: &Client) -> Self {
        Self { client: client.clone(), cookies: Vec::new() }
    }

    /// Follows a link or redirect.
    pub async fn get(&mut self, url: &Url) -> Result<Step, Fail> {
        let cookies = self.cookies.iter().collect::<Vec<_>>();
        let request = with_cookies(at(url, |url| self.client.get(url)), &cookies);
        self.send(url, request).await
    }

    /// Sends a form that a page of another site has filled.
    pub async fn post_from_elsewhere(&mut self, url: &Url, fields: &[(&str, &str)]) -> Result<Step, Fail> {
        let cookies = self.cookies.iter().filter(|cookie| cookie.cross_site).collect::<Vec<_>>();
        let request = with_cookies(at(url, |url| self.client.post(url)), &cookies).form(fields);
        self.send(url, request).await
    }

    async fn send(&mut self, url: &Url, request: reqwest::RequestBuilder) -> Result<Step, Fail> {
        let began = Instant::now();
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        response.bytes().await?;
        let took = began.elapsed();
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            self.keep(cookie);
        }
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).and_then(|text| url.join(text).ok());
        Ok(Step { status, location, took })
    }

    fn keep(&mut self, cookie: &str) {
        let mut parts = cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let rest: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        self.cookies.retain(|kept| kept.name != name);
        if rest.iter().any(|part| part == "max-age=0") {
            return;
        }
        let cross_site = !rest.iter().any(|part| matches!(part.as_str(), "samesite=lax" | "samesite=strict"));
        self.cookies.push(Kept { name: name.to_owned(), value: value.to_owned(), cross_site });
    }
}

/// A request to `url`, whose host may be one of many that a broker of this run answers for.
pub fn at(url: &Url, begin: impl FnOnce(Url) -> reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    let host = url.host_str().unwrap_or_default();
    if !host.ends_with(LOCAL) {
        return begin(url.clone());
    }
    let mut direct = url.clone();
    direct.set_host(Some("127.0.0.1")).expect("an http URL takes another host");
    let named = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    begin(direct).header(HOST, named)
}

fn with_cookies(request: reqwest::RequestBuilder, cookies: &[&Kept]) -> reqwest::RequestBuilder {
    if cookies.is_empty() {
        return request;
    }
    request.header(COOKIE, cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect::<Vec<_>>().join("; "))
}
