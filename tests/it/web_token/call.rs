//! Sending a request and reading its answer.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::Value;
use symbolon::model::encoding::base64;
use symbolon::web::app_call::Call;
use symbolon::web::oauth2::{introspect, revoke, token, userinfo};

use crate::grants::desk::Desk;

pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn error(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["error"].as_str().unwrap_or("none"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn read(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Answer { status: parts.status, headers: parts.headers, body }
}

pub(crate) fn call(headers: &[(&str, &str)], body: &str) -> Call {
    let header = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
    };
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter().map(header) {
        map.append(name, value);
    }
    Call { headers: map, body: body.to_owned().into(), ..Call::default() }
}

/// A form from an app without credentials in the header.
pub(crate) fn form(body: &str) -> Call {
    call(&[FORM], body)
}

/// A form with an `Authorization: Basic` header made of `credentials` as they are.
pub(crate) fn basic(credentials: &str, body: &str) -> Call {
    call(&[FORM, ("authorization", &format!("Basic {}", base64(credentials)))], body)
}

impl Desk {
    pub(crate) async fn ask_token(&self, call: &Call) -> Answer {
        read(token::answer(&self.issuer(), call).await).await
    }

    pub(crate) async fn ask_userinfo(&self, call: &Call) -> Answer {
        read(userinfo::answer(&self.issuer(), call).await).await
    }

    pub(crate) async fn ask_revoke(&self, call: &Call) -> Answer {
        read(revoke::answer(&self.issuer(), call).await).await
    }

    pub(crate) async fn ask_introspect(&self, call: &Call) -> Answer {
        read(introspect::answer(&self.issuer(), call).await).await
    }
}
