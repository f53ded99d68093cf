//! Identifiers: parsing is validation, so a value of these types is well-formed.

use std::fmt;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text is no valid identifier of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {text:?}: {rule}")]
pub struct InvalidId {
    pub(super) kind: &'static str,
    pub(super) text: String,
    pub(super) rule: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $valid:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Parses the identifier; the error names the rule that it breaks.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { kind: $kind, text: text.chars().take(64).collect(), rule: $rule })
                }
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

id!(
    /// A user pool: `<region>_<name>`, at most 55 characters; clients read the part before `_` as a region.
    PoolId, "pool id", valid_pool_id,
    "must look like eu-west-1_Example01: a region, an underscore, letters and digits; at most 55 characters"
);
id!(
    /// An app client; Cognito makes 26 characters `[a-z0-9]`, its API accepts `[\w+]{1,128}`; a hyphen is
    /// allowed too.
    ClientId, "client \
        id", |t| (1..=128).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b,
            b'_' | b'+' | b'-' | b'.')),
    "must be 1 to 128 letters, digits or any of _ + - ."
);
id!(
    /// A provider as named in its pool: 1 to 32 characters, first and last no underscore, not `COGNITO`.
    ProviderName, "provider name", valid_provider_name,
    "must be 1 to 32 letters, digits or any of . _ - , with no underscore at either end, and not COGNITO"
);
id!(
    /// A pool user's stable subject: a lower-case UUID.
    Sub, "sub", |t| uuid::Uuid::try_parse(t).is_ok_and(|u| u.hyphenated().to_string() == t),
    "must be a lower-case hyphenated UUID"
);
id!(
    /// A refresh-token family, `origin_jti` in tokens: a lower-case UUID.
    FamilyId, "family id", |t| uuid::Uuid::try_parse(t).is_ok_and(|u| u.hyphenated().to_string() == t),
    "must be a lower-case hyphenated UUID"
);
id!(
    /// A browser session, `sid` in ID and logout tokens: a lower-case UUID.
    SessionId, "session id", |t| uuid::Uuid::try_parse(t).is_ok_and(|u| u.hyphenated().to_string() == t),
    "must be a lower-case hyphenated UUID"
);
id!(
    /// The reference under which a flow's story is kept, shown on error pages: 8 to 32 characters of
    /// Crockford's alphabet and hyphens.
    ReferenceId, "reference \
        id", |t| (8..=32).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
    "must be 8 to 32 letters, digits or hyphens"
);

/// A UUID (version 4) from 16 random bytes, in the form that [`Sub`], [`FamilyId`] and [`SessionId`] take.
pub fn uuid_from(random: [u8; 16]) -> String {
    uuid::Builder::from_random_bytes(random).into_uuid().hyphenated().to_string()
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    )*};
}

as_text!(PoolId, ClientId, ProviderName, ReferenceId);

/// Where nobody reads it, a UUID is its 16 bytes.
macro_rules! as_uuid {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    return serializer.serialize_str(&self.0);
                }
                uuid::Uuid::try_parse(&self.0).map_err(S::Error::custom)?.into_bytes().serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    return Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom);
                }
                let bytes = <[u8; 16]>::deserialize(deserializer)?;
                Ok(Self(uuid::Uuid::from_bytes(bytes).hyphenated().to_string()))
            }
        }
    )*};
}

as_uuid!(Sub, FamilyId, SessionId);

macro_rules! from_random {
    ($($name:ident),*) => {$(
        impl $name {
            /// A fresh identifier from 16 random bytes.
            pub fn from_random(random: [u8; 16]) -> Self {
                Self(uuid_from(random))
            }
        }
    )*};
}

from_random!(Sub, FamilyId, SessionId);

impl ReferenceId {
    /// 60 of the random bits in Crockford's alphabet, in groups of four for reading aloud: `7K2M-Q0XW-94TA`.
    pub fn from_random(random: [u8; 8]) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let bits = u64::from_be_bytes(random);
        let mut text = String::new();
        for place in 0..12_u32 {
            if place != 0 && place % 4 == 0 {
                text.push('-');
            }
            let digit = usize::try_from(bits >> (place * 5) & 31).unwrap_or_default();
            text.extend(ALPHABET.get(digit).map(|&letter| char::from(letter)));
        }
        Self(text)
    }
}

impl PoolId {
    /// The part before the underscore, which clients read as the AWS region.
    pub fn region(&self) -> &str {
        self.0.split_once('_').map_or(self.as_str(), |(region, _)| region)
    }
}

fn valid_pool_id(text: &str) -> bool {
    let Some((region, name)) = text.split_once('_') else { return false };
    let word = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_lowercase());
    let mut parts = region.split('-');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let place = match (first, rest.as_slice()) {
        ("eusc", [country, area, number]) => {
            country.len() == 2 && word(country) && word(area) && digit(number)
        }
        (_, ["gov", area, number] | [area, number]) => {
            first.len() == 2 && word(first) && word(area) && digit(number)
        }
        _ => false,
    };
    place && text.len() <= 55 && !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn digit(text: &str) -> bool {
    text.len() == 1 && text.bytes().all(|b| b.is_ascii_digit())
}

fn valid_provider_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !text.starts_with('_')
        && !text.ends_with('_')
        && !text.eq_ignore_ascii_case("cognito")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pool_ids_are_what_clients_accept() {
        for good in ["us-east-1_AbCdEfGhI", "xx-broker-1_AbC", "us-gov-west-1_A1", "eusc-de-east-1_A1"] {
            assert!(PoolId::parse(good).is_ok(), "{good}");
        }
        for bad in ["local_x", "us-east-1", "us-east-1_", "us-east-1_a-b", "US-EAST-1_A", "us-east-12_A"] {
            assert!(PoolId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn provider_names_follow_cognito() {
        assert!(ProviderName::parse("SignInWithApple").is_ok());
        for bad in ["", "_a", "a_", "COGNITO", "has space", "ünïcode"] {
            assert!(ProviderName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reference_can_be_read_aloud_and_parses() {
        let reference = ReferenceId::from_random([0xff; 8]);
        assert_eq!(reference.as_str(), "ZZZZ-ZZZZ-ZZZZ");
        assert_eq!(ReferenceId::parse(reference.as_str()), Ok(reference));
    }

    #[test]
    fn a_sub_is_a_lower_case_uuid() {
        assert!(Sub::parse(Sub::from_random([7; 16]).as_str()).is_ok());
        assert!(Sub::parse("0B1E-not-a-uuid").is_err());
    }
}
