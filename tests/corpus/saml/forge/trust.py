"""C-28 to C-36: whose signature it is, by which algorithm, over which bytes."""

import base64
import re

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from . import keys
from .message import CLAIMS, SIGNATURE as PLACE, SIX, Forge, chain, enveloped, swap
from .documents import touch
from .signing import DS, ENVELOPED, EXCLUSIVE, METHODS, prefixes, reference, sign, sign_pss, template, transform, x509_key_info

SIGNATURE = "saml_signature_refused"
UNSIGNED = "saml_unsigned"
PSS = "http://www.w3.org/2007/05/xmldsig-more#"


def add(corpus):
    for base in SIX:
        add_unsigned(corpus, base)
        add_keys(corpus, base)
        add_key_info(corpus, base)
        add_algorithms(corpus, base)
        add_hmac(corpus, base)
        add_curves(corpus, base)
        add_fidelity(corpus, base)
        add_allowed(corpus, base)


def without_signature(xml):
    return re.sub(r"<ds:Signature .*?</ds:Signature>", "", xml, flags=re.S)


def add_unsigned(corpus, base):
    removed = Forge(base, inner=without_signature, outer=without_signature).build()
    corpus.refuse("C-28", f"signature removed, {base.name}", base.name, removed, UNSIGNED)
    shapes = {
        "empty Signature": lambda xml: re.sub(r"<ds:Signature .*?</ds:Signature>", f'<ds:Signature xmlns:ds="{DS}"/>', xml, flags=re.S),
        "empty SignatureValue": lambda xml: re.sub(r"(<ds:SignatureValue>)[^<]*", r"\1", xml, count=1),
        "empty DigestValue": lambda xml: re.sub(r"(<ds:DigestValue>)[^<]*", r"\1", xml, count=1),
        "no SignatureValue": lambda xml: re.sub(r"<ds:SignatureValue>[^<]*</ds:SignatureValue>", "", xml, count=1),
        "no SignedInfo": lambda xml: re.sub(r"<ds:SignedInfo>.*</ds:SignedInfo>", "", xml, count=1, flags=re.S),
        "another person": swap(">ana<", ">admin<") if base.assertion or not base.encrypted else None,
        "one letter of the ID": (swap('ID="_a1"', 'ID="_a2"') if base.assertion else swap('ID="_r1"', 'ID="_r2"')),
    }
    for name, shape in shapes.items():
        if shape:
            corpus.refuse("C-28", f"{name}, {base.name}", base.name, touch(base, shape), SIGNATURE)
    if base.response and base.assertion and not base.encrypted:
        # One of two signatures is no worse than one, but a bad one is never passed over.
        broken = lambda xml: re.sub(r"(<ds:SignatureValue>)....", r"\1AAAA", xml, count=1)  # noqa: E731
        corpus.refuse("C-28", f"bad Response signature, good Assertion, {base.name}", base.name, Forge(base, outer=broken).build(), SIGNATURE)
        corpus.refuse("C-28", f"good Response signature over a bad Assertion, {base.name}", base.name, Forge(base, inner=broken).build(), SIGNATURE)


def add_keys(corpus, base):
    for name, key in {"tenant B's key": "b", "the encryption certificate's": "a-encryption", "a clone of the same subject": "a-clone"}.items():
        corpus.refuse("C-29", f"{name}, {base.name}", base.name, Forge(base, key=key).build(), SIGNATURE)
    # Metadata vouches for keys; the dates of a certificate are reported, not enforced.
    corpus.accept("C-29", f"expired certificate, {base.name}", base.name, Forge(base, key="expired").build(), CLAIMS, keys=["expired"])
    corpus.accept("C-29", f"the second of two keys, {base.name}", base.name, Forge(base, key="a-next").build(), CLAIMS, keys=["a", "a-next"])
    mixed = ["p256", "p384", "a"]
    corpus.accept("C-29", f"RSA after two EC keys, {base.name}", base.name, Forge(base).build(), CLAIMS, keys=mixed)
    corpus.refuse("C-30", f"no certificate, {base.name}", base.name, Forge(base).build(), "saml_no_signing_certificate", keys=[])
    unsigned = Forge(base, inner=without_signature, outer=without_signature).build()
    corpus.refuse("C-30", f"no certificate, unsigned, {base.name}", base.name, unsigned, "saml_no_signing_certificate", keys=[])


def rsa_key_value(name):
    numbers = keys.certificate(name).public_key().public_numbers()
    number = lambda value: base64.b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()  # noqa: E731
    return f"<ds:RSAKeyValue><ds:Modulus>{number(numbers.n)}</ds:Modulus><ds:Exponent>{number(numbers.e)}</ds:Exponent></ds:RSAKeyValue>"


def add_key_info(corpus, base):
    if base.encrypted and base.response and base.assertion:
        return
    infos = {
        "X509Data": x509_key_info("b"),
        "KeyValue": f"<ds:KeyInfo><ds:KeyValue>{rsa_key_value('b')}</ds:KeyValue></ds:KeyInfo>",
        "KeyName": "<ds:KeyInfo><ds:KeyName>b</ds:KeyName></ds:KeyInfo>",
        "X509IssuerSerial": "<ds:KeyInfo><ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=idp.b.test</ds:X509IssuerName>"
        "<ds:X509SerialNumber>5</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data></ds:KeyInfo>",
    }
    for name, info in infos.items():
        add_info = swap("</ds:SignatureValue>", "</ds:SignatureValue>" + info)
        corpus.refuse("C-31", f"{name} of the attacker who signed, {base.name}", base.name, touch(base, add_info, key="b"), SIGNATURE)
        corpus.accept("C-31", f"{name} of another beside the IdP's signature, {base.name}", base.name, touch(base, add_info), CLAIMS)


def add_algorithms(corpus, base):
    sha1 = lambda identifier: template(reference("#" + identifier, digest="sha1"), method="rsa-sha1")  # noqa: E731
    half = lambda identifier: template(reference("#" + identifier, digest="sha1"))  # noqa: E731
    md5 = lambda identifier: template(reference("#" + identifier), method="rsa-md5")  # noqa: E731
    for name, signature in {"rsa-sha1": sha1, "SHA-1 digest": half, "rsa-md5": md5}.items():
        document = Forge(base, signature=signature).build()
        corpus.refuse("C-32", f"{name}, {base.name}", base.name, document, SIGNATURE)
        if "md5" in name:
            corpus.refuse("C-32", f"{name} with the permission for SHA-1, {base.name}", base.name, document, SIGNATURE, sha1=True)
        else:
            corpus.accept("C-32", f"{name} with the permission, {base.name}", base.name, document, CLAIMS, sha1=True)
    ecdsa = Forge(base, key="p256", method="ecdsa-sha1").build()
    corpus.refuse("C-32", f"ecdsa-sha1, {base.name}", base.name, ecdsa, SIGNATURE, keys=["p256"], sha1=True)
    weak = Forge(base, key="weak").build()
    corpus.refuse("C-32", f"RSA of 1024 bits, {base.name}", base.name, weak, "certificate_refused saml_signature_refused", keys=["weak"])
    labels = {
        "DSA": DS + "dsa-sha1",
        "DSA-SHA256": "http://www.w3.org/2009/xmldsig11#dsa-sha256",
        "RSA-SHA512 said of RSA-SHA256": METHODS["rsa-sha512"],
        "PSS said of PKCS#1": PSS + "sha256-rsa-MGF1",
        "PSS without parameters": PSS + "rsa-pss",
        "PSS with SHA-1": PSS + "sha1-rsa-MGF1",
        "ECDSA said of RSA": METHODS["ecdsa-sha256"],
        "none": "urn:none",
        "upper case": METHODS["rsa-sha256"].upper(),
    }
    for name, uri in labels.items():
        edit = swap(METHODS["rsa-sha256"], uri)
        corpus.refuse("C-32", f"{name}, {base.name}", base.name, touch(base, edit), SIGNATURE)
    for name, inside in {"HMACOutputLength": "<ds:HMACOutputLength>1</ds:HMACOutputLength>", "PSS parameters": "<p:RSAPSSParams xmlns:p='urn:p'/>"}.items():
        signature = lambda identifier, inside=inside: enveloped(identifier, method_inside=inside)  # noqa: E731
        try:
            document = Forge(base, signature=signature).build()
        except RuntimeError:
            edit = swap("</ds:SignatureMethod>", inside + "</ds:SignatureMethod>")
            document = touch(base, edit)
        corpus.refuse("C-32", f"{name} in rsa-sha256, {base.name}", base.name, document, SIGNATURE)


def add_hmac(corpus, base):
    certificate = keys.certificate("a")
    der = keys.FOLDER / "a.der.tmp"
    der.write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    modulus = keys.FOLDER / "a.modulus.tmp"
    modulus.write_bytes(certificate.public_key().public_numbers().n.to_bytes(256, "big"))
    for name, file in {"PEM": keys.certificate_file("a"), "DER": der, "modulus": modulus}.items():
        forge = HmacForge(base, str(file))
        corpus.refuse("C-33", f"keyed with the certificate's {name}, {base.name}", base.name, forge.build(), SIGNATURE)
    der.unlink()
    modulus.unlink()


class HmacForge(Forge):
    def __init__(self, base, file):
        super().__init__(base)
        self.file = file

    def _signed(self, xml, identifier):
        return sign(xml.replace(PLACE, enveloped(identifier, method="hmac-sha256")), hmac=self.file)


def signature_value(change):
    def edit(xml):
        start = xml.index("<ds:SignatureValue>") + len("<ds:SignatureValue>")
        end = xml.index("</ds:SignatureValue>")
        return xml[:start] + base64.b64encode(change(base64.b64decode(xml[start:end]))).decode() + xml[end:]

    return edit


ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def numbers_of(raw):
    return int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")


def add_curves(corpus, base):
    changes = {
        "cut": lambda raw: raw[:-1],
        "longer": lambda raw: raw + b"\0",
        "empty": lambda raw: b"",
        "r = s = 0": lambda raw: bytes(64),
        "s = order": lambda raw: raw[:32] + ORDER_P256.to_bytes(32, "big"),
        "DER": lambda raw: encode_dss_signature(*numbers_of(raw)),
    }
    for name, change in changes.items():
        document = touch(base, signature_value(change), key="p256", method="ecdsa-sha256")
        corpus.refuse("C-34", f"{name}, {base.name}", base.name, document, SIGNATURE, keys=["p256"])
    other = lambda raw: raw[:32] + (ORDER_P256 - numbers_of(raw)[1]).to_bytes(32, "big")  # noqa: E731
    # Like Wycheproof: the other root of s is as valid; nothing here relies on signatures being unique.
    document = touch(base, signature_value(other), key="p256", method="ecdsa-sha256")
    corpus.accept("C-34", f"the other s, {base.name}", base.name, document, CLAIMS, keys=["p256"])
    document = Forge(base, key="p384", method="ecdsa-sha256").build()
    corpus.refuse("C-34", f"another curve's key, {base.name}", base.name, document, SIGNATURE, keys=["p256"])


def add_fidelity(corpus, base):
    """C-36: the value, how it is written before signing, and what must be read."""
    texts = {
        "the five entities": ("a&amp;b&lt;c&gt;d&quot;e&apos;f", "a&b<c>d\"e'f"),
        "carriage return": ("a&#xD;b", "a\rb"),
        "tab and line feed": ("a&#9;b&#10;c", "a\tb\nc"),
        "beyond the first plane": ("a\U0001f600b\u00e9", "a\U0001f600b\u00e9"),
        "a combining mark": ("e\u0301", "e\u0301"),
        "CDATA": ("<![CDATA[a<b&c]]>", "a<b&c"),
        "]]> by reference": ("a]]&gt;b", "a]]>b"),
    }
    for name, (written, read) in texts.items():
        edit = swap("ana@a.test", written)
        claims = {**CLAIMS, "attributes": [["email", [read]], ["groups", ["staff", "builders"]]]}
        corpus.accept("C-36", f"{name} in text, {base.name}", base.name, Forge(base, edit=edit).build(), claims)
    names = {
        "the five entities": ("a&amp;b&lt;c&gt;d&quot;e&apos;f", "a&b<c>d\"e'f"),
        "white space by reference": ("a&#9;b&#10;c&#13;d", "a\tb\nc\rd"),
        "white space": ("a\tb\nc", "a b c"),
    }
    for name, (written, read) in names.items():
        edit = swap('Name="email"', f'Name="{written}"')
        claims = {**CLAIMS, "attributes": [[read, ["ana@a.test"]], ["groups", ["staff", "builders"]]]}
        corpus.accept("C-36", f"{name} in an attribute, {base.name}", base.name, Forge(base, edit=edit).build(), claims)
    shapes = {
        "order of attributes": swap('Name="email"', 'z:a="1" b:a="2" NameFormat="f" FriendlyName="x" Name="email" xmlns:z="urn:1" xmlns:b="urn:2"'),
        "order of namespaces": swap("<saml:Subject>", '<saml:Subject xmlns:b="urn:b" xmlns:a="urn:a" xmlns="urn:c">'),
        "xml:space and xml:lang": swap("<saml:Subject>", '<saml:Subject xml:space="preserve" xml:lang="en">'),
        "default namespace taken back": swap(
            "</saml:AttributeStatement>",
            '<saml:Attribute Name="x"><saml:AttributeValue xmlns="urn:c"><c><d xmlns=""/></c></saml:AttributeValue></saml:Attribute>'
            "</saml:AttributeStatement>",
        ),
        "prefix bound anew": swap(
            "</saml:AttributeStatement>",
            '<saml:Attribute Name="x"><saml:AttributeValue><c:c xmlns:c="urn:1"><c:d xmlns:c="urn:2" c:e="3"/></c:c></saml:AttributeValue>'
            "</saml:Attribute></saml:AttributeStatement>",
        ),
        "indented": lambda xml: xml.replace("><saml", ">\n  <saml"),
    }
    for name, edit in shapes.items():
        extra = [["x", []]] if "<c" in edit(PROBE) else []
        claims = {**CLAIMS, "attributes": CLAIMS["attributes"] + extra}
        corpus.accept("C-36", f"{name}, {base.name}", base.name, Forge(base, edit=edit).build(), claims)


PROBE = '<saml:Subject> Name="email" </saml:AttributeStatement>'


def add_allowed(corpus, base):
    """Every algorithm that is allowed."""
    for hash_name in ("sha256", "sha384", "sha512"):
        for key, family in (("a", "rsa"), ("p256", "ecdsa"), ("p384", "ecdsa")):
            signature = lambda identifier, family=family: template(  # noqa: E731
                reference("#" + identifier, digest=hash_name), method=f"{family}-{hash_name}"
            )
            name = f"{family}-{hash_name} by {key}, {base.name}"
            corpus.accept("algorithms", name, base.name, Forge(base, key=key, signature=signature).build(), CLAIMS, keys=[key])
        corpus.accept("algorithms", f"RSA-PSS {hash_name}, {base.name}", base.name, PssForge(base, hash_name).build(), CLAIMS)
    listed = lambda identifier: template(  # noqa: E731
        reference("#" + identifier, transform(ENVELOPED) + transform(EXCLUSIVE, prefixes("xs xsi #default"))), c14n_inside=prefixes("xs")
    )
    typed = chain(
        swap("<saml:AttributeValue>", '<saml:AttributeValue xsi:type="xs:string">'),
        swap("<saml:Assertion ", '<saml:Assertion xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '),
    )
    corpus.accept("algorithms", f"PrefixList, {base.name}", base.name, Forge(base, edit=typed, signature=listed).build(), CLAIMS)


class PssForge(Forge):
    def __init__(self, base, hash_name):
        super().__init__(base)
        self.hash_name = hash_name

    def _signed(self, xml, identifier):
        return sign_pss(xml.replace(PLACE, "<placeholder/>"), identifier, self.hash_name)
