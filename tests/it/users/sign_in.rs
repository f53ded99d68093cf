//! First and later sign-ins.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use symbolon::model::attributes::AttributeName;
use symbolon::model::ids::{ProviderName, Sub};
use symbolon::model::user::ProviderType;
use symbolon::store::CommitOutcome;
use symbolon::store::users::Owner;
use symbolon::user_pool::provision::{FoundUser, Proved, ProvisionError};

use super::world::{Desk, acme, proved};
use crate::presets::world::{claims, identity, p256_pem, provider, with_secret};

#[tokio::test]
async fn a_first_sign_in_creates_the_user() {
    let acme = acme();
    for desk in Desk::all().await {
        let who = proved(
            &acme,
            "Ada-1",
            json!({"email": "ada@acme.example", "email_verified": true, "given_name": "Ada"}),
        );
        let user = desk.sign_in(&acme, &who).await.unwrap();
        assert_eq!(user.username, "acme_ada-1", "lower-cased in a case-insensitive pool");
        assert_eq!(user.attributes.get("email"), Some("ada@acme.example"));
        assert!(user.attributes.is_true("email_verified"));
        let linked = &user.identities[0];
        assert_eq!((&linked.key, linked.provider_type, linked.primary), (&who.key, ProviderType::Oidc, true));
        assert_eq!((user.created, user.modified), (desk.outside.clock.now(), desk.outside.clock.now()));
        assert_eq!(desk.users().get(&user.sub).await.unwrap().unwrap().value, user);
        assert_eq!(desk.users().by_username("acme_ada-1").await.unwrap().unwrap().value, user);
    }
}

#[tokio::test]
async fn an_unchanged_sign_in_writes_nothing() {
    let acme = acme();
    for desk in Desk::all().await {
        let who = proved(&acme, "ada", json!({"email": "ada@acme.example"}));
        let first = desk.sign_in(&acme, &who).await.unwrap();
        let version = desk.users().get(&first.sub).await.unwrap().unwrap().version;
        desk.later();
        assert_eq!(desk.sign_in(&acme, &who).await.unwrap(), first);
        assert_eq!(desk.users().get(&first.sub).await.unwrap().unwrap().version, version);
    }
}

/// B-50
#[tokio::test]
async fn a_changed_address_is_the_same_person_and_a_dropped_one_is_dropped() {
    let acme = acme();
    for desk in Desk::all().await {
        let first =
            proved(&acme, "ada", json!({"email": "ada@acme.example", "email_verified": true, "name": "Ada"}));
        let first = desk.sign_in(&acme, &first).await.unwrap();
        desk.later();
        let second = desk
            .sign_in(&acme, &proved(&acme, "ada", json!({"email": "lovelace@acme.example", "name": "Ada"})))
            .await
            .unwrap();
        assert_eq!(second.sub, first.sub);
        assert_eq!(second.attributes.get("email"), Some("lovelace@acme.example"));
        assert!(!second.attributes.is_true("email_verified"), "the old proof is not that of the new address");
        assert_eq!((second.created, second.modified), (first.created, desk.outside.clock.now()));
        let third = desk.sign_in(&acme, &proved(&acme, "ada", json!({"name": "Ada"}))).await.unwrap();
        assert_eq!(
            (third.sub, third.attributes.get("email"), third.attributes.get("email_verified")),
            (first.sub, None, None)
        );
        assert_eq!(third.attributes.get("name"), Some("Ada"));
    }
}

#[tokio::test]
async fn attributes_that_the_provider_does_not_fill_stay() {
    let acme = acme();
    for desk in Desk::all().await {
        let who = proved(&acme, "ada", json!({"name": "Ada"}));
        let user = desk.sign_in(&acme, &who).await.unwrap();
        let mut record = desk.users().get(&user.sub).await.unwrap().unwrap();
        record.value.attributes.set(AttributeName::parse("custom:plan").unwrap(), "gold".into());
        assert_eq!(
            desk.users().update(&record.value, &record.version).await.unwrap(),
            CommitOutcome::Committed
        );
        let user = desk.sign_in(&acme, &proved(&acme, "ada", json!({"name": "Ada L."}))).await.unwrap();
        assert_eq!(
            (user.attributes.get("custom:plan"), user.attributes.get("name")),
            (Some("gold"), Some("Ada L."))
        );
    }
}

/// F-01, F-03
#[tokio::test]
async fn the_same_address_from_another_provider_is_another_person() {
    let (acme, google) = (acme(), with_secret("Google", "google", ""));
    for desk in Desk::all().await {
        let ada = proved(&acme, "ada", json!({"email": "ada@acme.example", "email_verified": true}));
        let google_ada = claims(json!({"sub": "1234", "email": "ada@acme.example", "email_verified": true}));
        let google_ada = identity(&google, google_ada, None).unwrap();
        let (one, two) =
            (desk.sign_in(&acme, &ada).await.unwrap(), desk.sign_in(&google, &google_ada).await.unwrap());
        assert_ne!(one.sub, two.sub);
        assert_eq!(two.identities.len(), 1);
        let namesake = proved(&acme, "ada2", json!({"email": "ada@acme.example", "email_verified": true}));
        assert_ne!(desk.sign_in(&acme, &namesake).await.unwrap().sub, one.sub);
    }
}

/// F-03: the key is byte-exact although user names are lower-cased.
#[tokio::test]
async fn subjects_that_differ_in_case_are_two_people_with_two_names() {
    let acme = acme();
    for desk in Desk::all().await {
        let small = desk.sign_in(&acme, &proved(&acme, "ada", json!({}))).await.unwrap();
        let tall = desk.sign_in(&acme, &proved(&acme, "ADA", json!({}))).await.unwrap();
        assert_ne!(small.sub, tall.sub);
        assert_eq!(small.username, "acme_ada");
        assert!(tall.username.starts_with("acme_ada-"), "{}", tall.username);
        assert_eq!(desk.sign_in(&acme, &proved(&acme, "ADA", json!({}))).await.unwrap(), tall);
    }
}

/// F-03: where user names are not lower-cased, both have the name that they have at the provider.
#[tokio::test]
async fn subjects_that_differ_in_case_keep_their_names_in_a_pool_that_tells_them_apart() {
    let acme = acme();
    for mut desk in Desk::all().await {
        desk.pool.case_insensitive = false;
        let small = desk.sign_in(&acme, &proved(&acme, "ada", json!({}))).await.unwrap();
        let tall = desk.sign_in(&acme, &proved(&acme, "ADA", json!({}))).await.unwrap();
        assert_ne!(small.sub, tall.sub);
        assert_eq!((small.username.as_str(), tall.username.as_str()), ("Acme_ada", "Acme_ADA"));
        for user in [&small, &tall] {
            assert_eq!(&desk.users().by_username(&user.username).await.unwrap().unwrap().value, user);
        }
        desk.pool.case_insensitive = true;
        assert_eq!(
            desk.sign_in(&acme, &proved(&acme, "ADA", json!({}))).await.unwrap(),
            tall,
            "the rule of the pool does not change who this is"
        );
    }
}

/// F-03, F-11
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_people_who_come_at_once_for_the_first_time_never_share_a_name() {
    let acme = acme();
    for desk in Desk::all().await {
        let desk = Arc::new(desk);
        for round in 0..10 {
            let people = [format!("ada{round}"), format!("ADA{round}")]
                .map(|subject| proved(&acme, &subject, json!({})));
            let tasks = [0, 1, 0, 1, 0, 1].map(|who| {
                let (desk, acme, who) = (desk.clone(), acme.clone(), people[who].clone());
                tokio::spawn(async move { desk.sign_in(&acme, &who).await.unwrap() })
            });
            let mut users = Vec::new();
            for task in tasks {
                users.push(task.await.unwrap());
            }
            let same = |one: usize, other: usize| {
                (users[one].sub == users[other].sub, users[one].username == users[other].username)
            };
            assert_eq!([same(0, 2), same(0, 4), same(1, 3), same(1, 5)], [(true, true); 4]);
            assert_eq!(same(0, 1), (false, false));
        }
    }
}

/// F-11: what a session was opened for beside it.
#[tokio::test]
async fn of_two_first_sign_ins_that_found_nobody_both_have_the_user_that_one_wrote() {
    let acme = acme();
    for desk in Desk::all().await {
        let (who, namesake) = (proved(&acme, "ada", json!({"name": "Ada"})), proved(&acme, "ADA", json!({})));
        let proved = |who| Proved::of((&desk.directory, &desk.outside), &desk.pool, &acme, who).unwrap();
        let (one, two, other) = (proved(&who), proved(&who), proved(&namesake));
        let FoundUser::New(user) = one.find().await.unwrap() else { panic!("somebody is there") };
        assert_eq!(two.find().await.unwrap(), FoundUser::New(user.clone()));
        let FoundUser::New(twin) = other.find().await.unwrap() else { panic!("somebody is there") };
        assert_eq!((twin.username.as_str(), &twin.sub), ("acme_ada", &user.sub), "nobody has the name yet");
        one.make(&user).await.unwrap();
        two.make(&user).await.unwrap();
        assert!(matches!(other.make(&twin).await, Err(ProvisionError::Busy)), "the name is gone");
        assert_eq!(one.find().await.unwrap(), FoundUser::Known(user.clone()));
        let FoundUser::Known(twin) = other.find().await.unwrap() else { panic!("a user is there") };
        assert_ne!((&twin.sub, &twin.username), (&user.sub, &user.username));
    }
}

/// Promise 4: nothing is left of a first sign-in that could not write everything.
#[tokio::test]
async fn a_first_sign_in_writes_identity_name_and_user_or_nothing() {
    let acme = acme();
    for desk in Desk::all().await {
        let who = proved(&acme, "ada", json!({}));
        let Owner::Nobody(Some(sub)) = desk.users().owner(&who.key, "acme_ada").await.unwrap() else {
            panic!("somebody is there")
        };
        let FoundUser::New(user) = Proved::of((&desk.directory, &desk.outside), &desk.pool, &acme, &who)
            .unwrap()
            .find()
            .await
            .unwrap()
        else {
            panic!("somebody is there")
        };
        let somebody = Sub::from_random([7; 16]);
        assert!(desk.users().reserve_username("acme_ada", &somebody).await.unwrap());
        assert_eq!(desk.users().create_at_home(&user, &who.key).await.unwrap(), CommitOutcome::Conflict);
        assert_eq!(desk.users().get(&sub).await.unwrap(), None);
        assert_eq!(
            desk.users().owner(&who.key, "acme_ada").await.unwrap(),
            Owner::Nobody(None),
            "the name is somebody's, the identity nobody's"
        );
        assert_eq!(desk.users().holder("acme_ada").await.unwrap(), Some(somebody));
        assert_ne!(desk.sign_in(&acme, &who).await.unwrap().username, "acme_ada");
    }
}

/// F-11
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_parallel_first_sign_ins_of_one_person_make_one_user() {
    let acme = acme();
    for desk in Desk::all().await {
        let desk = Arc::new(desk);
        let who = proved(&acme, "ada", json!({"email": "ada@acme.example"}));
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (desk, acme, who) = (desk.clone(), acme.clone(), who.clone());
                tokio::spawn(async move { desk.sign_in(&acme, &who).await.unwrap() })
            })
            .collect();
        let mut users = Vec::new();
        for task in tasks {
            users.push(task.await.unwrap());
        }
        let subs: BTreeSet<String> = users.iter().map(|user| user.sub.to_string()).collect();
        assert_eq!(subs.len(), 1);
        let stored = desk.users().get(&users[0].sub).await.unwrap().unwrap().value;
        assert!(users.iter().all(|user| user == &stored));
        assert_eq!(stored.username, "acme_ada");
    }
}

#[tokio::test]
async fn a_sign_in_goes_on_where_a_crashed_one_stopped() {
    let acme = acme();
    for desk in Desk::all().await {
        let who = proved(&acme, "ada", json!({"name": "Ada"}));
        let sub = Sub::from_random([7; 16]);
        assert_eq!(
            desk.users().reserve_identity(&who.key, &sub, None).await.unwrap(),
            CommitOutcome::Committed
        );
        assert_eq!(desk.users().owner(&who.key, "acme_ada").await.unwrap(), Owner::Reserved(sub.clone()));
        assert!(desk.users().reserve_username("acme_ada", &sub).await.unwrap());
        let user = desk.sign_in(&acme, &who).await.unwrap();
        assert_eq!((user.sub, user.username.as_str()), (sub, "acme_ada"));
    }
}

/// F-16
#[tokio::test]
async fn a_deleted_person_comes_back_as_somebody_new() {
    let acme = acme();
    for desk in Desk::all().await {
        let who = proved(&acme, "ada", json!({"groups": ["staff"]}));
        let user = desk.sign_in(&acme, &who).await.unwrap();
        let mut record = desk.users().get(&user.sub).await.unwrap().unwrap();
        record.value.groups = vec!["admins".into()];
        assert_eq!(
            desk.users().update(&record.value, &record.version).await.unwrap(),
            CommitOutcome::Committed
        );
        let record = desk.users().get(&user.sub).await.unwrap().unwrap();
        assert_eq!(
            desk.users().delete(&record, desk.outside.clock.now()).await.unwrap(),
            CommitOutcome::Committed
        );
        assert_eq!(desk.users().owner(&who.key, "acme_ada").await.unwrap(), Owner::Nobody(None));
        let again = desk.sign_in(&acme, &who).await.unwrap();
        assert_ne!(again.sub, user.sub);
        assert_eq!((again.username.as_str(), again.groups.len()), ("acme_ada", 0));
        assert_eq!(
            desk.users().create(&user).await.unwrap(),
            CommitOutcome::Conflict,
            "a sub is never used again"
        );
    }
}

/// F-16: the deletion stopped after its first write.
#[tokio::test]
async fn a_half_deleted_person_comes_back_as_somebody_new() {
    let acme = acme();
    for desk in Desk::all().await {
        let who = proved(&acme, "ada", json!({}));
        let user = desk.sign_in(&acme, &who).await.unwrap();
        let mut record = desk.users().get(&user.sub).await.unwrap().unwrap();
        record.value.identities.clear();
        record.value.username = "other".into();
        assert_eq!(
            desk.users().delete(&record, desk.outside.clock.now()).await.unwrap(),
            CommitOutcome::Committed
        );
        assert!(matches!(desk.users().owner(&who.key, "acme_ada").await.unwrap(), Owner::Former(_)));
        let again = desk.sign_in(&acme, &who).await.unwrap();
        assert_ne!(again.sub, user.sub);
        assert_eq!(again.username, "acme_ada", "the name of a deleted user is free");
    }
}

/// An identity that was taken from a user gives nothing of that user.
#[tokio::test]
async fn an_unlinked_identity_is_somebody_new() {
    let acme = acme();
    for desk in Desk::all().await {
        let who = proved(&acme, "ada", json!({}));
        let user = desk.sign_in(&acme, &who).await.unwrap();
        let mut record = desk.users().get(&user.sub).await.unwrap().unwrap();
        record.value.identities.clear();
        assert_eq!(
            desk.users().update(&record.value, &record.version).await.unwrap(),
            CommitOutcome::Committed
        );
        assert_ne!(desk.sign_in(&acme, &who).await.unwrap().sub, user.sub);
    }
}

#[tokio::test]
async fn a_disabled_person_is_refused_and_left_as_is() {
    let acme = acme();
    for desk in Desk::all().await {
        let user = desk.sign_in(&acme, &proved(&acme, "ada", json!({"name": "Ada"}))).await.unwrap();
        let mut record = desk.users().get(&user.sub).await.unwrap().unwrap();
        record.value.enabled = false;
        assert_eq!(
            desk.users().update(&record.value, &record.version).await.unwrap(),
            CommitOutcome::Committed
        );
        let refused = desk.sign_in(&acme, &proved(&acme, "ada", json!({"name": "Eve"}))).await;
        assert!(matches!(refused, Err(ProvisionError::Disabled(sub)) if sub == user.sub));
        assert_eq!(desk.users().get(&user.sub).await.unwrap().unwrap().value, record.value);
    }
}

/// F-18
#[tokio::test]
async fn a_group_lost_at_the_provider_is_lost_here_at_the_next_sign_in() {
    let acme = acme();
    for desk in Desk::all().await {
        let who = |groups| proved(&acme, "ada", json!({ "groups": groups }));
        let user = desk.sign_in(&acme, &who(json!(["staff", "board", "unknown"]))).await.unwrap();
        let everybody = format!("{}_Acme", desk.pool.id);
        assert_eq!(user.all_groups(), [everybody.as_str(), "employees", "directors"]);
        assert_eq!(
            desk.sign_in(&acme, &who(json!(["staff"]))).await.unwrap().all_groups(),
            [everybody.as_str(), "employees"]
        );
        assert_eq!(desk.sign_in(&acme, &who(json!(null))).await.unwrap().all_groups(), [everybody.as_str()]);
    }
}

#[tokio::test]
async fn apples_names_come_once_and_stay() {
    let key = p256_pem();
    let apple = provider(&format!(
        "name = \"SignInWithApple\"\nuse = \"apple\"\nclient_id = \"com.example.web\"\nteam_id \
         = \"TEAM123456\"\nkey_id = \"KEY1234567\"\nprivate_key = '''\n{key}'''"
    ));
    let signed = || {
        claims(json!({"sub": "001234.abc", "email": "x@privaterelay.appleid.com", "email_verified": "true"}))
    };
    let named = |field: &str| identity(&apple, signed(), Some(field)).unwrap();
    for desk in Desk::all().await {
        let first = desk
            .sign_in(
                &apple,
                &named(r#"{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"victim@example.com"}"#),
            )
            .await
            .unwrap();
        assert_eq!(
            (first.attributes.get("given_name"), first.attributes.get("email")),
            (Some("Ada"), Some("x@privaterelay.appleid.com"))
        );
        let second = desk.sign_in(&apple, &identity(&apple, signed(), None).unwrap()).await.unwrap();
        assert_eq!(second, first, "names are not dropped");
        let third = desk.sign_in(&apple, &named(r#"{"name":{"firstName":"Eve"}}"#)).await.unwrap();
        assert_eq!(third, first, "unsigned names do not replace what is there");
        assert_eq!(third.identities[0].key.provider, ProviderName::parse("SignInWithApple").unwrap());
    }
}
