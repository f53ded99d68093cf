//! Rows of `tests/corpus/saml/cases`: a base document with edits, and what must come of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use symbolon::model::time::Timestamp;
use symbolon::protocol::saml::assertion::Assertion;
use symbolon::protocol::saml::certificate::Certificate;
use symbolon::protocol::saml::datetime;
use symbolon::protocol::saml::encryption::DecryptionKey;
use symbolon::protocol::saml::error::SamlError;
use symbolon::protocol::saml::expected::{Expected, ResponseRules, ResponseTo};
use symbolon::protocol::saml::response::verify;
use symbolon::protocol::saml::verification_report::Checks;

/// The parties of the corpus.
pub const IDP: &str = "https://idp.a.test/metadata";
pub const AUDIENCE: &str = "https://broker.test/saml";
pub const ACS: &str = "https://broker.test/saml2/idpresponse";

/// Where the corpus lies.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/saml")
}

/// One row.
pub struct Row(pub Value);

impl Row {
    /// The rows of one case.
    pub fn of(case: &str) -> Vec<Self> {
        let path = folder().join("cases").join(format!("{case}.json"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        rows.into_iter().map(Self).collect()
    }

    pub fn name(&self) -> &str {
        self.0["name"].as_str().unwrap()
    }

    /// The message: the base with its edits, each `[offset, bytes to remove, what to insert...]`.
    pub fn document(&self) -> Vec<u8> {
        let base = match self.0["base"].as_str().unwrap() {
            "" => Vec::new(),
            name => std::fs::read(folder().join("bases").join(format!("{name}.xml"))).unwrap(),
        };
        let (mut document, mut at) = (Vec::new(), 0);
        for edit in self.0["edits"].as_array().unwrap() {
            let number = |index: usize| usize::try_from(edit[index].as_u64().unwrap()).unwrap();
            document.extend(&base[at..number(0)]);
            for insert in &edit.as_array().unwrap()[2..] {
                match (insert.as_str(), insert["base64"].as_str()) {
                    (Some(text), _) => document.extend(text.as_bytes()),
                    (_, Some(text)) => document.extend(STANDARD.decode(text).unwrap()),
                    _ => {
                        let times = usize::try_from(insert["repeat"].as_u64().unwrap()).unwrap();
                        document.extend(insert["text"].as_str().unwrap().repeat(times).bytes());
                    }
                }
            }
            at = number(0) + number(1);
        }
        document.extend(&base[at..]);
        document
    }

    /// The codes of which one must be given, or `None` for an honest message.
    pub fn refusals(&self) -> Option<Vec<&str>> {
        self.0["refuse"].as_array().map(|codes| codes.iter().map(|code| code.as_str().unwrap()).collect())
    }

    /// What the relying party of this row has and expects.
    pub fn party(&self) -> Result<Party, String> {
        let names = |field: &str, otherwise: &str| match self.0[field].as_array() {
            Some(names) => names.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
            None => vec![otherwise.to_owned()],
        };
        let text = |field: &str, otherwise: &str| self.0[field].as_str().unwrap_or(otherwise).to_owned();
        let seconds = |field: &str| self.0[field].as_u64().map(Duration::from_secs);
        let permitted = |field: &str| self.0[field].as_bool().unwrap_or(false);
        let keys = names("keys", "a").iter().map(|name| certificate(name)).collect::<Result<_, _>>()?;
        Ok(Party {
            idp: text("idp", IDP),
            audience: text("audience", AUDIENCE),
            acs: text("acs", ACS),
            asked: self
                .0
                .get("asked")
                .map_or_else(|| Some("_q1".into()), |id| id.as_str().map(str::to_owned)),
            sent: at(&text("sent", "2026-06-01T11:59:30Z")),
            now: at(&text("at", "2026-06-01T12:00:00Z")),
            keys,
            decryption: names("decryption", "sp").iter().map(|name| decryption_key(name)).collect(),
            rules: ResponseRules {
                skew: seconds("skew").unwrap_or(Duration::from_secs(60)),
                sha1: permitted("sha1"),
                rsa_1_5: permitted("rsa_1_5"),
                unauthenticated_cbc: permitted("unauthenticated_cbc"),
            },
            authn_context: self.0["authn_context"]
                .as_array()
                .map(|_| names("authn_context", ""))
                .unwrap_or_default(),
            max_age: seconds("max_age"),
        })
    }
}

/// A relying party.
pub struct Party {
    pub idp: String,
    pub audience: String,
    pub acs: String,
    /// The id of the request; `None` when the sign-in began at the IdP.
    pub asked: Option<String>,
    pub sent: Timestamp,
    pub now: Timestamp,
    pub keys: Vec<Certificate>,
    pub decryption: Vec<DecryptionKey>,
    pub rules: ResponseRules,
    pub authn_context: Vec<String>,
    pub max_age: Option<Duration>,
}

impl Party {
    pub fn verify(&self, document: &[u8], checks: &mut Checks) -> Result<Assertion, SamlError> {
        let request = match &self.asked {
            Some(id) => ResponseTo::Request { id, sent: self.sent },
            None => ResponseTo::Nothing { max_age: Duration::from_secs(300) },
        };
        let expected = Expected {
            idp: &self.idp,
            audience: &self.audience,
            acs: &self.acs,
            request,
            keys: &self.keys,
            decryption: &self.decryption,
            rules: self.rules,
            authn_context: &self.authn_context,
            max_age: self.max_age,
        };
        verify(document, &expected, self.now, checks).map(symbolon::protocol::Verified::into_inner)
    }
}

/// What an assertion says, as the rows write it.
pub fn claims(assertion: &Assertion) -> Value {
    let attributes: Vec<Value> = assertion
        .attributes
        .iter()
        .map(|attribute| serde_json::json!([attribute.name, attribute.values]))
        .collect();
    serde_json::json!({ "name_id": assertion.name_id.as_ref().map(|name_id| &name_id.value),
        "attributes": attributes })
}

pub fn certificate(name: &str) -> Result<Certificate, String> {
    let pem = std::fs::read_to_string(folder().join("keys").join(format!("{name}.crt"))).unwrap();
    Certificate::from_pem(&pem).map_err(|error| error.to_string())
}

pub fn decryption_key(name: &str) -> DecryptionKey {
    let pem = std::fs::read_to_string(folder().join("keys").join(format!("{name}.key"))).unwrap();
    DecryptionKey::from_pkcs8(&pem_bytes(&pem)).unwrap()
}

/// The bytes between the lines of a PEM file.
pub fn pem_bytes(pem: &str) -> Vec<u8> {
    let base64: String =
        pem.lines().filter(|line| !line.starts_with("-----")).flat_map(|line| line.trim().chars()).collect();
    STANDARD.decode(base64).unwrap()
}

pub fn at(text: &str) -> Timestamp {
    datetime::parse(text).unwrap_or_else(|| panic!("{text:?} is no instant"))
}
