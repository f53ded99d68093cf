//! Why a SAML sign-in is refused, besides what its response says.

use crate::model::fault::{Fault, Refusal};
use crate::protocol::saml::binding::BindingError;
use crate::protocol::saml::error::SamlError;
use crate::protocol::saml::logout::LogoutError;
use crate::protocol::saml::signature::SignError;
use crate::protocol::saml::xml::XmlError;
use crate::store::StoreError;
use crate::store::saml_trust::TrustError;
use crate::store::sp_keys::SpKeysError;

/// Why there is no identity. `Display` is for the log: bounded, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SamlRefusal {
    /// The response proves nothing.
    #[error(transparent)]
    Response(#[from] SamlError),
    /// What came is no message at all.
    #[error("the message cannot be read: {0}")]
    Unreadable(#[from] XmlError),
    /// The form or query holds no message, or ours could not be made.
    #[error(transparent)]
    Message(#[from] BindingError),
    /// The response came by HTTP-Redirect, which has no room for one and is not allowed for it.
    #[error("the response came by HTTP-Redirect")]
    Redirected,
    /// The response answers no sign-in that is in progress here.
    #[error("the response answers request {0:?}, and no sign-in with it is in progress here")]
    NoFlow(String),
    /// The answer to a sign-in came back to an endpoint of another protocol.
    #[error("the flow is at a provider that does not speak SAML")]
    OtherProtocol,
    /// Nobody asked, and no provider of this issuer may begin a sign-in.
    #[error(
        "nobody asked for this response of {0:?}, and no provider with that entity id may begin a sign-in"
    )]
    NobodyAsked(String),
    /// Nobody asked, and several providers have the entity id of the sender.
    #[error("nobody asked for this response, and several providers have the entity id {0:?}")]
    Ambiguous(String),
    /// The assertion was used before (C-57).
    #[error("assertion {0:?} was used before")]
    Replayed(String),
    /// Too many messages of this provider could not be decrypted (C-44).
    #[error(
        "{0} responses of this provider could not be decrypted within the hour, and nothing protects their \
         ciphertext"
    )]
    Capped(i64),
    /// A sign-in that the provider began leads to a client that cannot take it (C-64).
    #[error("a sign-in that the provider began cannot lead to client {client}: {problem}")]
    Target {
        /// The provider's default client.
        client: String,
        /// Why not.
        problem: String,
    },
    /// The metadata names no endpoint with the binding.
    #[error("the provider's metadata has no single sign-on endpoint for the binding {0}")]
    NoEndpoint(&'static str),
    /// Our own keys failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Our own keys are not to be had.
    #[error(transparent)]
    Keys(#[from] SpKeysError),
    /// The provider's metadata is not to be had.
    #[error(transparent)]
    Metadata(#[from] TrustError),
    /// A logout message is refused.
    #[error(transparent)]
    Logout(#[from] LogoutError),
    /// A logout request of nobody whose requests are honoured.
    #[error("no provider with single logout has the entity id {0:?}")]
    UnknownSender(String),
    /// The provider answered that it signed the person out not everywhere, or not at all.
    #[error("the provider answered our LogoutRequest with {0}")]
    LogoutIncomplete(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SamlRefusal {
    fn inner(&self) -> Option<&dyn Refusal> {
        match self {
            Self::Response(error) => Some(error),
            Self::Message(error) => Some(error),
            Self::Logout(error) => Some(error),
            Self::Keys(error) => Some(error),
            Self::Metadata(error) => Some(error),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }

    /// The `error` that the app receives, where it is none of the usual ones.
    pub fn oauth_error(&self) -> Option<&'static str> {
        match self {
            Self::Response(SamlError::Status { nested, .. }) => {
                match nested.as_deref().and_then(|code| code.rsplit(':').next()) {
                    Some("NoPassive") => Some("login_required"),
                    Some("AuthnFailed" | "RequestDenied" | "UnknownPrincipal") => Some("access_denied"),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

impl Refusal for SamlRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "saml_xml",
            Self::Redirected => "saml_response_by_redirect",
            Self::NoFlow(_) => "saml_flow_not_found",
            Self::OtherProtocol => "saml_other_protocol",
            Self::NobodyAsked(_) => "saml_idp_initiated_off",
            Self::Ambiguous(_) => "saml_issuer_ambiguous",
            Self::Replayed(_) => "saml_replayed",
            Self::Capped(_) => "saml_decryption_capped",
            Self::Target { .. } => "saml_target_unusable",
            Self::NoEndpoint(_) => "saml_endpoint_missing",
            Self::Sign(_) => "saml_signing_failed",
            Self::UnknownSender(_) => "saml_logout_sender_unknown",
            Self::LogoutIncomplete(_) => "saml_logout_incomplete",
            Self::Response(_)
            | Self::Message(_)
            | Self::Logout(_)
            | Self::Keys(_)
            | Self::Metadata(_)
            | Self::Store(_) => self.inner().map_or("saml", Refusal::code),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NoFlow(_) | Self::OtherProtocol | Self::Replayed(_) => Fault::Visitor,
            Self::NobodyAsked(_)
            | Self::UnknownSender(_)
            | Self::Ambiguous(_)
            | Self::Target { .. }
            | Self::NoEndpoint(_) => Fault::Pool,
            Self::Unreadable(_) | Self::Redirected | Self::Capped(_) | Self::LogoutIncomplete(_) => {
                Fault::Provider
            }
            Self::Sign(_) => Fault::Us,
            Self::Response(_)
            | Self::Message(_)
            | Self::Logout(_)
            | Self::Keys(_)
            | Self::Metadata(_)
            | Self::Store(_) => self.inner().map_or(Fault::Us, Refusal::fault),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Unreadable(_) => {
                "the IdP must post a form with SAMLResponse, the base64 of one UTF-8 document, and the \
                 RelayState that it received"
                    .into()
            }
            Self::Redirected => {
                "the IdP's administrator sets the binding of this app's Assertion Consumer Service to \
                 HTTP-POST: a response by HTTP-Redirect is not allowed (SAML Profiles section 4.1.2)"
                    .into()
            }
            Self::NoFlow(_) => {
                "the sign-in that this answers is over, was begun elsewhere, or the IdP did not send \
                 RelayState back as it received it: start again from the app"
                    .into()
            }
            Self::OtherProtocol => "start again from the app".into(),
            Self::NobodyAsked(issuer) => format!(
                "start from the app instead of the IdP's portal; to allow the portal, set idp_initiated of \
                 the provider whose entity id is {issuer:?}"
            ),
            Self::Ambiguous(_) => "give only one provider of this pool this entity id, or allow \
                idp_initiated for only one of them"
                .into(),
            Self::Replayed(_) => {
                "a response counts once: start again from the app, and do not reload or go back to the IdP's \
                 last page"
                    .into()
            }
            Self::Capped(_) => "wait an hour; find out who sends responses that do not decrypt. The IdP's \
                administrator encrypts for the certificate in our current metadata, with AES-GCM, or signs \
                the response; then cbc_without_signature can go"
                .into(),
            Self::Target { client, problem } => {
                format!("correct client {client}, or idp_initiated_client of this provider: {problem}")
            }
            Self::NoEndpoint(_) => {
                "remove request_binding of this provider, or use metadata that has such an endpoint".into()
            }
            Self::UnknownSender(_) => {
                "set end_session for the provider with this entity id, if its sign-outs count here".into()
            }
            Self::LogoutIncomplete(_) => {
                "the person is signed out here; the IdP's log says where they are not".into()
            }
            Self::Sign(_) => "look at the SAML keys of this pool".into(),
            Self::Response(_)
            | Self::Message(_)
            | Self::Logout(_)
            | Self::Keys(_)
            | Self::Metadata(_)
            | Self::Store(_) => self.inner().map(Refusal::hint).unwrap_or_default(),
        }
    }

    fn retryable(&self) -> bool {
        self.inner().is_some_and(Refusal::retryable)
    }
}
