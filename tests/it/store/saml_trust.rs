//! Which certificates of a SAML identity provider are believed, as its metadata changes: on every engine,
//! across replicas, through outages.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use symbolon::model::fault::Refusal as _;
use symbolon::model::ids::{PoolId, ProviderName};
use symbolon::outside::Outside;
use symbolon::outside::http::{Http, HttpError, Response};
use symbolon::outside::random::Random;
use symbolon::outside::saml_metadata::SamlMetadata;
use symbolon::outside::upstreams::Upstreams;
use symbolon::protocol::saml::metadata::IdpMetadata;
use symbolon::provider::saml::{NewKeys, Saml, days_left};
use symbolon::provider::settings::Protocol;
use symbolon::store::record::Records;
use symbolon::store::saml_trust::{IdpTrust, Party, TrustError};
use symbolon::store::seal::{Seal, SecretKeyBytes};
use symbolon::store::{Batch, CommitOutcome, Expect, Key, Life, Role};

use super::{KINDS, Kind, NOW, World, pool};

const DAY: Duration = Duration::from_secs(86_400);

/// A signing certificate that expires `days` after [`NOW`].
fn certificate(days: u64) -> String {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    let at = |secs: i64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(secs).unwrap());
    (params.not_before, params.not_after) =
        (at(NOW.secs() - 86_400), at(NOW.plus(DAY * u32::try_from(days).unwrap()).secs()));
    let pem = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

fn metadata(entity_id: &str, certificates: &[&String]) -> String {
    const BEFORE: &str = "<KeyDescriptor use=\"signing\"><KeyInfo \
        xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>";
    const AFTER: &str = "</X509Certificate></X509Data></KeyInfo></KeyDescriptor>";
    let keys: String = certificates.iter().flat_map(|text| [BEFORE, text.as_str(), AFTER]).collect();
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
         entityID=\"{entity_id}\"><IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}<SingleSignOnService \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"https://idp.acme.example/sso\"/></IDPSSODescriptor></EntityDescriptor>"
    )
}

const IDP: &str = "https://idp.acme.example";

/// One identity provider's metadata server, and replicas of one broker that read it.
struct Acme {
    world: World,
    outside: Outside,
    directory: Records,
    /// What the server answers, and how often it was asked.
    server: Arc<Mutex<(StatusCode, String, u32)>>,
    saml: Saml,
    name: ProviderName,
}

impl Acme {
    async fn new(kind: Kind, certificates: &[&String]) -> Self {
        let world = World::new(kind, Role::Directory).await;
        let outside = Outside::of(world.clock.clone(), Random::Real);
        let seal = Seal::new(&SecretKeyBytes::generate(&outside.random));
        let directory = Records::new(world.store.clone(), seal, outside.random.clone());
        let server = Arc::new(Mutex::new((StatusCode::OK, metadata(IDP, certificates), 0)));
        let text = "[server]\npublic_url = \"https://auth.example.com\"\n[[pool]]\nid \
            = \"eu-west-1_A\"\n[[pool.provider]]\nname = \"Acme\"\nuse = \"saml\"\nmetadata_url \
            = \"https://idp.acme.example/metadata\"\n";
        let config = symbolon::config::parse(text, "symbolon.toml", &[], &|_| Err("none".into())).unwrap();
        let provider = config.pools[0].providers[0].clone();
        let Protocol::Saml(saml) = provider.protocol else { panic!("a SAML provider") };
        Self { world, outside, directory, server, saml: *saml, name: provider.name }
    }

    fn start(&self) -> IdpTrust {
        let server = Arc::clone(&self.server);
        let http = Http::fake(move |_| {
            let mut server = server.lock().unwrap();
            server.2 += 1;
            match server.0 {
                StatusCode::IM_A_TEAPOT => {
                    Err(HttpError::Transport { host: IDP.into(), reason: "down".into() })
                }
                status => {
                    Ok(Response { status, headers: http::HeaderMap::new(), body: server.1.clone().into() })
                }
            }
        });
        let upstreams = Upstreams::with_http(&self.outside, false, http);
        IdpTrust::new(
            self.directory.clone(),
            self.outside.clone(),
            SamlMetadata::new(&self.outside, &upstreams),
        )
    }

    fn publishes(&self, certificates: &[&String]) {
        *self.server.lock().unwrap() = (StatusCode::OK, metadata(IDP, certificates), 0);
    }

    fn is_down(&self) {
        self.server.lock().unwrap().0 = StatusCode::IM_A_TEAPOT;
    }

    fn asked(&self) -> u32 {
        self.server.lock().unwrap().2
    }

    fn party(&self) -> Party<'_> {
        static POOL: std::sync::OnceLock<PoolId> = std::sync::OnceLock::new();
        Party { pool: POOL.get_or_init(pool), provider: &self.name, saml: &self.saml }
    }

    /// What a replica believes a day later; it answers once with what it knew and reads behind that.
    async fn a_day_later(&self, replica: &IdpTrust) -> Arc<IdpMetadata> {
        self.world.clock.advance(DAY);
        self.now(replica).await
    }

    async fn now(&self, replica: &IdpTrust) -> Arc<IdpMetadata> {
        let before = self.asked();
        let first = replica.idp(self.party()).await.unwrap();
        for _ in 0..200 {
            if self.asked() > before {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.world.clock.advance(Duration::from_secs(31));
        drop(first);
        replica.idp(self.party()).await.unwrap()
    }
}

/// These certificates and no others, in this order.
#[track_caller]
fn believes(metadata: &Arc<IdpMetadata>, certificates: &[&String]) {
    let have: Vec<String> =
        metadata.signing.iter().map(|known| symbolon::model::encoding::base64(known.der())).collect();
    assert_eq!(have.iter().collect::<Vec<_>>(), certificates);
}

/// C-71
#[tokio::test]
async fn every_replica_believes_the_first_metadata_and_the_same() {
    for kind in KINDS {
        let (old, new) = (certificate(900), certificate(900));
        let acme = Acme::new(kind, &[&old]).await;
        believes(&acme.start().idp(acme.party()).await.unwrap(), &[&old]);
        acme.publishes(&[&new]);
        believes(&acme.now(&acme.start()).await, &[&old]);
        let stored = acme.start().stored(acme.party()).await.unwrap().unwrap();
        assert_eq!((stored.accepted.len(), stored.pending.len()), (1, 1));
    }
}

/// C-70: a key that unsigned metadata names later waits; the old one stays although metadata no longer names
/// it.
#[tokio::test]
async fn a_swapped_certificate_is_not_believed_and_the_known_one_stays() {
    let (old, swapped) = (certificate(900), certificate(900));
    let acme = Acme::new(Kind::Memory, &[&old]).await;
    let replica = acme.start();
    believes(&replica.idp(acme.party()).await.unwrap(), &[&old]);
    acme.publishes(&[&swapped]);
    believes(&acme.a_day_later(&replica).await, &[&old]);
}

/// C-71
#[tokio::test]
async fn a_certificate_withdrawn_during_an_overlap_is_gone_and_the_last_one_never_is() {
    let (one, two) = (certificate(900), certificate(900));
    let acme = Acme::new(Kind::Memory, &[&one, &two]).await;
    let replica = acme.start();
    believes(&replica.idp(acme.party()).await.unwrap(), &[&one, &two]);
    acme.publishes(&[&two]);
    believes(&acme.a_day_later(&replica).await, &[&two]);
    // C-30, C-70: metadata without a usable certificate is no metadata.
    acme.publishes(&[]);
    believes(&acme.a_day_later(&replica).await, &[&two]);
}

#[tokio::test]
async fn a_new_certificate_is_believed_when_every_known_one_has_expired() {
    let (old, new) = (certificate(3), certificate(900));
    let acme = Acme::new(Kind::Memory, &[&old]).await;
    let replica = acme.start();
    replica.idp(acme.party()).await.unwrap();
    acme.publishes(&[&old, &new]);
    believes(&acme.a_day_later(&replica).await, &[&old]);
    acme.a_day_later(&replica).await;
    believes(&acme.a_day_later(&replica).await, &[&old, &new]);
}

#[tokio::test]
async fn an_administrator_accepts_a_waiting_certificate_and_every_replica_follows() {
    for kind in KINDS {
        let (old, new, other) = (certificate(900), certificate(900), certificate(900));
        let acme = Acme::new(kind, &[&old]).await;
        let replica = acme.start();
        replica.idp(acme.party()).await.unwrap();
        acme.publishes(&[&old, &new]);
        let waiting = acme.now(&acme.start()).await;
        believes(&waiting, &[&old]);
        let pending = acme.start().stored(acme.party()).await.unwrap().unwrap().pending;
        let fingerprint = pending[0].certificate.fingerprint().replace(':', "").to_lowercase();
        let unknown = acme.start().accept(acme.party(), &other).await.unwrap_err();
        assert_eq!(unknown.code(), "saml_key_not_pending");
        acme.start().accept(acme.party(), &fingerprint).await.unwrap();
        acme.world.clock.advance(Duration::from_secs(31));
        believes(&replica.idp(acme.party()).await.unwrap(), &[&old, &new]);
        acme.publishes(&[&new]);
        believes(&acme.a_day_later(&replica).await, &[&new]);
    }
}

#[tokio::test]
async fn with_trust_in_the_server_a_new_certificate_counts_at_once() {
    let (old, new) = (certificate(900), certificate(900));
    let mut acme = Acme::new(Kind::Memory, &[&old]).await;
    acme.saml.new_keys = NewKeys::Trust;
    let replica = acme.start();
    replica.idp(acme.party()).await.unwrap();
    acme.publishes(&[&new]);
    believes(&acme.a_day_later(&replica).await, &[&new]);
}

/// C-71: an unknown certificate makes the metadata be read again once, and then no more for a while.
#[tokio::test]
async fn an_unknown_key_makes_metadata_be_read_once() {
    let (old, new) = (certificate(900), certificate(900));
    let mut acme = Acme::new(Kind::Memory, &[&old]).await;
    acme.saml.new_keys = NewKeys::Trust;
    let replica = acme.start();
    let seen = replica.idp(acme.party()).await.unwrap();
    acme.publishes(&[&old, &new]);
    let newer = replica.newer(acme.party(), &seen).await.unwrap();
    believes(&newer, &[&old, &new]);
    assert!(replica.newer(acme.party(), &newer).await.is_none(), "too early");
    acme.world.clock.advance(Duration::from_secs(61));
    assert!(replica.newer(acme.party(), &newer).await.is_none(), "nothing new");
    assert_eq!(acme.asked(), 2);
}

/// C-71
#[tokio::test]
async fn an_unknown_key_of_unsigned_metadata_is_refused_and_waits() {
    let (old, new) = (certificate(900), certificate(900));
    let acme = Acme::new(Kind::Memory, &[&old]).await;
    let replica = acme.start();
    let seen = replica.idp(acme.party()).await.unwrap();
    acme.publishes(&[&old, &new]);
    assert!(replica.newer(acme.party(), &seen).await.is_none());
    assert_eq!(replica.stored(acme.party()).await.unwrap().unwrap().pending.len(), 1);
}

#[tokio::test]
async fn a_provider_stays_usable_while_its_metadata_cannot_be_read() {
    for kind in KINDS {
        let known = certificate(900);
        let acme = Acme::new(kind, &[&known]).await;
        acme.start().idp(acme.party()).await.unwrap();
        acme.is_down();
        let fresh = acme.start().idp(acme.party()).await.unwrap();
        believes(&fresh, &[&known]);
        assert_eq!((fresh.entity_id.as_str(), fresh.sso.len()), (IDP, 1));
    }
    let acme = Acme::new(Kind::Memory, &[&certificate(900)]).await;
    acme.is_down();
    let never = acme.start().idp(acme.party()).await.unwrap_err();
    assert_eq!((never.code(), never.retryable()), ("provider_unreachable", true));
}

/// C-69
#[tokio::test]
async fn metadata_of_another_provider_or_past_its_time_is_not_used() {
    let known = certificate(900);
    let acme = Acme::new(Kind::Memory, &[&known]).await;
    let replica = acme.start();
    replica.idp(acme.party()).await.unwrap();
    acme.server.lock().unwrap().1 = metadata("https://other.example", &[&known]);
    assert_eq!(acme.a_day_later(&replica).await.entity_id, IDP);
    let until = "validUntil=\"2027-01-18T00:00:00Z\" entityID";
    acme.server.lock().unwrap().1 = metadata(IDP, &[&known]).replace("entityID", until);
    assert!(acme.a_day_later(&replica).await.valid_until.is_some());
    acme.is_down();
    acme.world.clock.advance(DAY * 3);
    assert!(matches!(replica.idp(acme.party()).await, Err(TrustError::Expired(_))));
    // After a quiet time in which it ended, nobody is refused for want of looking.
    acme.publishes(&[&known]);
    acme.world.clock.advance(DAY);
    assert!(replica.idp(acme.party()).await.unwrap().valid_until.is_none());
    acme.server.lock().unwrap().1 =
        metadata(IDP, &[&known]).replace("entityID", "validUntil=\"2027-01-30T00:00:00Z\" entityID");
    assert!(acme.a_day_later(&replica).await.valid_until.is_some());
    acme.publishes(&[&known]);
    acme.world.clock.advance(DAY * 30);
    assert!(
        acme.start().idp(acme.party()).await.unwrap().valid_until.is_none(),
        "a replica that just started"
    );
    assert!(replica.idp(acme.party()).await.unwrap().valid_until.is_none());
}

/// C-70: while the directory cannot be read, nothing that metadata says is believed for the first time.
#[tokio::test]
async fn without_the_record_nothing_new_is_believed() {
    let (old, new) = (certificate(900), certificate(900));
    let acme = Acme::new(Kind::Memory, &[&old]).await;
    let replica = acme.start();
    replica.idp(acme.party()).await.unwrap();
    let stored = acme.directory.store.get(&record_key()).await.unwrap();
    assert!(stored.is_some(), "the key is the one that is broken next");
    let batch = Batch::new(record_key().partition()).put(
        &record_key(),
        b"unreadable".to_vec(),
        Life::Forever,
        Expect::Any,
    );
    assert_eq!(acme.directory.store.commit(batch).await.unwrap(), CommitOutcome::Committed);
    acme.publishes(&[&new]);
    assert!(acme.start().idp(acme.party()).await.is_err());
    believes(&acme.a_day_later(&replica).await, &[&old]);
}

fn record_key() -> Key {
    use symbolon::model::encoding::{base64url, sha256};
    Key::saml_trust(&pool(), &base64url(sha256("Acme\nhttps://idp.acme.example/metadata\n")))
}

#[test]
fn expiry_is_near_from_sixty_days_on() {
    let parsed =
        |days| symbolon::protocol::saml::certificate::Certificate::from_base64(&certificate(days)).unwrap();
    assert_eq!(days_left(&parsed(61), NOW), None);
    assert_eq!(days_left(&parsed(60), NOW), Some(60));
    assert_eq!(days_left(&parsed(7), NOW), Some(7));
    assert_eq!(days_left(&parsed(1), NOW.plus(DAY * 2)), Some(-1));
}

/// C-70: a signature by the pinned signer vouches for a new certificate; without it nothing is read.
#[tokio::test]
async fn a_pinned_signer_vouches_for_new_certificates() {
    const SIGNED: &str = include_str!("../../fixtures/saml/metadata/adfs.xml");
    const ADFS: &str = "http://adfs.contoso.example/adfs/services/trust";
    let old = certificate(900);
    let mut acme = Acme::new(Kind::Memory, &[&old]).await;
    acme.server.lock().unwrap().1 = metadata(ADFS, &[&old]);
    acme.start().idp(acme.party()).await.unwrap();
    let rules = symbolon::protocol::saml::metadata::MetadataRules::default();
    let signer = symbolon::protocol::saml::metadata::parse(SIGNED.as_bytes(), &rules, NOW).unwrap().signing;
    acme.saml.metadata_signers.clone_from(&signer);
    let replica = acme.start();
    let forged = certificate(900);
    acme.server.lock().unwrap().1 = metadata(ADFS, &[&forged]);
    believes(&acme.now(&replica).await, &[&old]);
    assert!(
        replica.stored(acme.party()).await.unwrap().unwrap().pending.is_empty(),
        "unsigned metadata is not even read"
    );
    acme.server.lock().unwrap().1 = SIGNED.to_owned();
    assert_eq!(acme.a_day_later(&replica).await.signing, signer);
}

/// C-69: metadata too large to be kept takes nobody's sign-in away.
#[tokio::test]
async fn metadata_that_cannot_be_kept_changes_nothing() {
    let known = certificate(900);
    let acme = Acme::new(Kind::Memory, &[&known]).await;
    acme.start().idp(acme.party()).await.unwrap();
    let format = format!("<NameIDFormat>urn:x:{}</NameIDFormat>", "x".repeat(1000)).repeat(100);
    let huge =
        metadata(IDP, &[&known]).replace("<SingleSignOnService", &format!("{format}<SingleSignOnService"));
    acme.server.lock().unwrap().1 = huge;
    let replica = acme.start();
    believes(&acme.now(&replica).await, &[&known]);
    assert!(acme.a_day_later(&replica).await.name_id_formats.is_empty());
}
