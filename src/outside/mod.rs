//! Every effect, one file each: real in production, settable in tests.

pub mod clock;
pub mod random;
