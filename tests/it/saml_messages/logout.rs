//! Logout messages: which are honoured.

use std::time::Duration;

use symbolon::model::fault::Refusal;
use symbolon::model::time::Timestamp;
use symbolon::protocol::Verified;
use symbolon::protocol::saml::binding::{Message, PostMessage, RedirectQuery, redirect_url};
use symbolon::protocol::saml::certificate::Certificate;
use symbolon::protocol::saml::logout::{
    Expected, LogoutError, LogoutRequest, LogoutStatus, NewLogoutRequest, NewLogoutResponse, Received,
    claimed, verify_request, verify_response,
};
use symbolon::protocol::saml::signature::{SignaturePolicy, SpKey, sign};
use symbolon::protocol::saml::subject::NameId;

use super::world::{IDP, SLO, at, idp_key, idp_keys, new_key, now, recorded, recorded_certificate};

const HOSTILE: &str = "ada\"/></saml:NameID><saml:NameID>eve & co";

fn ada() -> NameId {
    NameId {
        value: HOSTILE.to_owned(),
        format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".to_owned()),
        name_qualifier: Some(IDP.to_owned()),
        sp_name_qualifier: Some("urn:amazon:cognito:sp:eu-central-1_demo".to_owned()),
        sp_provided_id: None,
    }
}

fn request() -> String {
    let name_id = ada();
    let request = NewLogoutRequest {
        id: "_1",
        issue_instant: now(),
        destination: SLO,
        issuer: IDP,
        name_id: &name_id,
        session_index: Some("<s&1>"),
    };
    request.to_xml()
}

fn response(status: &LogoutStatus) -> String {
    NewLogoutResponse {
        id: "_2",
        issue_instant: now(),
        destination: SLO,
        issuer: IDP,
        in_response_to: Some("_1"),
        status,
    }
    .to_xml()
}

fn expected(keys: &[Certificate]) -> Expected<'_> {
    Expected {
        idp: IDP,
        slo_url: SLO,
        keys,
        decryption: &[],
        skew: Duration::from_secs(60),
        policy: SignaturePolicy::default(),
    }
}

fn post(message: Message, xml: &str) -> PostMessage {
    PostMessage { message, xml: xml.as_bytes().to_vec(), relay_state: None }
}

fn redirect(message: Message, xml: &str, key: Option<&SpKey>) -> RedirectQuery {
    RedirectQuery::parse(redirect_url(SLO, message, xml, None, key).unwrap().query().unwrap()).unwrap()
}

/// By Redirect and by POST, signed with the provider's key; both must come to the same.
fn judged(xml: &str, now: Timestamp) -> Result<LogoutRequest, LogoutError> {
    let keys = idp_keys();
    let query = redirect(Message::Request, xml, Some(idp_key()));
    let by_query =
        verify_request(Received::Redirect(&query), &expected(&keys), now).map(Verified::into_inner);
    let form = post(Message::Request, &sign(xml, "_1", idp_key()).unwrap());
    let by_form = verify_request(Received::Post(&form), &expected(&keys), now).map(Verified::into_inner);
    assert_eq!(by_query, by_form);
    by_query
}

fn answer(xml: &str, request_id: &str, now: Timestamp) -> Result<LogoutStatus, LogoutError> {
    let keys = idp_keys();
    let query = redirect(Message::Response, xml, Some(idp_key()));
    let by_query = verify_response(Received::Redirect(&query), &expected(&keys), request_id, now)
        .map(|verified| verified.status.clone());
    let form = post(Message::Response, &sign(xml, "_2", idp_key()).unwrap());
    let by_form = verify_response(Received::Post(&form), &expected(&keys), request_id, now)
        .map(|verified| verified.status.clone());
    assert_eq!(by_query, by_form);
    by_query
}

#[test]
fn a_signed_request_names_the_person_and_the_session() {
    let request = judged(&request(), now()).unwrap();
    assert_eq!(
        (request.id.as_str(), request.session_indexes.as_slice()),
        ("_1", ["<s&1>".to_owned()].as_slice())
    );
    assert_eq!(request.name_id, ada(), "every value is text");
    assert_eq!(request.acceptable_until, at("2026-11-21T07:07:00Z"));
}

#[test]
fn requests_that_xmlsec1_and_openssl_signed_are_honoured() {
    let keys = [recorded_certificate("certificate")];
    let form = post(Message::Request, include_str!("../../fixtures/saml/messages/logout-post.xml"));
    let by_form = verify_request(Received::Post(&form), &expected(&keys), now()).unwrap();
    let recorded = recorded();
    let query = RedirectQuery::parse(recorded["queries"]["lower"].as_str().unwrap()).unwrap();
    let by_query = verify_request(Received::Redirect(&query), &expected(&keys), now()).unwrap();
    assert_eq!(by_form, by_query);
    assert_eq!((by_form.name_id.value.as_str(), by_form.session_indexes.len()), ("ada & co", 2));
    assert_eq!(claimed(Received::Redirect(&query)).unwrap().issuer, IDP);
}

/// C-72
#[test]
fn nobody_is_logged_out_by_an_unsigned_request_or_one_of_another_provider() {
    let keys = idp_keys();
    let by_form = |xml: &str, keys: &[Certificate]| {
        verify_request(Received::Post(&post(Message::Request, xml)), &expected(keys), now())
            .unwrap_err()
            .code()
    };
    let by_query = |xml: &str, key: Option<&SpKey>| {
        verify_request(Received::Redirect(&redirect(Message::Request, xml, key)), &expected(&keys), now())
            .unwrap_err()
            .code()
    };
    let xml = request();
    let other = new_key("other");
    assert_eq!(by_form(&xml, &keys), "saml_logout_unsigned");
    assert_eq!(by_query(&xml, None), "saml_query_unsigned");
    assert_eq!(by_query(&xml, Some(&other)), "saml_query_signature");
    assert_eq!(by_form(&sign(&xml, "_1", &other).unwrap(), &keys), "saml_logout_signature");
    let signed = sign(&xml, "_1", idp_key()).unwrap();
    assert_eq!(by_form(&signed, &[]), "saml_logout_signature", "C-30");
    assert_eq!(by_form(&signed.replace("eve", "bob"), &keys), "saml_logout_signature");
    assert_eq!(
        by_query(&signed, None),
        "saml_query_unsigned",
        "a signature in the document says nothing about a query"
    );
}

/// C-72
#[test]
fn a_request_is_for_us_and_complete() {
    let replaced = |from: &str, to: &str| judged(&request().replace(from, to), now()).unwrap_err().code();
    assert_eq!(replaced(IDP, "https://evil.example/saml"), "saml_logout_issuer");
    assert_eq!(
        replaced(
            "<saml:Issuer>",
            "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">"
        ),
        "saml_logout_issuer"
    );
    assert_eq!(replaced(SLO, "https://other.example/saml2/logout"), "saml_logout_destination");
    assert_eq!(replaced(&format!(" Destination=\"{SLO}\""), ""), "saml_logout_destination");
    assert_eq!(replaced("Version=\"2.0\"", "Version=\"1.1\""), "saml_logout_version");
    assert_eq!(replaced("LogoutRequest", "ManageNameIDRequest"), "saml_logout_other_message");
    assert_eq!(replaced("SAML:2.0:protocol", "SAML:2.1:protocol"), "saml_logout_other_message");
    assert_eq!(replaced("saml:NameID", "saml:BaseID"), "saml_logout_incomplete");
    assert_eq!(
        replaced("<samlp:SessionIndex>&lt;s&amp;1&gt;", "<samlp:SessionIndex>"),
        "saml_logout_sessions"
    );
    let many = format!("{}<samlp:SessionIndex>", "<samlp:SessionIndex>x</samlp:SessionIndex>".repeat(64));
    assert_eq!(replaced("<samlp:SessionIndex>", &many), "saml_logout_sessions");
    assert_eq!(
        replaced("<samlp:SessionIndex>", "<saml:NameID>eve</saml:NameID><samlp:SessionIndex>"),
        "saml_logout_malformed"
    );
    assert_eq!(replaced(" IssueInstant=\"2026-11-21T07:01:00Z\"", ""), "saml_logout_incomplete");
    assert_eq!(replaced("07:01:00Z", "07:01:00"), "saml_logout_instant");
}

/// C-20
#[test]
fn a_comment_never_cuts_a_name() {
    let keys = idp_keys();
    let xml = request().replace("ada", "ad<!--x-->a");
    let query = redirect(Message::Request, &xml, Some(idp_key()));
    assert_eq!(
        verify_request(Received::Redirect(&query), &expected(&keys), now()).unwrap_err().code(),
        "saml_logout_name_id"
    );
    let form = post(Message::Request, &sign(&xml, "_1", idp_key()).unwrap());
    assert_eq!(
        verify_request(Received::Post(&form), &expected(&keys), now()).unwrap().name_id,
        ada(),
        "what was signed has no comments"
    );
}

/// C-72
#[test]
fn a_request_is_of_now() {
    let xml = request();
    for (text, expected) in [
        ("2026-11-21T06:59:59Z", Err("saml_logout_in_future")),
        ("2026-11-21T07:00:00Z", Ok(())),
        ("2026-11-21T07:06:59Z", Ok(())),
        ("2026-11-21T07:07:00Z", Err("saml_logout_over")),
        ("2027-11-21T07:07:00Z", Err("saml_logout_over")),
    ] {
        assert_eq!(judged(&xml, at(text)).map(drop).map_err(|error| error.code()), expected, "{text}");
    }
    let long = xml.replace("NotOnOrAfter=\"2026-11-21T07:06:00Z\"", "NotOnOrAfter=\"2036-11-21T07:06:00Z\"");
    assert_ne!(long, xml);
    assert_eq!(
        judged(&long, now()).unwrap().acceptable_until,
        at("2026-11-21T07:07:00Z"),
        "a replay mark need not live for years"
    );
    let short = xml.replace("NotOnOrAfter=\"2026-11-21T07:06:00Z\"", "NotOnOrAfter=\"2026-11-21T07:02:00Z\"");
    assert_eq!(judged(&short, now()).unwrap().acceptable_until, at("2026-11-21T07:03:00Z"));
    let open = xml.replace(" NotOnOrAfter=\"2026-11-21T07:06:00Z\"", "");
    assert_eq!(judged(&open, now()).unwrap().acceptable_until, at("2026-11-21T07:07:00Z"));
}

/// C-72
#[test]
fn an_answer_belongs_to_our_request() {
    let success = response(&LogoutStatus::Success);
    assert_eq!(answer(&success, "_1", now()), Ok(LogoutStatus::Success));
    assert_eq!(answer(&success, "_3", now()).unwrap_err().code(), "saml_logout_other_request");
    let unsolicited = success.replace(" InResponseTo=\"_1\"", "");
    assert_eq!(answer(&unsolicited, "_1", now()).unwrap_err().code(), "saml_logout_other_request");
    assert_eq!(answer(&success, "_1", at("2026-11-21T07:07:00Z")).unwrap_err().code(), "saml_logout_over");
    assert_eq!(
        answer(&success.replace(IDP, "https://evil.example"), "_1", now()).unwrap_err().code(),
        "saml_logout_issuer"
    );
    let unsigned = post(Message::Response, &success);
    let keys = idp_keys();
    assert_eq!(
        verify_response(Received::Post(&unsigned), &expected(&keys), "_1", now()).unwrap_err().code(),
        "saml_logout_unsigned"
    );
    assert_eq!(claimed(Received::Post(&unsigned)).unwrap().in_response_to.as_deref(), Some("_1"));
    let request = redirect(Message::Request, &request(), Some(idp_key()));
    assert_eq!(
        verify_response(Received::Redirect(&request), &expected(&keys), "_1", now()).unwrap_err().code(),
        "saml_logout_other_message"
    );
}

#[test]
fn an_answer_tells_how_far_the_logout_went() {
    const STATUS: &str = "urn:oasis:names:tc:SAML:2.0:status:";
    assert_eq!(answer(&response(&LogoutStatus::Partial), "_1", now()), Ok(LogoutStatus::Partial));
    let failed = LogoutStatus::Failed(format!("{STATUS}RequestDenied"));
    assert_eq!(answer(&response(&failed), "_1", now()), Ok(failed));
    let success = response(&LogoutStatus::Success);
    let flat = success.replace(&format!("{STATUS}Success"), &format!("{STATUS}PartialLogout"));
    assert_eq!(answer(&flat, "_1", now()), Ok(LogoutStatus::Partial), "some put it into the outer code");
    let none =
        success.replace("<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>", "");
    assert_eq!(answer(&none, "_1", now()).unwrap_err().code(), "saml_logout_malformed");
}
