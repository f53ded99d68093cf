//! SAML providers: metadata, endpoints, certificates and their end.

use std::sync::Arc;

use super::Patient;
use super::report::Finding;
use crate::model::fault::Refusal as _;
use crate::outside::saml_metadata::{MetadataLocation, SamlMetadata};
use crate::protocol::saml::metadata::IdpMetadata;
use crate::provider::saml::{MetadataSource, Saml, THRESHOLDS};

/// A SAML provider.
pub(super) async fn provider(patient: Patient<'_>, rules: &Saml) -> Vec<Finding> {
    let metadata = match metadata(patient, rules).await {
        Ok(metadata) => metadata,
        Err(finding) => return vec![finding],
    };
    let mut findings = vec![patient.ok("metadata", format!("entity id {}", metadata.entity_id))];
    findings.push(match metadata.sso(rules.request.binding) {
        Some(endpoint) => patient.ok("sign-in endpoint", endpoint.location.clone()),
        None => patient.failed(
            "sign-in endpoint",
            "the metadata names none with this binding",
            "change request.binding, or take newer metadata",
        ),
    });
    let now = patient.outside.clock.now();
    let fix = "the provider announces a successor in its metadata; with metadata written by hand, paste its \
        new certificate beside this one";
    let end = |certificate| patient.certificate(("signing certificate", &THRESHOLDS), certificate, now, fix);
    let ends = metadata.signing.iter().map(end);
    findings.extend(ends);
    if let Some(until) = metadata.valid_until.filter(|until| *until <= now) {
        findings.push(patient.failed(
            "metadata",
            format!("it was valid until {}", until.utc()),
            "take newer metadata from the provider",
        ));
    }
    for host in &patient.config.pool.hosts {
        let scheme = if patient.config.pool.public_url.starts_with("https://") { "https" } else { "http" };
        let acs = rules.acs_url.clone().unwrap_or_else(|| format!("{scheme}://{host}/saml2/idpresponse"));
        findings.push(
            patient.ok(
                "to be entered at the provider",
                format!("ACS URL {acs}, entity id {}", rules.sp_entity_id),
            ),
        );
    }
    findings
}

async fn metadata(patient: Patient<'_>, rules: &Saml) -> Result<Arc<IdpMetadata>, Finding> {
    match &rules.source {
        MetadataSource::Configured(metadata) => Ok(Arc::clone(metadata)),
        MetadataSource::Url(url) => {
            let place = MetadataLocation {
                url,
                entity_id: rules.entity_id.as_deref(),
                signers: &rules.metadata_signers,
            };
            let fetched = SamlMetadata::new(patient.outside, patient.upstreams).get(place).await;
            match fetched {
                Ok(fetched) => Ok(Arc::new(fetched.metadata.clone())),
                Err(error) => Err(patient.failed("metadata", error.to_string(), error.hint())),
            }
        }
    }
}
