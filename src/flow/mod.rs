//! One sign-in in progress, from the app's redirect to its code. Pure.
//!
//! ```text
//! /oauth2/authorize -> request::check -> Flow(Started) -> next::decide -> page, provider, code or error
//! a provider chosen -> Flow(Started)::send_to -> Flow(AtProvider) under a fresh handle = `state`
//! /oauth2/idpresponse -> Flow(AtProvider)::check, ::pending -> identity -> next::decide -> code or error
//! ```

pub mod binding;
pub mod next;
pub mod redirect_uri;
pub mod request;
pub mod response;
pub mod state;
