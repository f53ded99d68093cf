"""C-17 to C-27: what parsers disagree about, what costs too much, what would make a careless reader fetch something."""

from .corpus import Big
from .message import ACS, CLAIMS, IDP, RESPONSE_START, SIX, Forge, chain, enveloped, swap
from .signing import DS, ENVELOPED, EXCLUSIVE, SAML, SAMLP, prefixes, reference, template, transform, x509_key_info

XML = "saml_xml_refused"
XML_INSIDE = "saml_xml_refused saml_decryption_refused"
SIGNATURE = "saml_signature_refused"
PI = "<?go on?>"
WITH_CERTIFICATE = lambda identifier: enveloped(identifier, key_info=x509_key_info("a"))  # noqa: E731
START = RESPONSE_START.encode().decode()
END = "</samlp:Response>"


def add(corpus):
    for base in SIX:
        add_signature_text(corpus, base)
        add_transforms(corpus, base)
        add_text(corpus, base)
        add_outer(corpus, base)
        add_fetches(corpus, base)
    add_bombs(corpus)
    add_whole(corpus)


def touch(base, edit, **options):
    """Edits after signing what is signed innermost."""
    if base.assertion:
        return Forge(base, inner=edit, **options).build()
    return Forge(base, outer=edit, **options).build()


def add_signature_text(corpus, base):
    for element in ("DigestValue", "SignatureValue"):
        for name, piece in {"comment": "<!-- x -->", "PI": PI, "element": "<x/>", "garbage": "$"}.items():
            edit = swap(f"</ds:{element}>", f"{piece}</ds:{element}>")
            codes = "saml_signature_refused saml_xml_refused saml_decryption_refused"
            corpus.refuse("C-17", f"{name} in {element}, {base.name}", base.name, touch(base, edit), codes)
    space = swap("</ds:SignatureValue>", "\n\t </ds:SignatureValue>")
    corpus.accept("C-17", f"white space in SignatureValue, {base.name}", base.name, touch(base, space), CLAIMS)
    comment = swap("</ds:X509Certificate>", "<!-- x --></ds:X509Certificate>")
    document = touch(base, comment, signature=WITH_CERTIFICATE)
    corpus.accept("C-17", f"comment in X509Certificate, {base.name}", base.name, document, CLAIMS)


XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
FILTER2 = "http://www.w3.org/2002/06/xmldsig-filter2"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
IDENTITY = (
    '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0">'
    '<xsl:template match="/"><xsl:copy-of select="."/></xsl:template></xsl:stylesheet>'
)
NOT_SIGNATURE = f'<ds:XPath xmlns:ds="{DS}">not(ancestor-or-self::ds:Signature)</ds:XPath>'
NOTHING = "<ds:XPath>false()</ds:XPath>"
BOTH = transform(ENVELOPED) + transform(EXCLUSIVE)
TRANSFORMS = {
    "XPath": transform(ENVELOPED) + transform(XPATH, NOT_SIGNATURE) + transform(EXCLUSIVE),
    "XPath that keeps nothing": transform(ENVELOPED) + transform(XPATH, NOTHING),
    "XPath filter 2": transform(FILTER2, f'<f:XPath xmlns:f="{FILTER2}" xmlns:ds="{DS}" Filter="subtract">//ds:Signature</f:XPath>')
    + transform(EXCLUSIVE),
    "XSLT": transform(ENVELOPED) + transform(XSLT, IDENTITY) + transform(EXCLUSIVE),
    "a third": BOTH + transform(EXCLUSIVE),
    "with comments": transform(ENVELOPED) + transform(EXCLUSIVE + "WithComments"),
    "inclusive": transform(ENVELOPED) + transform(INCLUSIVE),
    "only enveloped": transform(ENVELOPED),
}


def add_transforms(corpus, base):
    for name, transforms in TRANSFORMS.items():
        signature = lambda identifier, transforms=transforms: template(reference("#" + identifier, transforms))  # noqa: E731
        case = "C-19" if "nothing" in name else "C-18"
        corpus.refuse(case, f"{name}, {base.name}", base.name, Forge(base, signature=signature).build(), SIGNATURE)
    for name, uri in {"inclusive SignedInfo": INCLUSIVE, "SignedInfo with comments": EXCLUSIVE + "WithComments"}.items():
        signature = lambda identifier, uri=uri: enveloped(identifier, c14n=uri)  # noqa: E731
        corpus.refuse("C-18", f"{name}, {base.name}", base.name, Forge(base, signature=signature).build(), SIGNATURE)
    long = prefixes(" ".join(f"p{number}" for number in range(300)))
    signature = lambda identifier: template(reference("#" + identifier, transform(ENVELOPED) + transform(EXCLUSIVE, long)))  # noqa: E731
    corpus.refuse("C-18", f"300 prefixes, {base.name}", base.name, Forge(base, signature=signature).build(), SIGNATURE)
    edits = {
        "base64": ("C-18", EXCLUSIVE + '"/></ds:Transforms>', DS + 'base64"/></ds:Transforms>'),
        "decrypt": ("C-18", EXCLUSIVE + '"/></ds:Transforms>', 'http://www.w3.org/2002/07/decrypt#XML"/></ds:Transforms>'),
        "unknown": ("C-19", EXCLUSIVE + '"/></ds:Transforms>', 'urn:none"/></ds:Transforms>'),
        "unknown canonicalization of SignedInfo": ("C-19", f'Method Algorithm="{EXCLUSIVE}"', 'Method Algorithm="urn:none"'),
        "no canonicalization": ("C-19", f'Method Algorithm="{EXCLUSIVE}"', "Method"),
    }
    for name, (case, old, new) in edits.items():
        corpus.refuse(case, f"{name}, {base.name}", base.name, touch(base, swap(old, new)), SIGNATURE)
    # The digest of nothing, which a canonicalization that fails silently would give.
    empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    corpus.refuse("C-19", f"digest of nothing, {base.name}", base.name, touch(base, digest_value(empty)), SIGNATURE)


def digest_value(value):
    def edit(xml):
        start = xml.index("<ds:DigestValue>") + len("<ds:DigestValue>")
        return xml[:start] + value + xml[xml.index("</ds:DigestValue>") :]

    return edit


def add_text(corpus, base):
    """C-20: a name that a careless reader would cut. The canonical form has no comment, so the name is read whole."""
    whole = {"name_id": "admin@a.test.evil.test", "attributes": [["email", ["ana@a.test"]], ["groups", ["staff", "builders"]]]}
    mail = {"name_id": "ana", "attributes": [["email", ["admin@a.test.evil.test"]], ["groups", ["staff", "builders"]]]}
    places = {"NameID": (">ana<", whole), "attribute": (">ana@a.test<", mail)}
    for place, (old, claims) in places.items():
        honest = swap(old, ">admin@a.test.evil.test<")
        # Where only the response is signed, over the ciphertext, the plaintext has no canonical form that would drop the comment.
        verbatim = base.encrypted and not base.assertion
        for name, piece in {"comment": "<!-- x -->", "CDATA": "<![CDATA[]]>", "CDATA around": None}.items():
            new = "<![CDATA[admin@a.test]]>.evil.test" if piece is None else f"admin@a.test{piece}.evil.test"
            later = swap(">admin@a.test.evil.test<", f">{new}<")
            document = Forge(base, edit=honest, **{"inner" if base.assertion or base.encrypted else "outer": later}).build()
            if verbatim and name == "comment":
                corpus.refuse("C-20", f"{name} in {place}, {base.name}", base.name, document, XML)
            else:
                corpus.accept("C-20", f"{name} in {place}, {base.name}", base.name, document, claims)
        for name, piece in {"PI": PI, "entity": "&x;", "element": "<x/>"}.items():
            later = swap(">admin@a.test.evil.test<", f">admin@a.test{piece}.evil.test<")
            document = Forge(base, edit=honest, **{"inner" if base.encrypted else "outer": later}).build()
            codes = XML_INSIDE + (" saml_signature_refused" if name == "element" else "")
            if verbatim and name == "element" and place == "attribute":
                # Honestly encrypted: a value that is XML is left out whole.
                claims = {**mail, "attributes": [["email", []], mail["attributes"][1]]}
                corpus.accept("C-20", f"{name} in {place}, {base.name}", base.name, document, claims)
            else:
                corpus.refuse("C-20", f"{name} in {place}, {base.name}", base.name, document, codes)


def doctype(subset, id_="response"):
    return lambda xml: f"<!DOCTYPE {id_} {subset}>" + xml


DOCTYPES = {
    "internal": doctype('[<!ENTITY who "admin">]'),
    "external": doctype('SYSTEM "http://127.0.0.1:1/evil.dtd"'),
    "public": doctype('PUBLIC "-//x//y" "http://127.0.0.1:1/evil.dtd"'),
    "entity named as the ID": chain(swap('ID="_r1"', 'ID="&id;"'), doctype('[<!ENTITY id "_r1">]')),
    "parameter entity": doctype('[<!ENTITY % p "<!ENTITY who \'admin\'>"> %p;]'),
    "default attribute": doctype('[<!ATTLIST samlp:Response ID CDATA "_r1">]'),
    "lower case": lambda xml: "<!doctype response>" + xml,
    "empty": lambda xml: "<!DOCTYPE response>" + xml,
    "with a quoted >": doctype('[<!ENTITY x ">" >]'),
    "after the root": lambda xml: xml + "<!DOCTYPE response>",
}
DIFFERENTIALS = {
    "ELEMENT directive": lambda xml: "<!ELEMENT x ANY>" + xml,
    "PI before": lambda xml: PI + xml,
    "PI inside": swap("<samlp:Status>", f"<samlp:Status>{PI}"),
    "PI after": lambda xml: xml + PI,
    "XML 1.1": lambda xml: '<?xml version="1.1"?>' + xml,
    "Latin-1 declared": lambda xml: '<?xml version="1.0" encoding="ISO-8859-1"?>' + xml,
    "UTF-7 declared": lambda xml: '<?xml version="1.0" encoding="UTF-7"?>' + xml,
    "UTF-16": lambda xml: xml.encode("utf-16"),
    "two colons": swap("<samlp:Status>", "<samlp:x::y/><samlp:Status>"),
    "leading colon": swap("<samlp:Status>", "<:Status/><samlp:Status>"),
    "trailing colon": swap("<samlp:Status>", "<samlp:/><samlp:Status>"),
    "attribute without quotes": swap('Version="2.0"', "Version=2.0"),
    "attribute without value": swap('Version="2.0"', 'Version="2.0" checked'),
    "the same attribute by two prefixes": swap('ID="_r1"', 'ID="_r1" xmlns:x="urn:x" xmlns:y="urn:x" x:a="1" y:a="2"'),
    "the same attribute twice": swap('ID="_r1"', 'ID="_r1" ID="_r2"'),
    "NUL by reference": swap("<samlp:Status>", "&#0;<samlp:Status>"),
    "surrogate by reference": swap("<samlp:Status>", "&#xD800;<samlp:Status>"),
    "ampersand alone": swap("<samlp:Status>", "& <samlp:Status>"),
    "]]> in text": swap("<samlp:Status>", "]]><samlp:Status>"),
    "-- in a comment": swap("<samlp:Status>", "<!-- a -- b --><samlp:Status>"),
    "unclosed comment": swap("<samlp:Status>", "<!-- <samlp:Status>"),
    "unclosed CDATA": swap("<samlp:Status>", "<![CDATA[ <samlp:Status>"),
    "CDATA outside the root": lambda xml: "<![CDATA[]]>" + xml,
    "carriage return alone": swap("<samlp:Status>", "\r<samlp:Status>"),
    "less-than in an attribute": swap('Version="2.0"', 'Version="2.0" x="<"'),
    "end tag with an attribute": swap("</samlp:Status>", '</samlp:Status x="1">'),
}
NAMESPACES = {
    "relative URI": swap("<samlp:Status>", '<samlp:Status xmlns:x="relative">'),
    "relative default URI": swap("<samlp:Status>", '<samlp:Status xmlns="../up">'),
    "undeclared prefix": swap("<samlp:Status>", "<nowhere:Status/><samlp:Status>"),
    "undeclared attribute prefix": swap("<samlp:Status>", '<samlp:Status no:where="1">'),
    "xml bound anew": swap("<samlp:Status>", '<samlp:Status xmlns:xml="urn:x">'),
    "prefix for the xml namespace": swap("<samlp:Status>", '<samlp:Status xmlns:x="http://www.w3.org/XML/1998/namespace">'),
    "xmlns bound": swap("<samlp:Status>", '<samlp:Status xmlns:xmlns="urn:x">'),
    "prefix for the xmlns namespace": swap("<samlp:Status>", '<samlp:Status xmlns:x="http://www.w3.org/2000/xmlns/">'),
    "prefix bound to nothing": swap("<samlp:Status>", '<samlp:Status xmlns:x="">'),
    "prefix declared twice": swap("<samlp:Status>", '<samlp:Status xmlns:x="urn:x" xmlns:x="urn:y">'),
    "default declared twice": swap("<samlp:Status>", '<samlp:Status xmlns="urn:x" xmlns="urn:y">'),
}
MALFORMED = {
    "cut in half": lambda xml: xml[: len(xml) // 2],
    "without its last byte": lambda xml: xml[:-1],
    "without its end tag": lambda xml: xml[: -len(END)],
    "text after": lambda xml: xml + "more",
    "a second root": lambda xml: xml + "<more/>",
    "the same again": lambda xml: xml + xml,
    "text before": lambda xml: "x" + xml,
    "NUL after": lambda xml: xml + "\0",
    "NUL inside": swap("<samlp:Status>", "\0<samlp:Status>"),
    "control character": swap("<samlp:Status>", "\x01<samlp:Status>"),
    "overlong UTF-8": lambda xml: xml.encode().replace(b"<samlp:Status>", b"\xc0\xaf<samlp:Status>"),
    "overlong <": lambda xml: xml.encode().replace(b"<samlp:Status>", b"\xc0\xbcsamlp:Status>"),
    "surrogate in UTF-8": lambda xml: xml.encode().replace(b"<samlp:Status>", b"\xed\xa0\x80<samlp:Status>"),
    "noncharacter": lambda xml: xml.encode().replace(b"<samlp:Status>", b"\xef\xbf\xbf<samlp:Status>"),
    "Latin-1 byte": lambda xml: xml.encode().replace(b"<samlp:Status>", b"\xe9<samlp:Status>"),
    "missing end tag inside": swap("</samlp:Status>", ""),
    "crossed tags": swap("/></samlp:Status>", "></samlp:Status></samlp:StatusCode>"),
    "another letter in an end tag": swap("</samlp:Status>", "</samlp:status>"),
    "space before the declaration": lambda xml: ' <?xml version="1.0"?>' + xml,
}
ALLOWED = {
    "declaration": lambda xml: '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + xml,
    "byte order mark": lambda xml: "\ufeff" + xml,
    "line ends around": lambda xml: "\r\n" + xml + "\r\n",
    "comments around": lambda xml: "<!-- a -->" + xml + "<!-- b -->",
}


def add_outer(corpus, base):
    for case, edits in {"C-21": DIFFERENTIALS, "C-22": DOCTYPES, "C-23": NAMESPACES, "C-24": MALFORMED}.items():
        for name, edit in edits.items():
            corpus.refuse(case, f"{name}, {base.name}", base.name, Forge(base, outer=edit).build(), XML)
    for name, edit in ALLOWED.items():
        corpus.accept("C-24", f"{name}, {base.name}", base.name, Forge(base, outer=edit).build(), CLAIMS)
    if base.encrypted:
        inside = {
            "DOCTYPE inside": ("C-22", doctype('[<!ENTITY who "admin">]', "a")),
            "PI inside the plaintext": ("C-21", lambda xml: PI + xml),
            "relative URI inside the plaintext": ("C-23", swap("<saml:Subject>", '<saml:Subject xmlns:x="rel">')),
        }
        for name, (case, edit) in inside.items():
            corpus.refuse(case, f"{name}, {base.name}", base.name, Forge(base, inner=edit).build(), XML_INSIDE)


def add_fetches(corpus, base):
    """C-25, C-27: nothing here may be opened or fetched; the runner watches a listener on the port."""
    place = "http://127.0.0.1:18099/"
    for name, uri in {"file": "file:///etc/hostname", "http": place, "ftp": "ftp://127.0.0.1:18099/", "jar": f"jar:{place}!/x"}.items():
        edit = chain(swap("<samlp:Status>", "&x;<samlp:Status>"), doctype(f'[<!ENTITY x SYSTEM "{uri}">]'))
        corpus.refuse("C-25", f"{name} entity, {base.name}", base.name, Forge(base, outer=edit).build(), XML)
    sheet = lambda xml: f'<?xml-stylesheet href="{place}"?>' + xml  # noqa: E731
    corpus.refuse("C-25", f"xml-stylesheet, {base.name}", base.name, Forge(base, outer=sheet).build(), XML)
    hints = {
        "schemaLocation": swap(
            "<samlp:Status>", f'<samlp:Status xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x {place}">'
        ),
        "XInclude": swap(
            "</samlp:Status>",
            '<samlp:StatusDetail><i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/hostname" parse="text"/>'
            "</samlp:StatusDetail></samlp:Status>",
        ),
    }
    for name, edit in hints.items():
        corpus.accept("C-25", f"{name} is ignored, {base.name}", base.name, Forge(base, shell=edit).build(), CLAIMS)
    for name, uri in {"file": "file:///etc/hostname", "http": place}.items():
        old = '"#_a1"' if base.assertion else '"#_r1"'
        corpus.refuse("C-27", f"{name} Reference, {base.name}", base.name, touch(base, swap(old, f'"{uri}"')), SIGNATURE)
        for element in ("RetrievalMethod", "KeyInfoReference"):
            info = f'<ds:KeyInfo><ds:{element} URI="{uri}"/></ds:KeyInfo>'
            document = touch(base, swap("</ds:SignatureValue>", "</ds:SignatureValue>" + info))
            corpus.accept("C-27", f"{name} {element} is ignored, {base.name}", base.name, document, CLAIMS)


def add_whole(corpus):
    for name, document in {"nothing": b"", "space": b" \n", "text": b"hello", "JSON": b"{}", "zero bytes": bytes(64), "one <": b"<"}.items():
        corpus.refuse("C-24", name, "response", document, XML)


def add_bombs(corpus):
    """C-26, whole documents."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    small = "<samlp:Extensions>"
    close = "</samlp:Extensions>" + END
    names = "".join(f' a{n}="1"' for n in range(500))
    spaces = "".join(f' xmlns:p{n}="urn:{n}"' for n in range(500))
    bombs = {
        "billion laughs": Big(f'<!DOCTYPE r [<!ENTITY l0 "ha">{laughs}]>{START}&l9;{END}'),
        "quadratic entities": Big('<!DOCTYPE r [<!ENTITY a "', (50_000, "a"), f'">]>{START}', (20_000, "&a;"), END),
        "100,000 levels": Big(START, (100_000, "<a>"), (100_000, "</a>"), END),
        "20,000 levels": Big(START, small, (20_000, "<a>"), (20_000, "</a>"), close),
        "100,000 attributes": Big(START, f"<a{names}", (99_000, ' a="1"'), "/>", END),
        "500 attributes": Big(START, small, f"<a{names}/>", close),
        "500 namespaces": Big(START, small, f"<a{spaces}/>", close),
        "7,000 namespaces": Big(START, small, (14, f"<a{spaces}/>"), close),
        "namespaces by level": Big(START, small, "".join(f'<a xmlns:p{n}="urn:{n}">' for n in range(60)), (2_000, "<b/>"), (60, "</a>"), close),
        "10 MB of text": Big(START, (10_000_000, "x"), END),
        "250 kB of text": Big(START, small, (250_000, "x"), close),
        "250 kB of references": Big(START, small, (50_000, "&lt;"), close),
        "250 kB of tags": Big(START, small, (60_000, "<a/>"), close),
        "250 kB of comments": Big(START, small, (31_000, "<!---->"), close),
        "250 kB of CDATA": Big(START, small, (20_000, "<![CDATA[]]>"), close),
        "250 kB of open brackets": Big((250_000, "<")),
        "250 kB of line ends": Big(START, (120_000, "\r\n"), END),
        "a name of 200 kB": Big(START, small, "<", (200_000, "a"), "/>", close),
        "a URI of 200 kB": Big(START, small, '<a xmlns="urn:', (200_000, "a"), '"/>', close),
        "10,000 signatures": Big(START, (10_000, f'<ds:Signature xmlns:ds="{DS}"/>'), END),
        "3,000 signatures": Big(START, (3_000, f'<ds:Signature xmlns:ds="{DS}"/>'), END),
        "3,000 assertions": Big(START, (3_000, f'<a:Assertion xmlns:a="{SAML}" ID=""/>'), END),
        "2,000 audiences unsigned": Big(
            START, f'<s:Assertion xmlns:s="{SAML}" ID="_a1" Version="2.0"><s:Issuer>{IDP}</s:Issuer><s:Conditions><s:AudienceRestriction>',
            (2_000, f"<s:Audience>{ACS}</s:Audience>"), "</s:AudienceRestriction></s:Conditions></s:Assertion>", END,
        ),
        "base64 of 200 kB": Big(
            START, f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo/><ds:SignatureValue>', (200_000, "A"),
            "</ds:SignatureValue></ds:Signature>", END,
        ),
    }
    codes = "saml_xml_refused saml_element_misplaced saml_signature_refused saml_not_one_assertion saml_element_missing saml_unsigned"
    for name, document in bombs.items():
        corpus.refuse("C-26", name, "", document, codes)
