//! The kinds of stored records and what each allows.

/// What lies under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::store) enum Kind {
    Flow,
    Trial,
    Relay,
    SamlResponse,
    SignOut,
    Pushed,
    PushedSpent,
    Code,
    Mark,
    Limit,
    Trace,
    Traces,
    Session,
    Sessions,
    UpstreamSessions,
    Grant,
    Epoch,
    User,
    Deleted,
    Username,
    Identity,
    Keyset,
    SpKeys,
    SamlTrust,
    SignOutGenerations,
}

/// How long something usually stays, for a store that puts together what leaves together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Stay {
    Minutes,
    Days,
    ForEver,
}

impl Kind {
    /// All of them.
    #[cfg(test)]
    pub(in crate::store) const ALL: [Self; 25] = [
        Self::Flow,
        Self::Trial,
        Self::Relay,
        Self::SamlResponse,
        Self::SignOut,
        Self::Pushed,
        Self::PushedSpent,
        Self::Code,
        Self::Mark,
        Self::Limit,
        Self::Trace,
        Self::Traces,
        Self::Session,
        Self::Sessions,
        Self::UpstreamSessions,
        Self::Grant,
        Self::Epoch,
        Self::User,
        Self::Deleted,
        Self::Username,
        Self::Identity,
        Self::Keyset,
        Self::SpKeys,
        Self::SamlTrust,
        Self::SignOutGenerations,
    ];

    /// The word in messages, and the letter in keys.
    pub(in crate::store) const fn names(self) -> (&'static str, char) {
        match self {
            Self::Flow => ("flow", 'f'),
            Self::Trial => ("trial", 't'),
            Self::Relay => ("relay", 'r'),
            Self::SamlResponse => ("saml_response", 'a'),
            Self::SignOut => ("sign_out", 'o'),
            Self::Pushed => ("pushed", 'p'),
            Self::PushedSpent => ("pushed_spent", 'q'),
            Self::Code => ("code", 'c'),
            Self::Mark => ("mark", 'm'),
            Self::Limit => ("limit", 'l'),
            Self::Trace => ("trace", 'x'),
            Self::Traces => ("traces", 'X'),
            Self::Session => ("session", 's'),
            Self::Sessions => ("sessions", 'S'),
            Self::UpstreamSessions => ("upstream_sessions", 'U'),
            Self::Grant => ("grant", 'g'),
            Self::Epoch => ("epoch", 'e'),
            Self::User => ("user", 'u'),
            Self::Deleted => ("deleted", 'd'),
            Self::Username => ("username", 'n'),
            Self::Identity => ("identity", 'i'),
            Self::Keyset => ("keyset", 'k'),
            Self::SpKeys => ("sp_keys", 'K'),
            Self::SamlTrust => ("saml_trust", 'T'),
            Self::SignOutGenerations => ("generations", 'E'),
        }
    }

    /// Whether it is an index, not a value.
    pub(in crate::store) const fn is_index(self) -> bool {
        matches!(self, Self::Sessions | Self::UpstreamSessions | Self::Traces)
    }

    /// Whether it may be used once: where a server may have lost that it was, it is over.
    pub(in crate::store) const fn is_once(self) -> bool {
        matches!(self, Self::Flow | Self::Trial | Self::Relay | Self::SamlResponse | Self::Code)
    }

    /// Whether a fail-over may not take back what was acknowledged of it.
    pub(in crate::store) const fn is_lasting(self) -> bool {
        !self.is_once() && !matches!(self, Self::Limit | Self::Trace | Self::Traces)
    }

    /// How long it usually stays. A code is over within minutes, but what comes of it lies where it lay.
    pub(in crate::store) const fn stay(self) -> Stay {
        match self {
            Self::Flow
            | Self::Trial
            | Self::Relay
            | Self::SamlResponse
            | Self::SignOut
            | Self::Pushed
            | Self::PushedSpent
            | Self::Mark
            | Self::Limit => Stay::Minutes,
            Self::User
            | Self::Deleted
            | Self::Username
            | Self::Identity
            | Self::Keyset
            | Self::SpKeys
            | Self::SamlTrust => Stay::ForEver,
            _ => Stay::Days,
        }
    }

    /// Whether its records are compact. What lives for ever, and what people look at, is JSON.
    pub(in crate::store) const fn is_compact(self) -> bool {
        matches!(self, Self::Flow | Self::Trial | Self::Code | Self::Session | Self::Grant | Self::Epoch)
    }

    /// The shape in which a compact record of this kind is written. Readers for older ones stay.
    #[expect(clippy::unused_self, reason = "the first shape is that of every kind")]
    pub(in crate::store) const fn shape(self) -> u8 {
        1
    }

    /// Tags of compact records that this program understands.
    #[expect(clippy::unused_self, reason = "there is none yet")]
    pub(in crate::store) const fn known_tags(self) -> &'static [u16] {
        &[]
    }

    /// Names under `must` of JSON records that this program understands.
    #[expect(clippy::unused_self, reason = "there is none yet")]
    pub(in crate::store) const fn known_musts(self) -> &'static [&'static str] {
        &[]
    }

    /// Most bytes that a value may have.
    pub(in crate::store) const fn size_limit(self) -> usize {
        match self {
            Self::Flow | Self::Trial | Self::Session | Self::SignOut => 4 * 1024,
            Self::Pushed => 16 * 1024,
            // The largest message as base64, sealed.
            Self::SamlResponse => 360 * 1024,
            _ => 64 * 1024,
        }
    }
}
