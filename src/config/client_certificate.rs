//! Which certificates authenticate a client, in `[[pool.client]]`.

use std::net::IpAddr;

use super::uri;
use crate::model::client_authentication::CertificateName;
use crate::model::document::{Invalid, Table};
use crate::model::encoding::base64url_decode;
use crate::protocol::oauth2::distinguished_name::DistinguishedName;

/// What a certificate is called ([RFC 8705 section
/// 2.1.2](https://www.rfc-editor.org/rfc/rfc8705#section-2.1.2)).
const NAMES: [&str; 5] = [
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
];
const THUMBPRINTS: &str = "certificate_thumbprints";

/// Exactly one name where `wanted`, none otherwise.
pub(super) fn name(table: &Table<'_>, wanted: bool) -> Option<CertificateName> {
    let [subject, dns, uri, ip, email] = NAMES;
    let names = [
        table.parsed(subject, subject_dn),
        table.parsed(dns, dns_name),
        table.parsed(uri, |text| uri::resource(text).map(CertificateName::Uri)),
        table.parsed(ip, address),
        table.parsed(email, mailbox),
    ];
    let given: Vec<&str> = NAMES.into_iter().filter(|key| table.has(key)).collect();
    match (wanted, given.as_slice()) {
        (true, []) => {
            let fix =
                "add tls_client_auth_subject_dn or one of tls_client_auth_san_dns, _uri, _ip and _email";
            table.problem("client_auth", "the client's certificate has no name", fix);
        }
        (true, [_]) | (false, []) => {}
        (true, [.., last]) => table.problem(last, "the certificate is named more than once", "keep one name"),
        (false, [first, ..]) => {
            let fix = "add client_auth = \"tls_client_auth\", or remove the key";
            table.problem(first, "the client shows no certificate of an authority", fix);
        }
    }
    names.into_iter().flatten().next()
}

/// SHA-256 of the certificates of `self_signed_tls_client_auth`: at least one where `wanted`, none otherwise.
pub(super) fn thumbprints(table: &Table<'_>, wanted: bool) -> Vec<[u8; 32]> {
    let given = table.parsed_list(THUMBPRINTS, thumbprint);
    match (wanted, table.has(THUMBPRINTS)) {
        (true, false) => {
            table.problem("client_auth", "the client has no certificates", "add certificate_thumbprints");
        }
        (true, true) if table.strings(THUMBPRINTS).is_some_and(|all| all.is_empty()) => {
            table.problem(THUMBPRINTS, "the list is empty", "name the client's certificates");
        }
        (true, true) | (false, false) => {}
        (false, true) => {
            let fix = "add client_auth = \"self_signed_tls_client_auth\", or remove the key";
            table.problem(
                THUMBPRINTS,
                "the client shows no certificate that is known by its thumbprint",
                fix,
            );
        }
    }
    given.unwrap_or_default()
}

fn subject_dn(text: &str) -> Result<CertificateName, Invalid> {
    let fix = "write it as RFC 4514 says, CN=app,O=Bank,C=DE: openssl x509 -noout -subject -nameopt RFC2253";
    let name = DistinguishedName::parse(text).map(|_| CertificateName::Subject(text.to_owned()));
    name.ok_or_else(|| Invalid::new(format!("{text:?} is no distinguished name"), fix))
}

fn dns_name(text: &str) -> Result<CertificateName, Invalid> {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if text.split('.').all(label) {
        Ok(CertificateName::Dns(text.to_owned()))
    } else {
        Err(Invalid::new(
            format!("{text:?} is no DNS name"),
            "write the name as it stands in the certificate, such as app.bank.example",
        ))
    }
}

fn address(text: &str) -> Result<CertificateName, Invalid> {
    match text.parse() {
        Ok(IpAddr::V4(address)) => Ok(CertificateName::Ip(address.octets().to_vec())),
        Ok(IpAddr::V6(address)) => Ok(CertificateName::Ip(address.octets().to_vec())),
        Err(_) => Err(Invalid::new(format!("{text:?} is no address"), "write 192.0.2.1 or 2001:db8::1")),
    }
}

fn mailbox(text: &str) -> Result<CertificateName, Invalid> {
    match text.split_once('@') {
        Some((name, host)) if !name.is_empty() && !host.is_empty() && !host.contains('@') => {
            Ok(CertificateName::Email(text.to_owned()))
        }
        _ => Err(Invalid::new(
            format!("{text:?} is no e-mail address"),
            "write the address as it stands in the certificate",
        )),
    }
}

/// `x5t#S256`, or hexadecimal digits as `openssl x509 -fingerprint -sha256` writes them.
fn thumbprint(text: &str) -> Result<[u8; 32], Invalid> {
    let bytes = base64url_decode(text).filter(|bytes| bytes.len() == 32).or_else(|| hexadecimal(text));
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        let fix = "write what openssl x509 -noout -fingerprint -sha256 says of the certificate";
        Invalid::new(format!("{text:?} is no SHA-256 of a certificate"), fix)
    })
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|character| *character != ':')
        .map(|digit| digit.to_digit(16))
        .collect::<Option<_>>()?;
    digits
        .chunks(2)
        .map(|pair| {
            <[u32; 2]>::try_from(pair).ok().and_then(|[high, low]| u8::try_from(high * 16 + low).ok())
        })
        .collect()
}
