//! What the fuzz targets share: the pure core, compiled from the program's own files, and the relying party
//! of the corpus.

#[path = "../../src/flow/mod.rs"]
pub mod flow;
#[path = "../../src/web/form.rs"]
pub mod form;
#[path = "../../src/model/mod.rs"]
pub mod model;
#[path = "../../src/protocol/mod.rs"]
pub mod protocol;
#[path = "../../tests/it/sample.rs"]
pub mod sample;

// The tests' sample names the program.
extern crate self as symbolon;

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use model::pool::Pool;
use model::time::Timestamp;
use protocol::jose::KeySet;
use protocol::saml::certificate::Certificate;
use protocol::saml::encryption::DecryptionKey;
use protocol::saml::expected::{Expected, ResponseRules, ResponseTo};

/// When the corpus was signed.
pub const NOW: Timestamp = Timestamp::from_secs(1_780_315_200);

/// The key of the corpus's identity provider.
pub static KEYS: LazyLock<Vec<Certificate>> = LazyLock::new(|| {
    vec![Certificate::from_pem(include_str!("../../tests/corpus/saml/keys/a.crt")).expect("a certificate")]
});

/// The key that the corpus is encrypted for.
pub static DECRYPTION: LazyLock<Vec<DecryptionKey>> = LazyLock::new(|| {
    let pem = include_str!("../../tests/corpus/saml/keys/sp.key");
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(base64).expect("base64");
    vec![DecryptionKey::from_pkcs8(&der).expect("a key")]
});

/// Keys of a provider that signed nothing: the public halves of [RFC 7515 appendix
/// A.3](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.3) and of [RFC 8037 appendix
/// A.2](https://www.rfc-editor.org/rfc/rfc8037#appendix-A.2).
pub static PROVIDER: LazyLock<KeySet> = LazyLock::new(|| {
    let keys = r#"{"keys":[
        {"kty":"EC","crv":"P-256","kid":"e","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHwRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        {"kty":"OKP","crv":"Ed25519","kid":"d","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    KeySet::parse(keys.as_bytes()).expect("keys")
});

/// The one registered address of the one app of [`POOL`].
pub const REDIRECT_URI: &str = "https://app.example/cb";

/// A pool with one public app, which has to use PKCE.
pub static POOL: LazyLock<Pool> = LazyLock::new(sample::pool);

/// What the relying party of the corpus expects.
pub fn expected(asked: bool) -> Expected<'static> {
    let request = if asked {
        ResponseTo::Request { id: "_q1", sent: Timestamp::from_secs(NOW.secs() - 30) }
    } else {
        ResponseTo::Nothing { max_age: Duration::from_secs(300) }
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
