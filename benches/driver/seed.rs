//! Users who are in the directory before anybody signs in, written by the broker's own code.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use symbolon::app::App;
use symbolon::model::identity::{Claims, ExternalIdentity, IdentityKey};
use symbolon::model::time::Timestamp;
use symbolon::outside::Outside;
use symbolon::provider::email_trust;
use symbolon::user_pool::provision::{FoundUser, Proved};
use tokio::task::JoinSet;

use super::Fail;

const AT_ONCE: usize = 128;

/// Signs `count` people into the directory that `toml` names, as their first login with the first provider
/// would.
pub async fn seed(toml: &str, issuer: &str, count: usize) -> Result<(), Fail> {
    let config = symbolon::config::parse(toml, "the benchmark's configuration", &[], &|file| {
        Err(format!("there is no {file}"))
    })
    .map_err(|problems| problems.to_string())?;
    let app = App::build(config, Outside::real()).await?;
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for worker in 0..AT_ONCE {
        let (app, issuer) = (app.clone(), issuer.to_owned());
        tasks.spawn(async move {
            for number in (worker..count).step_by(AT_ONCE) {
                sign_in(&app, &issuer, number).await?;
            }
            Ok::<_, Fail>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    eprintln!("login benchmark: {count} users seeded in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

async fn sign_in(app: &Arc<App>, issuer: &str, number: usize) -> Result<(), Fail> {
    let config = app.pools().first().ok_or("no pool")?;
    let provider = config.providers.first().ok_or("no provider")?;
    let subject = format!("u{number}");
    let key =
        IdentityKey { provider: provider.name.clone(), issuer: issuer.to_owned(), subject: subject.clone() };
    let claims: Claims = [
        ("email", json!(format!("{subject}@people.example"))),
        ("email_verified", json!(true)),
        ("name", json!(format!("Person {subject}"))),
        ("given_name", json!("Person")),
        ("family_name", json!(subject)),
        ("sub", json!(subject)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect();
    let identity = ExternalIdentity {
        key,
        email_verified: email_trust::email_verified(provider, &claims),
        claims: claims.into(),
        unsigned: Claims::new(),
        authenticated_at: Timestamp::from_secs(1_700_000_000),
        upstream: None,
    };
    let proved = Proved::of((&app.directory, &app.outside), &config.pool, provider, &identity)?;
    if let FoundUser::New(user) = proved.find().await? {
        proved.make(&user).await?;
    }
    Ok(())
}
