//! Client authentication settings in `[[pool.client]]`.

use super::{client_certificate, uri};
use crate::model::client::Client;
use crate::model::client_authentication::{
    AssertionAlgorithm, AssertionRules, Authentication, ClientAuthentication, ClientKeySource,
};
use crate::model::document::{Invalid, Table};
use crate::model::pool::SigningAlgorithm;
use crate::protocol::jose::KeySet;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    PrivateKeyJwt,
    TlsClientAuth,
    SelfSignedTls,
}

const METHODS: [(&str, Method); 3] = [
    ("private_key_jwt", Method::PrivateKeyJwt),
    ("tls_client_auth", Method::TlsClientAuth),
    ("self_signed_tls_client_auth", Method::SelfSignedTls),
];
/// The name of [RFC 8705 section 3.4](https://www.rfc-editor.org/rfc/rfc8705#section-3.4).
const BOUND: &str = "tls_client_certificate_bound_access_tokens";

/// Reads how the client proves who it is. `has_secret`: it is given one.
pub(super) fn read(table: &Table<'_>, has_secret: bool) -> ClientAuthentication {
    let fapi2 = table.one_of("profile", &[("fapi2", ())]).is_some();
    let method = table.one_of("client_auth", &METHODS);
    if method.is_some() && has_secret {
        table.problem(
            "client_auth",
            "the client has a secret as well",
            "remove the secret: one method authenticates a client",
        );
    }
    let rules = assertion_rules(table, method, fapi2);
    let name = client_certificate::name(table, method == Some(Method::TlsClientAuth));
    let thumbprints = client_certificate::thumbprints(table, method == Some(Method::SelfSignedTls));
    let authentication = match method {
        Some(Method::PrivateKeyJwt) => Authentication::PrivateKeyJwt(rules),
        // Without a name the configuration is refused; until then nobody is let in.
        Some(Method::TlsClientAuth) => {
            name.map_or(Authentication::SelfSignedTls(Vec::new()), Authentication::TlsClientAuth)
        }
        Some(Method::SelfSignedTls) => Authentication::SelfSignedTls(thumbprints),
        None => Authentication::Secret,
    };
    let flag = |key: &str| table.boolean(key).unwrap_or(false);
    let (require_par, require_dpop, certificate_bound) =
        (flag("require_par"), flag("require_dpop"), flag(BOUND));
    for key in ["require_dpop", "dpop_nonce"].into_iter().filter(|key| certificate_bound && flag(key)) {
        table.problem(
            key,
            "the client's tokens are bound to its certificate",
            format!("keep one of {key} and {BOUND}"),
        );
    }
    if fapi2 {
        keeps_to_fapi2(table, method);
    }
    ClientAuthentication {
        authentication,
        require_par: require_par || fapi2,
        require_dpop: require_dpop || (fapi2 && !certificate_bound),
        dpop_nonce: flag("dpop_nonce"),
        certificate_bound,
        fapi2,
    }
}

/// What the profile forbids ([FAPI 2.0 security profile section
/// 5.3](https://openid.net/specs/fapi-security-profile-2_0-final.html)).
fn keeps_to_fapi2(table: &Table<'_>, method: Option<Method>) {
    if method.is_none() {
        table.problem(
            "profile",
            "a FAPI 2.0 client authenticates with a key",
            "add client_auth = \"private_key_jwt\" or \"tls_client_auth\"",
        );
    }
    let bound = table.boolean(BOUND) == Some(true);
    for key in ["require_par", "require_dpop"] {
        if table.boolean(key) == Some(false) && !(bound && key == "require_dpop") {
            table.problem(key, "FAPI 2.0 requires it", "remove the key");
        }
    }
    if table.boolean("rotation") == Some(true) {
        table.problem(
            "rotation",
            "FAPI 2.0 forbids to rotate refresh tokens: theirs are bound to the client",
            "remove the key",
        );
    }
    let plain = table.strings("redirect_uris").unwrap_or_default();
    if let Some(index) = plain
        .iter()
        .position(|uri| uri.starts_with("http://"))
        .filter(|_| table.boolean("native") != Some(true))
    {
        table.problem_at(
            &table.spot_of_item("redirect_uris", index),
            "FAPI 2.0 requires https",
            "write an https URI, or native = true",
        );
    }
}

/// Whether the pool signs as the clients' profiles require.
pub(super) fn check_signing<'c>(
    table: &Table<'_>,
    signing: SigningAlgorithm,
    mut clients: impl Iterator<Item = &'c Client>,
) {
    if signing == SigningAlgorithm::Rs256
        && let Some(client) = clients.find(|client| client.proof.fapi2)
    {
        let message = format!("FAPI 2.0, to which the client {} keeps, forbids RS256", client.id);
        table.problem("signing", message, "write signing = \"ES256\" or \"EdDSA\"");
    }
}

/// Whether the client names a method to authenticate other than a secret.
pub(super) fn has_method(table: &Table<'_>) -> bool {
    table.has("client_auth")
}

fn assertion_rules(table: &Table<'_>, method: Option<Method>, fapi2: bool) -> AssertionRules {
    let parse = |text: &str| {
        let known = AssertionAlgorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == text);
        known.ok_or_else(|| {
            Invalid::new(format!("{text:?} is not accepted"), "write PS256, ES256, EdDSA or RS256")
        })
    };
    let algorithms = table.parsed_list("assertion_algorithms", parse);
    if algorithms.is_some() && table.strings("assertion_algorithms").is_some_and(|all| all.is_empty()) {
        table.problem("assertion_algorithms", "the list is empty", "name an algorithm, or remove the key");
    }
    let token_endpoint_as_audience = table.boolean("token_endpoint_as_audience").unwrap_or(false);
    if token_endpoint_as_audience {
        let fix = "remove it once the app sends the issuer as aud";
        table.warn(
            "token_endpoint_as_audience",
            "assertions made for another server that names this token endpoint count here",
            fix,
        );
    }
    let keys = keys(table, method);
    if method != Some(Method::PrivateKeyJwt) {
        for key in ["assertion_algorithms", "token_endpoint_as_audience", "jwks", "jwks_file", "jwks_uri"] {
            if table.has(key) {
                table.problem(
                    key,
                    "the client signs nothing",
                    "add client_auth = \"private_key_jwt\", or remove the key",
                );
            }
        }
    }
    let usual = AssertionAlgorithm::ALL
        .into_iter()
        .filter(|algorithm| !fapi2 || *algorithm != AssertionAlgorithm::Rs256);
    let algorithms = algorithms.unwrap_or_else(|| usual.collect());
    if fapi2 && algorithms.contains(&AssertionAlgorithm::Rs256) {
        table.problem("assertion_algorithms", "FAPI 2.0 forbids RS256", "leave PS256, ES256 and EdDSA");
    }
    if fapi2 && token_endpoint_as_audience {
        table.problem("token_endpoint_as_audience", "under FAPI 2.0 aud is the issuer", "remove the key");
    }
    AssertionRules { keys, algorithms, token_endpoint_as_audience }
}

/// Exactly one of `jwks`, `jwks_file` and `jwks_uri`.
fn keys(table: &Table<'_>, method: Option<Method>) -> ClientKeySource {
    let (text, file, uri) =
        (table.string("jwks"), table.file("jwks_file"), table.parsed("jwks_uri", uri::endpoint));
    let given =
        ["jwks", "jwks_file", "jwks_uri"].into_iter().filter(|key| table.has(key)).collect::<Vec<_>>();
    match given.as_slice() {
        [] if method == Some(Method::PrivateKeyJwt) => {
            table.problem("client_auth", "the client has no public keys", "add jwks, jwks_file or jwks_uri");
        }
        [] | [_] => {}
        [.., last] => table.problem(
            last,
            "keys are given in more than one place",
            "keep one of jwks, jwks_file and jwks_uri",
        ),
    }
    if let Some(uri) = uri {
        return ClientKeySource::Fetched(uri);
    }
    let key = if table.has("jwks") { "jwks" } else { "jwks_file" };
    let text = text.or(file).unwrap_or_default();
    if table.has(key) && !text.is_empty() {
        check(table, key, &text);
    }
    ClientKeySource::Given(text)
}

fn check(table: &Table<'_>, key: &str, text: &str) {
    match KeySet::parse(text.as_bytes()) {
        Err(error) => {
            table.problem(key, error.to_string(), "write a JSON Web Key Set with the app's public keys");
        }
        Ok(set) => {
            for skipped in set.skipped() {
                let kid = skipped.kid.as_deref().unwrap_or("without kid");
                table.problem(
                    key,
                    format!("key {kid}: {}", skipped.reason),
                    "keep public keys for signatures only",
                );
            }
            if set.keys().is_empty() && set.skipped().is_empty() {
                table.problem(
                    key,
                    "the set holds no key",
                    "write a JSON Web Key Set with the app's public keys",
                );
            }
        }
    }
}
