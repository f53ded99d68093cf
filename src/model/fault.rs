//! What every refusal can say of itself: a stable code, whose move it is, and what to change.

use std::error::Error;

/// Who has to act so that a refused request succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// A refusal. `Display` is the text for the log: what was expected and what came, without secrets.
pub trait Refusal: Error {
    /// Stable, documented, `snake_case`, for example `id_token_nonce_mismatch`.
    fn code(&self) -> &'static str;

    /// Who has to act.
    fn fault(&self) -> Fault;

    /// What to change, one sentence for the developer or administrator that [`Refusal::fault`] names.
    fn hint(&self) -> String;

    /// Whether the same request may succeed later without anybody changing anything.
    fn retryable(&self) -> bool {
        false
    }
}
