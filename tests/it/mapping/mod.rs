//! Claims to attributes.
