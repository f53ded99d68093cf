//! Logout tokens, honest or as the deeds say ([Back-Channel Logout section
//! 2.4](https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken)).

use serde_json::{Map, json};

use super::keys::random_text;
use super::switch::Switch;
use super::{FakeIdp, id_token};

/// The member of `events`.
pub(crate) const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

impl FakeIdp {
    /// A token that signs the present person out of the sign-in that their claim `sid` names, or of all of
    /// them; each deed as in an ID token.
    pub(crate) fn logout_token(&self, deeds: &[Switch]) -> String {
        let (inner, person) = (&self.inner, self.person());
        let now = inner.clock.now().secs();
        let mut claims = Map::new();
        claims.insert("iss".into(), json!(inner.token_issuer(&person)));
        claims.insert("aud".into(), json!(inner.client_id()));
        claims.insert("iat".into(), json!(now));
        claims.insert("exp".into(), json!(now + 120));
        claims.insert("jti".into(), json!(random_text()));
        claims.insert("events".into(), json!({ EVENT: {} }));
        claims.insert("sub".into(), json!(person.subject));
        if let Some(sid) = person.claims.get("sid") {
            claims.insert("sid".into(), sid.clone());
        }
        let typ = Switch::Header("typ".to_owned(), json!("logout+jwt"));
        let deeds: Vec<Switch> = [typ].into_iter().chain(deeds.iter().cloned()).collect();
        for deed in &deeds {
            id_token::apply(&mut claims, deed, now);
        }
        id_token::sign(inner, &id_token::payload(&claims, &deeds), &deeds)
    }
}
