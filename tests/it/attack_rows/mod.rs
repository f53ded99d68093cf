//! Rows of the catalogue of attacks that no other theme holds, and the account of which rows are covered.

mod account;
mod pages;
mod people;
mod wire;

use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;

fn clock() -> Clock {
    Clock::fake(Timestamp::from_secs(1_800_000_000))
}
