//! Why a store operation gave no answer.

use crate::model::document::Invalid;
use crate::model::fault::{Fault, Refusal};

/// Why a store operation failed. Security decisions fail closed on every variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was changed: the store cannot be reached, is full, or too many calls wait for it.
    #[error("the store did not do it: {0}")]
    NotApplied(String),
    /// The answer was lost: a write may have been applied. Never repeat a consuming call.
    #[error("the store may or may not have done it: {0}")]
    Unknown(String),
    /// The store answers, but it cannot be trusted as it is set up.
    #[error("the store cannot be used as it is: {0}")]
    Misconfigured(String),
    /// The value is larger than its kind of key allows; nothing was changed.
    #[error("{kind} of {size} bytes, at most {limit} are stored")]
    TooLarge {
        /// Kind of key.
        kind: &'static str,
        /// Bytes to be stored.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The stored bytes are not what was written under this key, or were written under another key.
    #[error("the stored {0} cannot be read: it was changed, moved or sealed with another key")]
    Corrupt(&'static str),
    /// The record has a shape that this program does not know, or says something that must be understood.
    #[error("the stored {kind} cannot be read: another version of this program wrote it, with {what}")]
    OtherVersion {
        /// Kind of key.
        kind: &'static str,
        /// What is not known here.
        what: String,
    },
    /// The call breaks a rule of the store, nothing was changed: a defect of the caller.
    #[error("defect: {0}")]
    Misuse(&'static str),
}

/// A text that is no [`crate::config::StoreUrl`].
impl From<Invalid> for StoreError {
    fn from(Invalid { message, fix }: Invalid) -> Self {
        Self::Misconfigured(format!("{message}; {fix}"))
    }
}

impl Refusal for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotApplied(_) => "store_unavailable",
            Self::Unknown(_) => "store_outcome_unknown",
            Self::Misconfigured(_) => "store_misconfigured",
            Self::TooLarge { .. } => "store_value_too_large",
            Self::Corrupt(_) => "store_record_corrupt",
            Self::OtherVersion { .. } => "store_record_version",
            Self::Misuse(_) => "store_misuse",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Us
    }

    fn hint(&self) -> String {
        match self {
            Self::NotApplied(_) | Self::Unknown(_) => {
                "Check that the store runs, answers in time and has space.".into()
            }
            Self::Misconfigured(_) => "Change the store's own settings or its address under [store].".into(),
            Self::TooLarge { .. } => "Send fewer or smaller values.".into(),
            Self::Corrupt(_) => {
                "Check that every replica uses the same master key and nothing else writes to the store."
                    .into()
            }
            Self::OtherVersion { .. } => {
                "Try again, for another replica may know it; run the version of this program that wrote it, \
                 or a newer one, on all of them."
                    .into()
            }
            Self::Misuse(_) => "Report this defect.".into(),
        }
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::NotApplied(_) | Self::Unknown(_) | Self::OtherVersion { .. })
    }
}
