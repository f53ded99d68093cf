//! From a document to the identity provider it describes.

use std::time::Duration;

use super::super::binding::Binding;
use super::super::certificate::Certificate;
use super::super::datetime;
use super::super::signature::{self, SignaturePolicy};
use super::super::xml::{
    Document, Node, XmlError, attribute, children, clip, is, line, name, ns, only_child, text,
};
use super::{
    ENTITY_ID, Endpoint, IdpMetadata, LOCATION, MAX_METADATA, MetadataError, MetadataRules, MetadataWarning,
    keys,
};
use crate::model::time::Timestamp;

/// How many entities an error lists.
const LISTED: usize = 10;

/// Reads a metadata document: an `EntityDescriptor`, or an `EntitiesDescriptor` of which one entity is meant.
pub fn parse(bytes: &[u8], rules: &MetadataRules<'_>, now: Timestamp) -> Result<IdpMetadata, MetadataError> {
    if bytes.len() > MAX_METADATA {
        return Err(MetadataError::TooLarge(bytes.len()));
    }
    if let Some(found) = recognized(bytes) {
        return Err(MetadataError::Recognized(found));
    }
    let document = Document::parse_within(bytes, MAX_METADATA)?;
    let root = document.root();
    check_root(root)?;
    match rules.signer {
        Some(signer) => read_signed(root, signer, rules, now),
        None => read(root, rules, now),
    }
}

/// Reads only what the signature covers (C-13).
fn read_signed(
    root: Node<'_, '_>,
    signer: &[Certificate],
    rules: &MetadataRules<'_>,
    now: Timestamp,
) -> Result<IdpMetadata, MetadataError> {
    let signed = signature::verify(root, signer, SignaturePolicy::default())
        .map_err(|error| MetadataError::Signature(error.to_string()))?;
    let signed = signed.ok_or(MetadataError::Unsigned)?;
    // Namespaces declared once are repeated where they are used, so the canonical form may be longer.
    read(Document::parse_within(&signed.canonical, 2 * MAX_METADATA)?.root(), rules, now)
}

fn read(root: Node<'_, '_>, rules: &MetadataRules<'_>, now: Timestamp) -> Result<IdpMetadata, MetadataError> {
    let (entity, entity_id) = select(root, rules.entity_id)?;
    let role = role(entity, &entity_id)?;
    let mut warnings = Vec::new();
    let valid_until = valid_until(role, now)?;
    let sso = endpoints(role, "SingleSignOnService", rules)?;
    if sso.is_empty() {
        return Err(MetadataError::NoSso { line: line(role), entity_id });
    }
    if rules.signer.is_none() && only_child(root, ns::DS, "Signature")?.is_some() {
        warnings.push(MetadataWarning::SignatureUnchecked);
    }
    Ok(IdpMetadata {
        signing: keys::signing(role, &entity_id, &mut warnings)?,
        sso,
        slo: endpoints(role, "SingleLogoutService", rules)?,
        wants_signed_requests: boolean(role, "WantAuthnRequestsSigned")?,
        name_id_formats: children(role, ns::MD, "NameIDFormat")
            .map(|format| Ok(text(format)?.trim_ascii().to_owned()))
            .collect::<Result<_, XmlError>>()?,
        valid_until,
        cache_duration: cache_duration(role)?,
        warnings,
        entity_id,
    })
}

/// What administrators paste instead of metadata.
fn recognized(bytes: &[u8]) -> Option<&'static str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    let begins =
        |with: &str| bytes.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()));
    match bytes.first() {
        None => Some("an empty document"),
        Some(b'{' | b'[') => Some("JSON (an OpenID Connect document?)"),
        _ if begins("<!doctype html") || begins("<html") => Some("an HTML page (a login page?)"),
        _ if begins("-----BEGIN") => Some("a certificate or key"),
        _ if begins("http://") || begins("https://") => Some("an address"),
        Some(b'<') => None,
        Some(_) => Some("no XML"),
    }
}

fn check_root(root: Node<'_, '_>) -> Result<(), MetadataError> {
    if is(root, ns::MD, "EntityDescriptor") || is(root, ns::MD, "EntitiesDescriptor") {
        return Ok(());
    }
    let found = match (root.tag_name().namespace(), root.tag_name().name()) {
        (Some(ns::SAMLP), local) => format!("a SAML message ({})", clip(local)),
        (_, "html") => "an HTML page (a login page?)".to_owned(),
        (Some(ns::MD), local) => format!("the part {} of metadata", clip(local)),
        _ => format!("XML that begins with {}", name(root)),
    };
    Err(MetadataError::Root { line: line(root), found })
}

/// All entities of the document, in its order.
fn entities<'a, 'i>(root: Node<'a, 'i>) -> Vec<Node<'a, 'i>> {
    let grouped = |entity: &Node<'_, '_>| {
        entity.ancestors().skip(1).all(|above| !above.is_element() || is(above, ns::MD, "EntitiesDescriptor"))
    };
    root.descendants().filter(|node| is(*node, ns::MD, "EntityDescriptor")).filter(grouped).collect()
}

/// The entity that is meant, and its id.
fn select<'a, 'i>(root: Node<'a, 'i>, pinned: Option<&str>) -> Result<(Node<'a, 'i>, String), MetadataError> {
    let all = entities(root);
    let id = |entity: Node<'_, '_>| {
        let written = attribute(entity, "entityID").unwrap_or_default();
        super::entity_id(written).ok_or_else(|| value(entity, "entityID", ENTITY_ID, written))
    };
    let listed =
        |entities: &[Node<'_, '_>]| entities.iter().map(|entity| shown_id(*entity)).take(LISTED).collect();
    if let Some(pinned) = pinned {
        let mut meant = all
            .iter()
            .filter(|entity| attribute(**entity, "entityID").is_some_and(|id| id.trim_ascii() == pinned));
        return match (meant.next(), meant.next()) {
            (Some(entity), None) => Ok((*entity, id(*entity)?)),
            (_, Some(second)) => {
                Err(MetadataError::EntityTwice { line: line(*second), entity_id: shown_id(*second) })
            }
            (None, None) => {
                Err(MetadataError::WrongEntity { expected: pinned.to_owned(), found: listed(&all) })
            }
        };
    }
    let idps: Vec<_> = all
        .iter()
        .copied()
        .filter(|entity| children(*entity, ns::MD, "IDPSSODescriptor").next().is_some())
        .collect();
    match (idps.as_slice(), all.as_slice()) {
        ([only], _) | ([], [only]) => Ok((*only, id(*only)?)),
        ([], _) => Err(MetadataError::NoIdp { line: line(root) }),
        (several, _) => Err(MetadataError::SeveralIdps { count: several.len(), listed: listed(several) }),
    }
}

/// The one `IDPSSODescriptor` that speaks SAML 2.0.
fn role<'a, 'i>(entity: Node<'a, 'i>, entity_id: &str) -> Result<Node<'a, 'i>, MetadataError> {
    let roles: Vec<_> = children(entity, ns::MD, "IDPSSODescriptor").collect();
    let saml2 = |role: &&Node<'_, '_>| {
        let protocols = attribute(**role, "protocolSupportEnumeration").unwrap_or_default();
        protocols.split_ascii_whitespace().any(|protocol| protocol == ns::SAMLP)
    };
    let mut spoken = roles.iter().filter(saml2);
    let entity_id = || clip(entity_id).into_owned();
    match (spoken.next(), spoken.next()) {
        (Some(role), None) => Ok(*role),
        (Some(_), Some(_)) => {
            Err(XmlError::Repeated { element: "IDPSSODescriptor", parent: name(entity) }.into())
        }
        _ if !roles.is_empty() => Err(MetadataError::NoSaml2 { line: line(entity), entity_id: entity_id() }),
        _ if children(entity, ns::MD, "SPSSODescriptor").next().is_some() => {
            Err(MetadataError::SpMetadata { line: line(entity), entity_id: entity_id() })
        }
        _ => Err(MetadataError::NoIdp { line: line(entity) }),
    }
}

fn endpoints(
    role: Node<'_, '_>,
    service: &'static str,
    rules: &MetadataRules<'_>,
) -> Result<Vec<Endpoint>, MetadataError> {
    let mut found = Vec::new();
    for node in children(role, ns::MD, service) {
        let Some(binding) = attribute(node, "Binding").and_then(Binding::from_uri) else { continue };
        let read = |written: &str| {
            super::location(written, rules.allow_http_loopback)
                .ok_or_else(|| value(node, "Location", LOCATION, written))
        };
        found.push(Endpoint {
            binding,
            location: read(attribute(node, "Location").unwrap_or_default())?,
            response_location: attribute(node, "ResponseLocation").map(read).transpose()?,
        });
    }
    Ok(found)
}

/// The earliest `validUntil` of the role and of everything around it; refused when it has passed.
fn valid_until(role: Node<'_, '_>, now: Timestamp) -> Result<Option<Timestamp>, MetadataError> {
    let mut earliest = None;
    for node in role.ancestors() {
        let Some(written) = attribute(node, "validUntil").map(str::trim_ascii) else { continue };
        let until = datetime::parse(written)
            .ok_or_else(|| value(node, "validUntil", "must be a date and time with a zone", written))?;
        if until <= now {
            return Err(MetadataError::Expired { line: line(node), until: clip(written).into_owned() });
        }
        earliest = Some(earliest.map_or(until, |other: Timestamp| other.min(until)));
    }
    Ok(earliest)
}

/// The shortest `cacheDuration` of the role and of everything around it.
fn cache_duration(role: Node<'_, '_>) -> Result<Option<Duration>, MetadataError> {
    let mut shortest = None;
    for node in role.ancestors() {
        let Some(written) = attribute(node, "cacheDuration").map(str::trim_ascii) else { continue };
        let duration = duration(written)
            .ok_or_else(|| value(node, "cacheDuration", "must be a duration such as PT6H", written))?;
        shortest = Some(shortest.map_or(duration, |other: Duration| other.min(duration)));
    }
    Ok(shortest)
}

/// [xs:duration](https://www.w3.org/TR/xmlschema-2/#duration), not negative; years have 365 days and months
/// 30, which is exact enough for a cache.
fn duration(text: &str) -> Option<Duration> {
    const DATE: &[(char, u64)] = &[('Y', 365 * 86_400), ('M', 30 * 86_400), ('D', 86_400)];
    const TIME: &[(char, u64)] = &[('H', 3600), ('M', 60), ('S', 1)];
    let text = Some(text).filter(|text| text.len() <= 64)?.strip_prefix('P')?;
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    if time == Some("") || (date.is_empty() && time.is_none()) {
        return None;
    }
    let seconds = fields(date, DATE)?.checked_add(fields(time.unwrap_or_default(), TIME)?)?;
    Some(Duration::from_secs(seconds))
}

/// Numbers that each of `units` may follow once, in this order; only seconds have a fraction, which is cut.
fn fields(mut text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut total = 0_u64;
    for (unit, seconds) in units {
        let Some((number, rest)) = text.split_once(*unit) else { continue };
        let whole = match number.split_once('.') {
            Some((whole, fraction))
                if *unit == 'S'
                    && !fraction.is_empty()
                    && fraction.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                whole
            }
            Some(_) => return None,
            None => number,
        };
        if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        total = total.checked_add(whole.parse::<u64>().ok()?.checked_mul(*seconds)?)?;
        text = rest;
    }
    text.is_empty().then_some(total)
}

/// [xs:boolean](https://www.w3.org/TR/xmlschema-2/#boolean), false when absent.
fn boolean(node: Node<'_, '_>, name: &'static str) -> Result<bool, MetadataError> {
    match attribute(node, name).map(str::trim_ascii) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(other) => Err(value(node, name, "must be true or false", other)),
    }
}

fn value(node: Node<'_, '_>, name: &'static str, problem: &'static str, written: &str) -> MetadataError {
    MetadataError::Value { line: line(node), name, problem, value: clip(written).into_owned() }
}

fn shown_id(entity: Node<'_, '_>) -> String {
    clip(attribute(entity, "entityID").unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_the_schema_writes_them() {
        for (text, seconds) in [
            ("PT6H", Some(21_600)),
            ("P1D", Some(86_400)),
            ("P0Y0M7DT1H2M3.5S", Some(7 * 86_400 + 3723)),
            ("P1M", Some(30 * 86_400)),
            ("PT0S", Some(0)),
            ("PT604800.000S", Some(604_800)),
            ("", None),
            ("P", None),
            ("PT", None),
            ("P1DT", None),
            ("-PT1H", None),
            ("PT1H30", None),
            ("PT1S1H", None),
            ("P1.5D", None),
            ("PT.5S", None),
            ("P99999999999999999999Y", None),
            ("P99999999999999999Y", None),
            ("6h", None),
        ] {
            assert_eq!(duration(text), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
