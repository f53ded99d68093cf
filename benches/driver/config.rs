//! The broker's configuration file.

use std::fmt::Write as _;

use super::case::Case;
use super::connection::LOCAL;
use super::upstream::{CLIENT_ID, CLIENT_SECRET, Upstream};

/// The SAML provider in each pool.
pub const SAML: &str = "Saml";
const SEAL_KEY: &str = "bPm3kq8sNw1Zt5Vx9Ya2Cd4Ef6Gh7Jk0LmNoPqRsTuU=";

/// What the app is called and how it proves that.
#[derive(Debug, Clone)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// `client_secret`.
    pub secret: String,
    /// Its one redirect URI.
    pub redirect_uri: String,
}

/// An OIDC provider in each pool.
pub fn provider(index: usize) -> String {
    format!("P{index}")
}

/// A pool's id.
pub fn pool(index: usize) -> String {
    format!("eu-west-1_Bench{index:05}")
}

/// A pool's host with port: the first one's is that of `public_url`.
pub fn host(index: usize, port: u16) -> String {
    if index == 0 { format!("127.0.0.1:{port}") } else { format!("p{index}{LOCAL}:{port}") }
}

/// `symbolon.toml` of a case. `store` is the URL of both stores.
pub fn toml(case: &Case, port: u16, store: &str, client: &Client, upstream: &Upstream) -> String {
    let mut text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\nadmin_listen = \"127.0.0.1:0\"\npublic_url \
         = \"http://127.0.0.1:{port}\"\n\
         allow_private_upstreams = true\nseal_key = \"{SEAL_KEY}\"\n\n[store]\nstate = {store:?}\ndirectory \
         = {store:?}\n\n\
         [limits]\naddress = 0\n\n"
    );
    for index in 0..case.pools {
        let hosts =
            if case.pools > 1 { format!("hosts = [{:?}]\n", host(index, port)) } else { String::new() };
        let _ = write!(text, "[[pool]]\nid = {:?}\n{hosts}signing = {:?}\n\n", pool(index), case.signing);
        text += &clients(client);
        for provider in 0..case.providers {
            text += &oidc(provider, upstream);
        }
        text += &saml(index, upstream);
    }
    text
}

/// The tables of one pool that a broker needs for this benchmark, for whoever runs it with --target.
pub fn setup(client: &Client, upstream: &Upstream) -> String {
    format!("{}{}{}", clients(client), oidc(0, upstream), saml(0, upstream))
}

fn clients(client: &Client) -> String {
    let Client { id, secret, redirect_uri } = client;
    format!(
        "[[pool.client]]\nid = {id:?}\nsecret = {secret:?}\nredirect_uris = [{redirect_uri:?}]\nscopes = \
         [\"openid\", \"email\", \"profile\", \"bench/read\"]\n\
         grants = [\"authorization_code\", \"refresh_token\", \"client_credentials\"]\n\n"
    )
}

fn oidc(index: usize, upstream: &Upstream) -> String {
    format!(
        "[[pool.provider]]\nname = {:?}\nuse = \"oidc\"\nissuer = {:?}\nclient_id = \
         {CLIENT_ID:?}\nclient_secret = {CLIENT_SECRET:?}\n\n",
        provider(index),
        upstream.issuer
    )
}

fn saml(pool: usize, upstream: &Upstream) -> String {
    let saml = &upstream.saml;
    format!(
        "[[pool.provider]]\nname = {SAML:?}\nuse = \"saml\"\nentity_id = {:?}\nsso_url = {:?}\nsp_entity_id \
         = \"urn:bench:sp:{pool}\"\n\
         certificates = '''\n{}'''\n\n",
        saml.entity_id, saml.sso, saml.certificate
    )
}
