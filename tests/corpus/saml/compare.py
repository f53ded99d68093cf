#!/usr/bin/env python3
"""Whatever we read, libxml2 reads too and canonicalizes to the same bytes.

  compare.py <file>   the file that tests/it/saml_vectors/mutants.rs wrote; exits 1 on the first kinds of difference

Needs lxml.
"""

import io
import json
import sys

from lxml import etree

count, wrong = 0, []
for line in open(sys.argv[1], encoding="utf-8"):
    one = json.loads(line)
    count += 1
    try:
        root = etree.fromstring(one["xml"].encode("utf-8"), etree.XMLParser(resolve_entities=False, no_network=True))
        out = io.BytesIO()
        etree.ElementTree(root).write_c14n(out, exclusive=True, with_comments=False)
    except (etree.XMLSyntaxError, etree.C14NError) as error:
        wrong.append((str(error), one["xml"]))
        continue
    if out.getvalue().decode("utf-8") != one["canonical"]:
        wrong.append(("other canonical bytes", one["xml"]))
print(f"{count} documents compared, {len(wrong)} differ")
for reason, xml in wrong[:5]:
    print(reason, repr(xml[:2000]))
sys.exit(bool(wrong))
