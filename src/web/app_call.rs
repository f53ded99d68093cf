//! The request of an app, as it came.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method};
use bytes::Bytes;

use super::form::{Form, FormError};
use crate::user_pool::client_certificate::Presented;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// Its method.
    pub method: Method,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its query.
    pub query: Option<String>,
    /// Its body.
    pub body: Bytes,
    /// What its sender showed of a certificate.
    pub certificate: Presented,
}

impl Call {
    /// The parameters in the body.
    pub fn form(&self) -> Result<Form, FormError> {
        Form::from_body(self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()), &self.body)
    }
}
