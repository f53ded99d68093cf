//! What only a real browser can prove: cookies across sites, the Content Security Policy, forms without
//! scripts.

use serde_json::{Value, json};

use crate::support::peers::chromium;
use crate::world::{App, AppSettings, Broker, Settings, Upstream, secrets};

struct World {
    broker: Broker,
    shop: App,
    _upstreams: [Upstream; 2],
}

/// One provider on the broker's own site, and one on another, which answers by a form POST.
fn world() -> World {
    let settings = Settings::new();
    let near = Upstream::start(&settings);
    let far = Upstream::start_with(&settings, json!({ "host": "localhost" }), json!({}));
    let form_post = "[pool.provider.request]\nform_post = true\n";
    let shop = AppSettings::new("shop");
    let broker =
        settings.client(&shop).table(&near.toml("Near")).table(&(far.toml("Far") + form_post)).start();
    World { shop: shop.start(&broker), broker, _upstreams: [near, far] }
}

/// Runs the steps; every one must go well, and no page may break its own policy.
#[track_caller]
fn browse(input: &Value) -> Value {
    let seen = chromium(input);
    assert_eq!(seen.get("failure"), None, "{seen:#}");
    assert_eq!(seen.get("csp_violations"), Some(&json!([])), "{seen:#}");
    assert_eq!(seen.get("page_errors"), Some(&json!([])), "{seen:#}");
    let documents = seen.get("documents").and_then(Value::as_array).expect("a list");
    documents
        .iter()
        .filter_map(|document| document.get("url").and_then(Value::as_str))
        .for_each(secrets::learn);
    seen
}

#[track_caller]
fn tokens(seen: &Value, at: usize) -> Value {
    let shown =
        seen.pointer(&format!("/texts/{at}")).and_then(Value::as_str).unwrap_or_else(|| panic!("{seen:#}"));
    secrets::learn(shown);
    serde_json::from_str(shown).unwrap_or_else(|_| panic!("no tokens: {shown}"))
}

/// What the browser got from `path` of the broker: (method, status, names of the cookies that it had sent).
fn visits(seen: &Value, broker: &Broker, path: &str) -> Vec<(String, u64, Vec<String>)> {
    let documents = seen.get("documents").and_then(Value::as_array).expect("a list");
    let at = |document: &&Value| {
        document["url"].as_str().is_some_and(|url| url.starts_with(&format!("{}{path}", broker.url)))
    };
    let read = |document: &Value| {
        let cookies = document["cookies"].as_array().expect("a list").iter().filter_map(Value::as_str);
        let ours = cookies.filter(|name| name.starts_with("symbolon")).map(str::to_owned).collect();
        (
            document["method"].as_str().expect("a method").to_owned(),
            document["status"].as_u64().expect("a status"),
            ours,
        )
    };
    documents.iter().filter(at).map(read).collect()
}

fn sign_in_steps(shop: &App, label: &str) -> Vec<Value> {
    vec![
        json!({"goto": shop.login(&[])}),
        json!({"text": "body"}),
        json!({"click": format!("text=Continue with {label}")}),
        json!({"fill": ["input[name=login]", "ada"]}),
        json!({"click": "button[type=submit]"}),
    ]
}

#[test]
fn a_person_chooses_a_provider_signs_in_and_is_back_at_the_app() {
    let World { broker, shop, _upstreams } = world();
    for javascript in [true, false] {
        let mut steps = sign_in_steps(&shop, "Near");
        steps.extend([json!({"waitForUrl": "/callback\\?"}), json!({"text": "body"})]);
        let seen = browse(&json!({ "steps": steps, "javascript": javascript }));
        let page = seen.pointer("/texts/0").and_then(Value::as_str).expect("the sign-in page");
        assert!(
            page.contains("Continue with Near")
                && page.contains("Continue with Far")
                && page.contains("The app shop"),
            "{page}"
        );
        let tokens = tokens(&seen, 1);
        assert_eq!(tokens.pointer("/id_token_claims/iss"), Some(&json!(broker.issuer)));
        assert_eq!(tokens.pointer("/id_token_claims/cognito:username"), Some(&json!("Near_ada")));
    }
}

/// B-31: the POST from the provider's site arrives without our cookies, the GET that follows brings them, and
/// the binding holds.
#[test]
fn a_form_post_from_another_site_ends_at_the_app() {
    let World { broker, shop, _upstreams } = world();
    for javascript in [true, false] {
        let mut steps = sign_in_steps(&shop, "Far");
        if !javascript {
            steps.push(json!({"click": "[type=submit]"}));
        }
        steps.extend([json!({"waitForUrl": "/callback\\?"}), json!({"text": "body"})]);
        let seen = browse(&json!({ "steps": steps, "javascript": javascript }));
        assert_eq!(tokens(&seen, 1).pointer("/id_token_claims/cognito:username"), Some(&json!("Far_ada")));
        let bounce = visits(&seen, &broker, "/oauth2/idpresponse");
        let [(post, 303, without), (get, 303, with)] = bounce.as_slice() else { panic!("{bounce:?}") };
        assert_eq!((post.as_str(), get.as_str()), ("POST", "GET"));
        assert!(without.is_empty(), "SameSite=Lax cookies crossed sites: {without:?}");
        let [browser] = with.as_slice() else { panic!("{with:?}") };
        assert!(browser.starts_with("symbolon-browser-"), "{browser}");
    }
}

/// `form-action` is held against the redirects after a form, too, and the app's address is one.
#[test]
fn the_sign_out_page_asks_and_then_leads_back_to_the_app() {
    let World { broker, shop, _upstreams } = world();
    let asks = format!(
        "{}/logout?client_id=shop&post_logout_redirect_uri={}/logged-out&state=s-1",
        broker.url, shop.url
    );
    let mut steps = sign_in_steps(&shop, "Near");
    steps.extend([
        json!({"waitForUrl": "/callback\\?"}),
        json!({"goto": asks}),
        json!({"text": "body"}),
        json!({"click": "button[type=submit]"}),
        json!({"waitForUrl": "/logged-out\\?state=s-1"}),
        json!({"goto": shop.login(&[("prompt", "none")])}),
        json!({"text": "body"}),
    ]);
    let seen = browse(&json!(steps));
    assert!(
        seen.pointer("/texts/1").and_then(Value::as_str).is_some_and(|page| page.contains("Sign out?")),
        "{seen:#}"
    );
    assert_eq!(tokens(&seen, 2).get("error"), Some(&json!("login_required")));
}

/// `form-action` is held against every redirect after the forms of the sign-in page: to the provider, back,
/// and on to the app.
#[test]
fn an_address_leads_on_and_an_account_is_chosen_with_and_without_scripts() {
    let settings = Settings::new();
    let (near, far) = (Upstream::start(&settings), Upstream::start(&settings));
    let shop = AppSettings::new("shop");
    let routed = near.toml("Near") + "domains = [\"acme.example\"]\n";
    let broker = settings.client(&shop).table(&routed).table(&far.toml("Far")).start();
    let shop = shop.start(&broker);
    for javascript in [true, false] {
        let address = [
            json!({"fill": ["input[name=email]", "ada@acme.example"]}),
            json!({"click": "button[type=submit]"}),
        ];
        let mut steps = vec![json!({"goto": shop.login(&[])})];
        steps.extend(address.clone());
        steps
            .extend([json!({"fill": ["input[name=login]", "ada"]}), json!({"click": "button[type=submit]"})]);
        steps.extend([json!({"waitForUrl": "/callback\\?"}), json!({"text": "body"})]);
        steps.extend([
            json!({"goto": shop.login(&[("prompt", "select_account")])}),
            json!({"click": "text=Continue as"}),
        ]);
        steps.extend([json!({"waitForUrl": "/callback\\?"}), json!({"text": "body"})]);
        // Signed out here and still known there: nothing but redirects between the form and the app.
        steps.push(json!({"goto": format!("{}/logout?client_id=shop&logout_uri={}/logged-out", broker.url,
            shop.url)}));
        steps.push(json!({"goto": shop.login(&[])}));
        steps.extend(address);
        steps.extend([json!({"waitForUrl": "/callback\\?"}), json!({"text": "body"})]);
        let seen = browse(&json!({ "steps": steps, "javascript": javascript }));
        for at in 0..3 {
            assert_eq!(
                tokens(&seen, at).pointer("/id_token_claims/cognito:username"),
                Some(&json!("Near_ada")),
                "{at}"
            );
        }
    }
}

/// B-46: a page of a provider of another site loads ours in a frame, which this browser lets it show although
/// it brings no cookie of ours.
#[test]
fn a_provider_that_loads_our_page_in_a_frame_has_signed_the_person_out() {
    let settings = Settings::new();
    let door = |way: &str| format!("{}/oauth2/{way}/Far", settings.url());
    // Its session ids come with the back channel, for which the broker does not listen here.
    let there = json!({ "backchannel_logout_uri": door("backchannel_logout"),
        "backchannel_logout_session_required": true });
    let frames = json!({ "symbolon-at-upstream": door("frontchannel_logout") });
    let far = Upstream::start_with(&settings, json!({ "host": "localhost", "frontchannel": frames }), there);
    let shop = AppSettings::new("shop");
    let broker = settings.client(&shop).table(&(far.toml("Far") + "frontchannel_logout = true\n")).start();
    let shop = shop.start(&broker);
    let mut steps = vec![json!({"goto": shop.login(&[])})];
    steps.extend([json!({"fill": ["input[name=login]", "ada"]}), json!({"click": "button[type=submit]"})]);
    steps.extend([json!({"waitForUrl": "/callback\\?"}), json!({"text": "body"})]);
    steps.push(json!({"goto": format!("{}/session/end", far.issuer)}));
    steps.extend([
        json!({"click": "button[type=submit]"}),
        json!({"waitForUrl": "/session/end/success"}),
        json!({"text": "body"}),
    ]);
    steps.extend([json!({"goto": shop.login(&[("prompt", "none")])}), json!({"text": "body"})]);
    let seen = browse(&json!(steps));
    assert!(tokens(&seen, 0).pointer("/id_token_claims/sub").is_some(), "{seen:#}");
    assert_eq!(tokens(&seen, 2).get("error"), Some(&json!("login_required")), "{seen:#}");
    let loaded = visits(&seen, &broker, "/oauth2/frontchannel_logout/Far?");
    assert_eq!(loaded, [("GET".to_owned(), 200, Vec::new())]);
    let complaints = seen
        .get("console_errors")
        .and_then(Value::as_array)
        .expect("a list")
        .iter()
        .filter_map(Value::as_str);
    assert!(complaints.into_iter().all(|text| !text.contains("frame")), "{seen:#}");
}

/// what the app's own cookie proves in the frame, with scripts and without, and that the browser then
/// goes on.
#[tokio::test]
async fn a_sign_out_loads_the_apps_in_frames_and_then_leads_back() {
    let settings = Settings::new();
    let (near, far) = (Upstream::start(&settings), Upstream::start(&settings));
    let shop = AppSettings::new("shop").loaded_at_sign_out();
    let broker = settings.client(&shop).table(&near.toml("Near")).table(&far.toml("Far")).start();
    let shop = shop.start(&broker);
    let mut heard = 0;
    for javascript in [true, false] {
        let mut steps = sign_in_steps(&shop, "Near");
        steps.extend([json!({"waitForUrl": "/callback\\?"}), json!({"text": "body"})]);
        steps.push(json!({"goto": shop.logout(&[("state", "s-1")])}));
        if !javascript {
            steps.push(json!({"click": "text=Continue"}));
        }
        steps.push(json!({"waitForUrl": "/logged-out"}));
        let seen = browse(&json!({ "steps": steps, "javascript": javascript }));
        let sid = tokens(&seen, 1).pointer("/id_token_claims/sid").cloned().expect("a sid");
        let Value::Array(frames) = shop.does("frontchannel-heard", &[]).await.json() else {
            panic!("a list")
        };
        heard += 1;
        assert_eq!(frames.len(), heard, "{frames:?}");
        let expected = json!({"iss": broker.issuer, "sid": sid, "knows_browser": true, "into": "iframe"});
        assert_eq!(frames.last(), Some(&expected), "javascript: {javascript}");
    }
}
