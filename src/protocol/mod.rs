//! One folder or file per specification: values in, decision out. Pure.

pub mod jose;
pub mod json;
