//! The only place that decides what a sign-in needs next. Steps end by asking [`decide`]; they never call
//! each other.

use std::fmt;
use std::time::Duration;

use crate::model::ids::{ProviderName, SessionId, Sub};
use crate::model::pool::SessionPolicy;
use crate::model::session::{Epoch, Session, SignIn};
use crate::model::time::Timestamp;

use super::state::AuthorizeRequest;

/// What is known when the decision is made.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What the app asked for.
    pub request: &'a AuthorizeRequest,
    /// The browser's session, alive at `now` and of the user's present epoch.
    pub session: Option<&'a LiveSession>,
    /// Whether that session was made by this very flow.
    pub fresh: bool,
    /// Whether the person was shown that session and goes on with it.
    pub accepted: bool,
    /// The provider that the app asked for, looked up.
    pub asked: Option<&'a ProviderName>,
    /// Enabled providers that this client may use, in the order of its sign-in page.
    pub offered: &'a dyn Catalogue,
    /// The present instant.
    pub now: Timestamp,
}

/// Providers by name, however many there are.
pub trait Catalogue: fmt::Debug + Sync {
    /// Whether this one is among them.
    fn has(&self, name: &ProviderName) -> bool;

    /// The only one there is.
    fn only(&self) -> Option<&ProviderName>;
}

impl<const N: usize> Catalogue for [ProviderName; N] {
    fn has(&self, name: &ProviderName) -> bool {
        self.contains(name)
    }

    fn only(&self) -> Option<&ProviderName> {
        self.first().filter(|_| N == 1)
    }
}

impl Catalogue for Vec<ProviderName> {
    fn has(&self, name: &ProviderName) -> bool {
        self.contains(name)
    }

    fn only(&self) -> Option<&ProviderName> {
        self.first().filter(|_| self.len() == 1)
    }
}

/// What a flow needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Show the sign-in page.
    SignIn,
    /// Send the browser to this provider without a page.
    GoTo(ProviderName),
    /// Give the app a code.
    Issue(Authorization),
    /// Tell the app that a page would have been needed, or that another person signed in than it expects.
    LoginRequired,
}

/// A decision that the app may have a code for this person: made only here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    sub: Sub,
    sign_in: SignIn,
    session: SessionId,
    epoch: Epoch,
}

impl Authorization {
    /// The user.
    pub fn sub(&self) -> &Sub {
        &self.sub
    }

    /// How and when the person signed in.
    pub fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    /// The browser session as apps know it: `sid`.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// The user's epoch at the decision.
    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }
}

/// A session that was checked against time and epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSession(Session);

impl LiveSession {
    /// The session if it may still be used at `now` under `policy` by a user whose present epoch is `epoch`.
    pub fn check(session: Session, policy: SessionPolicy, epoch: &Epoch, now: Timestamp) -> Option<Self> {
        let alive = now < session.expires
            && now < session.last_used.plus(policy.idle)
            && epoch.covers(&session.epoch);
        alive.then_some(Self(session))
    }

    /// The session's record.
    pub fn session(&self) -> &Session {
        &self.0
    }
}

/// Decides the next step of a sign-in.
pub fn decide(facts: Facts<'_>) -> Step {
    let request = facts.request;
    match facts.session.filter(|session| suffices(session.session(), facts)) {
        Some(LiveSession(session)) => Step::Issue(Authorization {
            sub: session.sub.clone(),
            sign_in: session.sign_in.clone(),
            session: session.sid.clone(),
            epoch: session.epoch.clone(),
        }),
        // Signing in again would end the same way.
        None if facts.fresh || request.prompt.none => Step::LoginRequired,
        None => match (facts.asked, facts.offered.only()) {
            (Some(provider), _) => Step::GoTo(provider.clone()),
            (None, Some(only)) if !may_be_accepted(facts) => Step::GoTo(only.clone()),
            (None, _) => Step::SignIn,
        },
    }
}

/// Whether the session would do if the person goes on with it, so that there is an account to choose
/// (`prompt=select_account`).
pub fn may_be_accepted(facts: Facts<'_>) -> bool {
    let accepted = Facts { accepted: true, ..facts };
    facts.request.prompt.select_account
        && facts.session.is_some_and(|session| suffices(session.session(), accepted))
}

/// Whether the session answers the request without the person doing anything (more).
fn suffices(session: &Session, facts: Facts<'_>) -> bool {
    let Facts { request, fresh, accepted, asked, offered, now, .. } = facts;
    let allowed = session.sign_in.provider.as_ref().is_none_or(|provider| offered.has(provider));
    let expected_person = request.hinted_sub.as_deref().is_none_or(|sub| sub == session.sub.as_str());
    let expected_provider = asked.is_none_or(|provider| session.sign_in.provider.as_ref() == Some(provider));
    let again = request.prompt.login || (request.prompt.select_account && !accepted);
    let recent =
        request.max_age.is_none_or(|max_age| now.since(session.sign_in.at) <= Duration::from_secs(max_age));
    allowed && expected_person && (fresh || (expected_provider && !again && recent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::request;
    use crate::flow::request::tests::{client, pool};

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn name(text: &str) -> ProviderName {
        ProviderName::parse(text).unwrap()
    }

    fn asking(changes: &[(&str, &str)]) -> AuthorizeRequest {
        let mut parameters = vec![
            ("response_type".to_owned(), "code".to_owned()),
            ("client_id".to_owned(), "web".to_owned()),
            ("redirect_uri".to_owned(), "https://app.example/cb".to_owned()),
            ("code_challenge".to_owned(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
            ("code_challenge_method".to_owned(), "S256".to_owned()),
        ];
        parameters.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        request::check(&pool([client()]), &parameters, |_, hint| Some(hint.to_owned())).unwrap().0
    }

    fn session(provider: &str, age: u64) -> LiveSession {
        LiveSession(Session {
            id: SessionId::from_random([1; 16]),
            sid: SessionId::from_random([3; 16]),
            sub: Sub::from_random([2; 16]),
            sign_in: SignIn {
                at: NOW.minus(Duration::from_secs(age)),
                provider: Some(name(provider)),
                amr: vec!["fed".to_owned()],
            },
            last_used: NOW,
            expires: NOW.plus(Duration::from_secs(60)),
            epoch: Epoch::default(),
            clients: Vec::new(),
            upstream: None,
        })
    }

    fn step(request: &AuthorizeRequest, session: Option<&LiveSession>, fresh: bool) -> Step {
        decide(Facts {
            request,
            session,
            fresh,
            accepted: false,
            asked: None,
            offered: &[name("Google"), name("Acme")],
            now: NOW,
        })
    }

    #[test]
    fn a_session_answers_at_once_and_without_one_the_page_is_shown() {
        let request = asking(&[]);
        assert!(matches!(step(&request, Some(&session("Google", 5)), false), Step::Issue(_)));
        assert_eq!(step(&request, None, false), Step::SignIn);
    }

    ///
    #[test]
    fn prompt_none_shows_no_page() {
        let request = asking(&[("prompt", "none")]);
        assert_eq!(step(&request, None, false), Step::LoginRequired);
        assert!(matches!(step(&request, Some(&session("Google", 5)), false), Step::Issue(_)));
    }

    ///
    #[test]
    fn prompt_login_select_account_and_max_age_ask_again() {
        for (parameter, value) in
            [("prompt", "login"), ("prompt", "select_account"), ("max_age", "4"), ("max_age", "0")]
        {
            let request = asking(&[(parameter, value)]);
            assert_eq!(
                step(&request, Some(&session("Google", 5)), false),
                Step::SignIn,
                "{parameter}={value}"
            );
            assert!(
                matches!(step(&request, Some(&session("Google", 0)), true), Step::Issue(_)),
                "{parameter}={value} fresh"
            );
        }
        assert!(matches!(
            step(&asking(&[("max_age", "10000")]), Some(&session("Google", 5)), false),
            Step::Issue(_)
        ));
    }

    ///
    #[test]
    fn a_hint_of_another_person_never_gives_this_ones_code() {
        let other = asking(&[("id_token_hint", "somebody-else")]);
        assert_eq!(step(&other, Some(&session("Google", 5)), false), Step::SignIn);
        assert_eq!(step(&other, Some(&session("Google", 0)), true), Step::LoginRequired);
        let none = asking(&[("id_token_hint", "somebody-else"), ("prompt", "none")]);
        assert_eq!(step(&none, Some(&session("Google", 5)), false), Step::LoginRequired);
    }

    ///
    #[test]
    fn a_session_from_a_provider_that_the_client_may_not_use_does_not_count() {
        let request = asking(&[]);
        assert_eq!(step(&request, Some(&session("Facebook", 5)), false), Step::SignIn);
        assert_eq!(step(&request, Some(&session("Facebook", 0)), true), Step::LoginRequired);
    }

    #[test]
    fn an_asked_or_single_provider_is_gone_to_without_a_page() {
        let request = asking(&[]);
        let acme = name("Acme");
        let facts = Facts {
            request: &request,
            session: None,
            fresh: false,
            accepted: false,
            asked: Some(&acme),
            offered: &[name("Google"), name("Acme")],
            now: NOW,
        };
        assert_eq!(decide(facts), Step::GoTo(acme.clone()));
        assert_eq!(
            decide(Facts { asked: None, offered: &[name("Acme")], ..facts }),
            Step::GoTo(acme.clone())
        );
        let google = session("Google", 5);
        assert!(matches!(decide(Facts { session: Some(&google), ..facts }), Step::GoTo(_)));
    }

    ///
    #[test]
    fn an_account_is_chosen_where_the_app_wants_a_choice_and_only_one_that_would_do() {
        let google = session("Google", 5);
        let decided = |changes: &[(&str, &str)], accepted: bool| {
            let request = asking(changes);
            let offered = [name("Google")];
            decide(Facts {
                request: &request,
                session: Some(&google),
                fresh: false,
                accepted,
                asked: None,
                offered: &offered,
                now: NOW,
            })
        };
        let choose = ("prompt", "select_account");
        assert_eq!(decided(&[choose], false), Step::SignIn);
        assert!(matches!(decided(&[choose], true), Step::Issue(_)));
        for other in [("max_age", "4"), ("id_token_hint", "somebody-else")] {
            assert_eq!(decided(&[choose, other], false), Step::GoTo(name("Google")), "{other:?}");
            assert_eq!(decided(&[choose, other], true), Step::GoTo(name("Google")), "{other:?}");
        }
        assert_eq!(decided(&[("prompt", "login select_account")], true), Step::GoTo(name("Google")));
    }

    /// D-15, E-28
    #[test]
    fn a_session_ends_by_idleness_by_age_and_by_sign_out_everywhere() {
        let policy = SessionPolicy { idle: Duration::from_secs(10), absolute: Duration::from_secs(60) };
        let LiveSession(record) = session("Google", 0);
        let live =
            |now: Timestamp, epoch: &Epoch| LiveSession::check(record.clone(), policy, epoch, now).is_some();
        assert!(live(NOW, &Epoch::default()));
        assert!(!live(NOW.plus(Duration::from_secs(10)), &Epoch::default()));
        assert!(!live(NOW, &Epoch::new(Some("later".to_owned()), 0)));
        // The stamp of a sign-out long ago is forgotten after everything that it ended.
        let later = Session { epoch: Epoch::new(Some("earlier".to_owned()), 0), ..record.clone() };
        assert!(LiveSession::check(later, policy, &Epoch::default(), NOW).is_some());
        let used = Session { last_used: record.expires, ..record.clone() };
        assert!(LiveSession::check(used, policy, &Epoch::default(), record.expires).is_none());
    }
}
