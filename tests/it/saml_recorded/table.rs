//! What we do with the recordings where another implementation does something else, and why.

/// Our outcome.
#[derive(Debug, Clone, Copy)]
pub enum Ours {
    Accepts,
    Refuses(&'static str),
}

const CLOCK: &str = "the assertion itself says that the person authenticates in three weeks, which the other \
    implementation does not look at";
const POLICY: &str = "dates of certificates: metadata vouches for keys, and an expired one is reported \
    instead of locking a company out";
const DESTINATION: &str = "a signed response by POST must name its destination (SAML Bindings section \
    3.5.5.2), or it could be sent on";
const INCLUSIVE: &str = "signed over inclusive C14N 1.1, the default of a Go library and of no identity \
    provider: only exclusive C14N is read, and it is refused before anything else is looked at";

/// File, what we do with every permission given, and why that is right although the recording says otherwise.
pub const DIFFERENCES: &[(&str, Ours, &str)] = &[
    ("onelogin/olgn09_response_50.b64", Ours::Refuses("saml_destination_missing"), DESTINATION),
    ("onelogin/olgn09_response_155.b64", Ours::Refuses("saml_destination_missing"), DESTINATION),
    ("onelogin/olgn09_response_83.b64", Ours::Refuses("saml_from_the_future"), CLOCK),
    ("onelogin/olgn09_response_21.b64", Ours::Refuses("saml_from_the_future"), CLOCK),
    ("onelogin/olgn09_response_93.b64", Ours::Refuses("saml_from_the_future"), CLOCK),
    ("onelogin/olgn09_response_23.b64", Ours::Refuses("saml_from_the_future"), CLOCK),
    ("onelogin/olgn09_response_22.b64", Ours::Accepts, POLICY),
    ("onelogin/olgn09_response_94.b64", Ours::Accepts, POLICY),
    ("onelogin/olgn09_response_24.b64", Ours::Accepts, POLICY),
    ("saml.oktadev.com/response_2", Ours::Refuses("saml_signature_refused"), INCLUSIVE),
    ("saml.oktadev.com/response_3", Ours::Refuses("saml_signature_refused"), INCLUSIVE),
    ("saml.oktadev.com/response_4", Ours::Refuses("saml_signature_refused"), INCLUSIVE),
    ("saml.oktadev.com/response_5", Ours::Refuses("saml_signature_refused"), INCLUSIVE),
    ("saml.oktadev.com/response_6", Ours::Refuses("saml_signature_refused"), INCLUSIVE),
    ("saml.oktadev.com/response_8", Ours::Refuses("saml_signature_refused"), INCLUSIVE),
    ("saml.oktadev.com/response_9", Ours::Refuses("saml_signature_refused"), INCLUSIVE),
    ("saml.oktadev.com/response_10", Ours::Refuses("saml_signature_refused"), INCLUSIVE),
    ("saml.oktadev.com/response_11", Ours::Refuses("saml_signature_refused"), INCLUSIVE),
    (
        "saml.oktadev.com/response_7",
        Ours::Refuses("saml_element_misplaced"),
        "without Issuer the signature is the first child; the schema has Issuer before it, and structure is \
         checked first",
    ),
    (
        "saml.oktadev.com/response_16",
        Ours::Refuses("saml_xml_refused"),
        "deflated, as the Redirect binding wants it: the POST binding has plain base64 (SAML Bindings \
         section 3.5.4)",
    ),
    (
        "auth0_response.xml",
        Ours::Refuses("saml_element_misplaced"),
        "the signature is the last child of the response: C-10 reads it only where the schema has it, right \
         after Issuer",
    ),
    (
        "oam_response.xml",
        Ours::Refuses("certificate_refused"),
        "the identity provider's key has 1024 bits, which no permission makes trustworthy",
    ),
    (
        "okta_response.xml",
        Ours::Refuses("saml_from_the_future"),
        "the recorded time lies four minutes before the message was issued",
    ),
    (
        "onelogin_response.xml",
        Ours::Refuses("saml_from_the_future"),
        "the recorded time lies three minutes before the message was issued",
    ),
];

/// Files that only the time kept out, and a time that lets them in.
pub const LATER: [(&str, &str); 4] = [
    ("okta_response.xml", "2016-07-25T23:20:20Z"),
    ("onelogin_response.xml", "2017-03-08T07:53:45Z"),
    ("adfs_response.b64", "2017-09-21T23:27:10Z"),
    ("saml.oktadev.com/response_0", "2017-04-04T16:54:20Z"),
];

/// What is accepted without any permission: SHA-256, no CBC or CBC under a signature.
pub const WITHOUT_PERMISSION: [&str; 6] = [
    "pingfed/pfed11_response_01.b64",
    "pingfed/pfed11_response_02.b64",
    "pingfed/pfed11_response_03.b64",
    "pingfed/pfed11_response_05.b64",
    "adfs_response.b64",
    "oktaenc_response.b64",
];

/// The recorded reason of a refusal, and our codes for it. A failure behind CBC that nothing authenticates
/// has the code of all such failures.
pub const REASONS: &[(&str, &[&str])] = &[
    ("signature missing", &["saml_unsigned", "saml_decryption_refused"]),
    ("signature wrong", &["saml_signature_refused"]),
    ("decryption fails", &["saml_decryption_refused"]),
    ("time window", &["saml_from_the_future", "saml_expired"]),
    ("signed by a key that is not the IdP's", &["saml_signature_refused", "saml_decryption_refused"]),
    ("encrypted for another certificate", &["saml_decryption_refused"]),
    ("Destination", &["saml_destination_mismatch"]),
    ("Issuer", &["saml_issuer_mismatch"]),
    ("audience", &["saml_audience_mismatch"]),
    ("StatusCode", &["saml_status", "saml_status_requester"]),
];
