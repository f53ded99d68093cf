//! The same thing asked many times at once, on several threads, by replicas that share stores.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use symbolon::model::ids::FamilyId;
use symbolon::store::CommitOutcome;
use symbolon::store::grants::{Code, FamilyRead, FreshCode};
use symbolon::store::sessions;
use symbolon::token::refresh::{Family, RefreshTicket};
use symbolon::user_pool::access_token_check::living_access;
use symbolon::user_pool::issuer::Tokens;
use symbolon::user_pool::token_refusal::TokenRefusal;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::desk::{Desk, outcome, refresh_token};
use crate::support::process::TempDir;

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
        let successors: BTreeSet<String> =
            answers.into_iter().map(|answer| refresh_token(&answer.unwrap())).collect();
        assert_eq!(successors.len(), 1);
        assert!(!successors.contains(&token));
        assert_eq!(outcome(&desk.refresh("spa", successors.first().unwrap()).await), "granted");
    }
}

/// A-16, E-20: on the embedded store, whose calls really wait for each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_embedded_store_lets_one_win_as_well() {
    let folder = TempDir::new();
    let desk = Arc::new(Desk::on_disk(folder.path()).await);
    let code = desk.code("spa").await;
    let answers = at_once(&desk, 50, Ask::Redeem(code)).await;
    assert_eq!(answers.iter().flatten().count(), 1);
    let token = refresh_token(&desk.signed_in("spa").await);
    let answers = at_once(&desk, 64, Ask::Refresh(token)).await;
    let successors: BTreeSet<String> = answers.iter().flatten().map(refresh_token).collect();
    assert_eq!(successors.len(), 1);
    assert!(answers.iter().all(|answer| ["granted", "grant_contended"].contains(&outcome(answer))));
}

/// E-20: without a grace period the losers end the family, and there are never two live successors.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_grace_parallel_refreshes_leave_at_most_one_line() {
    let desk = Arc::new(Desk::rotating(0).await);
    let token = refresh_token(&desk.signed_in("spa").await);
    let answers = at_once(&desk, 16, Ask::Refresh(token)).await;
    let successors: BTreeSet<String> = answers.iter().flatten().map(refresh_token).collect();
    assert!(successors.len() <= 1);
    assert!(
        answers
            .iter()
            .all(|answer| ["granted", "refresh_token_reused", "refresh_token_ended"]
                .contains(&outcome(answer)))
    );
}

/// E-28: of a sign-out and the refreshes in flight with it, nothing survives.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_refresh_in_flight_survives_the_sign_out() {
    for _ in 0..8 {
        let desk = Arc::new(Desk::rotating(10).await);
        let token = refresh_token(&desk.signed_in("spa").await);
        let other = desk.clone();
        let everything =
            tokio::spawn(async move { other.grants().end_everything(&other.sub, other.clock.now()).await });
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
        let everything =
            tokio::spawn(async move { other.grants().end_everything(&other.sub, other.clock.now()).await });
        let answers = at_once(&desk, 1, Ask::Redeem(code)).await;
        everything.await.unwrap().unwrap();
        for tokens in answers.iter().flatten() {
            assert_eq!(outcome(&desk.refresh("spa", &refresh_token(tokens)).await), "user_signed_out");
            assert!(living_access(&desk.issuer(), &tokens.access_token).await.is_err());
        }
    }
}

/// of two that read the same unspent code, one redeems it, and the refused attempt of a third comes too
/// late to spend it.
#[tokio::test]
async fn a_code_read_twice_is_redeemed_once() {
    let desk = Desk::new().await;
    let (grants, text) = (desk.grants(), desk.code("spa").await);
    let handle = grants.open_code(&text).unwrap();
    let [first, second, third] =
        [fresh(&desk, &text).await, fresh(&desk, &text).await, fresh(&desk, &text).await];
    let family = |code: &FreshCode, id: u8| {
        let mut grant = (*code.grant).clone();
        grant.family = FamilyId::from_random([id; 16]);
        Family::start(grant, "n".into(), Duration::from_secs(3600), desk.clock.now())
    };
    assert_eq!(grants.redeem(&handle, &first, &family(&first, 1)).await.unwrap(), CommitOutcome::Committed);
    assert_eq!(grants.redeem(&handle, &second, &family(&second, 2)).await.unwrap(), CommitOutcome::Conflict);
    assert_eq!(grants.burn(&handle, &third).await.unwrap(), CommitOutcome::Conflict);
}

/// a code that a refused attempt has spent is not redeemed by one that read it before.
#[tokio::test]
async fn a_code_spent_between_reading_and_redeeming_is_not_redeemed() {
    let desk = Desk::new().await;
    let (grants, text) = (desk.grants(), desk.code("spa").await);
    let handle = grants.open_code(&text).unwrap();
    let [first, second] = [fresh(&desk, &text).await, fresh(&desk, &text).await];
    assert_eq!(grants.burn(&handle, &first).await.unwrap(), CommitOutcome::Committed);
    let family =
        Family::start((*second.grant).clone(), "n".into(), Duration::from_secs(3600), desk.clock.now());
    assert_eq!(grants.redeem(&handle, &second, &family).await.unwrap(), CommitOutcome::Conflict);
}

/// E-20: of two that read the same generation, one rotates.
#[tokio::test]
async fn a_generation_read_twice_is_replaced_once() {
    let desk = Desk::rotating(10).await;
    let ticket = desk.grants().open_refresh_token(&refresh_token(&desk.signed_in("spa").await)).unwrap();
    let [first, second] = [held(&desk, &ticket).await, held(&desk, &ticket).await];
    let next = |held: &FamilyRead, nonce: &str| held.family.succeed(&ticket, nonce.into(), desk.clock.now());
    assert_eq!(
        desk.grants().replace(&ticket.sub, &first, &next(&first, "a")).await.unwrap(),
        CommitOutcome::Committed
    );
    assert_eq!(
        desk.grants().replace(&ticket.sub, &second, &next(&second, "b")).await.unwrap(),
        CommitOutcome::Conflict
    );
}

/// E-28: a sign-out between reading and writing wins, the first one ever and any later one.
#[tokio::test]
async fn a_sign_out_between_reading_and_writing_wins() {
    let desk = Desk::rotating(10).await;
    let (grants, now) = (desk.grants(), desk.clock.now());
    for round in 0..2 {
        let mut decided = desk.decided("spa");
        decided.epoch = sessions::epoch(&desk.state, &desk.pool.id, &desk.sub).await.unwrap();
        let texts = [grants.put_code(&decided).await.unwrap(), {
            decided.family = FamilyId::from_random([8 + round; 16]);
            grants.put_code(&decided).await.unwrap()
        }];
        let ticket =
            grants.open_refresh_token(&refresh_token(&desk.redeem("spa", &texts[0]).await.unwrap())).unwrap();
        let (held, code) = (held(&desk, &ticket).await, fresh(&desk, &texts[1]).await);
        grants.end_everything(&desk.sub, now).await.unwrap();
        let next = held.family.succeed(&ticket, "a".into(), now);
        assert_eq!(grants.replace(&ticket.sub, &held, &next).await.unwrap(), CommitOutcome::Conflict);
        let family = Family::start((*code.grant).clone(), "n".into(), Duration::from_secs(3600), now);
        let handle = grants.open_code(&texts[1]).unwrap();
        assert_eq!(grants.redeem(&handle, &code, &family).await.unwrap(), CommitOutcome::Conflict);
    }
}

/// E-22: a revocation between reading and writing wins.
#[tokio::test]
async fn a_revoked_family_is_not_written_back() {
    let desk = Desk::rotating(10).await;
    let ticket = desk.grants().open_refresh_token(&refresh_token(&desk.signed_in("spa").await)).unwrap();
    let held = held(&desk, &ticket).await;
    desk.grants().revoke(&ticket.sub, &ticket.family).await.unwrap();
    let next = held.family.succeed(&ticket, "a".into(), desk.clock.now());
    assert_eq!(desk.grants().replace(&ticket.sub, &held, &next).await.unwrap(), CommitOutcome::Conflict);
}

async fn fresh(desk: &Desk, text: &str) -> FreshCode {
    let handle = desk.grants().open_code(text).unwrap();
    match desk.grants().load_code(&handle).await.unwrap() {
        Code::Fresh(code) => *code,
        other => panic!("not fresh: {other:?}"),
    }
}

async fn held(desk: &Desk, ticket: &RefreshTicket) -> FamilyRead {
    desk.grants().load(&ticket.sub, &ticket.family).await.unwrap().unwrap()
}
