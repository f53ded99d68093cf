//! Two replicas behind the proxy of docker/, restarted one after the other while people sign in.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::process::Process;
use crate::support::redis::Redis;
use crate::world::{AppSettings, Broker, Person, Settings, Upstream, get};

const PEOPLE: usize = 3;
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docker/haproxy.cfg");

/// H-24
#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_that_the_replicas_are_restarted_one_after_the_other() {
    let redis = Redis::start();
    let settings = Settings::new();
    let upstream = Upstream::start(&settings);
    let web = AppSettings::new("web");
    let settings = settings.redis_store(&redis).client(&web).table(&upstream.toml("Acme"));
    let replicas = [settings.replica().start(), settings.replica().start()];
    let proxy = proxy(&settings, &replicas).await;
    let app = Arc::new(web.start(&replicas[0]));

    let (over, through) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let people: Vec<_> = (0..PEOPLE)
        .map(|number| {
            let (app, over, through) = (app.clone(), over.clone(), through.clone());
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    Person::new(&format!("person-{number}")).signs_in(&app, "Acme").await;
                    through.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut back = Vec::new();
    for (replica, name) in replicas.into_iter().zip(["one", "two"]) {
        in_between(&through).await;
        let replica =
            tokio::task::spawn_blocking(move || restarted(replica)).await.expect("the replica is back");
        replica.becomes(200).await;
        // Whoever restarts the next one before the proxy has this one back restarts the only one.
        proxy.wait_for_line(&format!("Server replicas/{name} is UP"));
        in_between(&through).await;
        back.push(replica);
    }
    over.store(true, Ordering::Relaxed);
    for person in people {
        person.await.expect("every sign-in ended at the app");
    }
}

/// HAProxy, once it lets people through.
async fn proxy(settings: &Settings, replicas: &[Broker]) -> Process {
    let port = |url: &str| url.rsplit(':').next().expect("a port").to_owned();
    let mut command = Command::new("haproxy");
    command.args(["-db", "-f", FILE]).env("PROXY_LISTEN", format!("127.0.0.1:{}", settings.port));
    for (name, replica) in ["ONE", "TWO"].iter().zip(replicas) {
        command.env(format!("REPLICA_{name}"), format!("127.0.0.1:{}", replica.settings().port));
        command.env(format!("REPLICA_{name}_ADMIN"), port(&replica.admin));
    }
    let proxy = Process::start("haproxy", &mut command);
    let discovery = format!("{}/.well-known/openid-configuration", replicas[0].issuer);
    for _ in 0..300 {
        if get(&discovery).await.status == 200 {
            return proxy;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the proxy lets nobody through:\n{}", proxy.output());
}

fn restarted(mut replica: Broker) -> Broker {
    assert!(replica.terminate().success());
    replica.start_again();
    replica
}

/// Waits until some more people are through.
async fn in_between(through: &AtomicUsize) {
    let before = through.load(Ordering::Relaxed);
    for _ in 0..600 {
        if through.load(Ordering::Relaxed) > before + PEOPLE {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody gets through any more");
}
