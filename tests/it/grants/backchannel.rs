//! Telling apps that a person signed out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use symbolon::model::encoding::base64url_decode;
use symbolon::model::ids::{ClientId, SessionId};
use symbolon::outside::http::{Http, HttpError, HttpLimits, Response};
use symbolon::user_pool::backchannel::{Delivery, Notice, Patience, SignedOut, deliver, notices};

use super::desk::Desk;

/// The waits of a test.
fn brisk() -> Patience {
    Patience { budget: Duration::from_millis(300), waits: [Duration::from_millis(1); 2] }
}

fn clients(ids: &[&str]) -> Vec<ClientId> {
    ids.iter().map(|id| ClientId::parse(id).unwrap()).collect()
}

fn of(desk: &Desk, ids: &[&str], session: Option<&SessionId>) -> Vec<Notice> {
    let out = SignedOut { sub: &desk.sub, session, clients: &clients(ids) };
    notices(&desk.pool, out, &desk.keys, desk.clock.now(), &desk.random).unwrap()
}

async fn listening() -> Desk {
    let mut desk = Desk::new().await;
    for id in ["spa", "web"] {
        desk.client_mut(id).backchannel_logout_uri = Some(format!("https://{id}.example/logout"));
    }
    desk
}

fn answer(status: u16) -> Response {
    Response { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: Bytes::new() }
}

/// An app that answers its first calls with `statuses` and later ones with 200; and how often it was called.
fn app(statuses: &'static [u16]) -> (Http, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let http = Http::fake(move |_| {
        Ok(answer(statuses.get(counted.fetch_add(1, Ordering::SeqCst)).copied().unwrap_or(200)))
    });
    (http, calls)
}

///
#[tokio::test]
async fn each_app_that_took_part_is_told_once_with_a_logout_token() {
    let desk = listening().await;
    let session = SessionId::from_random([4; 16]);
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = seen.clone();
    let http = Http::fake(move |request| {
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        sink.lock()
            .unwrap()
            .push((request.url.to_string(), body.strip_prefix("logout_token=").unwrap().to_owned()));
        Ok(answer(200))
    });
    let told = deliver(&http, of(&desk, &["spa", "web", "other", "gone"], Some(&session)), brisk()).await;
    assert_eq!(
        told,
        [("spa", Delivery::Taken), ("web", Delivery::Taken)].map(|(id, d)| (ClientId::parse(id).unwrap(), d))
    );
    let seen = seen.lock().unwrap();
    assert_eq!(
        seen.iter().map(|(url, _)| url.as_str()).collect::<Vec<_>>(),
        ["https://spa.example/logout", "https://web.example/logout"]
    );
    let part = |at: usize| -> serde_json::Value {
        serde_json::from_slice(&base64url_decode(seen[0].1.split('.').nth(at).unwrap()).unwrap()).unwrap()
    };
    let (header, claims) = (part(0), part(1));
    assert_eq!(header["typ"], "logout+jwt");
    assert_eq!(
        (&claims["aud"], &claims["sid"], &claims["sub"]),
        (&"spa".into(), &session.as_str().into(), &desk.sub.as_str().into())
    );
    assert!(["iss", "iat", "exp", "jti"].iter().all(|name| claims.get(name).is_some()));
    assert!(claims["events"].get("http://schemas.openid.net/event/backchannel-logout").is_some());
    assert!(claims.get("nonce").is_none());
}

/// a failing app is tried three times, a refusing or redirecting one once.
#[tokio::test]
async fn retries_are_few_and_only_for_what_may_pass() {
    let desk = listening().await;
    for (statuses, calls, outcome) in [
        (&[500, 503][..], 3, Delivery::Taken),
        (&[500; 9], 3, Delivery::Refused(500)),
        (&[400; 9], 1, Delivery::Refused(400)),
        (&[302; 9], 1, Delivery::Refused(302)),
    ] {
        let (http, counted) = app(statuses);
        let told = deliver(&http, of(&desk, &["spa"], None), brisk()).await;
        assert_eq!((&told[0].1, counted.load(Ordering::SeqCst)), (&outcome, calls));
    }
}

/// no private address is called.
#[tokio::test]
async fn an_app_at_a_private_address_is_not_called() {
    let mut desk = listening().await;
    desk.client_mut("spa").backchannel_logout_uri = Some("https://127.0.0.1:1/logout".into());
    let http = Http::new(HttpLimits::default(), false, None).unwrap();
    let told = deliver(&http, of(&desk, &["spa"], None), brisk()).await;
    assert!(matches!(told[0].1, Delivery::Failed(HttpError::Url(_))));
}

/// an app that never answers is given up when its time is over: five seconds, retries included.
#[tokio::test]
async fn a_silent_app_is_given_up() {
    assert_eq!(Patience::default().budget, Duration::from_secs(5));
    let mut desk = listening().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    desk.client_mut("spa").backchannel_logout_uri =
        Some(format!("http://{}/logout", silent.local_addr().unwrap()));
    let http = Http::new(HttpLimits::default(), true, None).unwrap();
    assert_eq!(deliver(&http, of(&desk, &["spa"], None), brisk()).await[0].1, Delivery::TooSlow);
    drop(silent);
}

/// The redirect's target is another app's business.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let desk = listening().await;
    let http = Http::fake(|request| {
        assert_eq!(request.url.host_str(), Some("spa.example"));
        let mut answer = answer(307);
        answer.headers.insert("location", HeaderValue::from_static("http://169.254.169.254/"));
        Ok(answer)
    });
    assert_eq!(deliver(&http, of(&desk, &["spa"], None), brisk()).await[0].1, Delivery::Refused(307));
}
