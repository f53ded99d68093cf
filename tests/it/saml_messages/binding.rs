//! Messages in the query and in a form, sent and received.

use std::borrow::Cow;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, ZlibEncoder};
use symbolon::model::encoding::base64;
use symbolon::model::fault::Refusal;
use symbolon::protocol::saml::binding::{
    BindingError, Message, PostMessage, RedirectQuery, decode, inflate, post_form, redirect_url,
};
use symbolon::protocol::saml::signature::SignaturePolicy;
use symbolon::protocol::saml::xml::MAX_MESSAGE;
use url::form_urlencoded::byte_serialize;

use super::world::{idp_key, idp_keys, new_key, recorded, recorded_certificate};

const LOCATION: &str = "https://idp.example/sso?tenant=1&lang=de%20AT";

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn query_of(xml: &str) -> String {
    format!("SAMLRequest={}", byte_serialize(base64(deflated(xml.as_bytes())).as_bytes()).collect::<String>())
}

fn code<T: std::fmt::Debug>(result: Result<T, BindingError>) -> &'static str {
    let error = result.unwrap_err();
    assert!(!error.hint().is_empty());
    error.code()
}

fn verify(query: &str, keys: &[&str]) -> Result<usize, BindingError> {
    let keys: Vec<_> = keys.iter().map(|name| recorded_certificate(name)).collect();
    RedirectQuery::parse(query)?.verify(&keys, SignaturePolicy::default())
}

/// C-68
#[test]
fn what_we_sign_in_a_query_is_verified_over_the_same_bytes() {
    let xml = "<a b=\"ä&amp;+\"/>".repeat(100);
    let url =
        redirect_url(LOCATION, Message::Request, &xml, Some("handle-1_~ +/%"), Some(idp_key())).unwrap();
    let query = url.query().unwrap();
    assert!(query.starts_with("tenant=1&lang=de%20AT&SAMLRequest="), "{query}");
    let received = RedirectQuery::parse(query).unwrap();
    assert_eq!((received.message, received.xml.as_slice()), (Message::Request, xml.as_bytes()));
    assert_eq!(received.relay_state.as_deref(), Some("handle-1_~ +/%"));
    let others = [new_key("other").certificate().clone(), idp_key().certificate().clone()];
    assert_eq!(received.verify(&others, SignaturePolicy::default()), Ok(1));
    assert_eq!(code(received.verify(&others[..1], SignaturePolicy::default())), "saml_query_signature");
    assert_eq!(code(received.verify(&[], SignaturePolicy::default())), "saml_query_signature", "C-30");
    let unsigned = redirect_url(LOCATION, Message::Response, &xml, None, None).unwrap();
    let received = RedirectQuery::parse(unsigned.query().unwrap()).unwrap();
    assert!(received.message == Message::Response && received.relay_state.is_none() && !received.is_signed());
    assert_eq!(code(received.verify(&idp_keys(), SignaturePolicy::default())), "saml_query_unsigned");
}

/// C-68
#[test]
fn queries_that_openssl_signed_are_verified_however_they_are_encoded_and_ordered() {
    let queries = recorded()["queries"].clone();
    for (name, query) in queries.as_object().unwrap() {
        let query = query.as_str().unwrap();
        assert_eq!(verify(query, &["other_certificate", "certificate"]), Ok(1), "{name}");
        let reversed: Vec<&str> = query.rsplit('&').collect();
        assert_eq!(
            verify(&format!("lang=de&{}", reversed.join("&")), &["certificate"]),
            Ok(0),
            "{name}, another order"
        );
        assert_eq!(code(verify(query, &["other_certificate"])), "saml_query_signature", "{name}");
    }
    let relay_state = |name: &str| RedirectQuery::parse(queries[name].as_str().unwrap()).unwrap().relay_state;
    assert_eq!(relay_state("lower").as_deref(), Some("https://idp.example/done"));
    assert_eq!(relay_state("plus").as_deref(), Some("a b"));
    assert_eq!(relay_state("empty"), None);
    // The same values in another encoding are other bytes than were signed.
    let lower = queries["lower"].as_str().unwrap();
    for changed in [
        lower.replace("%3a", "%3A"),
        lower.replace("SAMLRequest=", "SAMLResponse="),
        lower.replace("idp.example%2fdone", "idp.example%2fdona"),
        lower.replace("&RelayState=https%3a%2f%2fidp.example%2fdone", ""),
        queries["none"].as_str().unwrap().replace("&SigAlg", "&RelayState=x&SigAlg"),
        queries["none"].as_str().unwrap().replace("&SigAlg", "&RelayState=&SigAlg"),
        lower.replace("rsa-sha256", "rsa-sha512"),
        lower.replace("rsa-sha256", "rsa-sha1").replace("2001%2f04%2fxmldsig-more", "2000%2f09%2fxmldsig"),
        lower.replace("rsa-sha256", "hmac-sha256"),
        lower.replace("rsa-sha256", ""),
    ] {
        assert_ne!(changed, lower);
        assert_eq!(code(verify(&changed, &["certificate"])), "saml_query_signature", "{changed}");
    }
}

/// C-68
#[test]
fn a_query_that_says_something_twice_or_by_halves_is_refused() {
    let recorded = recorded()["queries"]["upper"].as_str().unwrap().to_owned();
    let (without_signature, signature) = recorded.rsplit_once('&').unwrap();
    let without_algorithm = format!("{}&{signature}", without_signature.rsplit_once('&').unwrap().0);
    for (query, expected) in [
        (format!("{recorded}&SAMLRequest=x"), "saml_parameter_duplicate"),
        (format!("SAMLRequest=&{recorded}"), "saml_parameter_duplicate"),
        (format!("{recorded}&%53AMLRequest=x"), "saml_parameter_duplicate"),
        (format!("{recorded}&RelayState=x"), "saml_parameter_duplicate"),
        (format!("{recorded}&SigAlg=x"), "saml_parameter_duplicate"),
        (format!("{recorded}&{signature}"), "saml_parameter_duplicate"),
        (format!("{recorded}&SAMLResponse=x"), "saml_message_ambiguous"),
        (without_signature.to_owned(), "saml_query_half_signed"),
        (without_algorithm, "saml_query_half_signed"),
        (recorded.replace("Signature=", "Signature=%FF"), "saml_percent_encoding"),
        (recorded.replace("Signature=", "Signature=%zz"), "saml_percent_encoding"),
        (recorded.replace("Signature=", "Signature=%2"), "saml_percent_encoding"),
        (recorded.replace("Signature=", "Signature=*"), "saml_base64"),
        (
            recorded.replace("Signature=", &format!("Signature={}", "A".repeat(4096))),
            "saml_message_too_large",
        ),
        (format!("{recorded}&SAMLEncoding=zip"), "saml_encoding"),
        ("RelayState=x".to_owned(), "saml_message_missing"),
        ("SAMLRequest=".to_owned(), "saml_message_missing"),
        (String::new(), "saml_message_missing"),
        ("&&=&=x&%".to_owned(), "saml_message_missing"),
    ] {
        assert_eq!(code(RedirectQuery::parse(&query)), expected, "{query}");
    }
    assert!(
        RedirectQuery::parse(&format!(
            "{recorded}&SAMLEncoding=urn%3Aoasis%3Anames%3Atc%3ASAML%3A2.0%3Abindi\
            ngs%3AURL-Encoding%3ADEFLATE"
        ))
        .is_ok()
    );
}

/// C-65
#[test]
fn relay_state_is_opaque_and_bounded() {
    let sent = |message, length: usize| {
        redirect_url(LOCATION, message, "<a/>", Some(&"x".repeat(length)), None).map(drop)
    };
    assert_eq!(sent(Message::Request, 80), Ok(()));
    assert_eq!(code(sent(Message::Request, 81)), "saml_relay_state_too_long");
    assert_eq!(
        code(post_form(LOCATION, Message::Request, "<a/>", Some(&"x".repeat(81)))),
        "saml_relay_state_too_long"
    );
    assert_eq!(sent(Message::Response, 2048), Ok(()), "what came is given back");
    assert_eq!(code(sent(Message::Response, 2049)), "saml_relay_state_too_long");
    for text in [
        "https://evil.example/",
        "//evil.example",
        "javascript:alert(1)",
        "\"><script>alert(1)</script>",
        "&SAMLRequest=x",
        "a\u{0}b",
    ] {
        let encoded: String = byte_serialize(text.as_bytes()).collect();
        let received = RedirectQuery::parse(&format!("{}&RelayState={encoded}", query_of("<a/>"))).unwrap();
        assert_eq!(received.relay_state.as_deref(), Some(text), "as it came, for a look-up");
        let url = redirect_url(LOCATION, Message::Response, "<a/>", Some(text), None).unwrap();
        assert_eq!(url.host_str(), Some("idp.example"));
        assert_eq!(url.query_pairs().filter(|(name, _)| name == "SAMLRequest").count(), 0);
        assert_eq!(url.query_pairs().last().unwrap(), (Cow::from("RelayState"), Cow::from(text)));
    }
    let long = format!("{}&RelayState={}", query_of("<a/>"), "x".repeat(2049));
    assert_eq!(code(RedirectQuery::parse(&long)), "saml_relay_state_too_long");
}

/// C-73
#[test]
fn a_deflate_bomb_is_cut() {
    let limit = vec![b'x'; MAX_MESSAGE];
    assert_eq!(inflate(&base64(deflated(&limit)), Message::Request).unwrap().len(), MAX_MESSAGE);
    let above = vec![b'x'; MAX_MESSAGE + 1];
    assert_eq!(code(inflate(&base64(deflated(&above)), Message::Request)), "saml_message_too_large");
    let bomb = base64(deflated(&vec![0; 64 * 1024 * 1024]));
    assert_eq!(code(inflate(&bomb, Message::Request)), "saml_message_too_large");
    assert_eq!(
        code(RedirectQuery::parse(&format!("SAMLRequest={}", "A".repeat(20_000_000)))),
        "saml_message_too_large"
    );
    assert_eq!(
        code(PostMessage::parse(&format!("SAMLResponse={}", "A".repeat(20_000_000)))),
        "saml_message_too_large"
    );
    assert_eq!(code(decode(&base64(&above), Message::Response)), "saml_message_too_large");
}

/// C-73
#[test]
fn only_one_whole_stream_is_inflated() {
    let whole = deflated("<a/>".repeat(500).as_bytes());
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(b"<a/>").unwrap();
    for broken in [
        &whole[..whole.len() - 1],
        &whole[..1],
        &[],
        &[whole.as_slice(), b"x"].concat(),
        &zlib.finish().unwrap(),
        b"<a/>",
        &[0xff; 64],
    ] {
        assert_eq!(code(inflate(&base64(broken), Message::Request)), "saml_deflate");
    }
}

/// C-73
#[test]
fn base64_is_strict_but_may_be_wrapped() {
    let plain = base64("<samlp:Response>?>~</samlp:Response>.");
    let wrapped = plain
        .as_bytes()
        .chunks(16)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect::<Vec<_>>()
        .join("\r\n");
    assert_eq!(decode(&plain, Message::Response), decode(&wrapped, Message::Response));
    assert!(decode(&format!("  {plain}\t"), Message::Response).is_ok());
    for bad in [
        plain.replace('+', "-").replace('/', "_"),
        plain.trim_end_matches('=').to_owned(),
        format!("{plain}="),
        format!("{plain}{plain}"),
        plain.replacen('P', "%", 1),
        plain.replacen('P', "\u{a0}", 1),
        plain.replacen('P', "\0", 1),
        "PGEvPh==".to_owned(),
        "<a/>".to_owned(),
    ] {
        assert_eq!(code(decode(&bad, Message::Response)), "saml_base64", "{bad}");
    }
}

#[test]
fn a_form_carries_the_document_as_it_is() {
    let xml = "<a b=\"ä&amp;+\"/>";
    let form = post_form(LOCATION, Message::Request, xml, Some("h")).unwrap();
    assert_eq!((form.action.as_str(), form.fields.len()), (LOCATION, 2));
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
    let received = PostMessage::parse(&body).unwrap();
    assert_eq!(
        (received.message, received.xml.as_slice(), received.relay_state.as_deref()),
        (Message::Request, xml.as_bytes(), Some("h"))
    );
    assert_eq!(code(PostMessage::parse(&format!("{body}&SAMLRequest=x"))), "saml_parameter_duplicate");
    assert_eq!(code(PostMessage::parse(&format!("{body}&SAMLResponse=x"))), "saml_message_ambiguous");
    assert_eq!(code(PostMessage::parse("a=b")), "saml_message_missing");
}

/// C-70
#[test]
fn a_message_goes_to_a_web_address_and_keeps_its_own_parameters() {
    for bad in [
        "javascript:alert(1)",
        "mailto:a@idp.example",
        "/sso",
        "",
        "https://idp.example/#f",
        "https://idp.example/?SAMLRequest=x",
        "https://idp.example/?%53igAlg=x",
        "https://idp.example/?RelayState=x",
    ] {
        assert_eq!(
            code(redirect_url(bad, Message::Request, "<a/>", None, None)),
            "saml_location_unusable",
            "{bad}"
        );
        assert_eq!(code(post_form(bad, Message::Request, "<a/>", None)), "saml_location_unusable", "{bad}");
    }
}
