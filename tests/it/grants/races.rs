//! The same thing asked many times at once, on several threads, by replicas that share stores.

use std::collections::BTreeSet;
use std::sync::Arc;

use symbolon::user_pool::access::living_access;
use symbolon::user_pool::issuer::Tokens;
use symbolon::user_pool::token_refusal::TokenRefusal;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::desk::{Desk, outcome, refresh_token};

type Answer = Result<Tokens, TokenRefusal>;

/// What is asked at once.
#[derive(Clone)]
enum Ask {
    Redeem(String),
    Refresh(String),
}

/// `count` tasks that begin together.
async fn at_once(desk: &Arc<Desk>, count: usize, ask: Ask) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(count));
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let (desk, barrier, ask) = (desk.clone(), barrier.clone(), ask.clone());
        tasks.spawn(async move {
            barrier.wait().await;
            match ask {
                Ask::Redeem(code) => desk.redeem("spa", &code).await,
                Ask::Refresh(token) => desk.refresh("spa", &token).await,
            }
        });
    }
    tasks.join_all().await
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_parallel_redemptions_give_tokens_once() {
    for _ in 0..8 {
        let desk = Arc::new(Desk::new().await);
        let code = desk.code("spa").await;
        let answers = at_once(&desk, 50, Ask::Redeem(code)).await;
        assert!(answers.iter().all(|answer| ["granted", "code_spent"].contains(&outcome(answer))));
        let winners: Vec<&Tokens> = answers.iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        // A loser of the race is a replay, so what the winner holds is dead.
        assert!(living_access(&desk.issuer(), &winners[0].access_token).await.is_err());
    }
}

/// E-20
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_parallel_refreshes_receive_one_and_the_same_successor() {
    for _ in 0..8 {
        let desk = Arc::new(Desk::rotating(10).await);
        let token = refresh_token(&desk.signed_in("spa").await);
        let answers = at_once(&desk, 64, Ask::Refresh(token.clone())).await;
        let successors: BTreeSet<String> = answers.into_iter().map(|answer| refresh_token(&answer.unwrap())).collect();
        assert_eq!(successors.len(), 1);
        assert!(!successors.contains(&token));
        assert_eq!(outcome(&desk.refresh("spa", successors.first().unwrap()).await), "granted");
    }
}

/// E-20: without a grace period the losers end the family, and there are never two live successors.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_grace_parallel_refreshes_leave_at_most_one_line() {
    let desk = Arc::new(Desk::rotating(0).await);
    let token = refresh_token(&desk.signed_in("spa").await);
    let answers = at_once(&desk, 16, Ask::Refresh(token)).await;
    let successors: BTreeSet<String> = answers.iter().flatten().map(refresh_token).collect();
    assert!(successors.len() <= 1);
    assert!(answers.iter().all(|answer| ["granted", "refresh_token_reused", "refresh_token_ended"].contains(&outcome(answer))));
}

/// E-28: of a sign-out and the refreshes in flight with it, nothing survives.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_refresh_in_flight_survives_the_sign_out() {
    for _ in 0..8 {
        let desk = Arc::new(Desk::rotating(10).await);
        let token = refresh_token(&desk.signed_in("spa").await);
        let other = desk.clone();
        let everything = tokio::spawn(async move { other.grants().end_everything(&other.sub, other.clock.now()).await });
        let answers = at_once(&desk, 16, Ask::Refresh(token.clone())).await;
        everything.await.unwrap().unwrap();
        for token in answers.iter().flatten().map(refresh_token).chain([token.clone()]) {
            assert_eq!(outcome(&desk.refresh("spa", &token).await), "user_signed_out");
        }
    }
}

/// E-28: nor does a code that is redeemed meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_redemption_in_flight_survives_the_sign_out() {
    for _ in 0..16 {
        let desk = Arc::new(Desk::new().await);
        let code = desk.code("spa").await;
        let other = desk.clone();
        let everything = tokio::spawn(async move { other.grants().end_everything(&other.sub, other.clock.now()).await });
        let answers = at_once(&desk, 1, Ask::Redeem(code)).await;
        everything.await.unwrap().unwrap();
        for tokens in answers.iter().flatten() {
            assert_eq!(outcome(&desk.refresh("spa", &refresh_token(tokens)).await), "user_signed_out");
            assert!(living_access(&desk.issuer(), &tokens.access_token).await.is_err());
        }
    }
}
