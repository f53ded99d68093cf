//! One person's browser for one sign-in: cookies, and one step at a time.

use std::time::{Duration, Instant};

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use url::Url;

use super::Fail;
use super::connection::Connection;

/// A browser without history.
#[derive(Debug)]
pub struct Browser {
    connection: Connection,
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
    /// Uses these connections.
    pub fn new(connection: &Connection) -> Self {
        Self { connection: connection.clone(), cookies: Vec::new() }
    }

    /// Follows a link or redirect.
    pub async fn get(&mut self, url: &Url) -> Result<Step, Fail> {
        let cookies = self.cookies.iter().collect::<Vec<_>>();
        let request = with_cookies(self.connection.get(url), &cookies);
        self.send(url, request).await
    }

    /// Sends a form that a page of another site has filled.
    pub async fn post_from_elsewhere(&mut self, url: &Url, fields: &[(&str, &str)]) -> Result<Step, Fail> {
        let cookies = self.cookies.iter().filter(|cookie| cookie.cross_site).collect::<Vec<_>>();
        let request = with_cookies(self.connection.post(url), &cookies).form(fields);
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
        let location =
            headers.get(LOCATION).and_then(|value| value.to_str().ok()).and_then(|text| url.join(text).ok());
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

fn with_cookies(request: reqwest::RequestBuilder, cookies: &[&Kept]) -> reqwest::RequestBuilder {
    if cookies.is_empty() {
        return request;
    }
    request.header(
        COOKIE,
        cookies
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect::<Vec<_>>()
            .join("; "),
    )
}
