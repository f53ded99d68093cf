//! What a browser loads so that apps forget who was signed in there
//! ([Front-Channel Logout](https://openid.net/specs/openid-connect-frontchannel-1_0.html)).
//!
//! Browsers that keep cookies from frames of other sites make such an address see nobody; back-channel logout
//! needs no browser.

use crate::model::pool::Pool;
use crate::model::session::Session;

/// The address of each app that took part in `session`, is enabled and wants to hear of its end; each with
/// `iss` and `sid`.
pub fn addresses(pool: &Pool, session: &Session) -> Vec<String> {
    let uris =
        session.clients.iter().filter_map(|id| pool.client(id.as_str())?.frontchannel_logout_uri.as_deref());
    uris.map(|uri| address(uri, &pool.issuer, session.sid.as_str())).collect()
}

fn address(uri: &str, issuer: &str, sid: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("iss", issuer), ("sid", sid)])
        .finish();
    let joint = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{joint}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn issuer_and_session_join_the_query_that_the_app_registered() {
        let joined = address("https://app.example/out?keep=1", "https://auth.example/pool", "s");
        assert_eq!(joined, "https://app.example/out?keep=1&iss=https%3A%2F%2Fauth.example%2Fpool&sid=s");
        assert_eq!(address("https://app.example/out", "i", "s"), "https://app.example/out?iss=i&sid=s");
    }
}
