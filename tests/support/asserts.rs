//! Checks that fail at the line of the test that makes them, and say what the browser shows.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::browser::{Browser, Page};

/// An app that listens at `path` hears of a sign-out within ten seconds: a logout token is posted to it.
pub(crate) async fn hears_logout(listener: &TcpListener, path: &str) {
    let heard = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut heard = String::new();
        while !heard.contains("logout_token=") {
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).await.expect("a request");
            assert!(length > 0, "{heard}");
            heard += &String::from_utf8_lossy(&bytes[..length]);
        }
        assert!(heard.starts_with(&format!("POST {path}")), "{heard}");
    };
    tokio::time::timeout(Duration::from_secs(10), heard).await.expect("the app hears of it in time");
}

impl Browser {
    /// The window shows a URL that starts with `prefix`.
    #[track_caller]
    pub(crate) fn lands_on(&self, prefix: &str) -> &Page {
        assert!(self.page().url.as_str().starts_with(prefix), "expected {prefix}…, but: {self}");
        self.page()
    }

    /// The page has this status.
    #[track_caller]
    pub(crate) fn answers(&self, status: u16) -> &Page {
        assert_eq!(self.page().status, status, "{self}");
        self.page()
    }

    /// The page shows this text.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) -> &mut Self {
        assert!(self.page().text().contains(text), "no {text:?} in: {self}");
        self
    }

    /// The page does not hold this text, visible or not.
    #[track_caller]
    pub(crate) fn does_not_see(&mut self, text: &str) -> &mut Self {
        assert!(!self.page().body.contains(text), "{text:?} in: {self}\n{}", self.page().body);
        self
    }

    /// The window is back at the app at `prefix`, with this OAuth error.
    #[track_caller]
    pub(crate) fn is_refused_with(&self, error: &str, prefix: &str) -> &Page {
        let page = self.lands_on(prefix);
        assert_eq!(page.query("error").as_deref(), Some(error), "{self}");
        assert_eq!(page.query("code"), None, "{self}");
        page
    }

    /// Every cookie that was set so far was kept.
    #[track_caller]
    pub(crate) fn kept_every_cookie(&self) {
        assert!(self.dropped_cookies().is_empty(), "{:#?}", self.dropped_cookies());
    }
}
