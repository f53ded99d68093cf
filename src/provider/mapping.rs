//! Claims to attributes.

/// Checked rules from claims to attributes.
#[derive(Debug, Clone, Default)]
pub struct Mapping {}
