//! The endpoints that apps call directly, from the request's bytes to the answer's.

mod call;
mod client_auth;
mod documents;
mod grant_types;
mod resources;
mod router;
