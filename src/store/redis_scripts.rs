//! The Lua scripts of the Redis engine.

use ::redis::Script;

/// The scripts.
#[derive(Debug)]
pub(in crate::store) struct Scripts {
    pub(in crate::store) commit: Lua,
    pub(in crate::store) increment: Lua,
    pub(in crate::store) list: Lua,
}

impl Scripts {
    pub(in crate::store) fn new() -> Self {
        Self {
            commit: Lua::new(include_str!("redis_commit.lua"), true),
            increment: Lua::new(include_str!("redis_increment.lua"), true),
            list: Lua::new(include_str!("redis_list.lua"), false),
        }
    }
}

/// A script and the digest under which the server knows it.
#[derive(Debug)]
pub(in crate::store) struct Lua {
    pub(in crate::store) text: &'static str,
    pub(in crate::store) digest: String,
    /// Whether it writes anything.
    pub(in crate::store) writes: bool,
}

impl Lua {
    fn new(text: &'static str, writes: bool) -> Self {
        Self { text, digest: Script::new(text).get_hash().to_owned(), writes }
    }
}
