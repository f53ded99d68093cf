//! One folder or file per specification: values in, decision out. Pure.

use std::ops::Deref;

pub mod jose;
pub mod json;
pub mod oauth2;
pub mod oidc;
pub mod saml;

/// Something a protocol check has proven. Only the checks of this module make one, so a skipped check does
/// not compile.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// Only for the function that made every check.
    const fn new(proven: T) -> Self {
        Self(proven)
    }

    /// The proven value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
