//! What the fuzz targets share: the pure core, compiled from the program's own files, and the relying party of the corpus.

#[path = "../../src/model/mod.rs"]
pub mod model;
#[path = "../../src/protocol/mod.rs"]
pub mod protocol;

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use model::time::Timestamp;
use protocol::saml::certificate::Certificate;
use protocol::saml::encryption::DecryptionKey;
use protocol::saml::response::{Asked, Expected, ResponseRules};

/// When the corpus was signed.
pub const NOW: Timestamp = Timestamp::from_secs(1_780_315_200);

/// The key of the corpus's identity provider.
pub static KEYS: LazyLock<Vec<Certificate>> =
    LazyLock::new(|| vec![Certificate::from_pem(include_str!("../../tests/corpus/saml/keys/a.crt")).expect("a certificate")]);

/// The key that the corpus is encrypted for.
pub static DECRYPTION: LazyLock<Vec<DecryptionKey>> = LazyLock::new(|| {
    let pem = include_str!("../../tests/corpus/saml/keys/sp.key");
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(base64).expect("base64");
    vec![DecryptionKey::from_pkcs8(&der).expect("a key")]
});

/// What the relying party of the corpus expects.
pub fn expected(asked: bool) -> Expected<'static> {
    let request = if asked {
        Asked::Request { id: "_q1", sent: Timestamp::from_secs(NOW.secs() - 30) }
    } else {
        Asked::Nothing { max_age: Duration::from_secs(300) }
    };
    Expected {
        idp: "https://idp.a.test/metadata",
        audience: "https://broker.test/saml",
        acs: "https://broker.test/saml2/idpresponse",
        request,
        keys: &KEYS,
        decryption: &DECRYPTION,
        rules: ResponseRules { unauthenticated_cbc: true, rsa_1_5: true, ..ResponseRules::default() },
        authn_context: &[],
        max_age: None,
    }
}
