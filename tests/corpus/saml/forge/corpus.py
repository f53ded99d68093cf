"""Rows of the corpus: each a base document with edits, and what must come of it."""

import base64
import difflib
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Big:
    """Bytes with repetitions, which are written as such."""

    def __init__(self, *parts):
        self.parts = parts


class Corpus:
    def __init__(self):
        self.bases, self.rows = {}, {}

    def base(self, name, document):
        self.bases[name] = document if isinstance(document, bytes) else document.encode()

    def accept(self, case, name, base, document, claims, **settings):
        self._add(case, name, base, document, {"accept": claims}, settings)

    def refuse(self, case, name, base, document, codes, **settings):
        self._add(case, name, base, document, {"refuse": codes.split()}, settings)

    def _add(self, case, name, base, document, expect, settings):
        rows = self.rows.setdefault(case, [])
        if any(row["name"] == name for row in rows):
            raise ValueError(f"{case} {name} twice")
        edits = big_edits(document) if isinstance(document, Big) else edits_of(self.bases[base], _bytes(document))
        if isinstance(document, Big):
            base = ""
        if base.endswith("-unasked"):
            settings = {"asked": None} | settings
        if base and apply(self.bases[base], edits) != _bytes(document):
            raise ValueError(f"{case} {name}: the edits do not make the document")
        rows.append({"name": name, "base": base, "edits": edits, **expect, **settings})

    def write(self):
        for folder in ("bases", "cases"):
            (ROOT / folder).mkdir(exist_ok=True)
            for old in (ROOT / folder).iterdir():
                old.unlink()
        for name, document in self.bases.items():
            (ROOT / "bases" / f"{name}.xml").write_bytes(document)
        for case, rows in self.rows.items():
            lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
            (ROOT / "cases" / f"{case}.json").write_text(f"[\n{lines}\n]\n")


def _bytes(document):
    return document if isinstance(document, bytes) else document.encode()


def big_edits(document):
    return [[0, 0, *[{"repeat": part[0], "text": part[1]} if isinstance(part, tuple) else part for part in document.parts]]]


def edits_of(base, document):
    """[offset, bytes to remove, inserts...]: bytes of the base, ascending."""
    tokens = [re.findall(rb"<[^>]*>?|[^<]+", text) for text in (base, document)]
    offsets = [0]
    for token in tokens[0]:
        offsets.append(offsets[-1] + len(token))
    edits = []
    for tag, first, last, start, end in difflib.SequenceMatcher(None, *tokens, autojunk=False).get_opcodes():
        if tag == "replace" and last - first == end - start:
            for number in range(last - first):
                edits += _within(offsets[first + number], tokens[0][first + number], tokens[1][start + number])
        elif tag != "equal":
            edits.append([offsets[first], offsets[last] - offsets[first], *_insert(b"".join(tokens[1][start:end]))])
    return edits


def _within(at, old, new):
    """The edits that turn one token into another: long ones (ciphertexts) often agree at most places."""
    if len(old) < 200 or len(new) < 200:
        return [] if old == new else [[at, len(old), *_insert(new)]]
    common = min(len(old), len(new))
    edits, start, agreeing = [], None, 0
    for place in range(common):
        agreeing = agreeing + 1 if old[place] == new[place] else 0
        if agreeing == 0 and start is None:
            start = place
        elif agreeing == 32 and start is not None:
            edits.append([at + start, place - 31 - start, *_insert(new[start : place - 31])])
            start = None
    start = common - agreeing if start is None else start
    if start < max(len(old), len(new)):
        edits.append([at + start, len(old) - start, *_insert(new[start:])])
    return edits


def _insert(piece):
    if not piece:
        return []
    try:
        return [piece.decode()]
    except UnicodeDecodeError:
        return [{"base64": base64.b64encode(piece).decode()}]


def apply(base, edits):
    out, at = b"", 0
    for offset, removed, *inserts in edits:
        out += base[at:offset]
        for insert in inserts:
            if isinstance(insert, str):
                out += insert.encode()
            elif "base64" in insert:
                out += base64.b64decode(insert["base64"])
            else:
                out += insert["text"].encode() * insert["repeat"]
        at = offset + removed
    return out + base[at:]
