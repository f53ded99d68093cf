"""C-78: honest responses in the shapes of ten identity providers: their prefixes, orders, formats and habits, with our keys and names."""

import re

from .encryption import Encryption
from .message import ACS, AUDIENCE, BEARER, IDP, REQUEST, SUCCESS
from . import keys
from .signing import DS, ENVELOPED, EXCLUSIVE, MORE, SAML, SAMLP, XENC, sign

XS, XSI = "http://www.w3.org/2001/XMLSchema", "http://www.w3.org/2001/XMLSchema-instance"
BASIC = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
URI = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
UNSPECIFIED = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"
FORMAT = "urn:oasis:names:tc:SAML:{}:nameid-format:{}"
CLAIM = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


def add(corpus):
    for vendor in (adfs, entra, okta, google, ping, onelogin, jumpcloud, keycloak, shibboleth, simplesamlphp):
        document, name_id, attributes, settings = vendor()
        corpus.base(vendor.__name__, document)
        corpus.accept("C-78", vendor.__name__, vendor.__name__, document, {"name_id": name_id, "attributes": attributes}, **settings)


def signature(identifier, prefix="ds:", method="rsa-sha256", digest=XENC + "sha256", listed="", info=True):
    """A template with the prefix of the vendor."""
    p, colon = prefix, f":{prefix[:-1]}" if prefix else ""
    names = f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="{listed}"/>' if listed else ""
    certificate = f"<{p}X509Data><{p}X509Certificate>{keys.certificate_base64('a')}</{p}X509Certificate></{p}X509Data>"
    key_info = f"<{p}KeyInfo>{certificate}</{p}KeyInfo>" if info else ""
    return (
        f'<{p}Signature xmlns{colon}="{DS}"><{p}SignedInfo><{p}CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
        f'<{p}SignatureMethod Algorithm="{MORE}{method}"/><{p}Reference URI="#{identifier}"><{p}Transforms>'
        f'<{p}Transform Algorithm="{ENVELOPED}"/><{p}Transform Algorithm="{EXCLUSIVE}">{names}</{p}Transform></{p}Transforms>'
        f'<{p}DigestMethod Algorithm="{digest}"/><{p}DigestValue/></{p}Reference></{p}SignedInfo><{p}SignatureValue/>{key_info}</{p}Signature>'
    )


def assertion(prefix, identifier, name, attributes, sign_it=None, extra="", millis="", statements_first=False, session="", issuer=""):
    p, colon = prefix, f":{prefix[:-1]}" if prefix else ""
    at = lambda clock: f"2026-06-01T{clock}{millis}Z"  # noqa: E731
    end = at("13:00:00")
    authn = (
        f'<{p}AuthnStatement AuthnInstant="{at("11:59:40")}"{session}><{p}AuthnContext><{p}AuthnContextClassRef>{PASSWORD}'
        f"</{p}AuthnContextClassRef></{p}AuthnContext></{p}AuthnStatement>"
    )
    statement = f"<{p}AttributeStatement>{attributes}</{p}AttributeStatement>"
    return (
        f'<{p}Assertion xmlns{colon}="{SAML}"{extra} ID="{identifier}" IssueInstant="{at("11:59:50")}" Version="2.0"><{p}Issuer{issuer}>{IDP}</{p}Issuer>'
        f'{sign_it or ""}<{p}Subject>{name}<{p}SubjectConfirmation Method="{BEARER}"><{p}SubjectConfirmationData InResponseTo="{REQUEST}"'
        f' NotOnOrAfter="{end}" Recipient="{ACS}"/></{p}SubjectConfirmation></{p}Subject>'
        f'<{p}Conditions NotBefore="{at("11:55:00")}" NotOnOrAfter="{end}"><{p}AudienceRestriction><{p}Audience>{AUDIENCE}</{p}Audience>'
        f"</{p}AudienceRestriction></{p}Conditions>{statement + authn if statements_first else authn + statement}</{p}Assertion>"
    )


def response(prefix, identifier, content, issuer, sign_it="", millis="", extra="", status=""):
    p = prefix
    return (
        f'<{p}Response xmlns:{p[:-1]}="{SAMLP}" ID="{identifier}" Version="2.0" IssueInstant="2026-06-01T11:59:50{millis}Z"'
        f' Destination="{ACS}" InResponseTo="{REQUEST}"{extra}>{issuer}{sign_it}'
        f'{status or f"<{p}Status><{p}StatusCode Value=" + chr(34) + SUCCESS + chr(34) + f"/></{p}Status>"}{content}</{p}Response>'
    )


def attribute(prefix, name, *values, format_="", friendly="", typed=False, declared=False):
    p = prefix
    extra = (f' NameFormat="{format_}"' if format_ else "") + (f' FriendlyName="{friendly}"' if friendly else "")
    spaces = f' xmlns:xs="{XS}" xmlns:xsi="{XSI}"' if declared else ""
    kind = f'{spaces} xsi:type="xs:string"' if typed else ""
    inside = "".join(f"<{p}AttributeValue{kind}>{value}</{p}AttributeValue>" for value in values)
    return f'<{p}Attribute{extra} Name="{name}">{inside}</{p}Attribute>'


def adfs():
    """Default namespace, no NameID, signed inside AES-CBC inside an unsigned Response with Consent."""
    attributes = attribute("", CLAIM + "upn", "ana@a.test") + attribute("", "http://schemas.xmlsoap.org/claims/Group", "Domain Users", "Staff")
    xml = sign(
        assertion("", "_7e4f6b9c-5d0d-4e52-9a51-0e0d7b1ab0f4", "", attributes, signature("_7e4f6b9c-5d0d-4e52-9a51-0e0d7b1ab0f4"),
                  millis=".123", statements_first=True, session=' SessionIndex="_7e4f6b9c-5d0d-4e52-9a51-0e0d7b1ab0f4"')
    )
    content = Encryption("aes256-cbc", seed="adfs").wrap(xml)
    issuer = f'<Issuer xmlns="{SAML}">{IDP}</Issuer>'
    consent = ' Consent="urn:oasis:names:tc:SAML:2.0:consent:unspecified"'
    document = response("samlp:", "_0c0e7a9d-1c53-4d44-9d9a-8b6ed2d1a1ce", content, issuer, millis=".123", extra=consent)
    claims = [[CLAIM + "upn", ["ana@a.test"]], ["http://schemas.xmlsoap.org/claims/Group", ["Domain Users", "Staff"]]]
    return document, None, claims, {"unauthenticated_cbc": True}


def entra():
    """Default namespaces for assertion and signature, persistent NameID, claims by URI."""
    tenant = "http://schemas.microsoft.com/identity/claims/tenantid"
    attributes = attribute("", tenant, "7f9e1b2a-0000-4000-8000-000000000001") + attribute("", CLAIM + "emailaddress", "ana@a.test")
    name = f'<NameID Format="{FORMAT.format("2.0", "persistent")}">pZ7b-AAAA_qQ</NameID>'
    xml = sign(assertion("", "_b3c4e3a1-2f1d-4b46-8c7e-6a1d2c1b0100", name, attributes,
                         signature("_b3c4e3a1-2f1d-4b46-8c7e-6a1d2c1b0100", prefix=""), millis=".518", statements_first=True,
                         session=' SessionIndex="_b3c4e3a1-2f1d-4b46-8c7e-6a1d2c1b0100"'))
    document = response("samlp:", "_e1f2a3b4-aaaa-4bbb-8ccc-ddddeeeeffff", xml, f'<Issuer xmlns="{SAML}">{IDP}</Issuer>', millis=".534")
    return document, "pZ7b-AAAA_qQ", [[tenant, ["7f9e1b2a-0000-4000-8000-000000000001"]], [CLAIM + "emailaddress", ["ana@a.test"]]], {}


def okta():
    """Both signed, prefix list xs, typed values, XML declaration."""
    p = "saml2:"
    attributes = attribute(p, "email", "ana@a.test", format_=UNSPECIFIED, typed=True, declared=True)
    attributes += attribute(p, "groups", "Everyone", "Staff", format_=UNSPECIFIED, typed=True, declared=True)
    name = f'<{p}NameID Format="{FORMAT.format("1.1", "unspecified")}">ana@a.test</{p}NameID>'
    issuer = f' Format="{FORMAT.format("2.0", "entity")}"'
    xml = sign(assertion(p, "id27311", name, attributes, signature("id27311", listed="xs"), extra=f' xmlns:xs="{XS}"', millis=".010",
                         session=' SessionIndex="_q1"', issuer=issuer))
    shell = f'<{p}Issuer xmlns:saml2="{SAML}"{issuer}>{IDP}</{p}Issuer>'
    document = response("saml2p:", "id27310", xml, shell, signature("id27310", listed="xs"), millis=".010", extra=f' xmlns:xs="{XS}"')
    document = '<?xml version="1.0" encoding="UTF-8"?>' + sign(document)
    return document, "ana@a.test", [["email", ["ana@a.test"]], ["groups", ["Everyone", "Staff"]]], {}


def google():
    """Signed Response, values of any type, e-mail as NameID."""
    p = "saml2:"
    attributes = re.sub("xs:string", "xs:anyType", attribute(p, "email", "ana@a.test", typed=True, declared=True))
    name = f'<{p}NameID Format="{FORMAT.format("1.1", "emailAddress")}">ana@a.test</{p}NameID>'
    xml = assertion(p, "_5f0e1d2c3b4a", name, attributes, millis=".742", statements_first=True, session=' SessionIndex="_5f0e1d2c3b4a"')
    shell = f'<{p}Issuer xmlns:saml2="{SAML}">{IDP}</{p}Issuer>'
    document = sign(response("saml2p:", "_1a2b3c4d5e6f", xml, shell, signature("_1a2b3c4d5e6f"), millis=".742"))
    return '<?xml version="1.0" encoding="UTF-8" standalone="no"?>' + document, "ana@a.test", [["email", ["ana@a.test"]]], {}


def ping():
    """Signed assertion, declarations on each value, an Issuer in front of a Response without more."""
    p = "saml:"
    attributes = attribute(p, "memberOf", "cn=staff,dc=a", "cn=builders,dc=a", format_=BASIC, typed=True, declared=True)
    name = f'<{p}NameID Format="{FORMAT.format("1.1", "unspecified")}">ana</{p}NameID>'
    xml = sign(assertion(p, "Q2lwaGVy.x-1", name, attributes, signature("Q2lwaGVy.x-1"), millis=".201", session=' SessionIndex="Q2lwaGVy.x-1"'))
    document = response("samlp:", "a-R_1.2", xml, f'<{p}Issuer xmlns:saml="{SAML}">{IDP}</{p}Issuer>', millis=".199")
    return document, "ana", [["memberOf", ["cn=staff,dc=a", "cn=builders,dc=a"]]], {}


def onelogin():
    """Signed Response, indented, the assertion's namespace declared twice, an empty attribute."""
    p = "saml:"
    attributes = attribute(p, "User.email", "ana@a.test", format_=BASIC, typed=True) + attribute(p, "memberOf", "", format_=BASIC, typed=True)
    name = f'<{p}NameID Format="{FORMAT.format("1.1", "emailAddress")}">ana@a.test</{p}NameID>'
    extra = f' xmlns:xs="{XS}" xmlns:xsi="{XSI}"'
    xml = assertion(p, "A1b2c3d4e5", name, attributes, extra=extra, session=' SessionNotOnOrAfter="2026-06-02T12:00:00Z" SessionIndex="_x-1"')
    document = response("samlp:", "R1b2c3d4e5", xml, f"<{p}Issuer>{IDP}</{p}Issuer>", signature("R1b2c3d4e5"), extra=f' xmlns:saml="{SAML}"')
    document = sign(document.replace("><saml", ">\n  <saml"))
    return document, "ana@a.test", [["User.email", ["ana@a.test"]], ["memberOf", [""]]], {}


def jumpcloud():
    """Signed assertion with a prefix list, long hexadecimal ids, RSA-SHA256 with keys of the metadata only."""
    p = "saml2:"
    attributes = attribute(p, "email", "ana@a.test", format_=BASIC, typed=True)
    name = f'<{p}NameID Format="{FORMAT.format("2.0", "persistent")}">5f3c9a</{p}NameID>'
    xml = sign(assertion(p, "_9f8e7d6c5b4a39281706", name, attributes, signature("_9f8e7d6c5b4a39281706", listed="xs", info=False),
                         extra=f' xmlns:xs="{XS}" xmlns:xsi="{XSI}"', millis=".000", session=' SessionIndex="_s"'))
    document = response("saml2p:", "_00112233445566778899", xml, f'<{p}Issuer xmlns:saml2="{SAML}">{IDP}</{p}Issuer>', millis=".000")
    return document, "5f3c9a", [["email", ["ana@a.test"]]], {}


def keycloak():
    """Prefix dsig, both signed, one Attribute element for each role."""
    p = "saml:"
    roles = "".join(attribute(p, "Role", role, format_=BASIC, typed=True, declared=True) for role in ("offline_access", "staff"))
    name = f'<{p}NameID Format="{FORMAT.format("2.0", "persistent")}">G-3a1f</{p}NameID>'
    xml = sign(assertion(p, "ID_3a1f0c", name, roles, signature("ID_3a1f0c", prefix="dsig:"), millis=".385",
                         session=' SessionIndex="c2f1::9a" SessionNotOnOrAfter="2026-06-01T21:59:50.385Z"'))
    shell = f'<saml:Issuer xmlns:saml="{SAML}">{IDP}</saml:Issuer>'
    document = sign(response("samlp:", "ID_9c2e11", xml, shell, signature("ID_9c2e11", prefix="dsig:"), millis=".385"))
    return document, "G-3a1f", [["Role", ["offline_access", "staff"]]], {}


def shibboleth():
    """Signed Response, AES-GCM, attributes by OID with friendly names, a NameID as the value of eduPersonTargetedID."""
    p = "saml2:"
    mail, targeted = "urn:oid:0.9.2342.19200300.100.1.3", "urn:oid:1.3.6.1.4.1.5923.1.1.1.10"
    opaque = f'<saml2:NameID Format="{FORMAT.format("2.0", "persistent")}" NameQualifier="{IDP}" SPNameQualifier="{AUDIENCE}">x7Kq=</saml2:NameID>'
    attributes = attribute(p, mail, "ana@a.test", format_=URI, friendly="mail")
    attributes += attribute(p, targeted, opaque, format_=URI, friendly="eduPersonTargetedID")
    name = f'<{p}NameID Format="{FORMAT.format("2.0", "transient")}" NameQualifier="{IDP}" SPNameQualifier="{AUDIENCE}">AAdzZWNyZXQx</{p}NameID>'
    xml = assertion(p, "_c1a9", name, attributes, millis=".447", session=' SessionIndex="_54ab"', extra=f' xmlns:xsd="{XS}"')
    content = Encryption("aes128-gcm", recipient=AUDIENCE, seed="shibboleth").wrap(xml)
    shell = f'<saml2:Issuer xmlns:saml2="{SAML}">{IDP}</saml2:Issuer>'
    document = sign(response("saml2p:", "_d2b8", content, shell, signature("_d2b8", method="rsa-sha256", listed="xsd"), millis=".447", extra=f' xmlns:xsd="{XS}"'))
    return document, "AAdzZWNyZXQx", [[mail, ["ana@a.test"]], [targeted, ["x7Kq="]]], {}


def simplesamlphp():
    """Signed assertion, SHA-512 digest, qualified transient NameID, numbers and e-mail as basic attributes."""
    p = "saml:"
    attributes = attribute(p, "uid", "1001", format_=BASIC, typed=True) + attribute(p, "mail", "ana@a.test", format_=BASIC, typed=True)
    name = f'<{p}NameID SPNameQualifier="{AUDIENCE}" Format="{FORMAT.format("2.0", "transient")}">_8f3b</{p}NameID>'
    xml = sign(assertion(p, "_f00d", name, attributes, signature("_f00d", method="rsa-sha512", digest=XENC + "sha512"),
                         extra=f' xmlns:xsi="{XSI}" xmlns:xs="{XS}"', session=' SessionNotOnOrAfter="2026-06-01T20:00:00Z" SessionIndex="_be11"'))
    document = response("samlp:", "_cafe", xml, f'<saml:Issuer>{IDP}</saml:Issuer>', extra=f' xmlns:saml="{SAML}"')
    return document, "_8f3b", [["uid", ["1001"]], ["mail", ["ana@a.test"]]], {}
