//! Checking a Redis: whether security state can be kept in it.

use super::{Role, StoreError};

/// What the server said of itself.
pub(in crate::store) struct Answers<'a> {
    /// The text of INFO.
    pub(in crate::store) info: &'a str,
    /// Milliseconds: our clock before, the server's, ours after; `None` when our clock is set by hand.
    pub(in crate::store) clocks: Option<(i64, i64, i64)>,
    /// What the server is to us.
    pub(in crate::store) place: RedisTopology,
}

/// How a server was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum RedisTopology {
    /// By its address alone.
    Alone,
    /// As the master that Sentinels name.
    BehindSentinels,
    /// As the owner of slots.
    InCluster,
}

const OLDEST: (u32, u32) = (6, 2);
/// A difference of clocks, in milliseconds, that is worth a warning; one that makes expiry meaningless.
const CLOCK_WARNING: i64 = 1_000;
const CLOCK_LIMIT: i64 = 30_000;

/// Warnings, or why the server is refused: the first reason, saying what to change.
pub(in crate::store) fn judge(answers: &Answers<'_>, role: Role) -> Result<Vec<String>, StoreError> {
    let field = |name: &str| {
        answers
            .info
            .lines()
            .find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
            .unwrap_or_default()
    };
    let refuse = |why: String| Err(StoreError::Misconfigured(why));
    if field("loading") == "1" {
        return Err(StoreError::NotApplied("Redis is loading its data".into()));
    }
    let version = field("redis_version");
    if parse_version(version).is_none_or(|version| version < OLDEST) {
        return refuse(format!("Redis {version:?} is too old, 6.2 is the oldest that works"));
    }
    match (field("role"), answers.place) {
        ("master", _) => {}
        (role, RedisTopology::Alone) => {
            return refuse(format!(
                "this Redis is a {role}: point the store at the master, or write redis+sentinel://"
            ));
        }
        (role, _) => return Err(StoreError::NotApplied(format!("this Redis is a {role} now"))),
    }
    match (field("cluster_enabled") == "1", answers.place) {
        (true, RedisTopology::InCluster) | (false, RedisTopology::Alone | RedisTopology::BehindSentinels) => {
        }
        (true, _) => return refuse("this Redis is a node of a cluster: write redis+cluster://".into()),
        (false, _) => {
            return refuse("this Redis is no node of a cluster: write redis:// for one node".into());
        }
    }
    let policy = field("maxmemory_policy");
    if policy != "noeviction" {
        return refuse(format!(
            "Redis may throw sign-ins and replay marks away: set maxmemory-policy noeviction, it is \
             {policy:?}"
        ));
    }
    let offset = answers.clocks.map_or(0, offset);
    if offset > CLOCK_LIMIT {
        return refuse(format!(
            "the clocks of Redis and this machine differ by {} s: synchronize them",
            offset / 1000
        ));
    }
    let mut warnings = Vec::new();
    if offset > CLOCK_WARNING {
        warnings.push(format!("the clocks of Redis and this machine differ by {offset} ms"));
    }
    if role == Role::Directory && field("aof_enabled") != "1" {
        warnings.push("the directory is kept in a Redis without appendonly: a crash loses users".into());
    }
    Ok(warnings)
}

/// What changes whenever the server may have lost acknowledged writes: its replication id, which a promoted
/// replica and a restarted master choose anew.
pub(in crate::store) fn generation(info: &str) -> &str {
    let id = info.lines().find_map(|line| line.trim_end().strip_prefix("master_replid:")).unwrap_or_default();
    id.get(..16).unwrap_or(id)
}

/// How far the server's clock lies outside the time between asking and hearing.
fn offset((before, server, after): (i64, i64, i64)) -> i64 {
    before.saturating_sub(server).max(server.saturating_sub(after)).max(0)
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\nloading:0\r\n\
        maxmemory_policy:noeviction\r\ncluster_enabled:0\r\naof_enabled:1\r\n";

    fn verdict(info: &str, clocks: Option<(i64, i64, i64)>) -> Result<Vec<String>, StoreError> {
        judge(&Answers { info, clocks, place: RedisTopology::Alone }, Role::Directory)
    }

    #[test]
    fn a_good_server_is_taken_without_a_word() {
        assert_eq!(verdict(GOOD, Some((0, 0, 0))), Ok(vec![]));
    }

    /// H-09
    #[test]
    fn a_server_that_evicts_is_refused() {
        for policy in ["allkeys-lru", "volatile-ttl", ""] {
            let refused = verdict(&GOOD.replace("noeviction", policy), None);
            assert!(
                matches!(refused, Err(StoreError::Misconfigured(why)) if why.contains("maxmemory-policy \
                    noeviction")),
                "{policy}"
            );
        }
    }

    /// H-12
    #[test]
    fn a_replica_a_cluster_node_and_an_old_server_are_refused() {
        for (from, to) in [
            ("role:master", "role:slave"),
            ("cluster_enabled:0", "cluster_enabled:1"),
            ("7.0.15", "6.0.16"),
            ("7.0.15", "?"),
        ] {
            assert!(
                matches!(verdict(&GOOD.replace(from, to), None), Err(StoreError::Misconfigured(_))),
                "{to}"
            );
        }
    }

    #[test]
    fn a_server_that_loads_is_not_there_yet() {
        assert!(matches!(
            verdict(&GOOD.replace("loading:0", "loading:1"), None),
            Err(StoreError::NotApplied(_))
        ));
    }

    /// H-20, H-21: the time between asking and hearing is no difference.
    #[test]
    fn clocks_may_differ_by_a_second_and_never_by_half_a_minute() {
        assert_eq!(verdict(GOOD, Some((0, 2_000, 3_000))), Ok(vec![]));
        assert_eq!(verdict(GOOD, Some((0, 1_500, 10))).map(|warnings| warnings.len()), Ok(1));
        for clocks in [(0, 31_000, 10), (40_000, 0, 40_010)] {
            assert!(matches!(verdict(GOOD, Some(clocks)), Err(StoreError::Misconfigured(_))));
        }
    }

    #[test]
    fn a_directory_without_a_log_is_worth_a_warning() {
        assert_eq!(
            verdict(&GOOD.replace("aof_enabled:1", "aof_enabled:0"), None).map(|warnings| warnings.len()),
            Ok(1)
        );
    }
}
