//! Any query, form and header of a browser or an app: nobody is sent anywhere but to a registered address.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use symbolon_fuzz::flow::request::{Refused, check};
use symbolon_fuzz::form::{Form, pairs};
use symbolon_fuzz::model::language::Language;
use symbolon_fuzz::model::trace_context::TraceContext;
use symbolon_fuzz::protocol::oidc::callback::CallbackParameters;
use symbolon_fuzz::{POOL, REDIRECT_URI};

const FORM: &str = "application/x-www-form-urlencoded";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(parameters) = pairs(bytes) {
        match check(&POOL, &parameters, |_, hint| (hint == "good").then(|| "sub".to_owned())) {
            Ok((request, _)) => {
                assert_eq!(request.redirect_uri.as_str(), REDIRECT_URI, "A-08");
                assert!(request.code_challenge.is_some(), "A-20");
            }
            Err(Refused::Redirect { to, .. }) => assert_eq!(to.as_str(), REDIRECT_URI, "A-08"),
            Err(Refused::Page(_)) => {}
        }
        if Form::parse(bytes).is_ok() {
            let names: HashSet<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names.len(), parameters.len(), "A-06");
        }
    }
    if let Ok(answer) = CallbackParameters::from_form(Some(FORM), None, bytes) {
        let _ = answer.answer();
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(answer) = CallbackParameters::from_query(text) {
        let _ = answer.answer();
    }
    let _ = (Language::of_accept_language(text), Language::of_ui_locales(text));
    if let Some(context) = TraceContext::parse(text) {
        assert_eq!(context.uuid().len(), 36);
    }
});
