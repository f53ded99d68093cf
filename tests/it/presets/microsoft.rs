//! Microsoft: tenants, sovereign clouds, consumers, and a key in place of a secret.

use serde_json::json;
use symbolon::provider::settings::{ClientAuth, UserinfoRule};

use super::fixtures::{fixture, oidc_claims};
use super::vendors::{issuer_of, signs_in};
use super::world::{identity, oidc, p256_pem, provider, with_secret};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const CIAM: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";

#[test]
fn microsoft() {
    let microsoft = with_secret(
        "Microsoft",
        "microsoft",
        &format!(
            "tenant = \"common\"\nallowed_tenants = \
             [\"{TENANT}\"]\n[groups.map]\n\"5bcd0ba5-3f5a-4b6a-9a3c-0d0b7a3f3e11\" = \"staff\""
        ),
    );
    assert_eq!(oidc(&microsoft).issuer, "https://login.microsoftonline.com/{tenantid}/v2.0");
    assert_eq!(
        oidc(&microsoft).discovery_url.as_deref(),
        Some("https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration")
    );
    let metadata = fixture("microsoft", "metadata_common");
    assert!(issuer_of(&microsoft).value == metadata["issuer"]);
    assert_eq!(oidc(&microsoft).userinfo, UserinfoRule::Never);
    let issuer = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    signs_in(
        &microsoft,
        oidc_claims("microsoft"),
        (&issuer, "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ"),
        &json!({
            "email": "ada@contoso.example", "email_verified": "true", "name": "Ada \
                Lovelace", "preferred_username": "ada@contoso.example",
        }),
    );
    assert_eq!(
        symbolon::provider::quirks::pool_groups(&microsoft.groups, &oidc_claims("microsoft")),
        ["staff"]
    );
}

#[test]
fn microsoft_subject_that_all_apps_of_a_tenant_share() {
    let microsoft =
        with_secret("Microsoft", "microsoft", &format!("tenant = \"{TENANT}\"\nsubject = \"oid\""));
    assert!(oidc(&microsoft).quirks.tenant.is_none(), "the issuer is that of one tenant");
    let who = identity(&microsoft, oidc_claims("microsoft"), None).unwrap();
    assert_eq!(
        (who.key.issuer, who.key.subject.as_str()),
        (format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "00000000-0000-0000-66f3-3332eca7ea81")
    );
}

#[test]
fn microsoft_sovereign_clouds_and_ciam() {
    for (base, issuer) in [
        ("https://login.microsoftonline.us", format!("https://login.microsoftonline.us/{TENANT}/v2.0")),
        (
            "https://login.partner.microsoftonline.cn",
            format!("https://login.partner.microsoftonline.cn/{TENANT}/v2.0"),
        ),
    ] {
        let microsoft =
            with_secret("Microsoft", "microsoft", &format!("tenant = \"{TENANT}\"\nbase_url = \"{base}\""));
        assert_eq!(oidc(&microsoft).issuer, issuer);
        assert_eq!(
            oidc(&microsoft).discovery_url,
            Some(format!("{issuer}/.well-known/openid-configuration"))
        );
    }
    let ciam = with_secret(
        "Customers",
        "microsoft-ciam",
        &format!("tenant = \"{CIAM}\"\nbase_url = \"https://contoso.ciamlogin.com\""),
    );
    assert_eq!(
        oidc(&ciam).discovery_url,
        Some(format!("https://contoso.ciamlogin.com/{CIAM}/v2.0/.well-known/openid-configuration"))
    );
    let issuer = format!("https://{CIAM}.ciamlogin.com/{CIAM}/v2.0");
    signs_in(
        &ciam,
        oidc_claims("microsoft-ciam"),
        (&issuer, "qJ3mMUkpYSq5rXAHc1EiaNnT7eKCGmrYSZbyhAhAAtU"),
        &json!({
            "email": "ada@mail.example", "email_verified": "false", "name": "Ada",
            "preferred_username": "ada@mail.example",
        }),
    );
}

#[test]
fn microsoft_with_a_key_in_place_of_a_secret() {
    let key = p256_pem();
    let microsoft = provider(&format!(
        "name = \"Microsoft\"\nuse = \"microsoft\"\nclient_id = \"client\"\ntenant \
         = \"{TENANT}\"\nkey_algorithm = \"ES256\"\nkey_id = \"k\"\nprivate_key = '''\n{key}'''"
    ));
    assert!(
        matches!(&microsoft.client_auth, ClientAuth::PrivateKeyJwt { algorithm, .. } if algorithm == "ES256")
    );
}
