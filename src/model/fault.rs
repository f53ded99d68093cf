//! Refusals: what every one can say of itself, a stable code, whose move it is, and what to change.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Who has to act so that a refused request succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The person in front of the browser: start again, choose another account, allow cookies.
    Visitor,
    /// The developer of the app that sent the request.
    App,
    /// The administrator of the external identity provider.
    Provider,
    /// The administrator of the pool: its configuration here does not fit.
    Pool,
    /// The operator of this broker: a store, the network, a defect.
    Us,
}

impl Fault {
    /// Who that is, in words for a page.
    pub const fn who(self) -> &'static str {
        match self {
            Self::Visitor => "the person signing in",
            Self::App => "the developer of the app",
            Self::Provider => "the administrator of the identity provider",
            Self::Pool => "the administrator of this pool",
            Self::Us => "the operator of this broker",
        }
    }
}

/// One lower-case word.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Visitor => "visitor",
            Self::App => "app",
            Self::Provider => "provider",
            Self::Pool => "pool",
            Self::Us => "us",
        })
    }
}

/// A refusal. `Display` is the text for the log: what was expected and what came, without secrets.
pub trait Refusal: Error {
    /// Stable, documented, `snake_case`, for example `id_token_nonce_mismatch`.
    fn code(&self) -> &'static str;

    /// Who has to act.
    fn fault(&self) -> Fault;

    /// What to change, one sentence for the developer or administrator that [`Refusal::fault`] names.
    fn hint(&self) -> String;

    /// What would have been accepted, where one value says it. No secret.
    fn expected(&self) -> Option<String> {
        None
    }

    /// What came instead. No secret.
    fn received(&self) -> Option<String> {
        None
    }

    /// Whether the same request may succeed later without anybody changing anything.
    fn retryable(&self) -> bool {
        false
    }
}
