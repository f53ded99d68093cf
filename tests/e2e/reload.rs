//! A running broker reads its configuration again when it is told to.

use crate::world::{AppSettings, Person, Settings, Upstream, text};

/// H-27: what is wrong with a new configuration leaves everybody signed in under the old one.
#[tokio::test]
async fn a_configuration_read_again_applies_whole_or_not_at_all() {
    let settings = Settings::new().file_store();
    let upstream = Upstream::start(&settings);
    let (shop, forum) = (AppSettings::new("shop"), AppSettings::new("forum"));
    let mut broker = settings.client(&shop).table(&upstream.toml("Acme")).start();
    let shop = shop.start(&broker);
    let mut ada = Person::new("ada");
    let tokens = ada.signs_in(&shop, "Acme").await;
    let file = broker.folder().join("symbolon.toml");
    let good = std::fs::read_to_string(&file).unwrap();

    for (bad, why) in [
        (format!("{good}\n[[pool.client]]\nid = \"forum\"\ngrant = []\n"), "grants"),
        (
            good.replace("state = \"file:data\"", "state = \"memory:\""),
            "store.state can be changed by a restart only",
        ),
    ] {
        std::fs::write(&file, bad).unwrap();
        broker.process().signal("HUP");
        broker.logs("configuration_refused");
        broker.logs(why);
        assert!(shop.sees_active(&text(&tokens, "access_token")).await);
    }

    std::fs::write(&file, format!("{good}\n{}", forum.toml())).unwrap();
    broker.process().signal("HUP");
    broker.logs("configuration_applied");
    let forum = forum.start(&broker);
    ada.opens(&forum.login(&[("prompt", "none")])).await;
    let there = ada.is_in(&forum);
    assert_eq!(
        there.pointer("/id_token_claims/sub"),
        tokens.pointer("/id_token_claims/sub"),
        "signed in before, and still"
    );
    assert!(shop.sees_active(&text(&tokens, "access_token")).await, "the same keys");
}
