//! Claims to attributes.

mod expressions;
mod rules;
