//! What is no document here.

use symbolon::protocol::saml::xml::{
    Document, MAX_MESSAGE, XmlError, attribute, escape_attribute, escape_text, is, ns, only_child,
    required_child, text,
};

fn refused(xml: impl AsRef<[u8]>) -> XmlError {
    match Document::parse(xml.as_ref()) {
        Ok(document) => panic!("read as {:?}: {}", document, String::from_utf8_lossy(xml.as_ref())),
        Err(error) => error,
    }
}

/// C-22, C-25: at the first byte of it, wherever it stands.
#[test]
fn a_doctype_is_refused() {
    for doctype in [
        "<!DOCTYPE a>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\">",
        "<!DOCTYPE a PUBLIC \"x\" \"http://127.0.0.1/x.dtd\">",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"jar:http://127.0.0.1/x\">]>",
        "<!DOCTYPE a [<!ENTITY % x \"y\"> %x;]>",
        "<!doctype a>",
        "<!ENTITY x \"y\">",
    ] {
        for xml in [
            format!("{doctype}<a/>"),
            format!("<a>{doctype}</a>"),
            format!("<a/>{doctype}"),
            format!("<?xml version=\"1.0\"?>{doctype}<a/>"),
        ] {
            assert_eq!(refused(&xml), XmlError::Refused { line: 1, what: "a DOCTYPE" }, "{xml}");
        }
    }
}

/// C-21, C-25
#[test]
fn processing_instructions_are_refused() {
    for xml in [
        "<?x?><a/>",
        "<a><?x y?></a>",
        "<a/><?x?>",
        "<?xml-stylesheet href=\"http://127.0.0.1\"?><a/>",
        " <?xml version=\"1.0\"?><a/>",
        "<?xml\tversion=\"1.0\"?><a/>",
    ] {
        assert!(matches!(refused(xml), XmlError::Refused { what: "a processing instruction", .. }), "{xml}");
    }
}

/// C-20, C-22, C-26
#[test]
fn only_the_five_entities_and_real_characters_are_known() {
    for reference in [
        "&x;",
        "&lol;",
        "&AMP;",
        "&amp",
        "&",
        "& amp;",
        "&;",
        "&#;",
        "&#x;",
        "&#0;",
        "&#x1;",
        "&#xD800;",
        "&#xFFFE;",
        "&#x110000;",
        "&#99999999999;",
        "&#-1;",
        "&#+65;",
        "&#X41;",
        "&#4a;",
        "&am&amp;p;",
    ] {
        for xml in [format!("<a>{reference}</a>"), format!("<a b=\"{reference}\"/>")] {
            refused(&xml);
        }
    }
    let known = "<a b='&#9;&#x41;'>&amp;&lt;&gt;&quot;&apos;&#65;&#x1F600;<![CDATA[& &x;]]></a>";
    let document = Document::parse(known.as_bytes()).unwrap();
    assert_eq!(text(document.root()).unwrap(), "&<>\"'A😀& &x;");
    assert_eq!(attribute(document.root(), "b"), Some("\tA"));
}

/// C-24
#[test]
fn what_is_not_well_formed_is_refused() {
    for xml in [
        "",
        " ",
        "x",
        "<a>",
        "<a></b>",
        "<a><b></a></b>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a b/>",
        "<a b=c/>",
        "<a b='<'/>",
        "<a b='1' b='2'/>",
        "<a b='1'c='2'/>",
        "<a",
        "<a b='",
        "</a>",
        "<a></a></a>",
        "<>",
        "<a>]]></a>",
        "<a><!-- -- --></a>",
        "<a><!--",
        "<a><![CDATA[",
        "<1/>",
        "<a:b/>",
        "<a b:c=''/>",
        "<:a/>",
        "<a></:a>",
        "<a :b=''/>",
        "<a:b:c xmlns:a='u:'/>",
        "<a: xmlns:a='u:'/>",
        "<a\0/>",
        "<a>\0</a>",
        "<a>\u{1}</a>",
        "<a>\u{FFFE}</a>",
        "<a b='\u{1}'/>",
        "<a/ >",
        "< a/>",
        "<a / >",
    ] {
        refused(xml);
    }
}

/// C-24: overlong forms, surrogates, other encodings.
#[test]
fn what_is_not_utf8_is_refused() {
    for bytes in [
        &b"<a>\xC0\xBC</a>"[..],
        b"<a>\xED\xA0\x80</a>",
        b"<a>\xFF</a>",
        b"<a>\xF8\x88\x80\x80\x80</a>",
        b"\xFE\xFF\0<\0a\0/\0>",
        b"\xFF\xFE<\0a\0/\0>\0",
        b"<\0a\0/\0>\0",
    ] {
        refused(bytes);
    }
    for declaration in [
        "<?xml version='1.1'?>",
        "<?xml version='1.0' encoding='ISO-8859-1'?>",
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
        "<?xml encoding='UTF-8'?>",
        "<?xml ?>",
        "<?xml version='1.0'",
    ] {
        refused(format!("{declaration}<a/>"));
    }
    for declaration in [
        "\u{FEFF}",
        "<?xml version='1.0'?>",
        "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\r\n",
        "\u{FEFF}<?xml version='1.0' encoding='UTF-8'?>",
    ] {
        Document::parse(format!("{declaration}<a/>").as_bytes()).unwrap();
    }
}

/// C-21: a carriage return that ends no line is read differently from parser to parser.
#[test]
fn line_ends_are_read_in_one_way() {
    for xml in ["<a>\r</a>", "<a>x\ry</a>", "<a>\r&#10;</a>", "<a b='\r'/>", "<a/>\r"] {
        assert!(matches!(
            refused(xml),
            XmlError::Refused { what: "a carriage return that ends no line", .. }
        ));
    }
    let document = Document::parse(b"<a b='1\r\n2'>3\r\n&#13;\r\n<![CDATA[4\r\n]]></a>").unwrap();
    assert_eq!(
        (attribute(document.root(), "b"), text(document.root()).unwrap().as_str()),
        (Some("1 2"), "3\n\r\n4\n")
    );
}

/// C-11: whatever some reader takes for an ID.
#[test]
fn two_elements_never_have_the_same_id() {
    let ids = ["ID", "Id", "id", "iD", "xml:id", "x:ID", "x:Id", "y:id"];
    for one in ids {
        for other in ids {
            let xml = format!("<r xmlns:x='urn:x' xmlns:y='urn:y'><a {one}='_1'/><b {other}='_1'/></r>");
            assert_eq!(refused(&xml), XmlError::DuplicateId { id: "_1".to_owned() }, "{one} {other}");
            if one != other {
                refused(format!("<r xmlns:x='urn:x' xmlns:y='urn:y' {one}='_1' {other}='_&#49;'/>"));
            }
        }
    }
    Document::parse(b"<r ID='_1'><a ID='_2'/><b ID='_3' Name='_1'/></r>").unwrap();
}

/// C-12, C-23
#[test]
fn namespaces_are_absolute_and_bound_once() {
    for declaration in [
        "xmlns='relative'",
        "xmlns='./x'",
        "xmlns='//host/x'",
        "xmlns='#x'",
        "xmlns=' urn:x'",
        "xmlns:p='relative'",
        "xmlns:p='1urn:x'",
        "xmlns:p='&#x2E;/x'",
        "xmlns:p=''",
        "xmlns:xml='urn:x'",
        "xmlns:xmlns='urn:x'",
        "xmlns:p='http://www.w3.org/XML/1998/namespace'",
        "xmlns='http://www.w3.org/XML/1998/namespace'",
        "xmlns='http://www.w3.org/2000/xmlns/'",
        "xmlns:p='http://www.w3.org/2000/xmlns/'",
        "xmlns='urn:x' xmlns='urn:y'",
        "xmlns='urn:x' xmlns='urn:x'",
        "xmlns:p='urn:x' xmlns:p='urn:y'",
        "xmlns:p='urn:x' p:xmlns='urn:y'",
        "xmlns:p='u:' xmlns:q='u:' p:a='' q:a=''",
        "xmlns:='urn:x'",
        "xmlns='urn:a&amp;b'",
        "xmlns='urn:a b'",
        "xmlns='urn:é'",
        "xmlns='urn:%'",
        "xmlns='urn:%4'",
        "xmlns='http://host:x/'",
        "xmlns='http:///path'",
        "xmlns='http://a:1:2/'",
        "xmlns='urn:a#b#c'",
        "xmlns:p='urn:a\"b'",
    ] {
        refused(format!("<a {declaration}/>"));
    }
    refused("<xmlns:a/>");
    let document =
        Document::parse(b"<a xmlns='urn:x' notxmlns='relative' xmlnsx='relative'><a xmlns=''/></a>").unwrap();
    assert!(is(document.root(), "urn:x", "a"));
    assert!(!is(document.root().first_element_child().unwrap(), "urn:x", "a"));
}

/// C-12: an attribute in a namespace, or an element in another, is something else.
#[test]
fn names_are_compared_with_their_namespace() {
    let xml = format!(
        "<r xmlns:x='urn:x' x:ID='_1' xmlns:saml='{}'><x:Issuer/><Issuer/><saml:Issuer/></r>",
        ns::SAML
    );
    let document = Document::parse(xml.as_bytes()).unwrap();
    assert_eq!(attribute(document.root(), "ID"), None);
    assert_eq!(
        required_child(document.root(), ns::SAML, "Issuer").unwrap().tag_name().namespace(),
        Some(ns::SAML)
    );
    let missing = required_child(document.root(), ns::SAMLP, "Issuer");
    assert_eq!(missing.unwrap_err(), XmlError::Missing { element: "Issuer", parent: "r".to_owned() });
    let twice = xml.replace("<Issuer/>", "<saml:Issuer/>");
    let document = Document::parse(twice.as_bytes()).unwrap();
    assert_eq!(
        only_child(document.root(), ns::SAML, "Issuer").unwrap_err(),
        XmlError::Repeated { element: "Issuer", parent: "r".to_owned() }
    );
}

/// C-20: the full text or a refusal, never a part of it.
#[test]
fn text_is_whole_or_refused() {
    let read = |xml: &str| text(Document::parse(xml.as_bytes()).unwrap().root());
    assert_eq!(read("<a>user@good<![CDATA[.evil]]></a>").unwrap(), "user@good.evil");
    assert_eq!(read("<a> \n x </a>").unwrap(), " \n x ");
    assert_eq!(read("<a/>").unwrap(), "");
    for (xml, found) in [
        ("<a>user@good<!--x-->.evil</a>", "a comment"),
        ("<a><!--x-->user</a>", "a comment"),
        ("<a>user<!--x--></a>", "a comment"),
        ("<a><!--x--></a>", "a comment"),
        ("<a>user<b/></a>", "an element"),
        ("<a><b>user</b></a>", "an element"),
    ] {
        assert_eq!(read(xml).unwrap_err(), XmlError::NotText { element: "a".to_owned(), found }, "{xml}");
    }
}

/// C-74: what is written is read back as it was, whatever it is.
#[test]
fn escaped_text_comes_back() {
    for value in
        ["", "plain", "<script>&\"'", "]]>", "\t\n\r\n", "é😀", "a\u{0}b\u{1}c\u{FFFE}", "--><!DOCTYPE a>"]
    {
        let xml = format!("<a b=\"{}\">{}</a>", escape_attribute(value), escape_text(value));
        let document = Document::parse(xml.as_bytes()).unwrap();
        let expected: String = value
            .chars()
            .map(|c| if matches!(c, '\u{0}' | '\u{1}' | '\u{FFFE}') { '\u{FFFD}' } else { c })
            .collect();
        assert_eq!(
            (attribute(document.root(), "b"), text(document.root()).unwrap()),
            (Some(expected.as_str()), expected.clone())
        );
    }
}

/// C-26
#[test]
fn limits_are_where_they_are_said_to_be() {
    let nested = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    Document::parse(nested(64).as_bytes()).unwrap();
    assert!(matches!(refused(nested(65)), XmlError::TooMany { what: "levels of elements", limit: 64, .. }));
    let with = |count: usize, attribute: &dyn Fn(usize) -> String| {
        format!("<a {}/>", (0..count).map(attribute).collect::<Vec<_>>().join(" "))
    };
    Document::parse(with(64, &|at| format!("a{at}=''")).as_bytes()).unwrap();
    refused(with(65, &|at| format!("a{at}=''")));
    Document::parse(with(48, &|at| format!("xmlns:a{at}='u:'")).as_bytes()).unwrap();
    refused(with(49, &|at| format!("xmlns:a{at}='u:'")));
    let padded = |bytes: usize| format!("<a>{}</a>", "x".repeat(bytes - "<a></a>".len()));
    Document::parse(padded(MAX_MESSAGE).as_bytes()).unwrap();
    assert_eq!(
        refused(padded(MAX_MESSAGE + 1)),
        XmlError::TooLarge { bytes: MAX_MESSAGE + 1, limit: MAX_MESSAGE }
    );
}

/// The admin finds the place.
#[test]
fn errors_name_the_line() {
    assert_eq!(refused("<a>\n\n<?x?></a>"), XmlError::Refused { line: 3, what: "a processing instruction" });
    assert!(refused("<a>\n<b></c></a>").to_string().contains("2:"));
}
