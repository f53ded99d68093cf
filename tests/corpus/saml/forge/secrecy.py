"""C-40 to C-46: encrypted assertions."""

import re

from .encryption import CONTENT, TRANSPORT, Encryption
from .message import CLAIMS, ENCRYPTED, MAIL, NAME_ID, SIX, Base, Forge, swap
from .signing import DS, SAML

REFUSED = "saml_decryption_refused"
XENC = "http://www.w3.org/2001/04/xmlenc#"


def add(corpus):
    add_unsigned(corpus)
    for base in ENCRYPTED:
        add_plaintexts(corpus, base)
        add_algorithms(corpus, base)
        add_shapes(corpus, base)
        add_keys(corpus, base)
    for base in SIX:
        add_parts(corpus, base)


def add_unsigned(corpus):
    nobody = Base(False, False, True)
    evil = Forge(nobody, edit=swap(">ana<", ">admin<")).build()
    corpus.refuse("C-40", "nothing is signed", "assertion-encrypted", evil, "saml_unsigned")
    cbc = Forge(nobody, encryption=Encryption("aes256-cbc")).build()
    corpus.refuse("C-40", "nothing is signed, CBC", "assertion-encrypted", cbc, REFUSED)
    # One error for all that fails behind an unauthenticated decryption.
    corpus.refuse("C-40", "nothing is signed, CBC allowed", "assertion-encrypted", cbc, REFUSED, unauthenticated_cbc=True)
    corpus.accept(
        "C-42", "signed inside CBC, as ADFS sends it", "assertion-encrypted",
        Forge(ENCRYPTED[1], encryption=Encryption("aes256-cbc")).build(), CLAIMS, unauthenticated_cbc=True,
    )
    for base in ENCRYPTED:
        corpus.accept("C-42", f"signed as {base.name}", base.name, Forge(base).build(), CLAIMS)
        broken = swap(">ana<", ">admin<")
        if base.assertion:
            corpus.refuse("C-42", f"changed inside, {base.name}", base.name, Forge(base, inner=broken).build(), "saml_signature_refused")
            other = Forge(base._replace(response=False), key="b").build()
            corpus.refuse("C-42", f"signed inside by another, {base.name}", base.name, other, "saml_signature_refused")
        evil_xml = Encryption(seed="evil").wrap(Forge(nobody, edit=broken).assertion())
        for name, place in {"before": "</samlp:Status>", "after": "</saml:EncryptedAssertion>"}.items():
            edit = swap(place, place + evil_xml)
            document = Forge(base, outer=edit).build()
            corpus.refuse("C-41", f"encrypted evil {name} the honest one, {base.name}", base.name, document, "saml_not_one_assertion")
            if base.response:
                document = Forge(base, shell=edit).build()
                corpus.refuse("C-41", f"both signed by the IdP, evil {name}, {base.name}", base.name, document, "saml_not_one_assertion")
        plain = Forge(base._replace(encrypted=False, response=False)).assertion()
        document = Forge(base, outer=swap("</samlp:Status>", "</samlp:Status>" + evil_xml)).build()
        document = re.sub(r"(</saml:EncryptedAssertion>)<saml:EncryptedAssertion.*</saml:EncryptedAssertion>", r"\1" + plain, document, flags=re.S)
        corpus.refuse("C-41", f"encrypted evil, then honest in the clear, {base.name}", base.name, document, "saml_not_one_assertion")


def add_plaintexts(corpus, base):
    plaintexts = {
        "two assertions": lambda xml: xml + xml.replace('"_a1"', '"_a2"'),
        "text after": lambda xml: xml + "more",
        "text before": lambda xml: "more" + xml,
        "a second element": lambda xml: xml + "<more/>",
        "unbalanced": lambda xml: xml + "</saml:EncryptedAssertion><x>",
        "breaking out": lambda xml: f"</x>{xml}<x>",
        "nothing": lambda xml: "",
        "space": lambda xml: " ",
        "another element": lambda xml: f'<saml:NameID xmlns:saml="{SAML}">ana</saml:NameID>',
        "a wrapped assertion": lambda xml: f"<x>{xml}</x>",
        "an assertion of no namespace": lambda xml: xml.replace(f'xmlns:saml="{SAML}" ID', 'xmlns:saml="urn:x" ID'),
        "binary": lambda xml: "\ufffd\x01",
        "an outer prefix": lambda xml: xml.replace(f' xmlns:saml="{SAML}"', "", 1),
    }
    for name, inner in plaintexts.items():
        corpus.refuse("C-43", f"{name}, {base.name}", base.name, Forge(base, inner=inner).build(), REFUSED)


def add_algorithms(corpus, base):
    authenticated = base.response
    for content in CONTENT:
        document = Forge(base, encryption=Encryption(content)).build()
        if content.endswith("gcm") or authenticated:
            corpus.accept("algorithms", f"{content}, {base.name}", base.name, document, CLAIMS)
        else:
            corpus.accept("algorithms", f"{content} by permission, {base.name}", base.name, document, CLAIMS, unauthenticated_cbc=True)
            corpus.refuse("C-44", f"{content} without signature over it, {base.name}", base.name, document, REFUSED)
    for transport in TRANSPORT:
        document = Forge(base, encryption=Encryption(transport=transport)).build()
        if transport == "rsa-1_5":
            corpus.refuse("C-44", f"rsa-1_5, {base.name}", base.name, document, REFUSED)
            corpus.accept("C-44", f"rsa-1_5 by permission, {base.name}", base.name, document, CLAIMS, rsa_1_5=True)
        else:
            corpus.accept("algorithms", f"{transport}, {base.name}", base.name, document, CLAIMS)


def cut_cipher(change, which):
    """Changes the text of the first (key) or second (content) CipherValue."""

    def edit(xml):
        values = list(re.finditer(r"(?<=<xenc:CipherValue>)[^<]*", xml))
        found = values[which]
        return xml[: found.start()] + change(found.group()) + xml[found.end() :]

    return edit


def without(pattern):
    return lambda xml: re.sub(pattern, "", xml, count=1, flags=re.S)


KEY = r"<xenc:EncryptedKey .*?</xenc:EncryptedKey>"


def double_key(xml):
    key = re.search(KEY, xml, flags=re.S).group()
    return xml.replace(key, key + key)


def lone_key(xml):
    """The key where nothing looks for it."""
    key = re.search(KEY, xml, flags=re.S).group()
    return xml.replace(key, "").replace("</samlp:Status>", f"<samlp:StatusDetail>{key}</samlp:StatusDetail></samlp:Status>")


SHAPES = {
    "empty CipherValue": cut_cipher(lambda text: "", 1),
    "CipherValue of one byte": cut_cipher(lambda text: "AA==", 1),
    "CipherValue of twelve bytes": cut_cipher(lambda text: "A" * 16, 1),
    "CipherValue of fifteen bytes": cut_cipher(lambda text: "A" * 20, 1),
    "tag cut": cut_cipher(lambda text: text[: len(text) - 24] + "AA==", 1),
    "tag changed": cut_cipher(lambda text: text[:-8] + "AAAA" + text[-4:], 1),
    "first byte changed": cut_cipher(lambda text: ("B" if text[0] == "A" else "A") + text[1:], 1),
    "no base64": cut_cipher(lambda text: "%%%", 1),
    "empty key": cut_cipher(lambda text: "", 0),
    "key of one byte": cut_cipher(lambda text: "AA==", 0),
    "key one byte short": cut_cipher(lambda text: text[:-4], 0),
    "key one byte longer": cut_cipher(lambda text: "AAAA" + text, 0),
    "key of zeros": cut_cipher(lambda text: "A" * 342 + "==", 0),
    "key larger than the modulus": cut_cipher(lambda text: "/" * 341 + "w==", 0),
    "no EncryptedKey": without(KEY),
    "two EncryptedKey": double_key,
    "EncryptedKey elsewhere": lone_key,
    "no KeyInfo": without(r"<ds:KeyInfo .*?</ds:KeyInfo>"),
    "no CipherData": without(r"<xenc:CipherData>.*?</xenc:CipherData>"),
    "no EncryptionMethod": without(r"<xenc:EncryptionMethod.*?/>"),
    "3DES": swap("http://www.w3.org/2009/xmlenc11#aes256-gcm", XENC + "tripledes-cbc"),
    "another key length": swap("aes256-gcm", "aes128-gcm"),
    "CBC said of GCM": swap("http://www.w3.org/2009/xmlenc11#aes256-gcm", XENC + "aes256-cbc"),
    "AES key wrap": swap(XENC + "rsa-oaep-mgf1p", XENC + "kw-aes256"),
    "another digest of OAEP": swap(f'"{DS}sha1"', f'"{XENC}sha256"'),
    "OAEPparams": swap(f'<ds:DigestMethod Algorithm="{DS}sha1"/>', f'<ds:DigestMethod Algorithm="{DS}sha1"/><xenc:OAEPparams>AAAA</xenc:OAEPparams>'),
    "CipherReference": lambda xml: re.sub(r"<xenc:CipherValue>[^<]*</xenc:CipherValue>", '<xenc:CipherReference URI="http://127.0.0.1:18099/"/>', xml),
    "Type Content": swap("#Element", "#Content"),
    "no EncryptedData": without(r"<xenc:EncryptedData.*</xenc:EncryptedData>"),
    "two EncryptedData": lambda xml: re.sub(r"(<xenc:EncryptedData.*</xenc:EncryptedData>)", r"\1\1", xml, flags=re.S),
    "an element beside": swap("</xenc:EncryptedData>", "</xenc:EncryptedData><x/>"),
}


def add_shapes(corpus, base):
    for name, edit in SHAPES.items():
        document = Forge(base, shell=edit).build() if base.response else Forge(base, outer=edit).build()
        corpus.refuse("C-45", f"{name}, {base.name}", base.name, document, REFUSED + " saml_xml_refused")
    beside = Encryption(retrieval=True)
    corpus.accept("C-45", f"EncryptedKey beside, {base.name}", base.name, Forge(base, encryption=beside).build(), CLAIMS)
    elsewhere = swap('URI="#_key"', 'URI="http://127.0.0.1:18099/"')
    document = Forge(base, encryption=beside, **{"shell" if base.response else "outer": elsewhere}).build()
    corpus.refuse("C-45", f"EncryptedKey to be fetched, {base.name}", base.name, document, REFUSED)


def add_keys(corpus, base):
    for to in ("sp", "sp-old"):
        document = Forge(base, encryption=Encryption(to=to)).build()
        corpus.accept("C-46", f"for {to}, both keys active, {base.name}", base.name, document, CLAIMS, decryption=["sp", "sp-old"])
        corpus.accept("C-46", f"for {to}, keys the other way round, {base.name}", base.name, document, CLAIMS, decryption=["sp-old", "sp"])
    gone = Forge(base, encryption=Encryption(to="sp-gone")).build()
    corpus.refuse("C-46", f"for a key that is gone, {base.name}", base.name, gone, REFUSED, decryption=["sp", "sp-old"])
    corpus.refuse("C-46", f"no key at all, {base.name}", base.name, Forge(base).build(), REFUSED, decryption=[])
    corpus.accept("C-46", f"a Recipient is named, {base.name}", base.name, Forge(base, encryption=Encryption(recipient="x")).build(), CLAIMS)


def add_parts(corpus, base):
    name = Encryption(seed="id").wrap(f'<saml:NameID xmlns:saml="{SAML}">ana</saml:NameID>', "EncryptedID")
    attribute = Encryption(seed="id").wrap(MAIL.replace("<saml:Attribute ", f'<saml:Attribute xmlns:saml="{SAML}" '), "EncryptedAttribute")
    corpus.refuse("C-45", f"EncryptedID, {base.name}", base.name, Forge(base, edit=swap(NAME_ID, name)).build(), "saml_part_encrypted")
    both = Forge(base, edit=swap(NAME_ID, NAME_ID + name)).build()
    corpus.refuse("C-45", f"EncryptedID beside NameID, {base.name}", base.name, both, "saml_element_misplaced saml_xml_refused")
    other = Encryption(seed="id").wrap(f'<saml:Issuer xmlns:saml="{SAML}">ana</saml:Issuer>', "EncryptedID")
    wrong = Forge(base, edit=swap(NAME_ID, other)).build()
    corpus.refuse("C-45", f"EncryptedID that holds no NameID, {base.name}", base.name, wrong, "saml_part_encrypted")
    hidden = Forge(base, edit=swap(MAIL, attribute)).build()
    corpus.refuse("C-45", f"EncryptedAttribute, {base.name}", base.name, hidden, "saml_part_encrypted")
