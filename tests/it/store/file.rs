//! The embedded store and what becomes of it when the process, the disk or the operator does not cooperate.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use symbolon::model::ids::FamilyId;
use symbolon::outside::clock::Clock;
use symbolon::outside::random::Random;
use symbolon::store::record::Records;
use symbolon::store::seal::Seal;
use symbolon::store::{
    Batch, CommitOutcome, Expect, Key, Page, Role, Store, StoreError, StoreSettings, StoreUrl, master_key,
};

use super::{NOW, batch, life, open_file, partition, put, session, sessions};
use crate::support::process::{Process, TempDir, wait_until};

const CHILD_DIRECTORY: &str = "SYMBOLON_TEST_STORE";

/// H-14: what was acknowledged is there after a kill -9 in the middle of commits, and every batch whole or
/// not at all.
#[tokio::test]
async fn a_killed_process_loses_no_acknowledged_write() {
    let directory = TempDir::new();
    let mut count = 0;
    for round in 0..4 {
        let mut child = Process::start(
            "writer",
            child().env(CHILD_DIRECTORY, directory.path()).env("SYMBOLON_TEST_ROUND", round.to_string()),
        );
        wait_until("some writes were acknowledged", || child.output().matches(".acked").count() > 100);
        child.kill();
        let output = child.output();
        let store = open_file(directory.path()).await.unwrap();
        for name in acknowledged(&output) {
            let key = Key::flow(name);
            assert!(store.get(&key).await.unwrap().is_some(), "{name} was acknowledged");
            count += 1;
        }
        whole_batches(&store).await;
    }
    assert!(count > 400);
}

/// H-14: a disk that refuses writes: nothing is acknowledged that is not there, and the engine stops.
#[tokio::test]
async fn after_a_failed_write_the_store_refuses_to_run_on() {
    let directory = TempDir::new();
    let limited = format!(
        "trap '' XFSZ; ulimit -f 400; exec '{}' {CHILD_ARGUMENTS}",
        env::current_exe().unwrap().display()
    );
    let child = Process::start(
        "writer",
        Command::new("sh").arg("-c").arg(limited).env(CHILD_DIRECTORY, directory.path()),
    );
    let (status, output) = child.communicate("");
    assert!(status.success() && output.contains("stopped for good"), "{output}");
    let store = open_file(directory.path()).await.unwrap();
    let names: Vec<_> = acknowledged(&output).collect();
    assert!(!names.is_empty());
    for name in names {
        assert!(store.get(&Key::flow(name)).await.unwrap().is_some(), "{name} was acknowledged");
    }
    whole_batches(&store).await;
}

/// H-14: a log cut off anywhere, or with rubbish at its end, opens with whole batches only.
#[tokio::test]
async fn a_torn_log_leaves_no_half_batch() {
    let (origin, torn) = (TempDir::new(), TempDir::new());
    let store = open_file(origin.path()).await.unwrap();
    for number in 0..20 {
        assert_eq!(store.commit(whole_batch(number)).await.unwrap(), CommitOutcome::Committed);
    }
    let log = fs::read(origin.path().join("state.db-wal")).unwrap();
    let mut lengths: Vec<usize> = (0..24).map(|part| log.len() * part / 24 + part % 7).collect();
    lengths.push(log.len());
    let mut found = Vec::new();
    for length in lengths {
        let copy = torn.path().join(length.to_string());
        fs::create_dir(&copy).unwrap();
        fs::copy(origin.path().join("state.db"), copy.join("state.db")).unwrap();
        let rubbish = b"rubbish".repeat(200);
        let cut: Vec<u8> = log.iter().take(length).chain(&rubbish).copied().collect();
        fs::write(copy.join("state.db-wal"), cut).unwrap();
        let store = open_file(&copy).await.unwrap();
        whole_batches(&store).await;
        found.push(super::contract::pages(&store, 500).await.len());
    }
    assert!(found.is_sorted() && found.first() == Some(&0) && found.last() == Some(&20), "{found:?}");
}

/// The names that the child wrote after their commit; the test runner may have begun the first line.
fn acknowledged(output: &str) -> impl Iterator<Item = &str> {
    output.lines().filter_map(|line| line.strip_suffix(".acked")?.rsplit(' ').next())
}

fn family(number: u8) -> FamilyId {
    FamilyId::from_random([number; 16])
}

/// Two values and an index member that belong together.
fn whole_batch(number: u8) -> Batch {
    Batch::new(partition())
        .put(&session(number), vec![b'x'; 4000], life(60), Expect::Any)
        .put(
            &Key::code(&super::pool(), &super::ada(), &family(number)),
            vec![b'x'; 4000],
            life(60),
            Expect::Any,
        )
        .index(&sessions(), &number.to_string(), 1, life(60))
}

/// Each batch of the child indexes a member and stores two values under its number: all three or none.
async fn whole_batches(store: &Store) {
    let members = super::contract::pages(store, 500).await;
    for number in 0..200u8 {
        let found = store
            .get_many(&[session(number), Key::code(&super::pool(), &super::ada(), &family(number))])
            .await
            .unwrap();
        let mut there: Vec<_> = found.iter().map(Option::is_some).collect();
        there.push(members.contains(&number.to_string()));
        assert!(there == [true; 3] || there == [false; 3], "{number}: {there:?}");
    }
}

const CHILD_ARGUMENTS: &str = "--exact store::file::writer_until_killed --include-ignored --nocapture";

fn child() -> Command {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(CHILD_ARGUMENTS.split(' '));
    child
}

/// Not a test of its own: the process that the two tests above start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by other tests"]
async fn writer_until_killed() {
    let Some(directory) = env::var_os(CHILD_DIRECTORY) else { return };
    let round = env::var("SYMBOLON_TEST_ROUND").unwrap_or_default();
    let store = open_file(Path::new(&directory)).await.unwrap();
    let writers: Vec<_> = (0..8u32)
        .map(|writer| {
            let (store, round) = (store.clone(), round.clone());
            tokio::spawn(async move {
                for turn in 0..u32::MAX {
                    let name = format!("{round}-{writer}-{turn}");
                    let number = u8::try_from((writer * 25 + turn) % 200).unwrap();
                    let whole = whole_batch(number);
                    let key = Key::flow(&name);
                    let single = batch(&key).put(&key, vec![b'x'; 100], life(60), Expect::Absent);
                    if store.commit(whole).await.is_err() || store.commit(single).await.is_err() {
                        return;
                    }
                    println!("{name}.acked");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let stopped = [
        put(&store, &session(1), "x", Expect::Any).await.is_err(),
        store.get(&session(1)).await.is_err(),
        store.ping().await.is_err(),
    ];
    assert_eq!(stopped, [true; 3]);
    println!("stopped for good");
}

/// H-15
#[tokio::test]
async fn a_second_opener_is_told_who_has_the_store() {
    let directory = TempDir::new();
    let store = open_file(directory.path()).await.unwrap();
    let Err(StoreError::Misconfigured(why)) = open_file(directory.path()).await else {
        panic!("opened twice")
    };
    assert!(
        why.contains(&std::process::id().to_string())
            && why.contains(&directory.path().display().to_string()),
        "{why}"
    );
    drop(store);
    assert!(open_file(directory.path()).await.is_ok());
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let directory = TempDir::new();
    let store = open_file(directory.path()).await.unwrap();
    let both = batch(&session(1)).put(&session(1), b"Ada".to_vec(), life(60), Expect::Absent).index(
        &sessions(),
        "one",
        1,
        life(60),
    );
    assert_eq!(store.commit(both).await.unwrap(), CommitOutcome::Committed);
    let version = store.get(&session(1)).await.unwrap().unwrap().version;
    drop(store);
    let store = open_file(directory.path()).await.unwrap();
    assert_eq!(
        put(&store, &session(1), "Ada L.", Expect::Version(version)).await.unwrap(),
        CommitOutcome::Committed
    );
    assert_eq!(
        store.list(&sessions(), None, 9).await.unwrap(),
        Page { members: vec!["one".into()], next: None }
    );
}

/// H-39: what has expired leaves the disk without being asked for.
#[tokio::test]
async fn expired_entries_leave_the_file() {
    let directory = TempDir::new();
    let clock = Clock::fake(NOW);
    let settings = StoreSettings::new(StoreUrl::File(directory.path().to_owned()), Role::State);
    let store = Store::open(&settings, clock.clone(), Random::Real).await.unwrap();
    for (number, seconds) in [(1, 5), (2, 60)] {
        let put = batch(&session(number)).put(&session(number), b"x".to_vec(), life(seconds), Expect::Any);
        assert_eq!(
            store.commit(put.index(&sessions(), &number.to_string(), 1, life(seconds))).await.unwrap(),
            CommitOutcome::Committed
        );
    }
    clock.advance(Duration::from_secs(30));
    let reader = rusqlite::Connection::open(directory.path().join("state.db")).unwrap();
    let count = |table: &str| {
        reader.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((count("entry"), count("member")), (2, 2));
    wait_until("the expired half is gone", || (count("entry"), count("member")) == (1, 1));
}

/// E-30: nobody but the owner reads the files.
#[tokio::test]
async fn the_directory_and_its_files_are_for_their_owner_only() {
    let outer = TempDir::new();
    let directory = outer.path().join("data");
    let store = open_file(&directory).await.unwrap();
    let _ = put(&store, &session(1), "x", Expect::Any).await.unwrap();
    master_key::of_directory(&directory, &Random::Real).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

/// E-30, E-31: whoever copies the files of the store reads neither handles nor what is stored under them.
#[tokio::test]
async fn a_dump_of_the_files_shows_no_record_and_no_handle() {
    let directory = TempDir::new();
    let key = master_key::of_directory(directory.path(), &Random::Real).unwrap();
    let records = Records::new(open_file(directory.path()).await.unwrap(), Seal::new(&key), Random::Real);
    let flow = Key::flow("handle-of-a-browser");
    let put = batch(&flow).put(&flow, records.encode(&flow, &"ada@example.com"), life(60), Expect::Absent);
    assert_eq!(records.store.commit(put).await.unwrap(), CommitOutcome::Committed);
    assert_eq!(records.get::<String>(&flow).await.unwrap().unwrap().value, "ada@example.com");
    let reader = rusqlite::Connection::open(directory.path().join("state.db")).unwrap();
    let stored: Vec<u8> = reader.query_row("SELECT value FROM entry", [], |row| row.get(0)).unwrap();
    let mut found = 0;
    for file in fs::read_dir(directory.path()).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        found += bytes.windows(stored.len()).filter(|window| *window == stored).count();
        for secret in ["handle-of-a-browser", "ada@example.com"] {
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{secret} is readable"
            );
        }
    }
    assert!(found > 0, "the files that were searched hold the record");
}

/// E-33: the master key is made once, kept, and refused when others may read it.
#[test]
fn the_master_key_is_made_once_and_kept_from_others() {
    let outer = TempDir::new();
    let directory = outer.path().join("data");
    let key = || master_key::of_directory(&directory, &Random::Real).map(|key| key.to_base64());
    let first = key().unwrap();
    assert_eq!(key().unwrap(), first);
    let file = directory.join("master.key");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(key(), Err(StoreError::Misconfigured(why)) if why.contains("chmod 600")));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "short").unwrap();
    assert!(matches!(key(), Err(StoreError::Misconfigured(why)) if !why.contains("short")));
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused() {
    let directory = TempDir::new();
    fs::write(directory.path().join("state.db"), "this is a diary, not a database, and a long enough one")
        .unwrap();
    assert!(matches!(open_file(directory.path()).await, Err(StoreError::Misconfigured(_))));
}
