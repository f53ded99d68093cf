//! How proxies write the certificate that an app showed them: the byte sequence of [RFC
//! 9440](https://www.rfc-editor.org/rfc/rfc9440) (HAProxy), percent-encoded PEM (nginx, the balancers of
//! AWS), bare base64 (Traefik), `Cert=` among other things (Envoy).

use crate::model::encoding::base64_decode;

/// Longest header that is read.
const MAX_HEADER: usize = 60 * 1024;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates in DER, the app's own first; `None` when it cannot be told for sure which they are.
pub fn read(value: &str) -> Option<Vec<Vec<u8>>> {
    let value = value.trim();
    if value.len() > MAX_HEADER || value.is_empty() {
        return None;
    }
    if value.starts_with(':') {
        return byte_sequence(value).map(|der| vec![der]);
    }
    let upper = value.get(..5).map(str::to_ascii_uppercase);
    if upper.is_some_and(|start| {
        ["HASH=", "CERT=", "CHAIN", "SUBJE"].contains(&start.as_str()) || start.starts_with("BY=")
    }) {
        return envoy(value);
    }
    let text = percent_decoded(value)?;
    if text.contains("-----BEGIN") {
        pem(&text)
    } else {
        text.split(',').map(|each| base64_decode(each.trim())).collect()
    }
}

/// The members of `Client-Cert-Chain` ([section 2.3](https://www.rfc-editor.org/rfc/rfc9440#section-2.3)).
pub fn read_chain(value: &str) -> Option<Vec<Vec<u8>>> {
    if value.len() > MAX_HEADER {
        return None;
    }
    value.split(',').map(|each| byte_sequence(each.trim())).collect()
}

/// The certificates in PEM text that holds nothing else.
pub fn pem(text: &str) -> Option<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (body, after) = rest.strip_prefix(BEGIN)?.split_once(END)?;
        let body: String = body.chars().filter(|character| !character.is_ascii_whitespace()).collect();
        found.push(base64_decode(&body)?);
        rest = after.trim_start();
    }
    (!found.is_empty()).then_some(found)
}

fn byte_sequence(value: &str) -> Option<Vec<u8>> {
    base64_decode(value.strip_prefix(':')?.strip_suffix(':')?)
}

/// `Cert` and `Chain` of
/// [`x-forwarded-client-cert`](https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers).
/// What else is in there comes out of certificates that anybody may have made, so a second hop or a second
/// `Cert` means that somebody's name was written to look like one.
fn envoy(value: &str) -> Option<Vec<Vec<u8>>> {
    let (mut own, mut chain) = (None, None);
    let mut rest = value;
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (text, after) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => after.split_at_checked(after.find([';', ',']).unwrap_or(after.len()))?,
        };
        let place = match key.trim().to_ascii_lowercase().as_str() {
            "cert" => &mut own,
            "chain" => &mut chain,
            _ => &mut None,
        };
        if place.replace(text).is_some() {
            return None;
        }
        rest = match after.strip_prefix(';') {
            Some(more) => more,
            None if after.is_empty() => after,
            None => return None,
        };
    }
    let own = pem(&percent_decoded(own?)?)?;
    let others = chain.map_or(Some(Vec::new()), |chain| pem(&percent_decoded(chain)?))?;
    match (own.as_slice(), others.first()) {
        ([_], None) => Some(own),
        // Envoy's chain begins with the app's own.
        ([only], Some(first)) if only == first => Some(others),
        _ => None,
    }
}

/// The text up to the closing quotation mark, where no escaped one stands, and what follows it.
fn unquoted(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\\' => escaped = !escaped,
            b'"' if !escaped => return Some((text.get(..at)?, text.get(at + 1..)?)),
            _ => escaped = false,
        }
    }
    None
}

/// A plus sign stays one: base64 has it.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encoding::base64;

    const PEM: &str = "-----BEGIN%20CERTIFICATE-----%0A+/8B%0A-----END%20CERTIFICATE-----%0A";
    const OTHER: &str = "-----BEGIN%20CERTIFICATE-----%0AAAAA%0A-----END%20CERTIFICATE-----%0A";

    #[test]
    fn every_proxy_s_way_of_writing_is_read() {
        let der = vec![0xfb, 0xff, 1];
        assert_eq!(base64(&der), "+/8B");
        let nginx = PEM.to_owned();
        for one in [
            ":+/8B:".to_owned(),
            "+/8B".to_owned(),
            "%2B%2F8B".to_owned(),
            nginx.replace('+', "%2B").replace('/', "%2F"),
            nginx.clone(),
            format!("Hash=ab;Cert=\"{PEM}\";Subject=\"CN=a\";URI=spiffe://a"),
            format!("By=spiffe://b;Hash=ab;Subject=\"CN=\\\"x\\\",O=;Cert=y\";Cert=\"{PEM}\""),
            format!("Hash=ab;Cert=\"{PEM}\";Chain=\"{PEM}\""),
        ] {
            assert_eq!(read(&one), Some(vec![der.clone()]), "{one}");
        }
        let two = Some(vec![der.clone(), vec![0, 0, 0]]);
        assert_eq!(read(&format!("{PEM}{OTHER}")), two);
        assert_eq!(read("+/8B,AAAA"), two);
        assert_eq!(read(&format!("Cert=\"{PEM}\";Chain=\"{PEM}{OTHER}\"")), two);
        assert_eq!(read_chain(":+/8B:, :AAAA:"), two);
    }

    /// Envoy writes names out of certificates that nobody has checked.
    #[test]
    fn a_name_that_looks_like_a_certificate_is_none() {
        for bad in [
            format!("Hash=ab;Cert=\"{PEM}\";URI=spiffe://x,Hash=cd;Cert=\"{OTHER}\""),
            format!("Hash=ab;Cert=\"{PEM}\";URI=spiffe://x;Cert=\"{OTHER}\""),
            format!("Hash=ab;Cert=\"{PEM}\";Chain=\"{OTHER}\""),
            format!("Hash=ab;Cert=\"{PEM}{OTHER}\""),
            "Hash=ab;Subject=\"CN=a\"".to_owned(),
            format!("Hash=ab;Cert=\"{PEM}"),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }

    #[test]
    fn nothing_is_guessed() {
        for bad in [
            "",
            ":",
            "::x",
            ":+/8B",
            ":+/8B:;x=1",
            ":+/8B:,:AAAA:",
            "+/8",
            "%2",
            "%zz",
            "(null)",
            "-----BEGIN%20X-----",
            "%ff",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read(&format!("x{PEM}")), None);
        assert_eq!(read(&"A".repeat(MAX_HEADER + 4)), None);
        assert_eq!(read_chain("+/8B"), None);
    }
}
