//! OpenID Connect and OAuth 2 providers, as far as they can be asked without a sign-in.

use http::{HeaderValue, StatusCode, header};
use url::Url;

use super::Patient;
use super::report::{Finding, TLS_DAYS};
use crate::model::fault::Refusal;
use crate::model::secret::ExposeSecret as _;
use crate::model::trace::silence;
use crate::outside::http::Request;
use crate::outside::upstreams::UpstreamError;
use crate::protocol::oauth2::provider_credentials::authenticate;
use crate::protocol::oauth2::token_request::{self, TokenError};
use crate::protocol::oidc::discovery::Metadata;
use crate::protocol::oidc::request::{AuthorizationRequest, Forwarded, authorization_url};
use crate::protocol::saml::certificate::Certificate;
use crate::provider::settings::{ClientAuth, LogoutRule, Oauth2, Oidc, RequestRules};
use crate::user_pool::oidc_sign_out::{BACK_CHANNEL, FRONT_CHANNEL};

/// A clock difference that is worth a line, and one with which tokens are refused.
const NOTABLE: i64 = 5;
const TOO_MUCH: i64 = 60;
/// What a provider's page says about a redirect URI that it does not know, in lower case.
const UNKNOWN_REDIRECT: [&str; 5] = [
    "redirect_uri_mismatch",
    "aadsts50011",
    "invalid redirect_uri",
    "invalid redirect uri",
    "invalid parameter: redirect_uri",
];
/// What it says about a client that it does not know.
const UNKNOWN_CLIENT: [&str; 4] =
    ["aadsts700016", "invalid_client", "unauthorized_client", "client not found"];

/// An OpenID provider.
pub(super) async fn openid(patient: Patient<'_>, rules: &Oidc) -> Vec<Finding> {
    let upstream = patient.upstreams.of(patient.provider);
    let endpoints = match upstream.endpoints(rules).await {
        Ok(endpoints) => endpoints,
        Err(error) => return vec![refused(patient, "metadata", &error)],
    };
    let read = rules.discovery_url.as_deref().unwrap_or("the settings");
    let mut findings = vec![patient.ok("metadata", format!("issuer {}, read from {read}", rules.issuer))];
    match &endpoints.jwks {
        None => findings.push(refused(patient, "keys", &UpstreamError::EndpointMissing("jwks"))),
        Some(jwks) => findings.push(match upstream.keys(jwks).await {
            Ok(keys) if keys.keys().is_empty() => patient.failed(
                "keys",
                format!("{jwks} shows no key that can be used"),
                "the provider must publish its signing keys there",
            ),
            Ok(keys) => patient.ok("keys", format!("{} at {jwks}", keys.keys().len())),
            Err(error) => refused(patient, "keys", &error),
        }),
    }
    let peers = [
        rules.discovery_url.as_deref().and_then(|url| Url::parse(url).ok()),
        endpoints.jwks.clone(),
        endpoints.token.clone(),
    ];
    findings.extend(peers_of(patient, peers.into_iter().flatten()).await);
    findings.extend(
        client(patient, &rules.request, endpoints.authorization.clone(), endpoints.token.clone()).await,
    );
    findings.extend(sign_outs(patient, rules.logout, &endpoints));
    findings
}

/// Where the provider has to tell of sign-outs; what is registered there cannot be asked.
fn sign_outs(patient: Patient<'_>, rule: LogoutRule, metadata: &Metadata) -> Vec<Finding> {
    let back = ("back-channel logout", BACK_CHANNEL, "backchannel_logout", metadata.backchannel_logout);
    let front = ("front-channel logout", FRONT_CHANNEL, "frontchannel_logout", metadata.frontchannel_logout);
    let asked = [rule.back_channel.then_some(back), rule.front_channel.then_some(front)];
    let finding = |(check, path, key, supported): (&'static str, &str, &str, Option<bool>)| {
        let addresses: Vec<String> =
            origins(patient).map(|origin| format!("{origin}{path}/{}", patient.provider.name)).collect();
        let (addresses, name) = (addresses.join(" or "), &patient.provider.name);
        if supported == Some(false) {
            return patient.warning(
                check,
                format!("the provider's metadata says {key}_supported = false"),
                format!(
                    "remove {key} of provider {name}, or register {addresses} as {key}_uri there once it can"
                ),
            );
        }
        patient.ok(
            check,
            format!("register {addresses} at the provider as {key}_uri, with {key}_session_required = true"),
        )
    };
    asked.into_iter().flatten().map(finding).collect()
}

/// An OAuth 2 provider.
pub(super) async fn oauth2(patient: Patient<'_>, rules: &Oauth2) -> Vec<Finding> {
    let upstream = patient.upstreams.of(patient.provider);
    let url = |text: &Option<String>, name: &'static str| {
        upstream.url(text.as_deref().ok_or(UpstreamError::EndpointMissing(name))?, name)
    };
    let endpoints = &rules.endpoints;
    match (url(&endpoints.authorization, "authorization"), url(&endpoints.token, "token")) {
        (Ok(authorization), Ok(token)) => {
            let mut findings = peers_of(patient, [token.clone()].into_iter()).await;
            findings.extend(client(patient, &rules.request, Some(authorization), Some(token)).await);
            findings
        }
        (Err(error), _) | (_, Err(error)) => vec![refused(patient, "endpoints", &error)],
    }
}

/// Certificates and clocks, once for each host.
async fn peers_of(patient: Patient<'_>, urls: impl Iterator<Item = Url>) -> Vec<Finding> {
    let (mut seen, mut findings): (Vec<String>, Vec<Finding>) = (Vec::new(), Vec::new());
    for url in urls {
        let host = url.host_str().unwrap_or_default().to_owned();
        if seen.contains(&host) {
            continue;
        }
        let now = patient.outside.clock.now();
        // Whatever it answers, it shows its certificate and its clock.
        if let Ok((answer, certificate)) = patient.upstreams.http().probe(Request::get(url)).await {
            if let Some(certificate) = certificate.and_then(|der| Certificate::from_der(&der).ok()) {
                let fix = format!("tell the provider to renew the certificate of {host}");
                findings.push(patient.certificate(("TLS certificate", &TLS_DAYS), &certificate, now, &fix));
            }
            findings.extend(
                answer.date().map(|date| clock(patient, &host, date.secs().saturating_sub(now.secs()))),
            );
        }
        seen.push(host);
    }
    findings
}

fn clock(patient: Patient<'_>, host: &str, ahead: i64) -> Finding {
    let found = match ahead {
        0.. => format!("{host} is {ahead} s ahead of this machine"),
        ..0 => format!("{host} is {} s behind this machine", ahead.abs()),
    };
    let fix = "set the clock of this machine by NTP; if it is right, tell the provider that its is not";
    match ahead.abs() {
        seconds if seconds <= NOTABLE => patient.ok("clock", found),
        seconds if seconds <= TOO_MUCH => patient.warning("clock", found, fix),
        _ => patient.failed("clock", format!("{found}: tokens are refused beyond {TOO_MUCH} s"), fix),
    }
}

/// What the provider thinks of this client: its redirect URIs and its credentials.
async fn client(
    patient: Patient<'_>,
    rules: &RequestRules,
    authorization: Option<Url>,
    token: Option<Url>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for redirect_uri in redirect_uris(patient) {
        findings.push(match &authorization {
            Some(endpoint) => redirect(patient, rules, endpoint, &redirect_uri).await,
            None => refused(patient, "redirect URI", &UpstreamError::EndpointMissing("authorization")),
        });
    }
    findings.push(match token {
        Some(token) => credentials(patient, token).await,
        None => refused(patient, "client credentials", &UpstreamError::EndpointMissing("token")),
    });
    findings
}

/// One for each host of the pool.
fn redirect_uris(patient: Patient<'_>) -> Vec<String> {
    let own =
        if patient.provider.own_callback { format!("/{}", patient.provider.name) } else { String::new() };
    origins(patient).map(|origin| format!("{origin}/oauth2/idpresponse{own}")).collect()
}

/// One for each host of the pool.
fn origins(patient: Patient<'_>) -> impl Iterator<Item = String> {
    let scheme = if patient.config.pool.public_url.starts_with("https://") { "https" } else { "http" };
    patient.config.pool.hosts.iter().map(move |host| format!("{scheme}://{host}"))
}

/// Asks for a sign-in as the browser would, and looks whether the provider complains at once.
async fn redirect(patient: Patient<'_>, rules: &RequestRules, endpoint: &Url, redirect_uri: &str) -> Finding {
    const CHECK: &str = "redirect URI";
    let random = &patient.outside.random;
    let (state, nonce, verifier) = (random.token(), random.token(), random.token());
    let request = AuthorizationRequest {
        endpoint,
        client_id: &patient.provider.client_id,
        redirect_uri,
        scope: rules.scopes.join(&rules.scope_separator),
        state: &state,
        nonce: Some(&nonce),
        verifier: &verifier,
        form_post: rules.form_post,
        fixed: &rules.parameters,
        forwarded: Forwarded { login_hint: None, prompt: Vec::new(), max_age: None },
    };
    let url = match authorization_url(&request) {
        Ok(url) => url,
        Err(error) => return refused(patient, CHECK, &error),
    };
    let register = format!(
        "register {redirect_uri} at the provider for client {}, byte for byte",
        patient.provider.client_id
    );
    let answer = match patient.upstreams.http().send(Request::get(url)).await {
        Ok(answer) => answer,
        Err(error) => {
            return patient.warning(
                CHECK,
                format!("{redirect_uri}; the provider could not be asked: {error}"),
                register,
            );
        }
    };
    let location =
        answer.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let said = format!("{location} {}", String::from_utf8_lossy(&answer.body)).to_lowercase();
    let complaint = said.contains("error") || answer.status.is_client_error();
    if UNKNOWN_REDIRECT.iter().any(|text| said.contains(text))
        || (complaint && said.contains("redirect_uri") && !location.starts_with(redirect_uri))
    {
        return patient.failed(CHECK, format!("the provider does not know {redirect_uri}"), register);
    }
    if complaint && UNKNOWN_CLIENT.iter().any(|text| said.contains(text)) {
        let fix = format!("compare client_id {:?} with the provider's console", patient.provider.client_id);
        return patient.failed(CHECK, "the provider does not know the client", fix);
    }
    if answer.status.is_client_error() {
        return patient.warning(
            CHECK,
            format!("{redirect_uri}; the sign-in page answers with status {}", answer.status.as_u16()),
            register,
        );
    }
    patient.ok(CHECK, format!("{redirect_uri} brings no complaint"))
}

/// Shows the token endpoint a code that nobody made: a provider that knows the client complains of the code,
/// another one of the client.
async fn credentials(patient: Patient<'_>, token: Url) -> Finding {
    const CHECK: &str = "client credentials";
    let (provider, random) = (patient.provider, &patient.outside.random);
    let upstream = patient.upstreams.of(provider);
    let credentials = match upstream.credentials(provider, &token) {
        Ok(credentials) => credentials,
        Err(error) => return refused(patient, CHECK, &error),
    };
    let redirect_uri = redirect_uris(patient).into_iter().next().unwrap_or_default();
    let mut form = token_request::authorization_code(&random.token(), &redirect_uri, &random.token());
    let header = authenticate(&provider.client_id, &credentials, &mut form);
    let mut request = Request::form(token.clone(), &form);
    if let Some(value) = header.and_then(|header| HeaderValue::from_str(header.expose_secret()).ok()) {
        request = request.secret_header(header::AUTHORIZATION, value);
    }
    let answer = match upstream.call(request).await {
        Ok(answer) => answer,
        Err(error) => return refused(patient, CHECK, &error),
    };
    match token_request::parse(answer.status.as_u16(), &answer.body) {
        Err(TokenError::Refused { error, mut description }) => {
            // Some providers repeat what they were sent.
            if let ClientAuth::SecretBasic(secret) | ClientAuth::SecretPost(secret) = &provider.client_auth {
                silence(&mut description, secret.expose_secret());
            }
            verdict(patient, answer.status, &error, &description)
        }
        Err(other) => {
            patient.warning(CHECK, other.to_string(), format!("check that {token} is the token endpoint"))
        }
        Ok(_) => patient.failed(
            CHECK,
            format!("{token} gives tokens for a code that nobody made"),
            "this is no provider: check the endpoint",
        ),
    }
}

fn verdict(patient: Patient<'_>, status: StatusCode, error: &str, description: &str) -> Finding {
    const CHECK: &str = "client credentials";
    let (name, id) = (&patient.provider.name, &patient.provider.client_id);
    let said = format!("{error} {description}").to_lowercase();
    let of_client =
        ["invalid_client", "incorrect_client_credentials", "client secret", "client_secret", "aadsts7000215"];
    if of_client.iter().any(|text| said.contains(text)) || status == StatusCode::UNAUTHORIZED {
        return patient.failed(
            CHECK,
            format!("the token endpoint does not accept them: {error} {description}"),
            format!(
                "put the current secret of client {id} into client_secret of provider {name} (its value, not \
                 its id), or change client_auth"
            ),
        );
    }
    if said.contains("unauthorized_client") {
        let fix = format!("allow client {id} the authorization code flow at the provider");
        return patient.failed(CHECK, format!("the client may not redeem codes: {error} {description}"), fix);
    }
    if ["invalid_grant", "bad_verification_code", "code"].iter().any(|text| said.contains(text)) {
        return patient.ok(CHECK, format!("accepted: of a worthless code the provider says {error}"));
    }
    patient.warning(
        CHECK,
        format!("the provider says {error} {description}"),
        "look this error up in the provider's documentation",
    )
}

fn refused(patient: Patient<'_>, check: &'static str, error: &dyn Refusal) -> Finding {
    patient.failed(check, error.to_string(), error.hint())
}
