//! Where vendors differ: profile calls, error shapes, extra callback fields.

use serde_json::{Map, Value, json};

use super::keys::{STRANGER, hmac_hex};
use super::log::Seen;
use super::switch::Switch;
use super::wire::Answer;
use super::{Inner, Issued, Vendor};

/// The code refusal in the vendor's words.
pub(super) fn bad_code(inner: &Inner) -> &'static str {
    if inner.vendor == Vendor::GitHub { "bad_verification_code" } else { "invalid_grant" }
}

/// A token-endpoint error in the vendor's shape.
pub(super) fn token_error(inner: &Inner, error: &str, description: &str) -> Answer {
    match inner.vendor {
        Vendor::GitHub => Answer::json(200, &json!({"error": error, "error_description": description})),
        Vendor::Facebook => Answer::json(
            400,
            &json!({"error": {"message": description, "type": "OAuthException", "code": 100,
                "fbtrace_id": "AbC"}}),
        ),
        _ => Answer::error(if error == "invalid_client" { 401 } else { 400 }, error, description),
    }
}

/// A token-endpoint success; GitHub answers with a form unless JSON is asked for.
pub(super) fn token_answer(inner: &Inner, seen: &Seen, members: Map<String, Value>) -> Answer {
    let wants_json = seen.header("accept").is_some_and(|accept| accept.contains("application/json"));
    if inner.vendor == Vendor::GitHub && !wants_json {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pairs = members.iter().map(|(name, value)| (name.clone(), text(value)));
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        return Answer::new(200, "application/x-www-form-urlencoded; charset=utf-8", body);
    }
    Answer::json(200, &Value::Object(members))
}

/// Apple sends the person's name once, unsigned, beside the code.
pub(super) fn first_login_fields(inner: &Inner) -> Vec<(String, String)> {
    if inner.vendor != Vendor::Apple || !inner.first_use("apple first login") {
        return Vec::new();
    }
    inner.person().form_user.map(|user| ("user".to_owned(), user.to_string())).into_iter().collect()
}

/// Userinfo, or the vendor's profile call.
pub(super) fn userinfo(inner: &Inner, seen: &Seen) -> Answer {
    let issued = match authorised(inner, seen) {
        Ok(issued) => issued,
        Err(refusal) => return refusal,
    };
    let mut profile = match inner.vendor {
        Vendor::GitHub | Vendor::Facebook => Map::from_iter([("id".to_owned(), github_id(&issued))]),
        Vendor::Amazon => Map::from_iter([("user_id".to_owned(), json!(issued.person.subject))]),
        _ => Map::from_iter([("sub".to_owned(), json!(issued.person.subject))]),
    };
    for (name, value) in issued.person.claims.iter().chain(&issued.person.profile) {
        profile.insert(name.clone(), value.clone());
    }
    if inner.vendor == Vendor::Facebook {
        keep_fields(&mut profile, seen);
    }
    for switch in inner.switches() {
        match switch {
            Switch::UserinfoSub(value) => drop(profile.insert(subject_name(inner).to_owned(), value)),
            Switch::UserinfoSubMissing => drop(profile.remove(subject_name(inner))),
            Switch::UserinfoSigned(audience) => {
                let (kid, key) = inner.signing_key();
                profile.extend([
                    ("iss".to_owned(), json!(inner.token_issuer(&issued.person))),
                    ("aud".to_owned(), json!(audience)),
                ]);
                let header = json!({"alg": key.alg(), "typ": "JWT", "kid": kid}).to_string();
                return Answer::new(
                    200,
                    "application/jwt",
                    key.sign(key.alg(), &header, &Value::Object(profile).to_string()),
                );
            }
            Switch::UserinfoClaim(name, value) => drop(profile.insert(name, value)),
            Switch::UserinfoSignedByStranger => {
                let header = r#"{"alg":"RS256","typ":"JWT","kid":"evil"}"#;
                return Answer::new(
                    200,
                    "application/jwt",
                    STRANGER.sign("RS256", header, &Value::Object(profile).to_string()),
                );
            }
            _ => {}
        }
    }
    Answer::json(200, &Value::Object(profile))
}

fn subject_name(inner: &Inner) -> &'static str {
    match inner.vendor {
        Vendor::GitHub | Vendor::Facebook => "id",
        Vendor::Amazon => "user_id",
        _ => "sub",
    }
}

/// GitHub's ids are numbers, Facebook's are numbers in a text.
fn github_id(issued: &Issued) -> Value {
    issued.person.subject.parse::<u64>().map_or_else(|_| json!(issued.person.subject), |number| json!(number))
}

fn keep_fields(profile: &mut Map<String, Value>, seen: &Seen) {
    let fields = seen.parameter("fields").unwrap_or_else(|| "id,name".to_owned());
    profile.retain(|name, _| fields.split(',').any(|field| field.split(['{', '.']).next() == Some(name)));
    if let Some(id) = profile.get_mut("id") {
        *id = json!(id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    }
}

/// Whom the access token stands for, checked in the vendor's way.
fn authorised(inner: &Inner, seen: &Seen) -> Result<Issued, Answer> {
    let in_query = matches!(inner.vendor, Vendor::Facebook | Vendor::Amazon)
        .then(|| seen.parameter("access_token"))
        .flatten();
    let in_header = (inner.vendor == Vendor::Amazon)
        .then(|| seen.header("x-amz-access-token").map(str::to_owned))
        .flatten();
    let token = seen.bearer().map(str::to_owned).or(in_header).or(in_query);
    let refused = |text: &str| Answer::error(401, "invalid_token", text);
    if inner.vendor == Vendor::GitHub && seen.header("user-agent").is_none() {
        return Err(Answer::new(
            403,
            "text/html",
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent \
             header",
        ));
    }
    let token = token.ok_or_else(|| refused("no access token"))?;
    if inner.vendor == Vendor::Facebook
        && seen.parameter("appsecret_proof") != Some(hmac_hex(inner.client_secret(), &token))
    {
        return Err(Answer::json(
            400,
            &json!({"error": {"message": "Invalid appsecret_proof provided in the API \
                argument", "code": 100}}),
        ));
    }
    inner.access_token(&token).ok_or_else(|| refused("no such access token"))
}

/// GitHub's `/user/emails`.
pub(super) fn emails(inner: &Inner, seen: &Seen) -> Answer {
    authorised(inner, seen).map_or_else(|refusal| refusal, |issued| Answer::json(200, &issued.person.emails))
}

/// GitHub's `/user/orgs`.
pub(super) fn organisations(inner: &Inner, seen: &Seen) -> Answer {
    authorised(inner, seen)
        .map_or_else(|refusal| refusal, |issued| Answer::json(200, &issued.person.organisations))
}

/// For which app a token was issued: Facebook's `debug_token`, Amazon's `tokeninfo`.
pub(super) fn token_audience(inner: &Inner, seen: &Seen) -> Answer {
    let facebook = inner.vendor == Vendor::Facebook;
    if facebook
        && seen.parameter("access_token") != Some(format!("{}|{}", inner.client_id(), inner.client_secret()))
    {
        return Answer::json(400, &json!({"error": {"message": "An access token is required", "code": 104}}));
    }
    let token = seen.parameter(if facebook { "input_token" } else { "access_token" });
    let Some(issued) = token.and_then(|token| inner.access_token(&token)) else {
        return Answer::error(400, "invalid_token", "The token is not valid");
    };
    let switches = inner.switches();
    let app = if switches.contains(&Switch::TokenOfOtherApp) { "another-app" } else { &issued.client_id };
    let valid = !switches.contains(&Switch::TokenNotValid);
    if facebook {
        return Answer::json(
            200,
            &json!({"data": {"app_id": app, "is_valid": valid, "user_id": issued.person.subject,
                "type": "USER"}}),
        );
    }
    if valid {
        let now = inner.clock.now().secs();
        let body = json!({"aud": app, "user_id": issued.person.subject, "iss": "https://www.amazon.com",
            "exp": 3600, "iat": now, "app_id": app});
        Answer::json(200, &body)
    } else {
        Answer::error(400, "invalid_token", "The token is not valid")
    }
}
