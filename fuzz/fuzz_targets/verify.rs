//! Whatever is accepted says what an honest message of the seeds says, for nobody here can sign; whatever is
//! refused can be explained.
#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use symbolon_fuzz::model::fault::Refusal;
use symbolon_fuzz::protocol::saml::assertion::Assertion;
use symbolon_fuzz::protocol::saml::error::SamlError;
use symbolon_fuzz::protocol::saml::explain::{ProviderFacts, explain};
use symbolon_fuzz::protocol::saml::response::verify;
use symbolon_fuzz::protocol::saml::verification_report::Checks;
use symbolon_fuzz::{DECRYPTION, KEYS, NOW, expected};

/// NameID and attributes.
type Claims = (Option<String>, Vec<(String, Vec<String>)>);

/// What the seeds say that are accepted.
static HONEST: LazyLock<BTreeSet<Claims>> = LazyLock::new(|| {
    let seeds = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/verify")).expect("seeds");
    let messages = seeds.map(|seed| std::fs::read(seed.expect("a seed").path()).expect("a seed"));
    let honest: BTreeSet<Claims> = messages
        .flat_map(|bytes| [true, false].map(|asked| accepted(&bytes, asked).0.ok().map(claims)))
        .flatten()
        .collect();
    assert!(!honest.is_empty(), "some seeds are honest");
    honest
});

fn accepted(bytes: &[u8], asked: bool) -> (Result<Assertion, SamlError>, Checks) {
    let mut checks = Checks::default();
    let outcome = verify(bytes, &expected(asked), NOW, &mut checks);
    (outcome.map(|verified| verified.into_inner()), checks)
}

fn claims(assertion: Assertion) -> Claims {
    let attributes =
        assertion.attributes.into_iter().map(|attribute| (attribute.name, attribute.values)).collect();
    (assertion.name_id.map(|name_id| name_id.value), attributes)
}

fuzz_target!(|bytes: &[u8]| {
    let known = ProviderFacts { keys: &KEYS, decryption: &DECRYPTION, ..ProviderFacts::default() };
    if let Ok(explained) = explain(bytes, &known, Some(NOW)) {
        assert_eq!(explained.accepted, explained.code.is_none());
    }
    for asked in [true, false] {
        match accepted(bytes, asked) {
            (Ok(assertion), _) => {
                let said = claims(assertion);
                assert!(HONEST.contains(&said), "{said:?}");
            }
            (Err(error), checks) => {
                assert!(checks.failures().next().is_some());
                assert!(
                    !error.code().is_empty() && !error.hint().is_empty() && error.to_string().len() < 20_000
                );
            }
        }
    }
});
