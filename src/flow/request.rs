//! The app's authorization request, checked ([RFC 6749 section
//! 4.1.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1), [OpenID Connect Core section
//! 3.1.2](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)).

use crate::model::client::{Client, Grant};
use crate::model::fault::{Fault, Refusal};
use crate::model::language::Language;
use crate::model::pool::Pool;
use crate::model::scope::Scopes;

use super::redirect_uri::CheckedRedirect;
use super::state::{AuthorizeRequest, Prompt};

/// Longest accepted `state`, in bytes.
pub const MAX_STATE: usize = 1024;
/// Longest accepted `nonce`, in bytes.
pub const MAX_NONCE: usize = 512;
/// Longest accepted `login_hint`, in bytes.
pub const MAX_LOGIN_HINT: usize = 254;

/// One failed check of an authorization request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No `client_id`.
    #[error("client_id is missing")]
    MissingClient,
    /// `client_id` names no enabled app of the pool.
    #[error("client_id {0:?} is no enabled client of this pool")]
    UnknownClient(String),
    /// No `redirect_uri`.
    #[error("redirect_uri is missing")]
    MissingRedirectUri,
    /// `redirect_uri` equals none of the registered ones.
    #[error("redirect_uri {asked:?} is not registered; registered: {registered:?}")]
    UnknownRedirectUri {
        /// What came.
        asked: String,
        /// What the client registered.
        registered: Vec<String>,
    },
    /// A parameter came more than once.
    #[error("parameter {0} came more than once")]
    Duplicate(String),
    /// A parameter is absent, malformed or too long.
    #[error("parameter {name}: {problem}")]
    Invalid {
        /// The parameter.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// `response_type` is not `code`.
    #[error("response_type {0:?} is not supported; use code")]
    UnsupportedResponseType(String),
    /// The client may not use the authorization code grant.
    #[error("the client may not use the authorization_code grant")]
    GrantNotAllowed,
    /// A scope is malformed or not registered for the client.
    #[error("scope {0:?} is not registered for this client")]
    InvalidScope(String),
    /// `resource` is not registered for the client.
    #[error("resource {0:?} is not registered for this client")]
    InvalidTarget(String),
    /// A JWT request object was sent by value.
    #[error("the request parameter is not supported")]
    RequestNotSupported,
    /// A request object was sent by reference; it is not fetched.
    #[error("the request_uri parameter is not supported")]
    RequestUriNotSupported,
    /// A `request_uri` of ours that is unknown, over, answered already, or another client's.
    #[error("the request_uri is unknown, expired, used, or another client's")]
    UnknownRequestUri,
    /// The client has to push its requests.
    #[error("this client has to push its authorization requests")]
    PushRequired,
    /// The registration parameter was sent.
    #[error("the registration parameter is not supported")]
    RegistrationNotSupported,
    /// `identity_provider` or `idp_identifier` names no provider that this client may use.
    #[error("{parameter} {asked:?} names no enabled provider of this client")]
    UnknownProvider {
        /// Which parameter.
        parameter: &'static str,
        /// What came.
        asked: String,
    },
}

impl RequestError {
    /// The `error` value for the app.
    pub const fn oauth_error(&self) -> &'static str {
        match self {
            Self::UnsupportedResponseType(_) => "unsupported_response_type",
            Self::GrantNotAllowed => "unauthorized_client",
            Self::InvalidScope(_) => "invalid_scope",
            Self::InvalidTarget(_) => "invalid_target",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::UnknownRequestUri => "invalid_request_uri",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::MissingClient
            | Self::UnknownClient(_)
            | Self::MissingRedirectUri
            | Self::UnknownRedirectUri { .. }
            | Self::Duplicate(_)
            | Self::Invalid { .. }
            | Self::PushRequired
            | Self::UnknownProvider { .. } => "invalid_request",
        }
    }
}

impl Refusal for RequestError {
    fn code(&self) -> &'static str {
        match self {
            Self::MissingClient => "client_id_missing",
            Self::UnknownClient(_) => "client_unknown",
            Self::MissingRedirectUri => "redirect_uri_missing",
            Self::UnknownRedirectUri { .. } => "redirect_uri_not_registered",
            Self::Duplicate(_) => "parameter_duplicated",
            Self::Invalid { .. } => "parameter_invalid",
            Self::UnsupportedResponseType(_) => "response_type_unsupported",
            Self::GrantNotAllowed => "grant_not_allowed",
            Self::InvalidScope(_) => "scope_not_registered",
            Self::InvalidTarget(_) => "resource_not_registered",
            Self::RequestNotSupported => "request_object_unsupported",
            Self::RequestUriNotSupported => "request_uri_unsupported",
            Self::UnknownRequestUri => "request_uri_unknown",
            Self::PushRequired => "push_required",
            Self::RegistrationNotSupported => "registration_unsupported",
            Self::UnknownProvider { .. } => "provider_unknown",
        }
    }

    fn fault(&self) -> Fault {
        Fault::App
    }

    fn hint(&self) -> String {
        match self {
            Self::UnknownRedirectUri { asked, registered }
                if registered.iter().any(|uri| but_for_slash(uri, asked)) =>
            {
                format!(
                    "The redirect URI differs from a registered one in the slash at its end: send it exactly \
                     as registered, or add {asked:?} to redirect_uris of the client."
                )
            }
            Self::UnknownRedirectUri { asked, .. } => {
                format!(
                    "Send one of the registered redirect URIs exactly, or add {asked:?} to redirect_uris of \
                    the client."
                )
            }
            Self::UnknownClient(_) => {
                "Send the id of a client that is configured and enabled in this pool.".to_owned()
            }
            Self::InvalidScope(scope) => {
                format!("Add {scope:?} to scopes of the client, or do not ask for it.")
            }
            Self::UnknownRequestUri => {
                "Push the authorization request anew, and send the browser with its request_uri and the same \
                 client_id within its life, once."
                    .to_owned()
            }
            Self::PushRequired => "Post the parameters to /oauth2/par and send the browser with client_id \
                and request_uri alone."
                .to_owned(),
            Self::GrantNotAllowed => "Add authorization_code to grants of the client.".to_owned(),
            Self::InvalidTarget(_) => {
                "Add the URI to resources of the client, or leave resource out.".to_owned()
            }
            Self::UnknownProvider { .. } => {
                "Send the name of a provider that is configured in the pool and listed for the client."
                    .to_owned()
            }
            _ => format!("Correct the authorization request: {self}."),
        }
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::UnknownRedirectUri { registered, .. } => Some(registered.join(" or ")),
            Self::UnsupportedResponseType(_) => Some("code".to_owned()),
            _ => None,
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::UnknownRedirectUri { asked, .. } | Self::UnknownProvider { asked, .. } => {
                Some(asked.clone())
            }
            Self::UnknownClient(came)
            | Self::UnsupportedResponseType(came)
            | Self::InvalidScope(came)
            | Self::InvalidTarget(came)
            | Self::Duplicate(came) => Some(came.clone()),
            _ => None,
        }
    }
}

fn but_for_slash(left: &str, right: &str) -> bool {
    left.trim_end_matches('/') == right.trim_end_matches('/')
}

/// Who may see a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The app or its redirect URI is not established: a page, never a redirect.
    Page(RequestError),
    /// The app is told by redirect.
    Redirect {
        /// Where to.
        to: CheckedRedirect,
        /// The app's `state`, echoed.
        state: Option<String>,
        /// Why.
        error: RequestError,
    },
}

/// Which provider the app asked for, before it is looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProviderHint {
    /// No wish.
    #[default]
    None,
    /// `identity_provider`.
    Name(String),
    /// `idp_identifier`.
    Identifier(String),
}

/// Decoded parameters in the order in which they came.
pub type Parameters = Vec<(String, String)>;

/// Checks an authorization request. `hinted_sub` verifies an `id_token_hint` and gives its subject.
pub fn check(
    pool: &Pool,
    parameters: &Parameters,
    hinted_sub: impl Fn(&Client, &str) -> Option<String>,
) -> Result<(AuthorizeRequest, ProviderHint), Refused> {
    let reader = Reader { parameters };
    let (client, redirect_uri) = reader.app(pool).map_err(Refused::Page)?;
    let state =
        reader.get("state").ok().flatten().filter(|state| state.len() <= MAX_STATE).map(str::to_owned);
    let told = |error| Refused::Redirect { to: redirect_uri.clone(), state: state.clone(), error };
    reader.no_duplicates().map_err(told)?;
    reader.supported(client).map_err(told)?;
    let request = AuthorizeRequest {
        client: client.id.clone(),
        redirect_uri: redirect_uri.clone(),
        state: reader.text("state", MAX_STATE).map_err(told)?,
        scopes: reader.scopes(client).map_err(told)?,
        nonce: reader.text("nonce", MAX_NONCE).map_err(told)?,
        code_challenge: reader.code_challenge(client).map_err(told)?,
        prompt: reader.prompt().map_err(told)?,
        max_age: reader.max_age().map_err(told)?,
        login_hint: reader.text("login_hint", MAX_LOGIN_HINT).map_err(told)?,
        resource: reader.resource(client).map_err(told)?,
        dpop_jkt: reader.dpop_jkt().map_err(told)?,
        pushed: None,
        hinted_sub: reader.hinted_sub(client, hinted_sub).map_err(told)?,
        language: reader.get("ui_locales").map_err(told)?.and_then(Language::of_ui_locales),
    };
    let hint = reader.provider_hint().map_err(told)?;
    Ok((request, hint))
}

struct Reader<'a> {
    parameters: &'a Parameters,
}

impl<'a> Reader<'a> {
    /// The only value of `name`; an empty value counts as absent (RFC 6749 section 3.1).
    fn get(&self, name: &str) -> Result<Option<&'a str>, RequestError> {
        let mut values =
            self.parameters.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() {
            return Err(RequestError::Duplicate(name.to_owned()));
        }
        Ok(first.filter(|value| !value.is_empty()))
    }

    fn text(&self, name: &'static str, max: usize) -> Result<Option<String>, RequestError> {
        match self.get(name)? {
            Some(value) if value.len() > max => {
                Err(invalid(name, format!("is {} bytes long; at most {max} are accepted", value.len())))
            }
            value => Ok(value.map(str::to_owned)),
        }
    }

    fn app<'p>(&self, pool: &'p Pool) -> Result<(&'p Client, CheckedRedirect), RequestError> {
        let id = self.get("client_id")?.ok_or(RequestError::MissingClient)?;
        let client =
            pool.client(id).ok_or_else(|| RequestError::UnknownClient(id.chars().take(128).collect()))?;
        let asked = self.get("redirect_uri")?.ok_or(RequestError::MissingRedirectUri)?;
        let redirect =
            CheckedRedirect::check(client, asked).ok_or_else(|| RequestError::UnknownRedirectUri {
                asked: asked.chars().take(512).collect(),
                registered: client.redirect_uris.clone(),
            })?;
        Ok((client, redirect))
    }

    fn no_duplicates(&self) -> Result<(), RequestError> {
        let mut names: Vec<&str> = self.parameters.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find_map(|pair| pair.first().filter(|first| pair.last() == Some(first))) {
            Some(name) => Err(RequestError::Duplicate(name.chars().take(64).collect())),
            None => Ok(()),
        }
    }

    fn supported(&self, client: &Client) -> Result<(), RequestError> {
        if self.get("request")?.is_some() {
            return Err(RequestError::RequestNotSupported);
        }
        if self.get("request_uri")?.is_some() {
            return Err(RequestError::RequestUriNotSupported);
        }
        if self.get("registration")?.is_some() {
            return Err(RequestError::RegistrationNotSupported);
        }
        match self.get("response_type")? {
            None => return Err(invalid("response_type", "is missing".to_owned())),
            Some("code") => {}
            Some(other) => {
                return Err(RequestError::UnsupportedResponseType(other.chars().take(64).collect()));
            }
        }
        if self.get("response_mode")?.is_some_and(|mode| mode != "query") {
            return Err(invalid("response_mode", "only query is supported".to_owned()));
        }
        if client.allows(Grant::AuthorizationCode) { Ok(()) } else { Err(RequestError::GrantNotAllowed) }
    }

    fn scopes(&self, client: &Client) -> Result<Scopes, RequestError> {
        let Some(text) = self.get("scope")? else { return Ok(client.scopes.clone()) };
        let scopes = Scopes::parse(text)
            .map_err(|error| RequestError::InvalidScope(error.0.chars().take(64).collect()))?;
        if let Some(foreign) = scopes.iter().find(|scope| !client.scopes.contains(scope)) {
            return Err(RequestError::InvalidScope(foreign.to_owned()));
        }
        let needs_openid = ["email", "phone", "profile"].into_iter().find(|scope| scopes.contains(scope));
        match needs_openid {
            Some(scope) if !scopes.contains("openid") => {
                Err(invalid("scope", format!("{scope} needs openid beside it")))
            }
            _ => Ok(scopes),
        }
    }

    fn code_challenge(&self, client: &Client) -> Result<Option<String>, RequestError> {
        let challenge = self.get("code_challenge")?;
        let method = self.get("code_challenge_method")?;
        match (challenge, method) {
            (None, None) if client.is_public() || client.proof.fapi2 => {
                Err(invalid("code_challenge", "is missing; this client must use PKCE with S256".to_owned()))
            }
            (None, None) => Ok(None),
            (None, Some(_)) => {
                Err(invalid("code_challenge", "is missing though code_challenge_method is given".to_owned()))
            }
            (Some(challenge), Some("S256")) if is_s256(challenge) => Ok(Some(challenge.to_owned())),
            (Some(_), Some("S256")) => {
                Err(invalid("code_challenge", "must be 43 base64url characters".to_owned()))
            }
            (Some(_), _) => Err(invalid("code_challenge_method", "must be S256".to_owned())),
        }
    }

    fn dpop_jkt(&self) -> Result<Option<String>, RequestError> {
        match self.get("dpop_jkt")? {
            Some(jkt) if !is_s256(jkt) => {
                Err(invalid("dpop_jkt", "must be 43 base64url characters".to_owned()))
            }
            jkt => Ok(jkt.map(str::to_owned)),
        }
    }

    fn prompt(&self) -> Result<Prompt, RequestError> {
        let mut prompt = Prompt::default();
        for value in self.get("prompt")?.unwrap_or_default().split(' ').filter(|value| !value.is_empty()) {
            match value {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "select_account" => prompt.select_account = true,
                "consent" => prompt.consent = true,
                _ => {
                    return Err(invalid(
                        "prompt",
                        "values are none, login, select_account, consent".to_owned(),
                    ));
                }
            }
        }
        if prompt.none && (prompt.login || prompt.select_account || prompt.consent) {
            return Err(invalid("prompt", "none cannot be combined".to_owned()));
        }
        Ok(prompt)
    }

    fn max_age(&self) -> Result<Option<u64>, RequestError> {
        self.get("max_age")?
            .map(|text| {
                text.parse::<u64>()
                    .map_err(|_| invalid("max_age", "must be a number of seconds, zero or more".to_owned()))
            })
            .transpose()
    }

    fn resource(&self, client: &Client) -> Result<Option<String>, RequestError> {
        match self.get("resource")? {
            Some(uri) if client.resources.iter().any(|have| have == uri) => Ok(Some(uri.to_owned())),
            Some(uri) => Err(RequestError::InvalidTarget(uri.chars().take(256).collect())),
            None => Ok(None),
        }
    }

    fn hinted_sub(
        &self,
        client: &Client,
        verify: impl Fn(&Client, &str) -> Option<String>,
    ) -> Result<Option<String>, RequestError> {
        self.get("id_token_hint")?
            .map(|raw| {
                verify(client, raw).ok_or_else(|| {
                    invalid("id_token_hint", "is no ID token of this issuer for this client".to_owned())
                })
            })
            .transpose()
    }

    fn provider_hint(&self) -> Result<ProviderHint, RequestError> {
        match (self.get("identity_provider")?, self.get("idp_identifier")?) {
            (Some(_), Some(_)) => {
                Err(invalid("idp_identifier", "cannot be combined with identity_provider".to_owned()))
            }
            (Some(name), None) => Ok(ProviderHint::Name(name.to_owned())),
            (None, Some(identifier)) => Ok(ProviderHint::Identifier(identifier.to_owned())),
            (None, None) => Ok(ProviderHint::None),
        }
    }
}

fn is_s256(challenge: &str) -> bool {
    challenge.len() == 43 && challenge.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn invalid(name: &'static str, problem: String) -> RequestError {
    RequestError::Invalid { name, problem }
}

#[cfg(test)]
pub(in crate::flow) mod tests;
