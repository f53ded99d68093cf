//! Resolving the settings that only a SAML provider has, together with what its preset says.

use std::sync::Arc;
use std::time::Duration;

use super::contradictions::web_url;
use super::deviations::Quirks;
use super::mapping::Rule;
use super::rules::Rules;
use super::saml::{
    IdpInitiated, MetadataSource, NewKeys, Saml, SamlAccept, SamlRequest, SubjectRule, default_sp_entity_id,
    format,
};
use super::saml_claims::NAME_ID;
use super::saml_rules::uri;
use crate::model::attributes::AttributeName;
use crate::model::document::{Invalid, Table};
use crate::model::encoding::base64;
use crate::model::fault::Refusal as _;
use crate::model::ids::{ClientId, PoolId};
use crate::model::time::Timestamp;
use crate::protocol::saml::certificate::Certificate;
use crate::protocol::saml::datetime;
use crate::protocol::saml::metadata::{self, ByHand, IdpMetadata, MetadataRules};

/// Every key that is read here.
pub(super) const OWN: [&str; 17] = [
    "metadata_url",
    "metadata_file",
    "metadata",
    "metadata_signer",
    "metadata_signer_file",
    "entity_id",
    "sso_url",
    "slo_url",
    "certificates",
    "certificates_file",
    "sp_entity_id",
    "acs_url",
    "sha1_until",
    "rsa_1_5_until",
    "idp_initiated",
    "idp_initiated_client",
    "new_keys",
];

/// How far the clocks may differ unless something else is said.
const SKEW: Duration = Duration::from_secs(60);

/// Tells the table that these keys exist, also where the provider speaks something else.
pub(super) fn mark_known(table: &Table<'_>) {
    for key in OWN {
        table.has(key);
    }
}

/// The SAML rules of one table; `None` when a problem was noted.
pub(super) fn read(
    table: &Table<'_>,
    rules: &mut Rules,
    allow_private: bool,
    pool: Option<&PoolId>,
) -> Option<Saml> {
    let reading = Reading { table, allow_private };
    let (sha1_until, rsa_1_5_until) =
        (table.parsed("sha1_until", end_of_day), table.parsed("rsa_1_5_until", end_of_day));
    let keys = rules.saml.clone();
    let sp_entity_id = table.parsed("sp_entity_id", uri);
    let acs_url = reading.url("acs_url");
    let new_keys = table.one_of("new_keys", &[("wait", NewKeys::Wait), ("trust", NewKeys::Trust)]);
    let signers = reading.certificates("metadata_signer", "metadata_signer_file");
    if signers.is_some() && reading.by_hand() {
        table.problem(
            "metadata_signer",
            "there is no metadata that could be signed",
            "remove it, or give metadata_url",
        );
    }
    let entity_id = table.parsed("entity_id", uri);
    let source = reading.source(entity_id.as_deref(), signers.as_deref());
    let idp_initiated = reading.idp_initiated();
    let subject = reading.subject(rules)?;
    Some(Saml {
        source: source?,
        entity_id,
        sp_entity_id: match sp_entity_id {
            Some(id) => id,
            None => default_sp_entity_id(pool?),
        },
        acs_url,
        request: SamlRequest {
            binding: keys.request_binding,
            sign: keys.sign_requests,
            name_id_format: keys.name_id_format,
            authn_context: keys.authn_context.unwrap_or_default(),
        },
        subject,
        email: address(rules),
        friendly_names: keys.friendly_names.unwrap_or(false),
        accept: SamlAccept {
            skew: keys.clock_skew.unwrap_or(SKEW),
            sha1_until,
            rsa_1_5_until,
            cbc_without_signature: keys.cbc_without_signature.unwrap_or(false),
        },
        idp_initiated: idp_initiated?,
        new_keys: new_keys.unwrap_or(NewKeys::Wait),
        metadata_signers: signers.unwrap_or_default(),
        quirks: Quirks { groups_overage: rules.quirks.groups_overage.unwrap_or(false), ..Quirks::default() },
    })
}

/// The claims that the mapping names for `email`. The mapping itself then reads the claim `email`, where the
/// address that was judged stands ([`super::quirks::normalise`]).
fn address(rules: &mut Rules) -> Vec<String> {
    let Ok(name) = AttributeName::parse("email") else { return Vec::new() };
    match Arc::make_mut(&mut rules.attributes).get_mut(&name) {
        Some(Some(Rule::Claims(claims))) => std::mem::replace(claims, vec!["email".into()]),
        _ => Vec::new(),
    }
}

struct Reading<'t, 'd> {
    table: &'t Table<'d>,
    allow_private: bool,
}

impl Reading<'_, '_> {
    fn by_hand(&self) -> bool {
        ["sso_url", "slo_url", "certificates", "certificates_file"].iter().any(|key| self.table.has(key))
    }

    /// Exactly one source.
    fn source(&self, entity_id: Option<&str>, signers: Option<&[Certificate]>) -> Option<MetadataSource> {
        let table = self.table;
        let given: Vec<&str> =
            ["metadata_url", "metadata_file", "metadata"].into_iter().filter(|key| table.has(key)).collect();
        let (url, by_hand) =
            (self.url("metadata_url"), if self.by_hand() { self.hand_written() } else { None });
        let document = table.file("metadata_file").or_else(|| table.string("metadata"));
        match given.as_slice() {
            [] if self.by_hand() => by_hand.map(|metadata| MetadataSource::Configured(Arc::new(metadata))),
            [] => {
                let fix =
                    "add metadata_url, metadata_file or metadata; or entity_id, sso_url and certificates";
                table.problem("metadata_url", "missing: nothing says who the provider is", fix);
                None
            }
            ["metadata_url"] if !self.by_hand() => url.map(MetadataSource::Url),
            [key] if !self.by_hand() => {
                let rules =
                    MetadataRules { entity_id, signer: signers, allow_http_loopback: self.allow_private };
                // Whether it is still valid is a question of each sign-in: a document that ends does not keep
                // the broker from starting.
                match metadata::parse(document?.as_bytes(), &rules, Timestamp::from_secs(0)) {
                    Ok(metadata) => Some(MetadataSource::Configured(Arc::new(metadata))),
                    Err(error) => {
                        table.problem(key, error.to_string(), error.hint());
                        None
                    }
                }
            }
            [first, ..] => {
                let fix = "keep one of metadata_url, metadata_file, metadata, or the fields written by hand";
                table.problem(first, "the provider is described twice", fix);
                None
            }
        }
    }

    fn hand_written(&self) -> Option<IdpMetadata> {
        let table = self.table;
        let entity_id = table.required("entity_id", uri);
        if !table.has("sso_url") {
            table.problem("sso_url", "missing", "add the URL to which the provider wants requests");
        }
        let (sso_url, slo_url) = (self.url("sso_url"), self.url("slo_url"));
        let certificates = self.certificates("certificates", "certificates_file");
        if !table.has("certificates") && !table.has("certificates_file") {
            let message = "missing: without one nothing that the provider says can be checked";
            table.problem("certificates", message, "add the provider's signing certificate");
        }
        let texts: Vec<String> = certificates?.iter().map(|certificate| base64(certificate.der())).collect();
        let (entity_id, sso_url) = (entity_id?, sso_url?);
        let fields = ByHand {
            entity_id: &entity_id,
            sso_url: &sso_url,
            slo_url: slo_url.as_deref(),
            certificates: &texts,
        };
        let read = metadata::by_hand(&fields, self.allow_private);
        read.map_err(|error| table.problem("sso_url", error.to_string(), error.hint())).ok()
    }

    /// The certificates of a list of PEM texts, or of a file that may hold several.
    fn certificates(&self, key: &str, file: &str) -> Option<Vec<Certificate>> {
        let table = self.table;
        if table.has(key) && table.has(file) {
            table.problem(key, format!("{file} is given as well"), "keep one of the two");
        }
        let (at, texts) = match table.file(file) {
            Some(text) => (file, vec![text]),
            None if table.holds_list(key) => (key, table.strings(key)?),
            None => (key, vec![table.string(key)?]),
        };
        let blocks: Vec<&str> = texts.iter().flat_map(|text| pem_blocks(text)).collect();
        if blocks.is_empty() {
            table.problem(
                at,
                "there is no certificate",
                "give PEM text, from BEGIN CERTIFICATE to END CERTIFICATE",
            );
            return None;
        }
        let mut found = Vec::new();
        for block in &blocks {
            match Certificate::from_base64(block) {
                Ok(certificate) => found.push(certificate),
                Err(error) => table.problem(
                    at,
                    error.to_string(),
                    "give the provider's signing certificate as PEM text",
                ),
            }
        }
        (found.len() == blocks.len()).then_some(found)
    }

    fn idp_initiated(&self) -> Option<IdpInitiated> {
        let table = self.table;
        let mode =
            table.one_of("idp_initiated", &[("off", 0_u8), ("accept", 1), ("restart", 2)]).unwrap_or(0);
        let client = table.parsed("idp_initiated_client", ClientId::parse);
        match (mode, table.has("idp_initiated_client")) {
            (0, true) => {
                table.problem(
                    "idp_initiated_client",
                    "responses that nobody asked for are refused",
                    "add idp_initiated = \"restart\" or \"accept\"",
                );
                None
            }
            (0, false) => Some(IdpInitiated::Off),
            (_, false) => {
                table.problem(
                    "idp_initiated_client",
                    "missing",
                    "name the client that people who start at the provider come to",
                );
                None
            }
            (1, true) => client.map(|client| IdpInitiated::Accept { client }),
            (_, true) => client.map(|client| IdpInitiated::Restart { client }),
        }
    }

    fn subject(&self, rules: &Rules) -> Option<SubjectRule> {
        let named = rules.subject.as_deref().unwrap_or(NAME_ID);
        if named == NAME_ID {
            let formats =
                rules.saml.subject_formats.clone().unwrap_or_else(|| vec![format::PERSISTENT.to_owned()]);
            return Some(SubjectRule::NameId { formats });
        }
        if self.table.has("subject_formats") {
            self.table.problem(
                "subject_formats",
                "the subject is an attribute, which has no format",
                "remove it, or set subject = \"NameID\"",
            );
            return None;
        }
        Some(SubjectRule::Attribute(named.to_owned()))
    }

    fn url(&self, key: &str) -> Option<String> {
        self.table.parsed(key, |text| match web_url(text) {
            Ok(url) if url.scheme() == "http" && !self.allow_private => Err(Invalid::new(
                format!("{text:?} is plain http"),
                "use https, or set server.allow_private_upstreams = true for tests on loopback",
            )),
            Ok(_) => Ok(text.to_owned()),
            Err(invalid) => Err(invalid),
        })
    }
}

/// The base64 of each certificate of a PEM text; a text without PEM's frame is taken as the base64 of one.
fn pem_blocks(text: &str) -> Vec<&str> {
    if !text.contains("-----") {
        return vec![text];
    }
    text.split("-----BEGIN CERTIFICATE-----")
        .skip(1)
        .filter_map(|block| Some(block.split_once("-----END CERTIFICATE-----")?.0))
        .collect()
}

/// The first instant after a day written as `2027-06-30`, in UTC.
fn end_of_day(text: &str) -> Result<Timestamp, Invalid> {
    let invalid = || {
        Invalid::new(
            format!("{text:?} is no day"),
            "write the last day on which it is accepted, such as \"2027-06-30\"",
        )
    };
    let begins =
        datetime::parse(&format!("{text}T00:00:00Z")).filter(|_| text.len() == 10).ok_or_else(invalid)?;
    Ok(begins.plus(Duration::from_secs(86_400)))
}
