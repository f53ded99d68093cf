//! `[[pool.client]]`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{client_authentication, secrets, uri};
use crate::model::client::{Client, Grant, LONGEST_REFRESH, Lifetimes, Rotation};
use crate::model::document::{Invalid, Table, nearest, show_duration};
use crate::model::ids::{ClientId, ProviderName};
use crate::model::scope::Scopes;
use crate::model::secret::SecretString;

/// Cognito's limits ([`Lifetimes`]).
const SHORT: std::ops::RangeInclusive<Duration> = Duration::from_secs(300)..=Duration::from_secs(86_400);
const LONG: std::ops::RangeInclusive<Duration> = Duration::from_secs(3600)..=LONGEST_REFRESH;

/// Scopes with a meaning of their own; every other one is a custom scope.
const STANDARD_SCOPES: [&str; 5] = ["openid", "email", "phone", "profile", "aws.cognito.signin.user.admin"];

/// Reads one client. `providers` are the pool's; `None` when they could not all be read.
pub(super) fn read(
    table: Table<'_>,
    id: Option<ClientId>,
    defaults: Lifetimes,
    providers: Option<&BTreeSet<ProviderName>>,
) -> Option<Client> {
    let secrets = client_secrets(&table);
    let name = table.string("name");
    let schemes = table.parsed_list("schemes", uri::scheme).unwrap_or_default();
    let redirect_uris =
        table.parsed_list("redirect_uris", |text| uri::redirect(text, &schemes)).unwrap_or_default();
    let logout_uris =
        table.parsed_list("logout_uris", |text| uri::redirect(text, &schemes)).unwrap_or_default();
    let origins: Vec<String> = redirect_uris.iter().filter_map(|redirect| uri::origin_of(redirect)).collect();
    let lifetimes = lifetimes(&table, defaults);
    let grants = grants(&table);
    let scopes = scopes(&table, &grants);
    agree(&table, &grants, &scopes, &lifetimes);
    let flag = |key: &str, default: bool| table.boolean(key).unwrap_or(default);
    let client = Client {
        id: id.clone().or_else(|| ClientId::parse("unnamed").ok())?,
        name,
        redirect_uris,
        native: flag("native", false),
        logout_uris,
        scopes,
        grants,
        providers: allowed_providers(&table, providers),
        resources: table.parsed_list("resources", uri::resource).unwrap_or_default(),
        cors_origins: table
            .parsed_list("cors_origins", uri::origin)
            .unwrap_or_default()
            .into_iter()
            .collect(),
        backchannel_logout_uri: table.parsed("backchannel_logout_uri", uri::endpoint),
        frontchannel_logout_uri: frontchannel_logout_uri(&table, &origins),
        initiate_login_uri: table.parsed("initiate_login_uri", uri::endpoint),
        lifetimes,
        rotation: rotation(&table),
        introspects_pool: flag("introspects_pool", false),
        proof: client_authentication::read(&table, has_secret(&table)),
        enabled: flag("enabled", true),
        secrets,
    };
    if !authenticates(&table) && code_and_refresh(&client) && client.rotation == Rotation::Off {
        table.warn(
            "",
            "a stolen refresh token of this public client works to its end",
            "add rotation = true, which notices reuse",
        );
    }
    if client.introspects_pool && !authenticates(&table) {
        table.problem(
            "introspects_pool",
            "a public client cannot authenticate for introspection",
            "give it a secret, or remove the key",
        );
    }
    table.finish();
    id.map(|_| client)
}

/// Scheme, host and port are those of a redirect URI
/// ([section 2](https://openid.net/specs/openid-connect-frontchannel-1_0.html#RPLogout)), so that no app
/// makes browsers load another's pages.
fn frontchannel_logout_uri(table: &Table<'_>, origins: &[String]) -> Option<String> {
    let own = |text: &str| {
        let uri = uri::endpoint(text)?;
        if uri::origin_of(&uri).is_some_and(|origin| origins.contains(&origin)) {
            return Ok(uri);
        }
        let fix = "write an address at the scheme, host and port of one of redirect_uris";
        Err(Invalid::new(format!("{text:?} is not where the client has a redirect URI"), fix))
    };
    table.parsed("frontchannel_logout_uri", own)
}

fn code_and_refresh(client: &Client) -> bool {
    client.grants.contains(&Grant::AuthorizationCode) && client.grants.contains(&Grant::RefreshToken)
}

/// Token lifetimes of a pool or client, `defaults` where nothing is said.
pub(super) fn lifetimes(table: &Table<'_>, defaults: Lifetimes) -> Lifetimes {
    Lifetimes {
        id_token: table.duration("id_token_lifetime", SHORT).unwrap_or(defaults.id_token),
        access_token: table.duration("access_token_lifetime", SHORT).unwrap_or(defaults.access_token),
        refresh_token: table.duration("refresh_token_lifetime", LONG).unwrap_or(defaults.refresh_token),
    }
}

fn has_secret(table: &Table<'_>) -> bool {
    table.has("secret") || table.has("secret_file") || table.has("secrets")
}

fn authenticates(table: &Table<'_>) -> bool {
    has_secret(table) || client_authentication::has_method(table)
}

fn client_secrets(table: &Table<'_>) -> Vec<SecretString> {
    let single = table.secret("secret");
    let several = table.secrets("secrets");
    if several.is_some() && (table.has("secret") || table.has("secret_file")) {
        table.problem("secrets", "secret is given as well", "keep one of the two");
    }
    let check = |secret: &SecretString, spot| {
        if let Err(Invalid { message, fix }) = secrets::client_secret(secret) {
            table.problem_at(&spot, message, fix);
        }
    };
    if let Some(secret) = &single {
        check(secret, table.secret_spot("secret"));
    }
    if let Some(several) = &several {
        several
            .iter()
            .enumerate()
            .for_each(|(index, secret)| check(secret, table.spot_of_item("secrets", index)));
        if !(1..=2).contains(&several.len()) {
            table.problem(
                "secrets",
                format!("{} secrets are given", several.len()),
                "give one, or two while one replaces the other",
            );
        }
    }
    single.into_iter().chain(several.unwrap_or_default()).collect()
}

fn grants(table: &Table<'_>) -> BTreeSet<Grant> {
    const ALL: [Grant; 3] = [Grant::AuthorizationCode, Grant::RefreshToken, Grant::ClientCredentials];
    let parse = |text: &str| {
        ALL.into_iter().find(|grant| grant.as_str() == text).ok_or_else(|| {
            let fix = match text {
                "implicit" | "token" => {
                    "use authorization_code with PKCE; tokens never appear in URLs".to_owned()
                }
                _ => "write authorization_code, refresh_token or client_credentials".to_owned(),
            };
            Invalid::new(format!("{text:?} is no grant that is offered"), fix)
        })
    };
    match table.parsed_list("grants", parse) {
        Some(grants) => grants.into_iter().collect(),
        None => BTreeSet::from([Grant::AuthorizationCode, Grant::RefreshToken]),
    }
}

fn scopes(table: &Table<'_>, grants: &BTreeSet<Grant>) -> Scopes {
    let token = |text: &str| match Scopes::parse(text) {
        Ok(scopes) if scopes.iter().count() == 1 => Ok(text.to_owned()),
        Ok(_) => {
            Err(Invalid::new(format!("{text:?} is more than one scope"), "write each scope as its own item"))
        }
        Err(error) => Err(Invalid::from(error)),
    };
    let Some(list) = table.parsed_list("scopes", token) else {
        let default = if grants.contains(&Grant::AuthorizationCode) { "openid" } else { "" };
        return Scopes::parse(default).unwrap_or_default();
    };
    if !list.iter().any(|scope| scope == "openid") {
        for (index, scope) in list
            .iter()
            .enumerate()
            .filter(|(_, scope)| matches!(scope.as_str(), "email" | "phone" | "profile"))
        {
            table.problem_at(
                &table.spot_of_item("scopes", index),
                format!("{scope:?} needs the scope openid"),
                "add \"openid\" to the list",
            );
        }
    }
    Scopes::parse(&list.join(" ")).unwrap_or_default()
}

fn rotation(table: &Table<'_>) -> Rotation {
    let on = table.boolean("rotation").unwrap_or(false);
    let grace = table.duration("rotation_grace", Duration::ZERO..=Duration::from_secs(60));
    if grace.is_some() && !on {
        table.problem("rotation_grace", "rotation is off", "add rotation = true, or remove the key");
    }
    if on { Rotation::On { grace: grace.unwrap_or(Duration::from_secs(10)) } } else { Rotation::Off }
}

fn allowed_providers(table: &Table<'_>, pool: Option<&BTreeSet<ProviderName>>) -> Option<Vec<ProviderName>> {
    let known = |text: &str| {
        let name = ProviderName::parse(text).map_err(Invalid::from)?;
        match pool {
            Some(pool) if !pool.contains(&name) => {
                let fix = nearest(text, pool.iter().map(ProviderName::as_str)).map_or_else(
                    || "add [[pool.provider]]".to_owned(),
                    |near| format!("the nearest provider of this pool is {near:?}"),
                );
                Err(Invalid::new(format!("this pool has no provider {text:?}"), fix))
            }
            _ => Ok(name),
        }
    };
    let names = table.parsed_list("providers", known)?;
    if names.is_empty() && table.strings("providers").is_some_and(|all| all.is_empty()) {
        table.problem(
            "providers",
            "the list is empty, so nobody can sign in",
            "name a provider, or remove the key to allow all",
        );
    }
    Some(names)
}

/// Rules across keys.
fn agree(table: &Table<'_>, grants: &BTreeSet<Grant>, scopes: &Scopes, lifetimes: &Lifetimes) {
    let code = grants.contains(&Grant::AuthorizationCode);
    if grants.is_empty() {
        table.problem("grants", "the client may use no grant", "name one, or remove the key");
    }
    if grants.contains(&Grant::ClientCredentials) {
        if !authenticates(table) {
            table.problem(
                "grants",
                "client_credentials needs a client with a secret",
                "add secret or secret_file, or remove the grant",
            );
        }
        if !scopes.iter().any(|scope| !STANDARD_SCOPES.contains(&scope)) {
            table.problem(
                "scopes",
                "client_credentials needs a custom scope",
                "add one such as \"api/read\"",
            );
        }
    }
    if code && !table.has("redirect_uris") {
        table.problem(
            "redirect_uris",
            "authorization_code needs a redirect URI",
            "add redirect_uris = [\"https://app.example/callback\"]",
        );
    } else if code && table.strings("redirect_uris").is_some_and(|uris| uris.is_empty()) {
        table.problem(
            "redirect_uris",
            "the list is empty",
            "add the app's callback: \"https://app.example/callback\"",
        );
    } else if !code && table.has("redirect_uris") {
        table.warn(
            "redirect_uris",
            "never used without authorization_code",
            "add the grant, or remove the key",
        );
    }
    if grants.contains(&Grant::RefreshToken) {
        if !code {
            table.warn(
                "grants",
                "refresh_token does nothing without authorization_code",
                "add authorization_code, or remove the grant",
            );
        }
        let longest = lifetimes.access_token.max(lifetimes.id_token);
        if lifetimes.refresh_token < longest {
            let (refresh, longest) = (show_duration(lifetimes.refresh_token), show_duration(longest));
            let key = if table.has("refresh_token_lifetime") { "refresh_token_lifetime" } else { "" };
            table.problem(
                key,
                format!("refresh tokens live {refresh}, shorter than other tokens ({longest})"),
                "make refresh_token_lifetime the longest",
            );
        }
    }
}
