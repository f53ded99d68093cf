//! SAML providers compared with clients; what they claim among all pools.

use std::collections::BTreeMap;

use crate::model::client::{Client, Grant};
use crate::model::document::{Spot, Table};
use crate::model::ids::ClientId;
use crate::provider::saml::IdpInitiated;
use crate::provider::settings::{Protocol, Provider};

/// Where a SAML provider of a pool says what is compared.
pub(super) struct Spots {
    /// `idp_initiated_client`.
    client: Spot,
    /// `sp_entity_id`.
    sp_entity_id: Spot,
}

/// The places in a provider's table.
pub(super) fn spots(table: &Table<'_>) -> Spots {
    Spots { client: table.spot("idp_initiated_client"), sp_entity_id: table.spot("sp_entity_id") }
}

/// Whether the clients to which unasked-for responses lead can take them.
pub(super) fn check_clients(
    pool: &Table<'_>,
    providers: &[Provider],
    spots: &[Spots],
    clients: &BTreeMap<ClientId, Client>,
) {
    for (provider, spots) in providers.iter().zip(spots) {
        let Protocol::Saml(saml) = &provider.protocol else { continue };
        let (id, problem) = match &saml.idp_initiated {
            IdpInitiated::Off => continue,
            IdpInitiated::Accept { client } => {
                (client, clients.get(client).map(|have| cannot_accept(have, provider)))
            }
            IdpInitiated::Restart { client } => {
                (client, clients.get(client).map(|have| cannot_restart(have, provider)))
            }
        };
        match problem {
            None => pool.problem_at(
                &spots.client,
                format!("this pool has no client {:?}", id.as_str()),
                "name a client of this pool",
            ),
            Some(Some((message, fix))) => pool.problem_at(&spots.client, message, fix),
            Some(None) => {}
        }
    }
}

type Words = (&'static str, &'static str);

fn cannot_accept(client: &Client, provider: &Provider) -> Option<Words> {
    if client.is_public() {
        return Some((
            "a public client needs PKCE, and nobody began this sign-in",
            "give the client a secret, or use idp_initiated = \"restart\"",
        ));
    }
    if client.proof.require_par {
        return Some((
            "the client has to push its requests, and nobody began this sign-in",
            "use idp_initiated = \"restart\"",
        ));
    }
    if !client.grants.contains(&Grant::AuthorizationCode) || client.redirect_uris.is_empty() {
        return Some((
            "the client takes no authorization code",
            "give it the grant authorization_code and a redirect URI",
        ));
    }
    cannot_use(client, provider)
}

fn cannot_restart(client: &Client, provider: &Provider) -> Option<Words> {
    if client.initiate_login_uri.is_none() {
        return Some((
            "the client does not say where it begins a sign-in",
            "add initiate_login_uri to the client",
        ));
    }
    cannot_use(client, provider)
}

fn cannot_use(client: &Client, provider: &Provider) -> Option<Words> {
    (!client.allows_provider(&provider.name))
        .then_some(("the client may not use this provider", "add the provider to the client's providers"))
}

/// Our entity ids towards these providers.
pub(super) fn entity_ids(providers: &[Provider], spots: &[Spots]) -> Vec<(String, Spot)> {
    let named = providers.iter().zip(spots).filter_map(|(provider, spots)| match &provider.protocol {
        Protocol::Saml(saml) => Some((saml.sp_entity_id.clone(), spots.sp_entity_id.clone())),
        Protocol::Oidc(_) | Protocol::Oauth2(_) => None,
    });
    named.collect()
}
