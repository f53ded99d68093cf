//! Signing in and out with a SAML provider, and everything that must not work.

mod attacks;
mod idp_initiated;
mod login;
mod logout;
mod mistakes;

use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;

use crate::support::broker::{Broker, ClientToml, ProviderToml, client};
use crate::support::saml_idp::SamlIdp;

fn clock() -> Clock {
    Clock::fake(Timestamp::from_secs(1_800_000_000))
}

/// The provider `idp` by its metadata URL, called `name` in the pool.
fn saml(name: &str, idp: &SamlIdp) -> ProviderToml {
    ProviderToml(format!(
        "[[pool.provider]]\nname = {name:?}\nlabel = {name:?}\nuse = \"saml\"\nmetadata_url = {:?}\n",
        idp.metadata_url()
    ))
}

/// A broker with the app `web` and the provider Acme.
async fn acme(clock: &Clock) -> (SamlIdp, Broker) {
    let idp = SamlIdp::start(clock).await;
    let broker = with(clock, client("web"), saml("Acme", &idp)).await;
    (idp, broker)
}

async fn with(clock: &Clock, client: ClientToml, provider: ProviderToml) -> Broker {
    Broker::builder(clock).pool("signing = \"ES256\"").client(client).provider(provider).start().await
}

/// An RSA certificate that is not ours.
fn rsa_certificate() -> Vec<u8> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    rcgen::CertificateParams::new(vec!["sp.example".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap()
        .der()
        .to_vec()
}
