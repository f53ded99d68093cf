//! What a provider says and the broker does not believe.

use serde_json::{Value, json};
use symbolon::model::fault::{Fault, Refusal as _};
use symbolon::protocol::oidc::issuer::Issuer;
use symbolon::provider::email_trust;
use symbolon::provider::quirk_error::QuirkError;
use symbolon::provider::quirks;
use symbolon::provider::settings::Provider;

use super::fixtures::{but, fixture, oidc_claims};
use super::world::{claims, identity, oidc, p256_pem, provider, with_secret};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

fn microsoft(more: &str) -> Provider {
    with_secret("Microsoft", "microsoft", more)
}

/// B-08
#[test]
fn a_tenant_outside_the_list_is_refused() {
    let microsoft = microsoft(&format!("tenant = \"common\"\nallowed_tenants = [\"{TENANT}\"]"));
    let from = |tid: Value| identity(&microsoft, but(oidc_claims("microsoft"), "tid", tid), None);
    assert!(from(json!(TENANT)).is_ok());
    assert!(from(json!(TENANT.to_uppercase())).is_ok(), "ids of tenants are UUIDs");
    let other = "11111111-1111-1111-1111-111111111111";
    assert_eq!(from(json!(other)).unwrap_err(), QuirkError::TenantRefused(other.into()));
    assert_eq!(from(json!(CONSUMERS)).unwrap_err(), QuirkError::TenantRefused(CONSUMERS.into()));
    assert_eq!(from(json!(null)).unwrap_err(), QuirkError::TenantMissing);
    assert_eq!(from(json!(7)).unwrap_err(), QuirkError::TenantMissing);
    for odd in ["", "common", "{tenantid}", "a/../b", "x.example"] {
        assert_eq!(from(json!(odd)).unwrap_err(), QuirkError::TenantRefused(odd.into()), "{odd}");
    }
}

/// B-08: whatever the list says, the issuer of a token is that of its own tenant.
#[test]
fn the_expected_issuer_is_that_of_the_tenant() {
    let microsoft = microsoft("tenant = \"common\"\nallowed_tenants = [\"*\"]");
    let other = "11111111-1111-1111-1111-111111111111";
    let expected =
        quirks::expected_issuer(oidc(&microsoft), &but(oidc_claims("microsoft"), "tid", json!(other)))
            .unwrap();
    assert_eq!(expected, format!("https://login.microsoftonline.com/{other}/v2.0"));
    let issuer = Issuer { value: &oidc(&microsoft).issuer, aliases: &[] };
    assert_eq!(issuer.canonical(&expected, Some(other)), Some(expected.clone()));
    assert_eq!(
        issuer.canonical(&format!("https://login.microsoftonline.com/{TENANT}/v2.0"), Some(other)),
        None
    );
    assert_eq!(issuer.canonical("https://login.microsoftonline.com/{tenantid}/v2.0", Some(other)), None);
    let path = but(oidc_claims("microsoft"), "tid", json!("../evil"));
    assert!(quirks::expected_issuer(oidc(&microsoft), &path).is_err(), "a tenant is no path");
}

/// B-08: a personal account is in no organisation, even when every tenant may sign in.
#[test]
fn personal_accounts_are_no_organisation() {
    let from = |table: &str| {
        identity(&microsoft(table), but(oidc_claims("microsoft"), "tid", json!(CONSUMERS)), None)
    };
    let refused = from("tenant = \"organizations\"\nallowed_tenants = [\"*\"]").unwrap_err();
    assert_eq!((refused.code(), refused.fault()), ("provider_tenant_refused", Fault::Visitor));
    assert!(from("tenant = \"common\"\nallowed_tenants = [\"*\"]").is_ok());
    assert!(from("tenant = \"consumers\"").is_ok());
}

/// Two tenants may use one subject; they are two people.
#[test]
fn the_tenant_is_part_of_the_key() {
    let microsoft = microsoft("tenant = \"common\"\nallowed_tenants = [\"*\"]\nsubject = \"oid\"");
    let of =
        |tid: &str| identity(&microsoft, but(oidc_claims("microsoft"), "tid", json!(tid)), None).unwrap().key;
    let (one, two) = (of(TENANT), of("11111111-1111-1111-1111-111111111111"));
    assert_eq!(one.subject, two.subject);
    assert_ne!(one.digest(), two.digest());
}

/// F-04: only `xms_edov` says that the address is the person's, and its absence says that it is not.
#[test]
fn an_entra_address_needs_a_proved_domain() {
    let microsoft = microsoft(&format!("tenant = \"{TENANT}\""));
    let trusts = |edov: Value| {
        let all = but(but(oidc_claims("microsoft"), "xms_edov", edov), "email_verified", json!(true));
        identity(&microsoft, all, None).unwrap().email_verified
    };
    for yes in [json!(true), json!("true"), json!("1"), json!(1)] {
        assert!(trusts(yes.clone()), "{yes}");
    }
    for no in [
        json!(null),
        json!(false),
        json!("false"),
        json!("0"),
        json!(0),
        json!("TRUE"),
        json!("yes"),
        json!([true]),
        json!(2),
    ] {
        assert!(!trusts(no.clone()), "{no}");
    }
}

/// B-39: the reference is reported; nobody is in a group by it, and it is never followed.
#[test]
fn a_groups_overage_gives_no_group() {
    let microsoft = microsoft(&format!("tenant = \"{TENANT}\""));
    assert!(quirks::groups_overage(&microsoft, &claims(fixture("microsoft", "id_token_many_groups"))));
    assert!(!quirks::groups_overage(&microsoft, &oidc_claims("microsoft")));
    assert!(quirks::groups_overage(&microsoft, &claims(json!({"hasgroups": true}))));
    let generic = with_secret("Acme", "oidc", "issuer = \"https://acme.example\"");
    assert!(!quirks::groups_overage(&generic, &claims(fixture("microsoft", "id_token_many_groups"))));
}

/// B-49: of all spellings, only the one that the provider's rule names counts.
#[test]
fn only_the_boolean_true_verifies_an_address() {
    let generic = with_secret("Acme", "oidc", "issuer = \"https://acme.example\"");
    let key = p256_pem();
    let apple = provider(&format!(
        "name = \"SignInWithApple\"\nuse = \"apple\"\nclient_id = \"c\"\nteam_id = \"T\"\nkey_id \
         = \"K\"\nprivate_key = '''\n{key}'''"
    ));
    let trusts = |provider: &Provider, flag: &Value| {
        email_trust::email_verified(
            provider,
            &but(claims(json!({"sub": "1", "email": "ada@acme.example"})), "email_verified", flag.clone()),
        )
    };
    for (flag, claim, text) in [
        (json!(true), true, true),
        (json!("true"), false, true),
        (json!(false), false, false),
        (json!("false"), false, false),
        (json!(null), false, false),
        (json!(1), false, false),
        (json!("1"), false, false),
        (json!("True"), false, false),
        (json!([true]), false, false),
    ] {
        assert_eq!((trusts(&generic, &flag), trusts(&apple, &flag)), (claim, text), "{flag}");
    }
    for address in [
        json!(null),
        json!(""),
        json!("ada"),
        json!("@acme.example"),
        json!("ada@"),
        json!(["ada@acme.example"]),
    ] {
        assert!(
            !email_trust::email_verified(
                &generic,
                &but(claims(json!({"email_verified": true})), "email", address.clone())
            ),
            "{address}"
        );
    }
}

/// F-05: a provider with domains proves no address outside them, whatever it claims.
#[test]
fn an_enterprise_provider_speaks_for_its_own_domains_only() {
    for trust in ["email_trust = \"domains\"", "email_trust = \"claim\"", "trust_every_email = true"] {
        let acme = with_secret(
            "Acme",
            "oidc",
            &format!(
                "issuer = \"https://acme.example\"\ndomains = [\"acme.example\", \"bücher.example\"]\n{trust}"
            ),
        );
        let trusts = |email: &str| {
            email_trust::email_verified(&acme, &claims(json!({"email": email, "email_verified": true})))
        };
        for own in [
            "ada@acme.example",
            "ada@ACME.Example",
            "ada@xn--bcher-kva.example",
            "ada@bücher.example",
            "\"odd@other.example\"@acme.example",
        ] {
            assert!(trusts(own), "{trust}: {own}");
        }
        for foreign in [
            "ada@other.example",
            "ada@sub.acme.example",
            "ada@acme.example.evil.example",
            "ada@xacme.example",
            "ada@acme.example@evil.example",
            "ada@аcme.example",
            "ada@acme.example.",
            "ada@acme.example\n",
        ] {
            assert!(!trusts(foreign), "{trust}: {foreign}");
        }
    }
}

/// `hd` on the request is a hint; `hd` in the token is the answer.
#[test]
fn google_accounts_outside_the_hosted_domain_are_refused() {
    let google = with_secret("Google", "google", "hosted_domains = [\"acme.example\"]");
    let from = |hd: Value| identity(&google, but(oidc_claims("google"), "hd", hd), None);
    assert!(from(json!("Acme.example")).is_ok());
    assert_eq!(
        from(json!("evil.example")).unwrap_err(),
        QuirkError::HostedDomainRefused(Some("evil.example".into()))
    );
    assert_eq!(from(json!("sub.acme.example")).unwrap_err().code(), "provider_hosted_domain_refused");
    assert_eq!(
        from(json!(null)).unwrap_err(),
        QuirkError::HostedDomainRefused(None),
        "a gmail account has none"
    );
    let open = with_secret("Google", "google", "");
    assert!(identity(&open, but(oidc_claims("google"), "hd", json!(null)), None).is_ok());
}

/// B-06: what a token says of itself excuses nothing; our preset for the provider does.
#[test]
fn a_token_cannot_excuse_its_missing_nonce() {
    let key = p256_pem();
    let apple = |more: &str| {
        provider(&format!(
            "name = \"SignInWithApple\"\nuse = \"apple\"\nclient_id = \"c\"\nteam_id = \"T\"\nkey_id \
             = \"K\"\nprivate_key = '''\n{key}'''\n{more}"
        ))
    };
    assert!(!quirks::nonce_may_be_absent(oidc(&apple(""))));
    assert!(quirks::nonce_may_be_absent(oidc(&apple("[quirks]\nnonce_not_echoed = true"))));
}

/// B-50 and the lesson of a peer that took the address from the form.
#[test]
fn apples_form_field_is_read_for_names_alone() {
    let key = p256_pem();
    let apple = provider(&format!(
        "name = \"SignInWithApple\"\nuse = \"apple\"\nclient_id = \"c\"\nteam_id = \"T\"\nkey_id \
         = \"K\"\nprivate_key = '''\n{key}'''"
    ));
    let of = |field: &str| Value::Object(quirks::unsigned_user(&apple, field));
    assert_eq!(
        of(r#"{"name":{"firstName":"Ada","email":"x"},"email":"victim@example.com","sub":"7"}"#),
        json!({"name": {"firstName": "Ada"}})
    );
    for odd in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"name":"Ada"}"#,
        r#"{"name":"#,
        &format!(r#"{{"name":{{"firstName":"{}"}}}}"#, "x".repeat(5000)),
    ] {
        assert_eq!(of(odd), json!({}), "{odd}");
    }
    let generic = with_secret("Acme", "oidc", "issuer = \"https://acme.example\"");
    assert!(quirks::unsigned_user(&generic, r#"{"name":{"firstName":"Ada"}}"#).is_empty());
}

#[test]
fn github_people_without_verified_address_or_organisation() {
    let github = with_secret("GitHub", "github", "");
    let with = |emails: &str| {
        let mut all = claims(fixture("github", "profile"));
        all.insert("emails".into(), fixture("github", emails));
        identity(&github, all, None).unwrap()
    };
    let unverified = with("emails_unverified");
    assert!(
        !unverified.email_verified && !unverified.claims.contains_key("email"),
        "the public address of the profile is not used either"
    );
    assert!(with("emails").email_verified);
    let members = with_secret("GitHub", "github", "organisations = [\"acme\"]");
    for orgs in [json!(null), json!([]), json!([{"login": "other"}]), json!("acme"), json!([{"id": 1}])] {
        let all = but(claims(fixture("github", "profile")), "orgs", orgs.clone());
        assert_eq!(identity(&members, all, None).unwrap_err(), QuirkError::OrganisationRefused, "{orgs}");
    }
}

#[test]
fn a_subject_is_a_text_or_a_whole_number() {
    let generic = with_secret("Acme", "oidc", "issuer = \"https://acme.example\"");
    let from =
        |sub: Value| identity(&generic, but(claims(json!({})), "sub", sub), None).map(|who| who.key.subject);
    assert_eq!(from(json!("A b|c")), Ok("A b|c".into()));
    assert_eq!(from(json!(7)), Ok("7".into()));
    assert_eq!(from(json!("x".repeat(255))), Ok("x".repeat(255)));
    for odd in [
        json!(null),
        json!(""),
        json!(1.5),
        json!(-1),
        json!(true),
        json!(["a"]),
        json!({"a": 1}),
        json!("x".repeat(256)),
        json!("a\u{0}b"),
        json!("a\nb"),
    ] {
        assert_eq!(from(odd.clone()), Err(QuirkError::SubjectUnusable("sub".into())), "{odd}");
    }
    let x = with_secret("X", "x", "");
    assert_eq!(
        identity(&x, claims(fixture("x", "profile_refused")), None).unwrap_err(),
        QuirkError::SubjectUnusable("/data/id".into())
    );
}
