"""XML encryption by the primitives of OpenSSL. All that is random is drawn from a seed, so that the corpus can be made again."""

import base64
import hashlib
import random

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from . import keys

XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
DS = "http://www.w3.org/2000/09/xmldsig#"
CONTENT = {f"aes{bits}-cbc": XENC + f"aes{bits}-cbc" for bits in (128, 192, 256)} | {
    f"aes{bits}-gcm": XENC11 + f"aes{bits}-gcm" for bits in (128, 192, 256)
}
TRANSPORT = {
    "oaep-sha1": (XENC + "rsa-oaep-mgf1p", f'<ds:DigestMethod Algorithm="{DS}sha1"/>'),
    "oaep-mgf1p-bare": (XENC + "rsa-oaep-mgf1p", ""),
    "oaep-sha256": (
        XENC11 + "rsa-oaep",
        f'<ds:DigestMethod Algorithm="{XENC}sha256"/><xenc11:MGF xmlns:xenc11="{XENC11}" Algorithm="{XENC11}mgf1sha256"/>',
    ),
    "rsa-1_5": (XENC + "rsa-1_5", ""),
}


class Encryption:
    """How to encrypt: every part can be made wrong on purpose."""

    def __init__(self, content="aes256-gcm", transport="oaep-sha1", to="sp", seed="", retrieval=False, recipient=None):
        self.content, self.transport, self.to, self.seed = content, transport, to, seed
        self.retrieval, self.recipient = retrieval, recipient

    def wrap(self, plaintext, element="EncryptedAssertion"):
        """The element of SAML around the encrypted text."""
        data = plaintext if isinstance(plaintext, bytes) else plaintext.encode()
        # The same key and nonce for every text: ciphertexts then differ only where texts do, which keeps the corpus small.
        draw = random.Random(f"{self.seed}|{self.content}|{self.transport}")
        secret = draw.randbytes(int(self.content[3:6]) // 8)
        cipher = base64.b64encode(self._encrypt(secret, data, draw)).decode()
        encrypted_key = self.encrypted_key(secret, draw)
        inside = f'<ds:RetrievalMethod Type="{XENC}EncryptedKey" URI="#_key"/>' if self.retrieval else encrypted_key
        after = encrypted_key if self.retrieval else ""
        return (
            f'<saml:{element} xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">'
            f'<xenc:EncryptedData xmlns:xenc="{XENC}" Type="{XENC}Element"><xenc:EncryptionMethod Algorithm="{CONTENT[self.content]}"/>'
            f'<ds:KeyInfo xmlns:ds="{DS}">{inside}</ds:KeyInfo>'
            f"<xenc:CipherData><xenc:CipherValue>{cipher}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>{after}</saml:{element}>"
        )

    def encrypted_key(self, secret, draw):
        uri, method = TRANSPORT[self.transport]
        recipient = f' Recipient="{self.recipient}"' if self.recipient else ""
        identifier = ' Id="_key"' if self.retrieval else ""
        wrapped = base64.b64encode(_wrap_key(self.transport, secret, keys.certificate(self.to).public_key(), draw)).decode()
        return (
            f'<xenc:EncryptedKey xmlns:xenc="{XENC}" xmlns:ds="{DS}"{identifier}{recipient}>'
            f'<xenc:EncryptionMethod Algorithm="{uri}">{method}</xenc:EncryptionMethod>'
            f"<xenc:CipherData><xenc:CipherValue>{wrapped}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>"
        )

    def _encrypt(self, secret, data, draw):
        if self.content.endswith("gcm"):
            nonce = draw.randbytes(12)
            return nonce + AESGCM(secret).encrypt(nonce, data, None)
        nonce = draw.randbytes(16)
        missing = 16 - len(data) % 16
        padded = data + bytes(missing - 1) + bytes([missing])
        encryptor = Cipher(algorithms.AES(secret), modes.CBC(nonce)).encryptor()
        return nonce + encryptor.update(padded) + encryptor.finalize()


def _wrap_key(transport, secret, public, draw):
    numbers = public.public_numbers()
    length = (numbers.n.bit_length() + 7) // 8
    if transport == "rsa-1_5":
        padding = bytes(draw.randrange(1, 256) for _ in range(length - len(secret) - 3))
        block = b"\0\2" + padding + b"\0" + secret
    else:
        block = _oaep(secret, length, hashlib.sha256 if transport == "oaep-sha256" else hashlib.sha1, draw)
    return pow(int.from_bytes(block, "big"), numbers.e, numbers.n).to_bytes(length, "big")


def _oaep(secret, length, hash_of, draw):
    """RFC 8017 section 7.1.1 with an empty label."""
    label = hash_of(b"").digest()
    block = label + bytes(length - len(secret) - 2 * len(label) - 2) + b"\1" + secret
    seed = draw.randbytes(len(label))
    masked = bytes(x ^ y for x, y in zip(block, _mgf1(seed, len(block), hash_of)))
    return b"\0" + bytes(x ^ y for x, y in zip(seed, _mgf1(masked, len(seed), hash_of))) + masked


def _mgf1(seed, length, hash_of):
    out = b""
    while len(out) < length:
        out += hash_of(seed + (len(out) // hash_of().digest_size).to_bytes(4, "big")).digest()
    return out[:length]
