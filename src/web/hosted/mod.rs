//! The pages that people see.

pub mod login;
pub mod logout;
