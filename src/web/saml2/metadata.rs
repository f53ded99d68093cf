//! `GET /saml2/metadata[/{provider}]`: what an identity provider's administrator needs to know about us.

use axum::extract::{Path, RawQuery};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};

use crate::model::ids::ProviderName;
use crate::protocol::saml::sp_metadata::SpMetadata;
use crate::provider::saml::{Saml, SubjectRule, default_sp_entity_id};
use crate::provider::settings::{Protocol, Provider};
use crate::user_pool::federate::SamlRefusal;
use crate::user_pool::federate::saml::{Connection, acs_url, signs_requests};
use crate::web::error::Failure;
use crate::web::form;
use crate::web::request_context::RequestContext;

/// What it is called among other files.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/samlmetadata+xml");

/// The pool's usual metadata, or that of the provider in `identity_provider`.
pub async fn get(ctx: RequestContext, RawQuery(query): RawQuery) -> Response {
    let parameters = form::pairs(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let asked =
        parameters.iter().find(|(name, _)| name == "identity_provider").map(|(_, value)| value.as_str());
    answer(&ctx, asked).await
}

/// The metadata towards one provider, enabled or not: it is set up first.
pub async fn of_provider(ctx: RequestContext, Path(provider): Path<String>) -> Response {
    answer(&ctx, Some(&provider)).await
}

async fn answer(ctx: &RequestContext, asked: Option<&str>) -> Response {
    let found = match asked {
        None => None,
        Some(name) => match find(ctx, name) {
            Some(found) => Some(found),
            None => {
                return (StatusCode::NOT_FOUND, "This pool has no SAML provider of that name.\n")
                    .into_response();
            }
        },
    };
    match document(ctx, found).await {
        Ok(xml) => ([(header::CONTENT_TYPE, MEDIA_TYPE)], xml).into_response(),
        Err(failure) => ctx.refuse(&ctx.app.reference(), &failure, None).await,
    }
}

fn find<'v>(ctx: &'v RequestContext, name: &str) -> Option<(&'v Provider, &'v Saml)> {
    let provider = ctx.config.provider(&ProviderName::parse(name).ok()?)?;
    match &provider.protocol {
        Protocol::Saml(saml) => Some((provider, saml)),
        Protocol::Oidc(_) | Protocol::Oauth2(_) => None,
    }
}

async fn document(ctx: &RequestContext, towards: Option<(&Provider, &Saml)>) -> Result<String, Failure> {
    let pool = &ctx.config.pool;
    let keys = ctx.app.sp_keys.of(&pool.id).await.map_err(SamlRefusal::Keys)?;
    let usual = default_sp_entity_id(&pool.id);
    let slo = format!("{}/saml2/logout", pool.public_url);
    let acs = towards.map_or_else(
        || format!("{}/saml2/idpresponse", pool.public_url),
        |(_, saml)| acs_url(saml, &pool.public_url),
    );
    let formats = match towards.map(|(_, saml)| &saml.subject) {
        Some(SubjectRule::NameId { formats }) => formats.as_slice(),
        Some(SubjectRule::Attribute(_)) | None => &[],
    };
    let signs = match towards {
        Some((provider, saml)) => signs_requests(Connection { app: &ctx.app, pool, provider }, saml).await,
        None => false,
    };
    let metadata = SpMetadata {
        entity_id: towards.map_or(&usual, |(_, saml)| &saml.sp_entity_id),
        acs_url: &acs,
        slo_url: towards.is_none_or(|(provider, _)| provider.end_session).then_some(&*slo),
        signing: &keys.signing_certificates,
        encryption: std::slice::from_ref(&keys.encryption_certificate),
        signs_requests: signs,
        wants_signed_assertions: true,
        cbc: towards.is_some_and(|(_, saml)| saml.accept.cbc_without_signature),
        name_id_formats: formats,
    };
    Ok(metadata.to_xml())
}
