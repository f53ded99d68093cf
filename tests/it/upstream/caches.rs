use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use symbolon::model::time::Timestamp;
use symbolon::outside::Outside;
use symbolon::outside::stale_while_revalidate::{Asker, FreshnessPolicy, StaleWhileRevalidate};

const POLICY: FreshnessPolicy = FreshnessPolicy {
    fresh: Duration::from_secs(100),
    usable: Duration::from_secs(1000),
    cool_down: Duration::from_secs(30),
    first_pause: Duration::from_secs(2),
    last_pause: Duration::from_secs(60),
};

/// A document that is the number of its fetch, from a provider that can be down.
struct Source {
    outside: Outside,
    cache: Arc<StaleWhileRevalidate<usize, &'static str>>,
    fetches: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl Source {
    fn new() -> Self {
        let outside = Outside::fake(Timestamp::from_secs(1_800_000_000), 7);
        Self {
            outside,
            cache: Arc::new(StaleWhileRevalidate::new(POLICY)),
            fetches: Arc::default(),
            down: Arc::default(),
        }
    }

    /// A fetch that lets every other task run first.
    fn fetch(
        &self,
    ) -> impl FnOnce() -> std::pin::Pin<Box<dyn Future<Output = Result<usize, &'static str>> + Send>> + Send + use<>
    {
        let (fetches, down) = (Arc::clone(&self.fetches), Arc::clone(&self.down));
        move || {
            Box::pin(async move {
                let number = fetches.fetch_add(1, Ordering::SeqCst) + 1;
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
                if down.load(Ordering::SeqCst) { Err("down") } else { Ok(number) }
            })
        }
    }

    async fn get(&self) -> Result<usize, &'static str> {
        self.cache.get(&self.outside, self.fetch()).await.map(|document| *document)
    }

    async fn demand_newer(&self, seen: &Arc<usize>) -> Option<Result<usize, &'static str>> {
        self.demand_newer_as(Asker::SignIn, seen).await
    }

    async fn demand_newer_as(&self, asker: Asker, seen: &Arc<usize>) -> Option<Result<usize, &'static str>> {
        Some(self.cache.newer_than(seen, asker, &self.outside, self.fetch()).await?.map(|document| *document))
    }

    fn pass(&self, seconds: u64) {
        self.outside.clock.advance(Duration::from_secs(seconds));
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    async fn let_background_work_run() {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
}

/// B-38
#[tokio::test]
async fn a_crowd_of_first_callers_makes_one_fetch() {
    let source = Source::new();
    let answers = join_all((0..50).map(|_| source.get())).await;
    assert!(answers.iter().all(|answer| *answer == Ok(1)));
    assert_eq!(source.fetches(), 1);
}

/// B-37
#[tokio::test]
async fn a_stale_document_serves_while_a_new_one_is_fetched_behind() {
    let source = Source::new();
    assert_eq!(source.get().await, Ok(1));
    source.pass(99);
    assert_eq!((source.get().await, source.fetches()), (Ok(1), 1));
    source.pass(1);
    assert_eq!(join_all((0..20).map(|_| source.get())).await, [Ok(1); 20]);
    Source::let_background_work_run().await;
    assert_eq!((source.get().await, source.fetches()), (Ok(2), 2));
}

/// B-37
#[tokio::test]
async fn an_outage_is_bridged_up_to_the_documented_age_and_no_longer() {
    let source = Source::new();
    assert_eq!(source.get().await, Ok(1));
    source.down.store(true, Ordering::SeqCst);
    for _ in 0..9 {
        source.pass(100);
        assert_eq!(source.get().await, Ok(1));
        Source::let_background_work_run().await;
    }
    source.pass(100);
    assert_eq!(source.get().await, Err("down"));
    source.down.store(false, Ordering::SeqCst);
    source.pass(90);
    assert!(source.get().await.is_ok(), "back without a restart");
}

/// B-38
#[tokio::test]
async fn a_provider_that_is_down_is_asked_less_and_less_often() {
    let source = Source::new();
    source.down.store(true, Ordering::SeqCst);
    assert_eq!(join_all((0..50).map(|_| source.get())).await, [Err("down"); 50]);
    assert_eq!(source.fetches(), 1, "the crowd shares one failure");
    for _ in 0..600 {
        source.pass(1);
        assert_eq!(source.get().await, Err("down"));
    }
    assert!((8..20).contains(&source.fetches()), "{} fetches in ten minutes", source.fetches());
}

/// B-18
#[tokio::test]
async fn a_document_that_lacks_something_is_fetched_once_more() {
    let source = Source::new();
    let seen = source.cache.get(&source.outside, source.fetch()).await.unwrap();
    assert_eq!(source.demand_newer(&seen).await, Some(Ok(2)));
    assert_eq!(source.demand_newer(&seen).await, Some(Ok(2)), "somebody else fetched it meanwhile");
    assert_eq!(source.fetches(), 2);
}

/// B-19
#[tokio::test]
async fn a_thousand_demands_make_one_fetch_per_cool_down() {
    let source = Source::new();
    assert_eq!(source.get().await, Ok(1));
    for round in 0..3 {
        for _ in 0..1000 {
            let seen = source.cache.get(&source.outside, source.fetch()).await.unwrap();
            source.demand_newer(&seen).await;
        }
        assert_eq!(source.fetches(), 2 + round);
        source.pass(POLICY.cool_down.as_secs());
    }
}

/// B-19
#[tokio::test]
async fn whoever_makes_demands_up_leaves_those_of_others_alone() {
    let source = Source::new();
    let seen = async || source.cache.get(&source.outside, source.fetch()).await.unwrap();
    for round in 0..3 {
        assert_eq!(source.demand_newer_as(Asker::Anybody, &seen().await).await, Some(Ok(2 + 2 * round)));
        assert_eq!(source.demand_newer_as(Asker::Anybody, &seen().await).await, None);
        assert_eq!(source.demand_newer_as(Asker::SignIn, &seen().await).await, Some(Ok(3 + 2 * round)));
        assert_eq!(source.demand_newer_as(Asker::SignIn, &seen().await).await, None);
        assert_eq!(source.demand_newer_as(Asker::Anybody, &seen().await).await, None);
        source.pass(POLICY.cool_down.as_secs());
    }
}

#[tokio::test]
async fn a_failed_demand_keeps_the_document() {
    let source = Source::new();
    let seen = source.cache.get(&source.outside, source.fetch()).await.unwrap();
    source.down.store(true, Ordering::SeqCst);
    assert_eq!(source.demand_newer(&seen).await, Some(Err("down")));
    assert_eq!(source.get().await, Ok(1));
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_take_the_fetch_along() {
    let source = Source::new();
    {
        let mut leaving = Box::pin(source.get());
        tokio::select! {
            biased;
            _ = &mut leaving => panic!("the fetch takes longer than this"),
            () = std::future::ready(()) => {}
        }
    }
    assert_eq!(source.get().await, Ok(2));
}

/// H-20
#[tokio::test]
async fn a_document_from_the_future_is_stale() {
    let source = Source::new();
    assert_eq!(source.get().await, Ok(1));
    let earlier = Outside::fake(Timestamp::from_secs(1_700_000_000), 8);
    assert_eq!(source.cache.get(&earlier, source.fetch()).await.map(|document| *document), Ok(1));
    Source::let_background_work_run().await;
    assert_eq!(source.fetches(), 2);
}
