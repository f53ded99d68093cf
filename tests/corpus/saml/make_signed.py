#!/usr/bin/env python3
"""Signed and encrypted documents for tests/it/saml_vectors, made by xmlsec1 (RSA-PSS by signxml, which xmlsec1 1.2 does not know).

  make_signed.py <folder>   writes keys/*.pem, signed.json and encrypted.json there

Needs the xmlsec1 and openssl commands, and signxml. Every document that xmlsec1 signed is verified by xmlsec1 before it is written, so a refusal in
the tests is about policy, never about a broken signature.
"""

import base64
import json
import pathlib
import secrets
import subprocess
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree
from signxml import XMLSigner, algorithms, methods

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
DS = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
ENC = "http://www.w3.org/2001/04/xmlenc#"
PSS = "http://www.w3.org/2007/05/xmldsig-more#"
ENC11 = "http://www.w3.org/2009/xmlenc11#"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = DS + "enveloped-signature"
DIGEST = {"sha1": DS + "sha1", "sha256": ENC + "sha256", "sha384": MORE + "sha384", "sha512": ENC + "sha512"}

KEYS = {
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "other": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-pkeyopt", "ec_param_enc:named_curve"],
    "p521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521", "-pkeyopt", "ec_param_enc:named_curve"],
}


def run(*command, stdin=None):
    done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command}: {done.stderr.decode()}")
    return done.stdout


def make_keys(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, options in KEYS.items():
        key, certificate = folder / f"{name}.key.pem", folder / f"{name}.crt.pem"
        if key.exists():
            continue
        run("openssl", "genpkey", *options, "-out", key)
        run("openssl", "req", "-new", "-x509", "-key", key, "-sha256", "-days", "36500", "-subj", f"/CN=Acme {name}", "-out", certificate)
    # The same subject as rsa, another key; and rsa's key in a certificate that has expired.
    clone, expired = folder / "clone.crt.pem", folder / "expired.crt.pem"
    if not clone.exists():
        run("openssl", "req", "-new", "-x509", "-key", folder / "other.key.pem", "-sha256", "-days", "36500", "-subj", "/CN=Acme rsa", "-out", clone)
        request = run("openssl", "req", "-new", "-key", folder / "rsa.key.pem", "-subj", "/CN=Acme rsa")
        (folder / "request").write_bytes(request)
        run("openssl", "x509", "-req", "-in", folder / "request", "-signkey", folder / "rsa.key.pem", "-days", "-1", "-out", expired)
        (folder / "request").unlink()


def transform(uri, inside=""):
    return f'<ds:Transform Algorithm="{uri}">{inside}</ds:Transform>'


STANDARD = transform(ENVELOPED) + transform(EXC)


def reference(uri="#_a1", transforms=STANDARD, digest="sha256"):
    listed = f"<ds:Transforms>{transforms}</ds:Transforms>" if transforms else ""
    return f'<ds:Reference URI="{uri}">{listed}<ds:DigestMethod Algorithm="{DIGEST[digest]}"/><ds:DigestValue/></ds:Reference>'


def signature(method=MORE + "rsa-sha256", references=None, c14n=EXC, c14n_inside="", parameters="", after="<ds:KeyInfo><ds:X509Data/></ds:KeyInfo>"):
    return (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{c14n}">{c14n_inside}</ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{method}">{parameters}</ds:SignatureMethod>{references or reference()}'
        f"</ds:SignedInfo><ds:SignatureValue/>{after}</ds:Signature>"
    )


def assertion(sig, place="issuer", attributes='xmlns:xs="http://www.w3.org/2001/XMLSchema"'):
    at = {"issuer": "", "end": "", "advice": ""} | {place: sig}
    return (
        f'<saml:Assertion xmlns:saml="{SAML}" {attributes} ID="_a1" IssueInstant="2026-11-21T06:00:00Z" Version="2.0">'
        f'<saml:Issuer>https://idp.example</saml:Issuer>{at["issuer"]}<saml:Subject><saml:NameID>anna@example.com</saml:NameID></saml:Subject>'
        f'<saml:Advice>{at["advice"]}</saml:Advice>'
        '<saml:AttributeStatement><saml:Attribute Name="groups"><saml:AttributeValue '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">Räte &amp; &lt;Ämter&gt;&#xD;</saml:AttributeValue>'
        f'</saml:Attribute></saml:AttributeStatement>{at["end"]}</saml:Assertion>'
    )


def response(sig, inside):
    return (
        f'<samlp:Response xmlns:samlp="{SAMLP}" ID="_r1" Version="2.0"><saml:Issuer xmlns:saml="{SAML}">https://idp.example</saml:Issuer>'
        f'{sig}<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{inside}</samlp:Response>'
    )


IDS = ["--id-attr:ID", f"{SAML}:Assertion", "--id-attr:ID", f"{SAMLP}:Response"]


def xmlsec_sign(keys, template, key, hmac=None, xpath=None):
    with tempfile.TemporaryDirectory() as folder:
        path, out = pathlib.Path(folder) / "in.xml", pathlib.Path(folder) / "out.xml"
        path.write_text(template, encoding="utf-8")
        pair = f"{keys / key}.key.pem,{keys / key}.crt.pem"
        signer = ["--hmackey", hmac] if hmac else ["--privkey-pem", pair]
        verifier = ["--hmackey", hmac] if hmac else ["--pubkey-cert-pem", f"{keys / key}.crt.pem"]
        node = ["--node-xpath", xpath] if xpath else []
        run("xmlsec1", "--sign", *signer, *IDS, *node, "--output", out, path)
        run("xmlsec1", "--verify", *verifier, *IDS, *node, out)
        return out.read_text(encoding="utf-8").replace('<?xml version="1.0"?>\n', "").rstrip("\n")


def signxml_sign(keys, method, digest):
    signer = XMLSigner(method=methods.enveloped, signature_algorithm=method, digest_algorithm=digest, c14n_algorithm=algorithms.CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
    placeholder = f'<ds:Signature xmlns:ds="{DS}" Id="placeholder"></ds:Signature>'
    root = etree.fromstring(assertion(placeholder).encode("utf-8"))
    key = serialization.load_pem_private_key((keys / "rsa.key.pem").read_bytes(), None)
    done = signer.sign(root, key=key, cert=(keys / "rsa.crt.pem").read_text(), reference_uri="_a1", id_attribute="ID")
    return etree.tostring(done, encoding="utf-8").decode("utf-8")


def pss_sign(keys, parameters, hash_algorithm, salt):
    """With `rsa-pss` and its parameters, by hand: neither tool writes them."""
    root = etree.fromstring(xmlsec_sign(keys, assertion(signature()), "rsa").encode("utf-8"))
    method = root.find(f".//{{{DS}}}SignatureMethod")
    method.set("Algorithm", PSS + "rsa-pss")
    method.append(etree.fromstring(f'<p:RSAPSSParams xmlns:p="{PSS}" xmlns:ds="{DS}">{parameters}</p:RSAPSSParams>'))
    signed_info = etree.tostring(root.find(f".//{{{DS}}}SignedInfo"), method="c14n", exclusive=True, with_comments=False)
    key = serialization.load_pem_private_key((keys / "rsa.key.pem").read_bytes(), None)
    value = key.sign(signed_info, padding.PSS(mgf=padding.MGF1(hash_algorithm), salt_length=salt), hash_algorithm)
    root.find(f".//{{{DS}}}SignatureValue").text = base64.b64encode(value).decode()
    return etree.tostring(root, encoding="utf-8").decode("utf-8")


XPATH = transform("http://www.w3.org/TR/1999/REC-xpath-19991116", "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>")
XPATH2 = transform("http://www.w3.org/2002/06/xmldsig-filter2", '<f:XPath xmlns:f="http://www.w3.org/2002/06/xmldsig-filter2" Filter="subtract">//ds:Signature</f:XPath>')
XSLT = transform("http://www.w3.org/TR/1999/REC-xslt-19991116", '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0"><xsl:template match="/"><x/></xsl:template></xsl:stylesheet>')
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N11 = "http://www.w3.org/2006/12/xml-c14n11"


def prefixes(listed):
    return f'<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="{listed}"/>'


def signed(keys):
    """Name, case, template, key, what must come: "accept", "sha1" (accepted with the opt-in only) or the refusal's first words."""
    good = [
        *((f"rsa-{h}", signature(MORE + f"rsa-{h}", reference(digest=h)), "rsa") for h in ["sha256", "sha384", "sha512"]),
        *((f"{k}-ecdsa-{h}", signature(MORE + f"ecdsa-{h}", reference(digest=h)), k) for k in ["p256", "p384", "p521"] for h in ["sha256", "sha384", "sha512"]),
        ("prefix-list", signature(references=reference(transforms=transform(ENVELOPED) + transform(EXC, prefixes("xs")))), "rsa"),
        ("prefix-list-default", signature(references=reference(transforms=transform(ENVELOPED) + transform(EXC, prefixes("#default xs saml absent")))), "rsa"),
        ("prefix-list-signed-info", signature(c14n_inside=prefixes("xs saml")), "rsa"),
    ]
    for name, sig, key in good:
        yield name, "C-32", assertion(sig), key, "accept"
    yield "no-key-info", "C-31", assertion(signature(after="")), "rsa", "accept"
    yield "response", "C-28", response(signature(references=reference("#_r1")), assertion("")), "rsa", "accept"
    yield "rsa-sha1", "C-32", assertion(signature(DS + "rsa-sha1", reference(digest="sha1"))), "rsa", "sha1"
    yield "digest-sha1", "C-32", assertion(signature(references=reference(digest="sha1"))), "rsa", "sha1"
    yield "ecdsa-sha1", "C-32", assertion(signature(MORE + "ecdsa-sha1")), "p256", "the algorithm"
    for name, uri in [("uri-empty", ""), ("uri-xpointer-root", "#xpointer(/)"), ("uri-xpointer-id", "#xpointer(id('_a1'))")]:
        yield name, "C-14", assertion(signature(references=reference(uri))), "rsa", "the signature refers to"
    yield "two-references", "C-14", assertion(signature(references=reference() * 2)), "rsa", "SignedInfo"
    for name, transforms in [
        ("transform-enveloped-only", transform(ENVELOPED)),
        ("transform-three", transform(ENVELOPED) + transform(EXC) + transform(EXC)),
        ("transform-xpath", XPATH + transform(EXC)),
        ("transform-xpath-third", transform(ENVELOPED) + XPATH + transform(EXC)),
        ("transform-xpath2", XPATH2 + transform(EXC)),
        ("transform-xslt", transform(ENVELOPED) + XSLT),
        ("transform-inclusive", transform(ENVELOPED) + transform(C14N)),
        ("transform-inclusive-11", transform(ENVELOPED) + transform(C14N11)),
        ("transform-comments", transform(ENVELOPED) + transform(EXC + "WithComments")),
        ("prefix-list-huge", transform(ENVELOPED) + transform(EXC, prefixes(" ".join(f"p{i}" for i in range(200))))),
    ]:
        refusal = {"prefix-list-huge": "InclusiveNamespaces"}.get(name, "Transform")
        yield name, "C-18", assertion(signature(references=reference(transforms=transforms))), "rsa", refusal
    for name, method in [("signed-info-inclusive", C14N), ("signed-info-inclusive-11", C14N11), ("signed-info-comments", EXC + "WithComments")]:
        yield name, "C-18", assertion(signature(c14n=method)), "rsa", "CanonicalizationMethod"
    yield "object", "C-09", assertion(signature(after="<ds:KeyInfo><ds:X509Data/></ds:KeyInfo><ds:Object>x</ds:Object>")), "rsa", "Signature"
    yield "at-the-end", "C-10", assertion(signature(), "end"), "rsa", "the signature of Assertion stands after"
    yield "in-advice", "C-10", assertion(signature(), "advice"), "rsa", "none"
    yield "rsa1024", "C-32", assertion(signature()), "rsa1024", "certificate"


def make_signed(keys):
    out = []
    for name, case, template, key, expect in signed(keys):
        out.append({"name": name, "case": case, "key": key, "expect": expect, "xml": xmlsec_sign(keys, template, key)})
    for name, hmac_key in [("hmac-keyed-with-pem", "rsa.crt.pem"), ("hmac-keyed-with-der", "rsa.crt.der")]:
        with tempfile.TemporaryDirectory() as folder:
            path = keys / hmac_key
            if hmac_key.endswith("der"):
                path = pathlib.Path(folder) / "der"
                run("openssl", "x509", "-in", keys / "rsa.crt.pem", "-outform", "DER", "-out", path)
            xml = xmlsec_sign(keys, assertion(signature(MORE + "hmac-sha256", after="")), "rsa", hmac=path)
        out.append({"name": name, "case": "C-33", "key": "rsa", "expect": "the algorithm", "xml": xml})
    pss = algorithms.SignatureMethod
    for h, method in [("sha256", pss.SHA256_RSA_MGF1), ("sha384", pss.SHA384_RSA_MGF1), ("sha512", pss.SHA512_RSA_MGF1)]:
        out.append({"name": f"rsa-pss-{h}", "case": "C-32", "key": "rsa", "expect": "accept", "xml": signxml_sign(keys, method, algorithms.DigestAlgorithm[h.upper()])})
    sha384 = f'<ds:DigestMethod Algorithm="{DIGEST["sha384"]}"/>'
    mask = f'<p:MaskGenerationFunction Algorithm="{PSS}MGF1">{sha384}</p:MaskGenerationFunction>'
    for name, parameters, algorithm, salt, expect in [
        ("rsa-pss-defaults", "", hashes.SHA256(), 32, "accept"),
        ("rsa-pss-parameters", f"{sha384}{mask}<p:SaltLength>48</p:SaltLength><p:TrailerField>1</p:TrailerField>", hashes.SHA384(), 48, "accept"),
        ("rsa-pss-other-salt", "", hashes.SHA256(), 20, "the http"),
        ("rsa-pss-named-salt", "<p:SaltLength>20</p:SaltLength>", hashes.SHA256(), 20, "RSAPSSParams"),
    ]:
        out.append({"name": name, "case": "C-32", "key": "rsa", "expect": expect, "xml": pss_sign(keys, parameters, algorithm, salt)})
    return out


def encrypted_template(content, transport, inside="", beside=False, parameters=""):
    key = (
        f'<xenc:EncryptedKey Id="_k1"><xenc:EncryptionMethod Algorithm="{transport}">{parameters}</xenc:EncryptionMethod>{inside}'
        "<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey>"
    )
    return (
        f'<xenc:EncryptedData xmlns:xenc="{ENC}" xmlns:ds="{DS}" Type="{ENC}Element"><xenc:EncryptionMethod Algorithm="{content}"/>'
        f"<ds:KeyInfo>{key}</ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>"
    )


def xmlsec_encrypt(keys, key, template, session, plain):
    """The plaintext as bytes, so that any of it can be encrypted, also what is no XML."""
    with tempfile.TemporaryDirectory() as folder:
        data, path, out = (pathlib.Path(folder) / name for name in ["data", "template.xml", "out.xml"])
        data.write_bytes(plain)
        path.write_text(template, encoding="utf-8")
        run("xmlsec1", "--encrypt", "--pubkey-cert-pem", f"{keys / key}.crt.pem", "--session-key", session, "--binary-data", data, "--output", out, path)
        made = out.read_text(encoding="utf-8")
        out.write_text(made.replace(f' Type="{ENC}Element"', ""), encoding="utf-8")
        found = run("xmlsec1", "--decrypt", "--privkey-pem", f"{keys / key}.key.pem", out)
        assert found.strip() == plain.strip(), (found, plain)
        return made.replace('<?xml version="1.0"?>\n', "").rstrip("\n")


def oaep_encrypt(keys, bits, mask_bits, plain):
    """RSA-OAEP of XML Encryption 1.1 by hand: xmlsec1 1.2 does not know it."""
    public = x509.load_pem_x509_certificate((keys / "rsa.crt.pem").read_bytes()).public_key()
    algorithms_of = {256: hashes.SHA256, 384: hashes.SHA384, 512: hashes.SHA512, 1: hashes.SHA1}
    key, iv = secrets.token_bytes(32), secrets.token_bytes(12)
    transported = public.encrypt(key, padding.OAEP(mgf=padding.MGF1(algorithms_of[mask_bits]()), algorithm=algorithms_of[bits](), label=None))
    parameters = f'<ds:DigestMethod Algorithm="{DIGEST[f"sha{bits}"]}"/><e:MGF xmlns:e="{ENC11}" Algorithm="{ENC11}mgf1sha{mask_bits}"/>'
    template = encrypted_template(f"{ENC11}aes256-gcm", ENC11 + "rsa-oaep", parameters=parameters)
    values = [transported, iv + AESGCM(key).encrypt(iv, plain, None)]
    for value in values:
        template = template.replace("<xenc:CipherValue/>", f"<xenc:CipherValue>{base64.b64encode(value).decode()}</xenc:CipherValue>", 1)
    return wrapped(template)


def wrapped(data, element="EncryptedAssertion"):
    return f'<saml:{element} xmlns:saml="{SAML}">{data}</saml:{element}>'


def make_encrypted(keys):
    plain = xmlsec_sign(keys, assertion(signature()), "rsa").encode("utf-8")
    name_id = f'<saml:NameID xmlns:saml="{SAML}">anna@example.com</saml:NameID>'.encode()
    oaep, oaep11 = ENC + "rsa-oaep-mgf1p", ENC11 + "rsa-oaep"
    out = []

    def add(name, case, xml, expect, key="rsa", of=plain):
        out.append({"name": name, "case": case, "key": key, "expect": expect, "xml": xml, "plain": of.decode("utf-8", "replace")})

    def made(content, transport, session, of=plain, key="rsa", element="EncryptedAssertion"):
        return wrapped(xmlsec_encrypt(keys, key, encrypted_template(content, transport), session, of), element)

    for bits in (128, 192, 256):
        add(f"aes{bits}-gcm", "C-42", made(f"{ENC11}aes{bits}-gcm", oaep, f"aes-{bits}"), "accept")
        add(f"aes{bits}-cbc", "C-44", made(f"{ENC}aes{bits}-cbc", oaep, f"aes-{bits}"), "cbc")
    add("rsa-1_5", "C-44", made(f"{ENC11}aes256-gcm", ENC + "rsa-1_5", "aes-256"), "rsa-1_5")
    add("rsa-1_5-cbc", "C-44", made(f"{ENC}aes128-cbc", ENC + "rsa-1_5", "aes-128"), "rsa-1_5 cbc")
    add("tripledes", "C-44", made(f"{ENC}tripledes-cbc", oaep, "des-192"), "the encryption algorithm")
    add("name-id", "C-45", made(f"{ENC11}aes128-gcm", oaep, "aes-128", name_id, element="EncryptedID"), "accept", of=name_id)
    gcm = f"{ENC11}aes256-gcm"
    for name, of in [
        ("two-assertions", plain + plain),
        ("text", b"anna@example.com"),
        ("doctype", b"<!DOCTYPE a [<!ENTITY x 'y'>]>" + plain),
        ("unbalanced", b"</saml:EncryptedAssertion>" + plain + b"<saml:EncryptedAssertion>"),
        ("empty", b" "),
        ("name-id-as-assertion", name_id),
        ("no-namespace", b"<Assertion/>"),
        ("outer-prefix", plain.replace(f' xmlns:saml="{SAML}"'.encode(), b"", 1)),
        ("comment-first", b"<!-- x -->" + plain),
    ]:
        add(name, "C-43", made(gcm, oaep, "aes-256", of), "accept" if name == "comment-first" else "it does not decrypt", of=of)
    for bits, mask, expect in [(256, 256, "accept"), (384, 384, "accept"), (512, 512, "accept"), (1, 1, "accept"), (256, 1, "the encryption algorithm")]:
        add(f"oaep-sha{bits}-mgf1sha{mask}", "C-44", oaep_encrypt(keys, bits, mask, plain), expect)
    add("other-key", "C-46", made(gcm, oaep, "aes-256", key="other"), "accept", key="other")
    return out


def main():
    folder = pathlib.Path(sys.argv[1])
    keys = folder / "keys"
    make_keys(keys)
    for name, made in [("signed", make_signed(keys)), ("encrypted", make_encrypted(keys))]:
        (folder / f"{name}.json").write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


main()
