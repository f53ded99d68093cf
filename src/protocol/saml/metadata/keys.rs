//! The signing certificates of metadata.

use super::super::certificate::{Certificate, CertificateError};
use super::super::xml::{Node, attribute, children, clip, elements, line, name, ns, text};
use super::{MetadataError, MetadataWarning};

/// Every one costs a verification when none of them fits.
const MAX_KEYS: usize = 16;

/// The certificates of all `KeyDescriptor`s that may sign: `use="signing"`, or no `use`. Never empty (C-30).
pub(super) fn signing(
    role: Node<'_, '_>,
    entity_id: &str,
    warnings: &mut Vec<MetadataWarning>,
) -> Result<Vec<Certificate>, MetadataError> {
    let mut found = Vec::new();
    for descriptor in children(role, ns::MD, "KeyDescriptor") {
        match attribute(descriptor, "use") {
            None | Some("signing") => {}
            Some("encryption") => continue,
            Some(other) => {
                warnings.push(ignored(descriptor, format!("its use is {:?}", clip(other))));
                continue;
            }
        }
        for info in children(descriptor, ns::DS, "KeyInfo") {
            read_info(info, &mut found, warnings)?;
        }
    }
    if found.is_empty() {
        let reason = |warning: &MetadataWarning| match warning {
            MetadataWarning::KeyIgnored { line, reason } => Some(format!("line {line}: {reason}")),
            _ => None,
        };
        let ignored = warnings.iter().filter_map(reason).collect();
        return Err(MetadataError::NoSigningKey {
            line: line(role),
            entity_id: entity_id.to_owned(),
            ignored,
        });
    }
    Ok(found)
}

/// Certificates that an administrator wrote, each text one in bare base64 or several in PEM.
pub(super) fn written(texts: &[String]) -> Result<Vec<Certificate>, MetadataError> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let mut found: Vec<Certificate> = Vec::new();
    let mut number = 0;
    for text in texts {
        let blocks: Vec<String> =
            text.match_indices(BEGIN).filter_map(|(at, _)| text.get(at..)).map(str::to_owned).collect();
        let parsed: Vec<Result<Certificate, CertificateError>> = match blocks.as_slice() {
            [] => vec![Certificate::from_base64(text)],
            blocks => blocks.iter().map(|block| Certificate::from_pem(block)).collect(),
        };
        for certificate in parsed {
            number += 1;
            let certificate = certificate.map_err(|error| MetadataError::Certificate { number, error })?;
            if !found.contains(&certificate) {
                found.push(certificate);
            }
        }
    }
    match found.len() {
        0 => Err(MetadataError::Field {
            field: "certificates",
            problem: "must have at least one signing certificate".into(),
        }),
        1..=MAX_KEYS => Ok(found),
        _ => Err(MetadataError::Field {
            field: "certificates",
            problem: format!("must have at most {MAX_KEYS} certificates"),
        }),
    }
}

fn read_info(
    info: Node<'_, '_>,
    found: &mut Vec<Certificate>,
    warnings: &mut Vec<MetadataWarning>,
) -> Result<(), MetadataError> {
    let mut certificates = 0;
    for data in children(info, ns::DS, "X509Data") {
        // All certificates of one X509Data belong to one key (XML Signature section 4.5.4): the first carries
        // it, others are its chain.
        let mut listed = children(data, ns::DS, "X509Certificate");
        let Some(first) = listed.next() else { continue };
        certificates += 1;
        if let Some(second) = listed.next() {
            warnings.push(MetadataWarning::ChainIgnored { line: line(second) });
        }
        match Certificate::from_base64(&text(first)?) {
            Ok(certificate) if found.contains(&certificate) => {}
            Ok(_) if found.len() == MAX_KEYS => {
                return Err(MetadataError::TooManyKeys { line: line(first), limit: MAX_KEYS });
            }
            Ok(certificate) => found.push(certificate),
            Err(error) => warnings.push(ignored(first, error.to_string())),
        }
    }
    if certificates == 0 {
        let kinds: Vec<String> = elements(info).map(name).take(5).collect();
        warnings.push(ignored(info, format!("its KeyInfo has no X509Certificate but {}", kinds.join(", "))));
    }
    Ok(())
}

fn ignored(node: Node<'_, '_>, reason: String) -> MetadataWarning {
    MetadataWarning::KeyIgnored { line: line(node), reason }
}
