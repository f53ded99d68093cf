#!/usr/bin/env python3
"""Exclusive canonicalization vectors: random documents full of namespaces, canonical bytes by libxml2 (through lxml).

  make_c14n.py <count> <seed>            one JSON object per line: xml, apex (a path of child indexes), prefixes, expected
  make_c14n.py --fixtures <count> <seed> the most varied of them, as tests/fixtures/saml/c14n.json holds them
  make_c14n.py --corpus <folder>         SHA-256 of the canonical root and of each canonical SignedInfo, as tests/fixtures/saml/c14n-corpus.json

Needs lxml and libxml2.so.2. libxml2 leaves `&` in a namespace URI unescaped, against the specification, so no URI here has one.
"""

import ctypes
import hashlib
import io
import json
import pathlib
import random
import sys

from lxml import etree

LIBXML2 = ctypes.CDLL("libxml2.so.2")
LIBXML2.xmlReadMemory.restype = ctypes.c_void_p
LIBXML2.xmlReadMemory.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
LIBXML2.xmlC14NDocDumpMemory.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
LIBXML2.xmlFreeDoc.argtypes = [ctypes.c_void_p]

PREFIXES = ["", "a", "b", "c", "ds", "x-y", "é"]
URIS = ["urn:one", "urn:two", "http://example.com/three", "http://example.com/three#", "urn:five?x=1", "urn:q'uote"]
LOCALS = ["a", "B", "assertion", "ns", "é", "z.1", "_"]
TEXTS = ["", " ", "text", "&amp;&lt;&gt;", "&#xD;", "&#13;&#10;", "\n  ", "\r\n", "\t", "\"'", "<![CDATA[<&]]>", "<![CDATA[]]>", "é😀", "<!-- c -->", "a<!--x-->b",
         "&#x9;", "&#xA;", "]]&gt;", "&quot;&apos;", "\u2028", "&#x85;"]
VALUES = ["", "v", "&amp;", "&lt;", ">", "&quot;", "'", "&#xD;", "&#9;", "&#xA;", "\t", "\n", "\r\n", "é", "  two  ", "&#x20;", "&#xD;&#xA;"]


def element(rnd, scope, depth):
    scope = dict(scope)
    attributes = []
    for prefix in rnd.sample(PREFIXES, rnd.choice([0, 0, 1, 1, 2, 4])):
        uri = rnd.choice(URIS + ([""] * 2 if prefix == "" else []))
        scope[prefix] = uri
        attributes.append((f"xmlns:{prefix}" if prefix else "xmlns", uri))
    names = set()
    for _ in range(rnd.choice([0, 0, 1, 2, 5])):
        prefix = rnd.choice([p for p in scope if p] + ["", "xml"])
        local = rnd.choice(["lang", "space", "base"]) if prefix == "xml" else rnd.choice(LOCALS)
        expanded = ("xml" if prefix == "xml" else scope[prefix] if prefix else None, local)
        if expanded in names:
            continue
        names.add(expanded)
        attributes.append((f"{prefix}:{local}" if prefix else local, rnd.choice(["default", "preserve", "en"]) if prefix == "xml" else rnd.choice(VALUES)))
    rnd.shuffle(attributes)
    prefix = rnd.choice(list(scope) + [""])
    local = rnd.choice(LOCALS)
    name = f"{prefix}:{local}" if prefix else local
    space = rnd.choice([" ", " ", "\n", "  ", "\t"])
    quoted = [space + n + rnd.choice(["=", "=", " = "]) + ('"' + v + '"' if "'" in v else rnd.choice(["'", '"']).join(["", v, ""])) for n, v in attributes]
    content = ""
    for _ in range(rnd.choice([0, 1, 2, 3]) if depth < 5 else 0):
        content += rnd.choice(TEXTS)
        if rnd.random() < 0.75:
            content += element(rnd, scope, depth + 1)
        content += rnd.choice(TEXTS)
    if not content and rnd.random() < 0.5:
        return f"<{name}{''.join(quoted)}/>"
    return f"<{name}{''.join(quoted)}{rnd.choice(['', ' '])}>{content}</{name}{rnd.choice(['', ' '])}>"


def vector(rnd):
    xml = rnd.choice(["", "", '<?xml version="1.0" encoding="UTF-8"?>\n', "<!-- before -->"]) + element(rnd, {"": ""}, 0) + rnd.choice(["", "\n", "<!-- after -->"])
    node = etree.fromstring(xml.encode("utf-8"), etree.XMLParser(resolve_entities=False, no_network=True))
    apex = []
    while rnd.random() < 0.6:
        children = [child for child in node if isinstance(child.tag, str)]
        if not children:
            break
        at = rnd.randrange(len(children))
        apex.append(at)
        node = children[at]
    prefixes = rnd.sample([p for p in PREFIXES if p] + ["absent"] + ["#default"] * (not apex), rnd.choice([0, 0, 0, 1, 2, 3]))
    if "#default" in prefixes:
        return {"xml": xml, "apex": apex, "prefixes": prefixes, "expected": canonical_document(xml, prefixes)}
    return {"xml": xml, "apex": apex, "prefixes": prefixes, "expected": canonical(node, prefixes)}


def canonical(node, prefixes):
    out = io.BytesIO()
    etree.ElementTree(node).write_c14n(out, exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes or None)
    return out.getvalue().decode("utf-8")


def canonical_document(xml, prefixes):
    """libxml2 itself: lxml drops `#default` from the list."""
    encoded = xml.encode("utf-8")
    document = LIBXML2.xmlReadMemory(encoded, len(encoded), None, None, 32 | 64 | 2048)
    listed = (ctypes.c_char_p * (len(prefixes) + 1))(*[p.encode("utf-8") for p in prefixes], None)
    out = ctypes.c_char_p()
    length = LIBXML2.xmlC14NDocDumpMemory(document, None, 1, listed, 0, ctypes.byref(out))
    found = ctypes.string_at(out, length).decode("utf-8")
    LIBXML2.xmlFreeDoc(document)
    # Comments outside the root bring line feeds, which an element alone does not have.
    return found.strip("\n")


def digest(node):
    return hashlib.sha256(canonical(node, []).encode("utf-8")).hexdigest()


def corpus(folder):
    out = {}
    for path in sorted(folder.rglob("*.xml")):
        root = etree.parse(path, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)).getroot()
        signed = root.iter("{http://www.w3.org/2000/09/xmldsig#}SignedInfo")
        out[str(path.relative_to(folder))] = {"root": digest(root), "SignedInfo": [digest(node) for node in signed]}
    return out


def main():
    if "--corpus" in sys.argv:
        print(json.dumps(corpus(pathlib.Path(sys.argv[2])), indent=1))
        return
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    rnd = random.Random(int(arguments[1]))
    made = (vector(rnd) for _ in range(int(arguments[0])))
    if "--fixtures" not in sys.argv:
        for one in made:
            print(json.dumps(one, ensure_ascii=False))
        return
    varied = sorted((one for one in made if len(one["xml"]) < 1500), key=lambda one: -len(set(one["expected"].replace("\n", " ").split(" "))))
    print(json.dumps(varied[:50], ensure_ascii=False, indent=1))


main()
