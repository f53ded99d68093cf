//! Group C of the security cases on a corpus that other signers made: `tests/corpus/saml`, whose generator
//! says what each row is.

mod oracle;
pub mod row;
mod whole;

use std::collections::BTreeSet;

use symbolon::model::fault::Refusal;
use symbolon::protocol::saml::verification_report::Checks;

use self::row::{Row, claims, folder};

/// Every row of a case.
fn case(id: &str) {
    let rows = Row::of(id);
    assert!(!rows.is_empty(), "{id} has rows");
    let problems: Vec<String> = rows.iter().filter_map(|row| run(row).err()).collect();
    assert!(
        problems.is_empty(),
        "{id}: {} of {} rows differ:\n{}",
        problems.len(),
        rows.len(),
        problems.join("\n")
    );
}

/// Runs a row; the error says what came instead.
fn run(row: &Row) -> Result<(), String> {
    let document = row.document();
    let mut checks = Checks::default();
    let outcome = row.party().map(|party| party.verify(&document, &mut checks));
    let came = match outcome {
        Err(reason) => Err(("certificate_refused", reason)),
        Ok(Err(error)) => Err((error.code(), error.to_string())),
        Ok(Ok(assertion)) => Ok(claims(&assertion)),
    };
    match (row.refusals(), came) {
        (None, Ok(claims)) if claims == row.0["accept"] => Ok(()),
        (None, Ok(claims)) => {
            Err(format!("{}: accepted as {claims}, expected {}", row.name(), row.0["accept"]))
        }
        (None, Err((code, error))) => Err(format!("{}: refused as {code}: {error}", row.name())),
        (Some(_), Ok(claims)) => Err(format!("{}: ACCEPTED as {claims}", row.name())),
        (Some(codes), Err((code, _))) if codes.contains(&code) => Ok(()),
        (Some(codes), Err((code, error))) => {
            Err(format!("{}: refused as {code}: {error}; expected {codes:?}", row.name()))
        }
    }
}

macro_rules! cases {
    ($($id:literal $test:ident $sentence:literal)*) => {
        pub const CASES: &[&str] = &[$($id),*];
        $(
            #[doc = $id]
            #[doc = $sentence]
            #[test]
            fn $test() {
                case($id);
            }
        )*
    };
}

cases! {
    "C-00" c_00_the_honest_bases "Each of the six bases says who signed in."
    "C-01" c_01_xsw1 "A response wrapped into its own signature, under an evil one."
    "C-02" c_02_two_assertions "An unsigned assertion before or after the signed one, two signed ones, and \
        XSW2."
    "C-03" c_03_xsw3 "An evil assertion before the signed one."
    "C-04" c_04_xsw4 "The signed assertion inside an evil one."
    "C-05" c_05_xsw5 "The signed content moved behind, its signature left on an evil assertion."
    "C-06" c_06_xsw6 "The signed content inside the signature of an evil assertion."
    "C-07" c_07_xsw7 "An evil assertion in Extensions."
    "C-08" c_08_xsw8 "The signed content in an Object of the signature, XSW9 and XSW10."
    "C-09" c_09_hidden_assertions "The honest element in any place where an extension may stand."
    "C-10" c_10_moved_signatures "A signature at any place that is not its own."
    "C-11" c_11_duplicate_ids "Two elements with one ID, however the attribute is spelt."
    "C-12" c_12_other_namespaces "Names that are right in namespaces that are not."
    "C-13" c_13_other_spellings "Bytes that differ and canonical forms that do not: what was digested is \
        read."
    "C-14" c_14_references "A signature refers to its parent by its ID and to nothing else."
    "C-15" c_15_metadata_as_donor "The signature of the IdP's metadata proves no response."
    "C-16" c_16_doubled_parts "Parts of a signature that stand twice or elsewhere."
    "C-17" c_17_noise_in_values "Comments and worse inside digests and signatures."
    "C-18" c_18_transforms "Enveloped and exclusive canonicalization, and no other work for strangers."
    "C-19" c_19_digest_of_nothing "A canonical form of nothing, or none at all, proves nothing."
    "C-20" c_20_names_are_never_cut "A name with a comment, CDATA or worse in it is whole or refused."
    "C-21" c_21_parser_differentials "What parsers disagree about is refused."
    "C-22" c_22_doctype "A DOCTYPE is refused, whatever it says."
    "C-23" c_23_namespaces "Namespaces that canonicalizers stumble over."
    "C-24" c_24_malformed "What is not one well-formed document of UTF-8 is refused."
    "C-25" c_25_external_entities "Nothing is opened or fetched for a message."
    "C-26" c_26_bombs "What would cost much is refused."
    "C-27" c_27_references_elsewhere "No URI of a signature is fetched."
    "C-28" c_28_unsigned "Without signature, or with an empty one, nothing is believed."
    "C-29" c_29_other_keys "Only the keys of the IdP count, expired or not."
    "C-30" c_30_no_certificate "Without certificate nothing is believed."
    "C-31" c_31_key_info "What a message says about keys is ignored."
    "C-32" c_32_weak_algorithms "SHA-1 only by permission; MD5, DSA, short keys and odd parameters never."
    "C-33" c_33_hmac "A certificate is no shared secret."
    "C-34" c_34_ecdsa "Signatures of ECDSA as Wycheproof would have them."
    "C-36" c_36_fidelity "Every character that is signed is the character that is read."
    "C-40" c_40_nothing_signed "Encryption proves nothing: anybody can encrypt for us."
    "C-41" c_41_two_encrypted "An evil encrypted assertion beside the honest one."
    "C-42" c_42_signed_inside "A signature inside the encryption is verified on the decrypted bytes."
    "C-43" c_43_plaintexts "What was encrypted is one assertion."
    "C-44" c_44_oracles "CBC without a signature over it and rsa-1_5 only by permission."
    "C-45" c_45_shapes_of_encryption "Encrypted parts in every wrong shape."
    "C-46" c_46_rollover_of_our_key "Every active key decrypts, none that is gone."
    "C-48" c_48_conditions_and_times "Conditions hold now, within the clock difference that is forgiven."
    "C-49" c_49_authentication "When the person authenticated, and until when."
    "C-50" c_50_audience "Every restriction names us, exactly."
    "C-51" c_51_addresses "Recipient and Destination are ours, exactly."
    "C-52" c_52_confirmations "One bearer confirmation that fits."
    "C-53" c_53_issuers "Response and assertion are of the IdP."
    "C-54" c_54_status "Only success is success."
    "C-55" c_55_other_requests "An answer answers our request."
    "C-56" c_56_unasked "What comes unasked names no request and is fresh."
    "C-57" c_57_once_more "The same assertion in another response has the same ID."
    "C-58" c_58_conditions "Unknown conditions make an assertion invalid."
    "C-66" c_66_attributes "Attributes by name, all values, nothing guessed."
    "C-67" c_67_name_ids "Names of every format, whole."
    "C-75" c_75_authentication_context "What was asked for is what was done."
    "C-76" c_76_other_messages "Only a Response of SAML 2.0."
    "C-77" c_77_issued "Issued after the request and not in the future."
    "C-78" c_78_ten_identity_providers "Honest responses in the shapes of ten identity providers."
    "algorithms" every_allowed_algorithm_verifies "RSA, ECDSA and RSA-PSS with SHA-256, SHA-384 and SHA-512, \
        and prefix lists."
}

#[test]
fn every_case_of_the_corpus_has_a_test() {
    let stem = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()
    };
    let files: BTreeSet<String> = std::fs::read_dir(folder().join("cases")).unwrap().map(stem).collect();
    let tests: BTreeSet<String> = CASES.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(files, tests);
}
