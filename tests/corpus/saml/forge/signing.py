"""Signatures by the xmlsec1 command and, for RSA-PSS, which it lacks, by signxml."""

import subprocess
import tempfile

from lxml import etree
from signxml import XMLSigner, methods

from . import keys

DS = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = DS + "enveloped-signature"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
OLD_SAMLP = "urn:oasis:names:tc:SAML:1.0:protocol"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"

DIGESTS = {"sha1": DS + "sha1", "sha256": XENC + "sha256", "sha384": MORE + "sha384", "sha512": XENC + "sha512"}
METHODS = {"rsa-sha1": DS + "rsa-sha1"} | {
    name: MORE + name
    for name in "rsa-sha256 rsa-sha384 rsa-sha512 ecdsa-sha1 ecdsa-sha256 ecdsa-sha384 ecdsa-sha512 rsa-md5 hmac-sha256".split()
}


def transform(uri, inside=""):
    return f'<ds:Transform Algorithm="{uri}">{inside}</ds:Transform>' if inside else f'<ds:Transform Algorithm="{uri}"/>'


def prefixes(names):
    return f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="{names}"/>'


DEFAULT_TRANSFORMS = transform(ENVELOPED) + transform(EXCLUSIVE)


def reference(uri, transforms=DEFAULT_TRANSFORMS, digest="sha256"):
    attribute = "" if uri is None else f' URI="{uri}"'
    body = f"<ds:Transforms>{transforms}</ds:Transforms>" if transforms else ""
    return (
        f'<ds:Reference{attribute}>{body}<ds:DigestMethod Algorithm="{DIGESTS.get(digest, digest)}"/>'
        "<ds:DigestValue></ds:DigestValue></ds:Reference>"
    )


def template(references, method="rsa-sha256", key_info="", c14n=EXCLUSIVE, c14n_inside="", objects="", method_inside=""):
    """A ds:Signature for xmlsec1 to fill in."""
    return (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{c14n}">{c14n_inside}</ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{METHODS.get(method, method)}">{method_inside}</ds:SignatureMethod>'
        f"{references}</ds:SignedInfo><ds:SignatureValue></ds:SignatureValue>{key_info}{objects}</ds:Signature>"
    )


def x509_key_info(name):
    return f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{keys.certificate_base64(name)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"


def sign(xml, key="a", hmac=None):
    """Fills in the first signature of the document."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as source:
        source.write(xml.encode())
        source.flush()
        by = ["--hmackey", hmac] if hmac else ["--privkey-pem", str(keys.key_file(key))]
        command = ["xmlsec1", "--sign", *by, *_id_attributes(), source.name]
        signed = subprocess.run(command, capture_output=True, check=False)
    if signed.returncode:
        raise RuntimeError(f"{signed.stderr.decode()}\n{xml}")
    return signed.stdout.decode().split("?>", 1)[1].strip()


def verifies(xml, key="a"):
    """Whether xmlsec1 takes the first signature of the document."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as source:
        source.write(xml if isinstance(xml, bytes) else xml.encode())
        source.flush()
        command = ["xmlsec1", "--verify", "--pubkey-cert-pem", str(keys.certificate_file(key)), *_id_attributes(), source.name]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def decrypts(xml, key="sp"):
    with tempfile.NamedTemporaryFile(suffix=".xml") as source:
        source.write(xml if isinstance(xml, bytes) else xml.encode())
        source.flush()
        command = ["xmlsec1", "--decrypt", "--privkey-pem", str(keys.key_file(key)), source.name]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def sign_pss(xml, identifier, hash_name, key="a"):
    """Replaces <placeholder/> by a signature of RSASSA-PSS."""
    signer = XMLSigner(
        method=methods.enveloped,
        signature_algorithm=f"{hash_name}-rsa-MGF1",
        digest_algorithm=hash_name,
        c14n_algorithm=EXCLUSIVE,
    )
    with_place = xml.replace("<placeholder/>", f'<ds:Signature xmlns:ds="{DS}" Id="placeholder"/>')
    root = etree.fromstring(with_place.encode())
    signed = signer.sign(
        root, key=keys.key_file(key).read_bytes(), cert=keys.certificate_file(key).read_text(), reference_uri="#" + identifier
    )
    return etree.tostring(signed).decode()


def _id_attributes():
    names = [SAML + ":Assertion", SAMLP + ":Response", METADATA + ":EntityDescriptor", OLD_SAMLP + ":Response"]
    return [part for name in names for part in ("--id-attr:ID", name)]
