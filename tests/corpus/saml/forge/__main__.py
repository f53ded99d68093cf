"""Makes the corpus anew: `python -m forge` in tests/corpus/saml, with the packages of requirements.txt and xmlsec1 installed."""

from . import keys
from .corpus import Corpus
from .message import CLAIMS, NINE, Forge
from . import claims, documents, secrecy, trust, vendors, wrapping


def main():
    keys.ensure()
    corpus = Corpus()
    for base in NINE:
        corpus.base(base.name, Forge(base).build())
        asked = {"asked": None} if base.unasked else {}
        corpus.accept("C-00", base.name, base.name, Forge(base).build(), CLAIMS, **asked)
    for group in GROUPS:
        group.add(corpus)
    corpus.write()
    for case, rows in sorted(corpus.rows.items()):
        print(case, len(rows))


GROUPS = [wrapping, documents, trust, secrecy, claims, vendors]
main()
