//! Telling apps that a person signed out ([Back-Channel
//! Logout](https://openid.net/specs/openid-connect-backchannel-1_0.html)).
//!
//! Nobody waits for the apps. Each has five seconds, retries included; what it does not take by then is
//! logged and given up.

use std::time::Duration;

use futures_util::future::join_all;
use http::{HeaderValue, header};
use tokio::sync::Semaphore;
use url::Url;

use crate::app::App;
use crate::model::ids::{ClientId, SessionId, Sub};
use crate::model::pool::Pool;
use crate::model::session::Session;
use crate::model::time::Timestamp;
use crate::outside::http::{Http, HttpError, Request};
use crate::outside::random::Random;
use crate::token::issue::{IssueError, Logout, logout_token};
use crate::token::pool_keys::PoolKeys;

/// Deliveries under way at once in this process; others wait within their budget.
static TURNS: Semaphore = Semaphore::const_new(64);

/// How long an app is tried.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For one app, from the first attempt to the last.
    pub budget: Duration,
    /// Waits before the second and the third attempt; there is no fourth.
    pub waits: [Duration; 2],
}

impl Default for Patience {
    fn default() -> Self {
        Self { budget: Duration::from_secs(5), waits: [Duration::from_millis(250), Duration::from_secs(1)] }
    }
}

/// A logout token on its way to one app.
#[derive(Clone)]
pub struct Notice {
    client: ClientId,
    uri: Url,
    token: String,
}

/// What became of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The app took it.
    Taken,
    /// The app answered with this status, to the last attempt.
    Refused(u16),
    /// The app could not be called.
    Failed(HttpError),
    /// The time was over.
    TooSlow,
}

/// Whom to tell what.
#[derive(Debug, Clone, Copy)]
pub struct SignedOut<'a> {
    /// The person.
    pub sub: &'a Sub,
    /// `sid` of the session that ended; `None` when all did.
    pub session: Option<&'a SessionId>,
    /// The apps that took part.
    pub clients: &'a [ClientId],
}

impl<'a> SignedOut<'a> {
    /// The end of one session.
    pub fn of(session: &'a Session) -> Self {
        Self { sub: &session.sub, session: Some(&session.sid), clients: &session.clients }
    }
}

/// Tells the apps of `out`, in the background. What prevents it is logged: nobody's sign-out depends on it.
pub async fn announce(app: &App, pool: &Pool, out: SignedOut<'_>) {
    let wanted = |id: &ClientId| {
        pool.client(id.as_str()).is_some_and(|client| client.backchannel_logout_uri.is_some())
    };
    if !out.clients.iter().any(wanted) {
        return;
    }
    let failed = |reason: String| {
        tracing::warn!(code = "backchannel_logout_failed", pool = %pool.id, reason,
        "no logout token was signed");
    };
    match app.keys.of(pool).await {
        Ok(keys) => match notices(pool, out, &keys, app.outside.clock.now(), &app.outside.random) {
            Ok(notices) => tell(app.upstreams.http(), notices),
            Err(error) => failed(error.to_string()),
        },
        Err(error) => failed(error.to_string()),
    }
}

/// One signed notice for each app that took part, is enabled and wants to hear of it.
pub fn notices(
    pool: &Pool,
    out: SignedOut<'_>,
    keys: &PoolKeys,
    now: Timestamp,
    random: &Random,
) -> Result<Vec<Notice>, IssueError> {
    let mut notices = Vec::new();
    for client in out.clients.iter().filter_map(|id| pool.client(id.as_str())) {
        let Some(uri) = client.backchannel_logout_uri.as_deref().and_then(|uri| Url::parse(uri).ok()) else {
            continue;
        };
        let logout = Logout {
            pool,
            client: &client.id,
            sub: out.sub,
            session: out.session,
            now,
            random: random.bytes(),
        };
        notices.push(Notice { client: client.id.clone(), uri, token: logout_token(&logout, keys)? });
    }
    Ok(notices)
}

fn tell(http: &Http, notices: Vec<Notice>) {
    if !notices.is_empty() {
        let http = http.clone();
        tokio::spawn(async move { deliver(&http, notices, Patience::default()).await });
    }
}

/// Delivers all notices at once and says what became of each.
pub async fn deliver(http: &Http, notices: Vec<Notice>, patience: Patience) -> Vec<(ClientId, Delivery)> {
    join_all(notices.into_iter().map(async |notice| {
        let delivery = tokio::time::timeout(patience.budget, attempts(http, &notice, patience))
            .await
            .unwrap_or(Delivery::TooSlow);
        match &delivery {
            Delivery::Taken => tracing::debug!(client = %notice.client, "logout token delivered"),
            failed => tracing::warn!(code = "backchannel_logout_failed", client = %notice.client,
                outcome = ?failed, "an app did not take its logout token"),
        }
        (notice.client, delivery)
    }))
    .await
}

async fn attempts(http: &Http, notice: &Notice, patience: Patience) -> Delivery {
    let Ok(_turn) = TURNS.acquire().await else { return Delivery::TooSlow };
    let mut delivery = attempt(http, notice).await;
    for wait in patience.waits {
        if !worth_another(&delivery) {
            break;
        }
        tokio::time::sleep(wait).await;
        delivery = attempt(http, notice).await;
    }
    delivery
}

async fn attempt(http: &Http, notice: &Notice) -> Delivery {
    let mut request = Request::form(notice.uri.clone(), &[("logout_token".to_owned(), notice.token.clone())]);
    request.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match http.send(request).await {
        // Redirects are not followed, so they are refusals.
        Ok(answer) if answer.status.is_success() => Delivery::Taken,
        Ok(answer) => Delivery::Refused(answer.status.as_u16()),
        Err(error) => Delivery::Failed(error),
    }
}

fn worth_another(delivery: &Delivery) -> bool {
    match delivery {
        Delivery::Taken | Delivery::TooSlow => false,
        Delivery::Refused(status) => matches!(status, 429 | 500..),
        Delivery::Failed(error) => matches!(error, HttpError::Deadline { .. } | HttpError::Transport { .. }),
    }
}
