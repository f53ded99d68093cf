//! The pages that people see.

pub mod signed_out;
pub mod login;
pub mod logout;
