"""The honest response and its six bases: signed response, signed assertion or both, each plain and encrypted."""

from typing import NamedTuple

from .encryption import Encryption
from .signing import SAML, SAMLP, reference, sign, template

IDP, AUDIENCE, ACS = "https://idp.a.test/metadata", "https://broker.test/saml", "https://broker.test/saml2/idpresponse"
REQUEST = "_q1"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
SIGNATURE = "<place-of-signature/>"

NAME_ID = f'<saml:NameID Format="{PERSISTENT}">ana</saml:NameID>'
CONFIRMATION_DATA = f'<saml:SubjectConfirmationData InResponseTo="{REQUEST}" NotOnOrAfter="2026-06-01T12:05:00Z" Recipient="{ACS}"/>'
CONFIRMATION = f'<saml:SubjectConfirmation Method="{BEARER}">{CONFIRMATION_DATA}</saml:SubjectConfirmation>'
RESTRICTION = f"<saml:AudienceRestriction><saml:Audience>{AUDIENCE}</saml:Audience></saml:AudienceRestriction>"
CONDITIONS = f'<saml:Conditions NotBefore="2026-06-01T11:55:00Z" NotOnOrAfter="2026-06-01T12:05:00Z">{RESTRICTION}</saml:Conditions>'
AUTHN = (
    '<saml:AuthnStatement AuthnInstant="2026-06-01T11:59:40Z" SessionIndex="_s1">'
    f"<saml:AuthnContext><saml:AuthnContextClassRef>{PASSWORD}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
)
MAIL = '<saml:Attribute Name="email"><saml:AttributeValue>ana@a.test</saml:AttributeValue></saml:Attribute>'
GROUPS = (
    '<saml:Attribute Name="groups"><saml:AttributeValue>staff</saml:AttributeValue>'
    "<saml:AttributeValue>builders</saml:AttributeValue></saml:Attribute>"
)
ASSERTION = (
    f'<saml:Assertion xmlns:saml="{SAML}" ID="_a1" Version="2.0" IssueInstant="2026-06-01T11:59:50Z">'
    f"<saml:Issuer>{IDP}</saml:Issuer>{SIGNATURE}<saml:Subject>{NAME_ID}{CONFIRMATION}</saml:Subject>{CONDITIONS}{AUTHN}"
    f"<saml:AttributeStatement>{MAIL}{GROUPS}</saml:AttributeStatement></saml:Assertion>"
)
STATUS = f'<samlp:Status><samlp:StatusCode Value="{SUCCESS}"/></samlp:Status>'
RESPONSE_START = (
    f'<samlp:Response xmlns:samlp="{SAMLP}" ID="_r1" Version="2.0" IssueInstant="2026-06-01T11:59:50Z"'
    f' Destination="{ACS}" InResponseTo="{REQUEST}"><saml:Issuer xmlns:saml="{SAML}">{IDP}</saml:Issuer>'
)
RESPONSE_END = "</samlp:Response>"

# What an honest message says.
CLAIMS = {"name_id": "ana", "attributes": [["email", ["ana@a.test"]], ["groups", ["staff", "builders"]]]}


class Base(NamedTuple):
    response: bool
    assertion: bool
    encrypted: bool
    unasked: bool = False

    @property
    def name(self):
        signed = {(True, False): "response", (False, True): "assertion", (True, True): "both"}[self.response, self.assertion]
        return signed + ("-encrypted" if self.encrypted else "") + ("-unasked" if self.unasked else "")


SIX = [Base(*signed, encrypted) for encrypted in (False, True) for signed in ((True, False), (False, True), (True, True))]
PLAIN = [base for base in SIX if not base.encrypted]
ENCRYPTED = [base for base in SIX if base.encrypted]
NINE = SIX + [base._replace(unasked=True) for base in PLAIN]
ASSERTION_SIGNED = [base for base in SIX if base.assertion]
RESPONSE_SIGNED = [base for base in SIX if base.response]


def same(xml):
    return xml


def swap(old, new, count=1):
    """Replaces `old`, which must be there."""

    def edit(xml):
        binary = isinstance(xml, bytes)
        (before, after) = (old.encode(), new.encode()) if binary else (old, new)
        if before not in xml:
            raise ValueError(f"{old!r} is not in {xml!r}")
        return xml.replace(before, after, count)

    return edit


def chain(*edits):
    def edit(xml):
        for one in edits:
            xml = one(xml)
        return xml

    return edit


def unask(xml):
    return xml.replace(f' InResponseTo="{REQUEST}"', "")


def enveloped(identifier, **options):
    return template(reference("#" + identifier), **options)


class Forge:
    """Builds a message. `edit` and `shell` change assertion and response before they are signed, `inner` and `outer` after it."""

    def __init__(self, base, edit=same, shell=same, inner=same, outer=same, key="a", method="rsa-sha256", signature=None, encryption=None):
        self.base, self.edit, self.shell, self.inner, self.outer = base, edit, shell, inner, outer
        self.key, self.method, self.encryption = key, method, encryption or Encryption()
        self.signature = signature or (lambda identifier: enveloped(identifier, method=method))

    def build(self):
        content = self.assertion()
        if self.base.encrypted:
            content = self.encryption.wrap(content)
        return self.outer(self.response(content))

    def assertion(self):
        xml = self.edit(unask(ASSERTION) if self.base.unasked else ASSERTION)
        return self.inner(self._signed(xml, "_a1") if self.base.assertion else xml.replace(SIGNATURE, ""))

    def response(self, content):
        start = unask(RESPONSE_START) if self.base.unasked else RESPONSE_START
        xml = self.shell(start + SIGNATURE + STATUS + content + RESPONSE_END)
        return self._signed(xml, "_r1") if self.base.response else xml.replace(SIGNATURE, "")

    def _signed(self, xml, identifier):
        return sign(xml.replace(SIGNATURE, self.signature(identifier)), self.key)
