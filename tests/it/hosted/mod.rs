//! What a person's browser meets: pages, cookies, sign-out.

mod buttons;
mod choosing;
mod everyday;
mod front_channel;
mod not_offered;
mod pages;
mod sign_out;

use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;

use crate::support::broker::{Broker, client, provider};
use crate::support::fake_idp::FakeIdp;

fn clock() -> Clock {
    Clock::fake(Timestamp::from_secs(1_800_000_000))
}

/// A broker with two apps and two providers, so that there is a sign-in page.
async fn broker(clock: &Clock) -> (Broker, FakeIdp, FakeIdp) {
    let (acme, other) = (FakeIdp::oidc(clock).await, FakeIdp::oidc(clock).await);
    let builder =
        Broker::builder(clock).pool("signing = \"EdDSA\"").client(client("web")).client(client("shop"));
    let broker = builder.provider(provider("Acme", &acme)).provider(provider("Other", &other)).start().await;
    (broker, acme, other)
}
