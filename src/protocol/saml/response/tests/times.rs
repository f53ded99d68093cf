//! Clocks and periods.

use super::*;
use crate::protocol::saml::forge::{ends, refused, taken};

const NOT_BEFORE: &str = r#"Conditions NotBefore="2026-01-31T08:00:00Z""#;
const CONDITIONS_END: &str = r#"NotBefore="2026-01-31T08:00:00Z" NotOnOrAfter="2026-01-31T08:05:00Z""#;
const AUTHN: &str = r#"AuthnInstant="2026-01-31T08:00:00Z""#;

fn conditions_end(end: &str) -> String {
    format!(r#"NotBefore="2026-01-31T07:50:00Z" NotOnOrAfter="{end}""#)
}

/// C-48
#[test]
fn conditions_hold_from_not_before_give_or_take_the_skew() {
    for (begin, fits) in [
        ("2026-01-31T08:00:00Z", true),
        ("2026-01-31T08:00:59.999Z", true),
        ("2026-01-31T08:01:00Z", true),
        ("2026-01-31T08:01:00.001Z", false),
        ("2026-01-31T08:01:01Z", false),
        ("2026-01-31T10:01:00+02:00", true),
        ("2026-01-31T10:01:01+02:00", false),
        ("2026-01-31T06:01:00-02:00", true),
        ("1970-01-01T00:00:00Z", true),
    ] {
        let changed = format!(r#"Conditions NotBefore="{begin}""#);
        if fits { taken(NOT_BEFORE, &changed) } else { refused(NOT_BEFORE, &changed, "saml_from_the_future") }
    }
}

/// C-48
#[test]
fn conditions_hold_until_not_on_or_after_give_or_take_the_skew() {
    for (end, fits) in [
        ("2026-01-31T08:00:00Z", true),
        ("2026-01-31T07:59:00.001Z", true),
        ("2026-01-31T07:59:00Z", false),
        ("2026-01-31T07:58:59Z", false),
        ("2026-01-31T08:59:01+01:00", true),
        ("2026-01-31T08:59:00+01:00", false),
        ("9999-12-31T23:59:59Z", true),
        ("2026-12-31T23:59:60Z", true),
    ] {
        if fits {
            taken(CONDITIONS_END, &conditions_end(end));
        } else {
            refused(CONDITIONS_END, &conditions_end(end), "saml_expired");
        }
    }
}

/// C-48
#[test]
fn a_time_without_zone_is_no_time() {
    for time in ["2026-01-31T08:00:00", "2026-01-31", "now", "", "10000-01-01T00:00:00Z"] {
        refused(NOT_BEFORE, &format!(r#"Conditions NotBefore="{time}""#), "saml_value_malformed");
        refused(CONDITIONS_END, &conditions_end(time), "saml_value_malformed");
        refused(AUTHN, &format!(r#"AuthnInstant="{time}""#), "saml_value_malformed");
        refused(
            r#"IssueInstant="2026-01-31T08:00:00Z""#,
            &format!(r#"IssueInstant="{time}""#),
            "saml_value_malformed",
        );
    }
}

/// C-48: the confirmation bounds the life of the assertion; the conditions need not.
#[test]
fn conditions_without_times_are_fine() {
    taken(CONDITIONS_END, "");
    taken(CONDITIONS_END, r#"NotOnOrAfter="2026-01-31T08:05:00Z""#);
    taken(CONDITIONS_END, r#"NotBefore="2026-01-31T08:00:00Z""#);
}

#[test]
fn a_period_that_ends_before_it_begins_is_refused() {
    for end in ["2026-01-31T08:00:00Z", "2026-01-31T07:59:59Z"] {
        refused(
            CONDITIONS_END,
            &format!(r#"NotBefore="2026-01-31T08:00:00Z" NotOnOrAfter="{end}""#),
            "saml_conditions_reversed",
        );
    }
}

#[test]
fn the_skew_of_a_provider_counts_up_to_120_seconds() {
    for (skew, ahead, code) in [
        (0, 0, "accepted"),
        (0, 1, "saml_from_the_future"),
        (120, 120, "accepted"),
        (120, 121, "saml_from_the_future"),
        (3600, 121, "saml_from_the_future"),
    ] {
        ends(code, |story| {
            story.rules.skew = Duration::from_secs(skew);
            story.now = NOW.minus(Duration::from_secs(ahead));
            story.sent = story.now.minus(Duration::from_secs(5));
        });
    }
}

/// C-77
#[test]
fn a_response_is_issued_after_its_request_and_not_in_the_future() {
    for part in [" ID=\"_p1\" Version=\"2.0\" IssueInstant=\"", " ID=\"_a1\" Version=\"2.0\" IssueInstant=\""]
    {
        let from = format!("{part}2026-01-31T08:00:00Z");
        for (issued, code) in [
            ("2026-01-31T08:01:00Z", "accepted"),
            ("2026-01-31T08:01:01Z", "saml_from_the_future"),
            ("2026-02-01T08:00:00Z", "saml_from_the_future"),
            ("9999-12-31T23:59:59Z", "saml_from_the_future"),
            ("2026-01-31T07:58:40Z", "accepted"),
            ("2026-01-31T07:58:39Z", "saml_issued_before_request"),
            ("2020-01-31T08:00:00Z", "saml_issued_before_request"),
        ] {
            let to = format!("{part}{issued}");
            if code == "accepted" { taken(&from, &to) } else { refused(&from, &to, code) }
        }
        refused(
            &from,
            &from.replace(" IssueInstant=\"2026-01-31T08:00:00Z", " x=\""),
            "saml_element_missing",
        );
    }
}

#[test]
fn a_clock_difference_is_told_in_words() {
    let mut story = sound(Base::Both);
    story.now = NOW.minus(Duration::from_secs(312));
    story.sent = story.now.minus(Duration::from_secs(20));
    let error = story.run().unwrap_err();
    assert!(error.hint().contains("the IdP's clock is 5 min 12 s ahead of ours"), "{}", error.hint());
    let mut story = sound(Base::Both);
    story.now = NOW.plus(Duration::from_secs(312));
    story.sent = story.now.minus(Duration::from_secs(12));
    let error = story.run().unwrap_err();
    assert!(error.hint().contains("the IdP's clock is 5 min 0 s behind ours"), "{}", error.hint());
}

/// C-49
#[test]
fn a_person_who_must_sign_in_anew_did_so() {
    for (at, max_age, code) in [
        ("2026-01-31T08:00:00Z", Some(0), "accepted"),
        ("2026-01-31T07:58:40Z", Some(0), "accepted"),
        ("2026-01-31T07:58:39Z", Some(0), "saml_authentication_too_old"),
        ("2026-01-31T07:00:00Z", Some(0), "saml_authentication_too_old"),
        ("2026-01-31T06:58:40Z", Some(3600), "accepted"),
        ("2026-01-31T06:58:39Z", Some(3600), "saml_authentication_too_old"),
        ("2020-01-31T08:00:00Z", None, "accepted"),
        ("2026-01-31T08:01:00Z", None, "accepted"),
        ("2026-01-31T08:01:01Z", None, "saml_from_the_future"),
    ] {
        ends(code, |story| {
            story.max_age = max_age.map(Duration::from_secs);
            story.change(AUTHN, &format!(r#"AuthnInstant="{at}""#));
        });
    }
    refused(AUTHN, "", "saml_element_missing");
}

/// C-49
#[test]
fn a_session_that_is_over_signs_nobody_in_and_one_that_ends_says_when() {
    for (end, code) in [
        ("2026-01-31T07:59:00Z", "saml_expired"),
        ("2020-01-31T07:59:00Z", "saml_expired"),
        ("2026-01-31T07:59:00.001Z", "accepted"),
        ("2026-01-31T08:30:00Z", "accepted"),
    ] {
        ends(code, |story| {
            story.change(AUTHN, &format!(r#"{AUTHN} SessionNotOnOrAfter="{end}""#));
        });
    }
    let mut story = sound(Base::Both);
    story.change(AUTHN, &format!(r#"{AUTHN} SessionNotOnOrAfter="2026-01-31T08:30:00Z""#));
    assert_eq!(story.run().unwrap().session_not_on_or_after, Some(NOW.plus(Duration::from_secs(1800))));
}

/// C-49: of several statements the latest authentication and the earliest end count.
#[test]
fn several_statements_are_read_on_the_safe_side() {
    let other = r#"<saml:AuthnStatement AuthnInstant="2026-01-31T07:00:00Z" SessionIndex="s0" SessionNotOnOrAfter="2026-01-31T09:00:00Z"/>"#;
    let mut story = sound(Base::Both);
    story.change(
        "<saml:AuthnStatement AuthnInstant=\"2026-01-31T08",
        &format!("{other}<saml:AuthnStatement AuthnInstant=\"2026-01-31T08"),
    );
    let assertion = story.run().unwrap();
    assert_eq!(assertion.authn_instant, NOW);
    assert_eq!(assertion.session_index.as_deref(), Some("s1"));
    assert_eq!(assertion.session_not_on_or_after, Some(NOW.plus(Duration::from_secs(3600))));
}
