//! Settings of our client authentication at a provider: the credentials, and the way in which they are used.

use super::rules::{AuthMethod, Rules};
use super::rules_reader::algorithm;
use super::settings::ClientAuth;
use crate::model::document::{Invalid, Table};
use crate::model::secret::{ExposeSecret, SecretString};
use crate::protocol::jose::{Algorithm, SigningKey};

/// What a pool gave.
pub(super) struct Credentials {
    secret: Option<SecretString>,
    key: Option<SecretString>,
    key_id: Option<String>,
    key_algorithm: Option<String>,
    team_id: Option<String>,
}

/// Reads the credential keys.
pub(super) fn read(table: &Table<'_>) -> Credentials {
    Credentials {
        secret: table.secret("client_secret"),
        key: table.secret("private_key"),
        key_id: table.parsed("key_id", word),
        key_algorithm: table.parsed("key_algorithm", algorithm),
        team_id: table.parsed("team_id", word),
    }
}

/// Credentials as the method needs them; what is missing and what is left over is noted.
///
/// Without a method named anywhere, a key alone means `private_key_jwt`, a secret `client_secret_basic`.
pub(super) fn client_auth(table: &Table<'_>, rules: &Rules, given: Credentials) -> Option<ClientAuth> {
    let named_here = table.has("client_auth");
    let method = match rules.client_auth {
        Some(AuthMethod::SecretBasic | AuthMethod::SecretPost)
            if !named_here && gives(table, "private_key") && !gives(table, "client_secret") =>
        {
            AuthMethod::PrivateKeyJwt
        }
        Some(method) => method,
        None => AuthMethod::SecretBasic,
    };
    let used: &[&str] = match method {
        AuthMethod::SecretBasic | AuthMethod::SecretPost => &["client_secret"],
        AuthMethod::PrivateKeyJwt => &["private_key", "key_id", "key_algorithm"],
        AuthMethod::AppleJwt => &["private_key", "key_id", "team_id"],
        AuthMethod::None => &[],
    };
    for key in ["client_secret", "private_key", "key_id", "key_algorithm", "team_id"] {
        if gives(table, key) && !used.contains(&key) {
            table.problem(
                key,
                "the client authentication of this provider does not use it",
                "remove it, or change client_auth",
            );
        }
    }
    let missing = |key: &str| {
        if !gives(table, key) {
            let also = if matches!(key, "client_secret" | "private_key") {
                format!(" or {key}_file")
            } else {
                String::new()
            };
            table.problem(key, "missing", format!("add {key}{also}"));
        }
    };
    used.iter()
        .filter(|key| !(method == AuthMethod::PrivateKeyJwt && **key != "private_key"))
        .for_each(|key| missing(key));
    match method {
        AuthMethod::SecretBasic => given.secret.map(ClientAuth::SecretBasic),
        AuthMethod::SecretPost => given.secret.map(ClientAuth::SecretPost),
        AuthMethod::PrivateKeyJwt => {
            let algorithm = given.key_algorithm.unwrap_or_else(|| "RS256".into());
            let key = usable(table, given.key?, &algorithm)?;
            Some(ClientAuth::PrivateKeyJwt { key, key_id: given.key_id, algorithm })
        }
        AuthMethod::AppleJwt => {
            let key = usable(table, given.key?, "ES256")?;
            Some(ClientAuth::AppleJwt { key, key_id: given.key_id?, team_id: given.team_id? })
        }
        AuthMethod::None => Some(ClientAuth::None),
    }
}

fn gives(table: &Table<'_>, key: &str) -> bool {
    table.has(key) || (matches!(key, "client_secret" | "private_key") && table.has(&format!("{key}_file")))
}

/// The key, if it can sign with `algorithm`.
fn usable(table: &Table<'_>, key: SecretString, algorithm: &str) -> Option<SecretString> {
    let fits = Algorithm::parse(algorithm)
        .is_some_and(|algorithm| SigningKey::from_pem(algorithm, None, key.expose_secret()).is_ok());
    if !fits {
        table.problem(
            "private_key",
            format!("this is no PKCS#8 PEM key for {algorithm}"),
            "give the whole PEM file, from BEGIN PRIVATE KEY to END PRIVATE KEY",
        );
        return None;
    }
    Some(key)
}

fn word(text: &str) -> Result<String, Invalid> {
    if text.len() <= 256 && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::new("this is no key or team id", "use printable ASCII without spaces"))
    }
}
