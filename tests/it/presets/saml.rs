//! One test for each SAML identity provider: the claims of an assertion in, key and attributes out; and what
//! no assertion may do.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use serde_json::{Value, json};
use symbolon::model::user::ProviderType;
use symbolon::provider::quirk_error::QuirkError;
use symbolon::provider::quirks;
use symbolon::provider::saml::{Saml, SubjectRule, format};
use symbolon::provider::settings::{EmailTrust, Protocol, Provider};

use symbolon::model::time::Timestamp;
use symbolon::protocol::saml::assertion::Assertion;
use symbolon::protocol::saml::attributes::Attribute;
use symbolon::protocol::saml::subject::NameId;
use symbolon::provider::saml_claims;

use super::fixtures::{but, fixture};
use super::world::{attributes, claims, identity, provider};

/// The provider of these presets, inside whose domain Ada's address is.
pub fn with_domain(preset: &str, more: &str) -> Provider {
    provider(&format!(
        "name = \"Acme\"\nuse = \"{preset}\"\nmetadata_url = \"https://idp.acme.example/metadata\"\ndomains \
         = [\"acme.example\"]\n{more}\n[groups.map]\nstaff = \"employees\"\n"
    ))
}

pub fn saml(provider: &Provider) -> &Saml {
    match &provider.protocol {
        Protocol::Saml(saml) => saml,
        Protocol::Oidc(_) | Protocol::Oauth2(_) => unreachable!("{} speaks no SAML", provider.name),
    }
}

fn assertion(preset: &str) -> symbolon::model::identity::Claims {
    claims(fixture(preset, "assertion"))
}

/// Key, attributes and groups of a sign-in with the preset's fixture.
#[track_caller]
fn signs_in(preset: &str, subject: &str, more: &Value) {
    let acme = with_domain(preset, "");
    assert_eq!((acme.provider_type, &acme.email_trust), (ProviderType::Saml, &EmailTrust::Domains));
    assert_eq!(acme.client_id, "urn:amazon:cognito:sp:eu-west-1_A1");
    let sent = assertion(preset);
    let issuer = sent["Issuer"].as_str().unwrap().to_owned();
    let groups = quirks::pool_groups(&acme.groups, &sent);
    let who = identity(&acme, sent, None).unwrap();
    assert_eq!((who.key.issuer, who.key.subject.as_str()), (issuer, subject));
    let mut expected = claims(json!({
        "email": "ada@acme.example", "email_verified": "true", "family_name": "Lovelace", "given_name": "Ada",
    }));
    expected.extend(claims(more.clone()));
    let who = identity(&acme, assertion(preset), None).unwrap();
    assert_eq!(Value::Object(attributes(&acme, &who)), Value::Object(expected));
    assert_eq!(
        groups,
        if preset == "entra-saml" { Vec::<String>::new() } else { vec!["employees".to_owned()] }
    );
}

#[test]
fn any_provider() {
    signs_in("saml", "a1b2c3", &json!({ "name": "Ada Lovelace" }));
}

#[test]
fn ad_fs_without_a_name_id() {
    signs_in(
        "adfs",
        "S-1-5-21-1004336348-1177238915-682003330-1105",
        &json!({ "name": "ACME\\ada", "preferred_username": "ada@ad.acme.example" }),
    );
    assert!(saml(&with_domain("adfs", "")).accept.cbc_without_signature);
}

#[test]
fn entra_by_object_id_within_its_tenant() {
    signs_in(
        "entra-saml",
        "00000000-0000-0000-66f3-3332eca7ea81",
        &json!({ "name": "Ada Lovelace", "preferred_username": "ada@acme.example" }),
    );
    let entra = with_domain("entra-saml", "");
    assert!(!quirks::groups_overage(&entra, &assertion("entra-saml")));
    let link = "http://schemas.microsoft.com/claims/groups.link";
    assert!(quirks::groups_overage(
        &entra,
        &but(assertion("entra-saml"), link, json!("https://graph.microsoft.com/x"))
    ));
}

#[test]
fn okta() {
    signs_in(
        "okta-saml",
        "00u1fcigze8iMsf331d8",
        &json!({ "name": "Ada Lovelace", "preferred_username": "ada@acme.example" }),
    );
}

#[test]
fn google_workspace() {
    signs_in("google-workspace", "ada@acme.example", &json!({}));
}

#[test]
fn ping() {
    signs_in("ping", "3f2a9c1e-7b44-4a35-9d1f-6b1b2c3d4e5f", &json!({ "preferred_username": "ada" }));
}

#[test]
fn onelogin_with_the_names_of_an_old_connector() {
    signs_in("onelogin", "131849342", &json!({}));
    let renamed =
        but(but(assertion("onelogin"), "User.Email", Value::Null), "email", json!("ada@acme.example"));
    let acme = with_domain("onelogin", "");
    assert_eq!(attributes(&acme, &identity(&acme, renamed, None).unwrap())["email"], "ada@acme.example");
}

#[test]
fn jumpcloud_in_lower_case_with_a_format_of_saml_1_0() {
    signs_in("jumpcloud", "ada@acme.example", &json!({}));
}

#[test]
fn keycloak() {
    signs_in("keycloak-saml", "G-2d4b6f70-8f1b-4a17-b0d5-0c8a2f6f7e11", &json!({}));
    assert_eq!(
        saml(&with_domain("keycloak-saml", "")).request.name_id_format.as_deref(),
        Some(format::PERSISTENT)
    );
}

/// A person with two addresses has the first.
#[test]
fn shibboleth_with_a_transient_name_id() {
    signs_in(
        "shibboleth",
        "ada1815@acme.example",
        &json!({ "name": "Ada Lovelace", "preferred_username": "ada" }),
    );
}

#[test]
fn simplesamlphp() {
    signs_in(
        "simplesamlphp",
        "9b2f1c8e7d6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c",
        &json!({ "name": "Ada Lovelace", "preferred_username": "ada" }),
    );
}

/// C-62
#[test]
fn an_address_outside_the_providers_domains_is_never_verified() {
    let acme = with_domain("saml", "");
    for address in [
        "ada@other.example",
        "ada@sub.acme.example",
        "ada@acme.example.other.example",
        "ada@acme.example@other.example",
        "ada",
    ] {
        let who = identity(&acme, but(assertion("saml"), "mail", json!(address)), None).unwrap();
        assert!(!who.email_verified, "{address}");
        assert_eq!(attributes(&acme, &who)["email_verified"], "false", "{address}");
    }
    let without =
        provider("name = \"Acme\"\nuse = \"saml\"\nmetadata_url = \"https://idp.acme.example/metadata\"");
    assert!(!identity(&without, assertion("saml"), None).unwrap().email_verified, "no domains were proved");
}

/// C-62: an attribute beside the mapped one cannot lend its trust.
#[test]
fn only_the_mapped_address_is_judged() {
    let acme = with_domain("keycloak-saml", "");
    let sent = but(
        but(assertion("keycloak-saml"), "urn:oid:1.2.840.113549.1.9.1", json!("eve@other.example")),
        "email",
        json!("ada@acme.example"),
    );
    let who = identity(&acme, sent, None).unwrap();
    assert!(!who.email_verified);
    assert_eq!(attributes(&acme, &who)["email"], "eve@other.example");
    let acme = with_domain("shibboleth", "");
    let sent = but(
        but(assertion("shibboleth"), "urn:oid:0.9.2342.19200300.100.1.3", Value::Null),
        "email",
        json!("ada@acme.example"),
    );
    let who = identity(&acme, sent, None).unwrap();
    assert!(
        !who.email_verified && !attributes(&acme, &who).contains_key("email"),
        "nothing maps an attribute of that name"
    );
}

#[test]
fn a_transient_name_id_is_never_a_subject() {
    for written in [format::TRANSIENT, "urn:oasis:names:tc:SAML:1.1:nameid-format:transient"] {
        let sent = but(assertion("saml"), "NameIDFormat", json!(written));
        assert_eq!(identity(&with_domain("saml", ""), sent, None), Err(QuirkError::SubjectTransient));
    }
}

#[test]
fn formats_that_identify_people_are_named() {
    let email = but(assertion("saml"), "NameIDFormat", json!(format::EMAIL_ADDRESS));
    let refused = identity(&with_domain("saml", ""), email.clone(), None);
    assert_eq!(refused, Err(QuirkError::SubjectFormat(format::EMAIL_ADDRESS.into())));
    assert!(identity(&with_domain("saml", "subject_formats = [\"emailAddress\"]"), email, None).is_ok());
    let bare = but(assertion("saml"), "NameIDFormat", Value::Null);
    assert_eq!(
        identity(&with_domain("saml", ""), bare, None),
        Err(QuirkError::SubjectFormat(format::UNSPECIFIED.into()))
    );
}

#[test]
fn a_subject_is_one_text() {
    let by_attribute = with_domain("saml", "subject = \"uid\"");
    assert_eq!(saml(&by_attribute).subject, SubjectRule::Attribute("uid".into()));
    for uid in
        [Value::Null, json!(""), json!(" "), json!(["ada", "eve"]), json!("a\nb"), json!("x".repeat(257))]
    {
        let refused = identity(&by_attribute, but(assertion("saml"), "uid", uid.clone()), None);
        assert_eq!(refused, Err(QuirkError::SubjectUnusable("uid".into())), "{uid}");
    }
    let nobody = but(assertion("saml"), "NameID", Value::Null);
    assert_eq!(
        identity(&with_domain("saml", ""), nobody, None),
        Err(QuirkError::SubjectUnusable("NameID".into()))
    );
}

/// The same opaque value from another issuer, or of another party, is another person.
#[test]
fn a_name_id_belongs_to_its_issuer_and_qualifiers() {
    let acme = with_domain("saml", "");
    let key = |name: &str, value: &str| {
        identity(&acme, but(assertion("saml"), name, json!(value)), None).unwrap().key
    };
    let plain = key("NameQualifier", "https://idp.acme.example");
    assert_eq!(plain, key("SPNameQualifier", "urn:amazon:cognito:sp:eu-west-1_A1"));
    assert_ne!(plain, key("NameQualifier", "https://other.example"));
    assert_ne!(plain, key("SPNameQualifier", "https://other.example"));
    assert_ne!(plain, key("Issuer", "https://other.example"));
}

fn attribute(name: &str, friendly: &str, values: &[&str]) -> Attribute {
    let friendly_name = Some(friendly.to_owned()).filter(|text| !text.is_empty());
    Attribute {
        name: name.into(),
        name_format: None,
        friendly_name,
        values: values.iter().map(|text| (*text).to_owned()).collect(),
    }
}

fn verified(name_id: Option<NameId>, attributes: Vec<Attribute>) -> Assertion {
    let now = Timestamp::from_secs(1_800_000_000);
    Assertion {
        id: "_1".into(),
        issuer: "https://idp.acme.example".into(),
        name_id,
        attributes,
        authn_instant: now,
        session_index: None,
        session_not_on_or_after: None,
        authn_context: None,
        acceptable_until: now,
        one_time_use: false,
    }
}

fn name_id(value: &str, format: Option<&str>) -> NameId {
    let format = format.map(str::to_owned);
    NameId {
        value: value.into(),
        format,
        name_qualifier: None,
        sp_name_qualifier: None,
        sp_provided_id: None,
    }
}

#[test]
fn attributes_become_claims_by_name() {
    let acme = with_domain("saml", "");
    let attributes = vec![
        attribute("urn:oid:2.5.4.42", "givenName", &["Ada"]),
        attribute("groups", "", &["staff", "admins"]),
        attribute("empty", "", &[]),
    ];
    let claims = saml_claims::claims(
        saml(&acme),
        &verified(Some(name_id("a1", Some(format::PERSISTENT))), attributes.clone()),
    );
    assert_eq!(
        Value::Object(claims),
        json!({
            "urn:oid:2.5.4.42": "Ada", "groups": ["staff", "admins"], "Issuer": "https://idp.acme.example",
            "NameID": "a1", "NameIDFormat": format::PERSISTENT,
        })
    );
    let friendly = with_domain("saml", "friendly_names = true");
    let claims = saml_claims::claims(saml(&friendly), &verified(None, attributes));
    assert_eq!((&claims["givenName"], &claims["urn:oid:2.5.4.42"]), (&json!("Ada"), &json!("Ada")));
}

/// What an attribute is called, in full or for people, never makes it the person's NameID or the issuer.
#[test]
fn no_attribute_stands_in_for_the_name_id_or_the_issuer() {
    let acme = with_domain("saml", "friendly_names = true");
    for name in ["NameID", "NameIDFormat", "NameQualifier", "SPNameQualifier", "Issuer"] {
        for attribute in [attribute(name, "", &["eve"]), attribute("urn:x", name, &["eve"])] {
            let claims = saml_claims::claims(saml(&acme), &verified(None, vec![attribute]));
            assert_ne!(claims.get(name), Some(&json!("eve")), "{name}");
            assert!(identity(&acme, claims, None).is_err());
        }
    }
}

/// A friendly name that is another attribute's name does not take its place.
#[test]
fn a_friendly_name_never_hides_an_attribute() {
    let acme = with_domain("saml", "friendly_names = true\nsubject = \"uid\"");
    let attributes = vec![attribute("urn:x", "uid", &["eve"]), attribute("uid", "", &["ada"])];
    let claims = saml_claims::claims(saml(&acme), &verified(None, attributes));
    assert_eq!(identity(&acme, claims, None).unwrap().key.subject, "ada");
}
