//! Rotation: one live line per family, whatever comes at once or again.

use symbolon::model::ids::Sub;
use symbolon::store::CommitOutcome;
use symbolon::token::refresh::{Family, RefreshTicket};
use symbolon::user_pool::access_token_check::living_access;
use symbolon::user_pool::revoke::revoke;

use super::desk::{Desk, outcome, refresh_token};

/// E-21
#[tokio::test]
async fn a_lost_answer_and_a_second_tab_go_on_inside_the_grace_period() {
    let desk = Desk::rotating(10).await;
    let token = refresh_token(&desk.signed_in("spa").await);
    let first = refresh_token(&desk.refresh("spa", &token).await.unwrap());
    desk.pass(10);
    let again = refresh_token(&desk.refresh("spa", &token).await.unwrap());
    assert_eq!(first, again);
    assert_eq!(outcome(&desk.refresh("spa", &again).await), "granted");
}

/// E-22
#[tokio::test]
async fn a_replaced_token_after_the_grace_period_ends_the_family() {
    let desk = Desk::rotating(10).await;
    let tokens = desk.signed_in("spa").await;
    let next = desk.refresh("spa", &refresh_token(&tokens)).await.unwrap();
    desk.pass(11);
    let reused = desk.refresh("spa", &refresh_token(&tokens)).await;
    assert_eq!(
        (outcome(&reused), reused.err().unwrap().oauth_error()),
        ("refresh_token_reused", "invalid_grant")
    );
    assert_eq!(outcome(&desk.refresh("spa", &refresh_token(&next)).await), "refresh_token_ended");
    for access in [&tokens.access_token, &next.access_token] {
        assert!(living_access(&desk.issuer(), access).await.is_err());
    }
}

/// E-23, E-24: once the successor was used, its parent is a grandparent, however soon it comes.
#[tokio::test]
async fn a_parent_whose_successor_was_used_ends_the_family_even_inside_the_grace_period() {
    let desk = Desk::rotating(60).await;
    let first = refresh_token(&desk.signed_in("spa").await);
    let second = refresh_token(&desk.refresh("spa", &first).await.unwrap());
    let third = refresh_token(&desk.refresh("spa", &second).await.unwrap());
    assert_eq!(outcome(&desk.refresh("spa", &first).await), "refresh_token_reused");
    assert_eq!(outcome(&desk.refresh("spa", &third).await), "refresh_token_ended");
}

/// any token that the family ever had ends it.
#[tokio::test]
async fn revoking_a_replaced_token_ends_the_family() {
    let desk = Desk::rotating(0).await;
    let first = refresh_token(&desk.signed_in("spa").await);
    let second = refresh_token(&desk.refresh("spa", &first).await.unwrap());
    revoke(&desk.issuer(), desk.client("spa"), &first).await.unwrap();
    assert_eq!(outcome(&desk.refresh("spa", &second).await), "refresh_token_ended");
}

/// The family of `token`, as a store has it that lost what came after.
async fn remember(desk: &Desk, token: &str) -> (Sub, Family) {
    let ticket: RefreshTicket = desk.grants().open_refresh_token(token).unwrap();
    let held = desk.grants().load(&ticket.sub, &ticket.family).await.unwrap().unwrap();
    (ticket.sub, held.family)
}

async fn roll_back(desk: &Desk, (sub, family): &(Sub, Family)) {
    let held = desk.grants().load(sub, &family.id).await.unwrap().unwrap();
    assert_eq!(desk.grants().replace(sub, &held, family).await.unwrap(), CommitOutcome::Committed);
}

/// H-06: the store lost the latest rotations; the honest app goes on, and its family's older tokens are still
/// reuse.
#[tokio::test]
async fn a_store_behind_the_token_catches_up_and_nobody_is_logged_out() {
    let desk = Desk::rotating(10).await;
    let first = refresh_token(&desk.signed_in("spa").await);
    let old = remember(&desk, &first).await;
    let second = refresh_token(&desk.refresh("spa", &first).await.unwrap());
    let third = refresh_token(&desk.refresh("spa", &second).await.unwrap());
    roll_back(&desk, &old).await;
    let fourth = refresh_token(&desk.refresh("spa", &third).await.unwrap());
    assert_eq!(outcome(&desk.refresh("spa", &fourth).await), "granted");
    assert_eq!(outcome(&desk.refresh("spa", &first).await), "refresh_token_reused");
}

/// H-06: a thief uses the gap with an older token; the honest newer token shows that there are two lines.
#[tokio::test]
async fn a_thief_in_the_gap_is_found_when_the_honest_token_shows_up() {
    let desk = Desk::rotating(10).await;
    let first = refresh_token(&desk.signed_in("spa").await);
    let old = remember(&desk, &first).await;
    let second = refresh_token(&desk.refresh("spa", &first).await.unwrap());
    roll_back(&desk, &old).await;
    let stolen = refresh_token(&desk.refresh("spa", &first).await.unwrap());
    assert_ne!(stolen, second);
    assert_eq!(outcome(&desk.refresh("spa", &second).await), "refresh_token_reused");
    assert_eq!(outcome(&desk.refresh("spa", &stolen).await), "refresh_token_ended");
}
