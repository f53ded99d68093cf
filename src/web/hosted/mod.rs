//! The pages that people see.

pub mod farewell;
pub mod login;
pub mod logout;
