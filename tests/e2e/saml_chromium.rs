//! SAML in a real browser: forms that scripts send, cookies across sites, the Content Security Policy.

use serde_json::{Value, json};

use crate::support::peers::chromium;
use crate::support::saml_peers::Make::{self, Pysaml2, SimpleSamlPhp};
use crate::world::{App, AppSettings, Broker, Company, Settings};

struct World {
    broker: Broker,
    shop: App,
    acme: Company,
}

/// The company is on another site than the broker, so that its forms bring no `SameSite=Lax` cookie.
fn world(make: Make, lines: &str) -> World {
    let settings = Settings::new();
    let acme = Company::start_with(make, &settings, "Acme", json!({ "host": "localhost" }));
    let shop = AppSettings::new("shop").hears_of_sign_outs();
    let broker = settings.client(&shop).table(&acme.toml_with(lines)).start();
    World { shop: shop.start(&broker), broker, acme }
}

#[track_caller]
fn browse(input: &Value) -> Value {
    let seen = chromium(input);
    assert_eq!(seen.get("failure"), None, "{seen:#}");
    assert_eq!(seen.get("csp_violations"), Some(&json!([])), "{seen:#}");
    seen
}

fn sign_in(world: &World) -> Vec<Value> {
    let (fields, _) = world.acme.idp.sign_in_page();
    let mut steps = vec![json!({ "goto": world.shop.login(&[]) })];
    steps.extend(fields.iter().map(|field| json!({ "fill": [format!("input[name={field}]"), "ada"] })));
    steps.push(json!({ "click": "button[type=submit]" }));
    steps
}

fn shown(seen: &Value, at: usize) -> Value {
    let text =
        seen.pointer(&format!("/texts/{at}")).and_then(Value::as_str).unwrap_or_else(|| panic!("{seen:#}"));
    serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

/// C-59: the form from the company's site comes without our cookies; the GET that follows brings them.
#[test]
fn a_person_signs_in_across_sites_by_redirect_and_by_post_with_and_without_scripts() {
    for (make, bindings) in [
        (SimpleSamlPhp, [("redirect", true), ("post", false)]),
        (Pysaml2, [("post", true), ("redirect", false)]),
    ] {
        for (binding, javascript) in bindings {
            let world = world(make, &format!("request_binding = {binding:?}"));
            let mut steps = sign_in(&world);
            if !javascript {
                // Each form that a script would send waits for the person.
                steps.push(json!({ "click": "[type=submit]:visible" }));
                if binding == "post" {
                    steps.insert(1, json!({ "click": "[type=submit]:visible" }));
                }
            }
            steps.extend([json!({ "waitForUrl": "/callback\\?" }), json!({ "text": "body" })]);
            let seen = browse(&json!({ "steps": steps, "javascript": javascript }));
            let tokens = shown(&seen, 0);
            assert_eq!(tokens.pointer("/id_token_claims/iss"), Some(&json!(world.broker.issuer)));
            assert_eq!(tokens.pointer("/id_token_claims/email"), Some(&json!("ada@example.test")));
            let there = format!("{}/saml2/idpresponse", world.broker.url);
            let documents = seen["documents"].as_array().expect("a list");
            let posted =
                documents.iter().find(|document| document["url"] == json!(there)).expect("the form arrived");
            let ours = |cookie: &Value| cookie.as_str().is_some_and(|name| name.starts_with("symbolon"));
            assert_eq!(posted["method"], json!("POST"));
            assert!(!posted["cookies"].as_array().expect("a list").iter().any(ours), "{posted}");
        }
    }
}

#[test]
fn a_person_signs_out_at_the_app_and_at_the_company() {
    for make in [SimpleSamlPhp, Pysaml2] {
        let world = world(make, "end_session = true");
        let mut steps = sign_in(&world);
        steps.extend([
            json!({ "waitForUrl": "/callback\\?" }),
            json!({ "goto": world.shop.logout(&[("state", "s-1")]) }),
            json!({ "waitForUrl": "/logged-out\\?state=s-1" }),
        ]);
        steps.extend(sign_in(&world));
        steps.extend([
            json!({ "waitForUrl": "/callback\\?" }),
            json!({ "goto": world.acme.idp.signs_out() }),
            json!({ "waitForUrl": "localhost:.*(/slo|/logout.php)" }),
            json!({ "goto": world.shop.login(&[("prompt", "none")]) }),
            json!({ "text": "body" }),
        ]);
        let seen = browse(&json!(steps));
        assert_eq!(shown(&seen, 0).get("error"), Some(&json!("login_required")), "{seen:#}");
    }
}
