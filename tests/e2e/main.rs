//! The built binary with real neighbours: Redis, other people's OpenID implementations, Chromium.

#[path = "../support"]
mod support {
    pub(crate) mod peers;
    pub(crate) mod process;
    pub(crate) mod redis;
}

mod neighbours;
