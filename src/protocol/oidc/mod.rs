//! OpenID Connect from the relying party's side ([Core
//! 1.0](https://openid.net/specs/openid-connect-core-1_0.html)).

pub mod callback;
mod claim;
pub mod discovery;
pub mod id_token;
pub mod issuer;
pub mod logout_token;
pub mod request;
pub mod userinfo;
