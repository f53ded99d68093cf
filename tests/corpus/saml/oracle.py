"""Second opinions on messages that were accepted: `oracle.py <folder>`, whose index.jsonl says with which key and as whom.

The xmlsec1 command verifies every signature (after it decrypted what is encrypted) and signxml the signature whose element the claims come from;
both must say the same NameID and attributes. Prints how many agree and every disagreement; the exit status says whether there was one.
"""

import json
import subprocess
import sys
from pathlib import Path

from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier

KEYS = Path(__file__).resolve().parent / "keys"
SAML, SAMLP = "urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:protocol"
DS, XENC = "http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/2001/04/xmlenc#"
IDS = ["--id-attr:ID", f"{SAML}:Assertion", "--id-attr:ID", f"{SAMLP}:Response"]
BATCH = 60


def main(folder):
    entries = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    problems, verified, bare, compared = [], 0, 0, 0
    jobs = {}
    for entry in entries:
        try:
            opinion = Opinion(folder, entry)
        except Exception as error:  # noqa: BLE001: whatever an oracle raises is a disagreement
            problems.append(f"{entry['file']}: {type(error).__name__} {error}")
            continue
        for place, file in opinion.signatures:
            jobs.setdefault((entry["key"], place), []).append(file)
        compared += 1
        if opinion.says != entry["says"]:
            problems.append(f"{entry['file']}: signxml reads {opinion.says}, we {entry['says']}")
    for (key, place), files in jobs.items():
        for start in range(0, len(files), BATCH):
            refused = refused_by_xmlsec(key, place, files[start : start + BATCH])
            stubborn = refused_by_xmlsec(key, place, [without_key_info(file, place) for file in refused])
            problems += [f"{file.name}: xmlsec1 refuses the signature at {place}" for file in stubborn]
            verified += len(files[start : start + BATCH]) - len(refused)
            bare += len(refused) - len(stubborn)
    print(f"xmlsec1 verified {verified} signatures and {bare} without their broken KeyInfo; signxml and we agree on {compared} messages; {len(problems)} disagreements")
    print("\n".join(problems))
    return 1 if problems else 0


class Opinion:
    """One message: where its signatures are, and what the innermost signed element says to signxml."""

    def __init__(self, folder, entry):
        self.key, self.signatures = entry["key"], []
        file = folder / entry["file"]
        root = read(file)
        envelope = root.find(f"{{{DS}}}Signature") is not None
        if envelope:
            self.signatures.append(("/*/*[local-name()='Signature']", file))
        signed = self.verified(root) if envelope else None
        if root.find(f"{{{SAML}}}EncryptedAssertion") is not None:
            file = decrypted(file, "-assertion")
            root = read(file)
            self.inner(root.find(f"{{{SAML}}}EncryptedAssertion/{{{SAML}}}Assertion"), file, "/*/*/*[local-name()='Assertion']")
        else:
            self.inner(root.find(f"{{{SAML}}}Assertion"), file, "/*/*[local-name()='Assertion']")
        if self.assertion is None:
            whole = root if "-assertion" in file.name else signed
            self.assertion = next(whole.iter(f"{{{SAML}}}Assertion"))
        self.says = claims(self.assertion)

    def inner(self, element, file, path):
        self.assertion = None
        if element is not None and element.find(f"{{{DS}}}Signature") is not None:
            self.signatures.append((path + "/*[local-name()='Signature']", file))
            self.assertion = self.verified(etree.fromstring(etree.tostring(element, with_tail=False)))

    def verified(self, root):
        """The signed element as signxml saw it."""
        certificate = (KEYS / f"{self.key}.crt").read_text()
        expect = SignatureConfiguration(location="./", require_x509=True)
        result = XMLVerifier().verify(root, x509_cert=certificate, id_attribute="ID", expect_config=expect, validate_schema=False)
        return result.signed_xml


def read(file):
    return etree.fromstring(file.read_bytes(), etree.XMLParser(resolve_entities=False, no_network=True))


def decrypted(file, suffix):
    """The message with its assertion in the clear, by xmlsec1."""
    out = file.with_name(file.stem + suffix + ".xml")
    command = ["xmlsec1", "--decrypt", "--privkey-pem", str(KEYS / "sp.key"), "--output", str(out)]
    done = subprocess.run([*command, str(file)], capture_output=True, check=False)
    if done.returncode:
        done = subprocess.run([*command, str(key_inside(file))], capture_output=True, check=False)
    if done.returncode:
        raise ValueError("xmlsec1 does not decrypt: " + done.stderr.decode()[:200])
    return out


def key_inside(file):
    """The key beside the text that it is for is found by its place in SAML; xmlsec1 finds only a key that is inside or referred to."""
    root = read(file)
    key = root.find(f"{{{SAML}}}EncryptedAssertion/{{{XENC}}}EncryptedKey")
    info = root.find(f"{{{SAML}}}EncryptedAssertion/{{{XENC}}}EncryptedData/{{{DS}}}KeyInfo")
    if key is not None and info is not None:
        key.tail = None
        info.append(key)
    out = file.with_name(file.stem + "-key.xml")
    out.write_bytes(etree.tostring(root))
    return out


def claims(assertion):
    name = assertion.find(f"{{{SAML}}}Subject/{{{SAML}}}NameID")
    attributes = {}
    for attribute in assertion.iterfind(f"{{{SAML}}}AttributeStatement/{{{SAML}}}Attribute"):
        values = attributes.setdefault(attribute.get("Name"), [])
        for value in attribute.iterfind(f"{{{SAML}}}AttributeValue"):
            if value.get("{http://www.w3.org/2001/XMLSchema-instance}nil") in ("true", "1"):
                continue
            elements = [child for child in value if isinstance(child.tag, str)]
            if not elements:
                values.append(text(value))
            elif len(elements) == 1 and elements[0].tag == f"{{{SAML}}}NameID" and not text(value):
                values.append(text(elements[0]))
    return {"name_id": None if name is None else text(name), "attributes": [[key, values] for key, values in attributes.items()]}


def text(element):
    """All text between its children, which are comments where it matters."""
    return "".join([element.text or ""] + [child.tail or "" for child in element]).strip(" \t\r\n")


def without_key_info(file, place):
    """xmlsec1 reads what a signature says of its key even when it is given one; we never do."""
    root = read(file)
    for info in root.xpath(f"{place}/*[local-name()='KeyInfo']"):
        info.getparent().remove(info)
    out = file.with_name(file.stem + "-bare.xml")
    out.write_bytes(etree.tostring(root))
    return out


def refused_by_xmlsec(key, place, files):
    """xmlsec1 stops at the first that it refuses."""
    refused, rest = [], list(files)
    while rest:
        command = ["xmlsec1", "--verify", "--pubkey-cert-pem", str(KEYS / f"{key}.crt"), *IDS, "--node-xpath", place, *map(str, rest)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode == 0:
            break
        accepted = (done.stdout + done.stderr).decode().splitlines().count("OK")
        refused.append(rest[accepted])
        rest = rest[accepted + 1 :]
    return refused


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
