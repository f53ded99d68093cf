//! What a provider sends back through the browser
//! ([RFC 6749 section 4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2), [RFC
//! 9207](https://www.rfc-editor.org/rfc/rfc9207), [Form Post Response
//! Mode](https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html)).
//!
//! [`CallbackParameters`] is read first, for its `state` finds the flow; [`CallbackParameters::answer`] then
//! says what came.

use std::collections::BTreeMap;

use url::form_urlencoded;

use super::super::oauth2::token_request::shown;
use super::issuer::Issuer;
use crate::model::fault::{Fault, Refusal};
use crate::model::secret::SecretString;

/// Longest query or form.
const MAX_INPUT: usize = 32 * 1024;
/// Most parameters.
const MAX_PARAMETERS: usize = 40;
/// Longest code; Microsoft's are the longest known, about 2 kB.
const MAX_CODE: usize = 8 * 1024;
/// Longest `state`; the broker's own are 43 characters.
const MAX_STATE: usize = 512;
/// Longest `user` form field.
const MAX_USER: usize = 4 * 1024;
/// Answers of other flows, which must not come through the browser.
const FRONT_CHANNEL: [&str; 3] = ["id_token", "access_token", "token"];

/// How an answer travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In the query of a GET.
    Query,
    /// As a form POST.
    Form,
}

/// Why an answer is refused before the provider is asked anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// Longer than any provider's answer.
    #[error("the callback is {0} bytes long")]
    TooLarge(usize),
    /// More parameters than any provider's answer.
    #[error("the callback has too many parameters")]
    TooMany,
    /// A form of another media type.
    #[error("the callback's form has content type {0:?}")]
    ContentType(String),
    /// A form POST with parameters in its query.
    #[error("the callback has both a form and a query")]
    FormAndQuery,
    /// A parameter occurs twice (B-02, B-32).
    #[error("callback parameter {0:?} occurs twice")]
    Duplicate(String),
    /// No `state`, or one that the broker cannot have made (B-01).
    #[error("the callback has no usable state")]
    State,
    /// Neither `code` nor `error`.
    #[error("the callback has neither code nor error")]
    Empty,
    /// Both `code` and `error` (B-02).
    #[error("the callback has both code and error")]
    CodeAndError,
    /// Tokens in the front channel (B-02).
    #[error("the callback has {0}, which must not come through the browser")]
    FrontChannel(&'static str),
    /// A parameter is longer than allowed.
    #[error("callback parameter {0:?} is too long")]
    TooLong(&'static str),
    /// It came by the other transport than was asked for (B-32).
    #[error("the answer came {came:?}, asked for was {asked:?}")]
    Transport {
        /// How it came.
        came: Transport,
        /// How it should have come.
        asked: Transport,
    },
    /// `iss` is of another provider (B-09, B-20).
    #[error("the answer is of issuer {found:?}, asked was {expected:?}")]
    Issuer {
        /// `iss` of the answer, shortened.
        found: String,
        /// The provider's issuer.
        expected: String,
    },
    /// The provider's metadata promises `iss`, and there is none (B-09).
    #[error("the answer has no iss, which the metadata of {0:?} promises")]
    IssuerMissing(String),
}

impl Refusal for CallbackError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) | Self::TooMany | Self::TooLong(_) => "callback_too_large",
            Self::ContentType(_) => "callback_content_type",
            Self::FormAndQuery => "callback_form_and_query",
            Self::Duplicate(_) => "callback_duplicate_parameter",
            Self::State => "callback_state_missing",
            Self::Empty => "callback_empty",
            Self::CodeAndError => "callback_code_and_error",
            Self::FrontChannel(_) => "callback_front_channel_token",
            Self::Transport { .. } => "callback_transport",
            Self::Issuer { .. } => "callback_issuer_mismatch",
            Self::IssuerMissing(_) => "callback_issuer_missing",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::State => Fault::Visitor,
            _ => Fault::Provider,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::State => "start again from the app; this address is not meant to be opened by hand".into(),
            Self::Transport { asked: Transport::Form, .. } => {
                "the provider must answer with response_mode=form_post; check form_post of this provider"
                    .into()
            }
            Self::Transport { asked: Transport::Query, .. } => {
                "the provider answers with a form POST; set form_post for this provider".into()
            }
            Self::Issuer { .. } => {
                "the answer came from another provider than was asked: an attack, or a wrong issuer in this \
                 provider's settings"
                    .into()
            }
            Self::IssuerMissing(_) => {
                "the provider must send iss in its answers, or stop promising it in its metadata (RFC 9207)"
                    .into()
            }
            Self::FrontChannel(_) => {
                "the provider must answer with a code alone; check its settings for this client (response \
                 type code)"
                    .into()
            }
            _ => {
                "the provider must answer as RFC 6749 section 4.1.2 says: each parameter once, code or error"
                    .into()
            }
        }
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::Issuer { expected, .. } => Some(expected.clone()),
            Self::Transport { asked, .. } => Some(format!("{asked:?}").to_lowercase()),
            _ => None,
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::Issuer { found, .. } => Some(found.clone()),
            Self::Transport { came, .. } => Some(format!("{came:?}").to_lowercase()),
            Self::Duplicate(name) => Some(name.clone()),
            _ => None,
        }
    }
}

/// The parameters of a callback, each once, of bounded size.
#[derive(Clone)]
pub struct CallbackParameters {
    transport: Transport,
    state: String,
    values: BTreeMap<String, String>,
}

/// Shows names only.
impl std::fmt::Debug for CallbackParameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallbackParameters")
            .field("transport", &self.transport)
            .field("names", &self.values.keys())
            .finish_non_exhaustive()
    }
}

/// What a provider answered, not yet checked against the flow.
#[derive(Debug, Clone)]
pub enum CallbackAnswer {
    /// The person signed in.
    Code {
        /// `code`.
        code: SecretString,
        /// `iss` ([RFC 9207](https://www.rfc-editor.org/rfc/rfc9207)).
        iss: Option<String>,
        /// The unsigned `user` form field of some providers; never from a query.
        user: Option<String>,
        /// How it came.
        transport: Transport,
    },
    /// The provider refused, or the person did.
    Error {
        /// `error`, shortened, without control characters.
        error: String,
        /// `error_description`, shortened, without control characters; for the log only (B-03, B-44).
        description: Option<String>,
        /// `iss`.
        iss: Option<String>,
        /// How it came.
        transport: Transport,
    },
}

impl CallbackParameters {
    /// Reads the raw query of a GET (without `?`).
    pub fn from_query(query: &str) -> Result<Self, CallbackError> {
        Self::parse(Transport::Query, query.as_bytes())
    }

    /// Reads a form POST: its `Content-Type`, the raw query of its URL, and its body.
    pub fn from_form(
        content_type: Option<&str>,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Self, CallbackError> {
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(CallbackError::ContentType(shown(media_type)));
        }
        if query.is_some_and(|query| !query.is_empty()) {
            return Err(CallbackError::FormAndQuery);
        }
        Self::parse(Transport::Form, body)
    }

    /// `state`: the handle of the flow.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// The answer: exactly one of code and error, and no tokens.
    pub fn answer(mut self) -> Result<CallbackAnswer, CallbackError> {
        if let Some(name) = FRONT_CHANNEL.into_iter().find(|name| self.values.contains_key(*name)) {
            return Err(CallbackError::FrontChannel(name));
        }
        let iss = self.take("iss", MAX_STATE)?;
        let transport = self.transport;
        match (self.take("code", MAX_CODE)?, self.values.remove("error")) {
            (Some(_), Some(_)) => Err(CallbackError::CodeAndError),
            (None, None) => Err(CallbackError::Empty),
            (Some(code), None) => {
                let user = if transport == Transport::Form { self.take("user", MAX_USER)? } else { None };
                Ok(CallbackAnswer::Code { code: code.into(), iss, user, transport })
            }
            (None, Some(error)) => {
                let description = self.values.remove("error_description").map(|text| shown(&text));
                Ok(CallbackAnswer::Error { error: shown(&error), description, iss, transport })
            }
        }
    }

    fn parse(transport: Transport, input: &[u8]) -> Result<Self, CallbackError> {
        if input.len() > MAX_INPUT {
            return Err(CallbackError::TooLarge(input.len()));
        }
        let mut values = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(input) {
            if values.len() == MAX_PARAMETERS {
                return Err(CallbackError::TooMany);
            }
            if values.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(CallbackError::Duplicate(shown(&name)));
            }
        }
        let state = values
            .remove("state")
            .filter(|state| (1..=MAX_STATE).contains(&state.len()))
            .ok_or(CallbackError::State)?;
        Ok(Self { transport, state, values })
    }

    fn take(&mut self, name: &'static str, longest: usize) -> Result<Option<String>, CallbackError> {
        match self.values.remove(name) {
            Some(value) if value.len() > longest => Err(CallbackError::TooLong(name)),
            value => Ok(value.filter(|value| !value.is_empty())),
        }
    }
}

impl CallbackAnswer {
    /// Checks that the answer came as it was asked for (B-32).
    pub fn check_transport(&self, form_post: bool) -> Result<(), CallbackError> {
        let (Self::Code { transport: came, .. } | Self::Error { transport: came, .. }) = *self;
        let asked = if form_post { Transport::Form } else { Transport::Query };
        if came == asked { Ok(()) } else { Err(CallbackError::Transport { came, asked }) }
    }

    /// Checks `iss` of the answer ([RFC 9207 section
    /// 2.4](https://www.rfc-editor.org/rfc/rfc9207#section-2.4)): when there is one it is the provider's, and
    /// when metadata promises one it is there.
    pub fn check_issuer(&self, issuer: Issuer<'_>, promised: bool) -> Result<(), CallbackError> {
        match self.iss() {
            Some(iss) if issuer.admits(iss) => Ok(()),
            Some(iss) => Err(CallbackError::Issuer { found: shown(iss), expected: issuer.value.to_owned() }),
            None if promised => Err(CallbackError::IssuerMissing(issuer.value.to_owned())),
            None => Ok(()),
        }
    }

    /// `iss`, unchecked.
    pub fn iss(&self) -> Option<&str> {
        let (Self::Code { iss, .. } | Self::Error { iss, .. }) = self;
        iss.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::secret::ExposeSecret;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded;charset=UTF-8");

    fn answer(query: &str) -> Result<CallbackAnswer, CallbackError> {
        CallbackParameters::from_query(query)?.answer()
    }

    fn code_of(query: &str) -> &'static str {
        answer(query).unwrap_err().code()
    }

    #[test]
    fn a_code_and_an_error_are_told_apart() {
        let parameters =
            CallbackParameters::from_query("state=s%2B1&code=a%2Fb&scope=openid&authuser=0").unwrap();
        assert_eq!(parameters.state(), "s+1");
        let CallbackAnswer::Code { code, iss: None, user: None, transport: Transport::Query } =
            parameters.answer().unwrap()
        else {
            panic!()
        };
        assert_eq!(code.expose_secret(), "a/b");
        let CallbackAnswer::Error { error, description, .. } =
            answer("state=s&error=access_denied&error_description=no+way").unwrap()
        else {
            panic!()
        };
        assert_eq!((error.as_str(), description.as_deref()), ("access_denied", Some("no way")));
    }

    /// B-01
    #[test]
    fn without_a_state_there_is_no_flow() {
        for query in ["code=c", "code=c&state=", &format!("code=c&state={}", "x".repeat(513)), ""] {
            assert_eq!(code_of(query), "callback_state_missing", "{query}");
        }
    }

    /// B-02
    #[test]
    fn contradictions_and_tokens_in_the_front_channel_are_refused() {
        for (query, code) in [
            ("state=s&code=c&error=access_denied", "callback_code_and_error"),
            ("state=s&code=c&code=d", "callback_duplicate_parameter"),
            ("state=s&state=t&code=c", "callback_duplicate_parameter"),
            ("state=s&code=c&x=1&x=1", "callback_duplicate_parameter"),
            ("state=s&code=c&%63ode=d", "callback_duplicate_parameter"),
            ("state=s&code=c&id_token=a.b.c", "callback_front_channel_token"),
            ("state=s&access_token=t", "callback_front_channel_token"),
            ("state=s", "callback_empty"),
            ("state=s&code=", "callback_empty"),
        ] {
            assert_eq!(code_of(query), code, "{query}");
        }
    }

    /// B-03
    #[test]
    fn an_error_description_is_cut_to_one_short_line() {
        let query = format!(
            "state=s&error=x%0d%0ay&error_description=%3Cscript%3E%0D%0ASet-Cookie:a{}",
            "z".repeat(20_000)
        );
        let CallbackAnswer::Error { error, description, .. } = answer(&query).unwrap() else { panic!() };
        assert_eq!(error, "x  y");
        assert!(
            description
                .is_some_and(|text| text.chars().count() == 256 && !text.chars().any(char::is_control))
        );
        assert_eq!(
            code_of(&format!("state=s&error=x&error_description={}", "z".repeat(1_000_000))),
            "callback_too_large"
        );
        let many: Vec<String> = (0..100).map(|n| format!("a{n}=1")).collect();
        assert_eq!(code_of(&format!("state=s&{}", many.join("&"))), "callback_too_large");
    }

    /// B-32
    #[test]
    fn a_form_post_is_a_form_and_nothing_else() {
        let body = b"state=s&code=c&user=%7B%7D";
        let CallbackAnswer::Code { user, transport, .. } =
            CallbackParameters::from_form(FORM, None, body).unwrap().answer().unwrap()
        else {
            panic!()
        };
        assert_eq!((user.as_deref(), transport), (Some("{}"), Transport::Form));
        assert!(matches!(answer("state=s&code=c&user=%7B%7D"), Ok(CallbackAnswer::Code { user: None, .. })));
        let refused = |content_type, query, body: &[u8]| {
            CallbackParameters::from_form(content_type, query, body).unwrap_err().code()
        };
        for content_type in
            [None, Some("application/json"), Some("multipart/form-data; boundary=x"), Some("text/plain")]
        {
            assert_eq!(refused(content_type, None, body), "callback_content_type", "{content_type:?}");
        }
        assert_eq!(refused(FORM, Some("code=other"), body), "callback_form_and_query");
        assert_eq!(refused(FORM, None, b"state=s&code=c&code=d"), "callback_duplicate_parameter");
    }

    /// B-32
    #[test]
    fn an_answer_by_the_other_transport_is_refused() {
        let by_query = answer("state=s&code=c").unwrap();
        let by_form = CallbackParameters::from_form(FORM, None, b"state=s&code=c").unwrap().answer().unwrap();
        assert!(by_query.check_transport(false).is_ok() && by_form.check_transport(true).is_ok());
        assert!(by_query.check_transport(true).is_err() && by_form.check_transport(false).is_err());
    }

    /// B-09, B-20
    #[test]
    fn an_answer_of_another_issuer_is_refused() {
        let issuer = Issuer { value: "https://honest.example", aliases: &[] };
        let check = |query: &str, promised| {
            answer(query).unwrap().check_issuer(issuer, promised).map_err(|error| error.code())
        };
        assert_eq!(check("state=s&code=c&iss=https%3A%2F%2Fhonest.example", true), Ok(()));
        assert_eq!(check("state=s&code=c", false), Ok(()));
        assert_eq!(check("state=s&code=c", true), Err("callback_issuer_missing"));
        for iss in
            ["https%3A%2F%2Fevil.example", "https%3A%2F%2Fhonest.example%2F", "http%3A%2F%2Fhonest.example"]
        {
            for promised in [true, false] {
                assert_eq!(
                    check(&format!("state=s&code=c&iss={iss}"), promised),
                    Err("callback_issuer_mismatch"),
                    "{iss}"
                );
                assert_eq!(
                    check(&format!("state=s&error=access_denied&iss={iss}"), promised),
                    Err("callback_issuer_mismatch"),
                    "{iss}"
                );
            }
        }
    }
}
