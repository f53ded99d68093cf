"""The test keys: made once, committed, never used outside these tests."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

FOLDER = Path(__file__).resolve().parent.parent / "keys"

# name: (key, common name, first and last year of the certificate)
KEYS = {
    "a": (2048, "idp.a.test", 2025, 2045),
    "a-next": (2048, "idp.a.test", 2025, 2045),
    "a-encryption": (2048, "idp.a.test", 2025, 2045),
    "a-clone": (2048, "idp.a.test", 2025, 2045),
    "b": (2048, "idp.b.test", 2025, 2045),
    "expired": (2048, "idp.a.test", 2015, 2020),
    "weak": (1024, "idp.a.test", 2025, 2045),
    "p256": ("secp256r1", "idp.a.test", 2025, 2045),
    "p384": ("secp384r1", "idp.a.test", 2025, 2045),
    "sp": (2048, "broker.test", 2025, 2045),
    "sp-old": (2048, "broker.test", 2025, 2045),
    "sp-gone": (2048, "broker.test", 2025, 2045),
}


def ensure():
    FOLDER.mkdir(exist_ok=True)
    for number, (name, spec) in enumerate(KEYS.items(), 1):
        if not key_file(name).exists():
            _make(name, number, *spec)


def key_file(name):
    return FOLDER / f"{name}.key"


def certificate_file(name):
    return FOLDER / f"{name}.crt"


def certificate(name):
    return x509.load_pem_x509_certificate(certificate_file(name).read_bytes())


def certificate_base64(name):
    return "".join(certificate_file(name).read_text().split("-----")[2].split())


def _make(name, number, kind, common_name, first, last):
    if isinstance(kind, int):
        key = rsa.generate_private_key(65537, kind)
    else:
        key = ec.generate_private_key({"secp256r1": ec.SECP256R1(), "secp384r1": ec.SECP384R1()}[kind])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(datetime.datetime(first, 1, 1))
        .not_valid_after(datetime.datetime(last, 1, 1))
        .sign(key, hashes.SHA256())
    )
    key_file(name).write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    certificate_file(name).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
