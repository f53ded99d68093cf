"""C-01 to C-16: what is signed is not what is read. XSW1 to XSW10 are numbered as by SAML Raider."""

import copy

from lxml import etree

from .encryption import Encryption
from .message import ASSERTION_SIGNED, CLAIMS, IDP, RESPONSE_SIGNED, SIX, NINE, Forge, enveloped, swap
from .signing import DEFAULT_TRANSFORMS, DS, SAML, SAMLP, reference, sign, template

WRAPPED = "saml_element_misplaced saml_not_one_assertion saml_signature_refused saml_xml_refused saml_unsigned saml_decryption_refused"
SIGNATURE = "saml_signature_refused"
STRUCTURE = "saml_element_misplaced saml_signature_refused"


def add(corpus):
    for base in NINE:
        for number in range(1, 10):
            corpus.refuse(f"C-{min(number, 8):02}", f"XSW{number}, {base.name}", base.name, attack(base, number), WRAPPED)
        for name, mutate in EXTRA_ASSERTIONS.items():
            corpus.refuse("C-02", f"{name}, {base.name}", base.name, with_assertions(base, mutate), WRAPPED)
        for name, place in CONTAINERS.items():
            corpus.refuse("C-09", f"honest in {name}, {base.name}", base.name, hidden(base, place), WRAPPED)
    for base in SIX:
        corpus.refuse("C-08", f"XSW10, {base.name}", base.name, xsw10(base), "saml_xml_refused")
        add_moved(corpus, base)
        add_duplicates(corpus, base)
        add_namespaces(corpus, base)
        add_donor(corpus, base)
        add_signature_shapes(corpus, base)
        add_copies(corpus, base)
    add_references(corpus)


def q(namespace, local):
    return f"{{{namespace}}}{local}"


def parse(xml):
    return etree.fromstring(xml if isinstance(xml, bytes) else xml.encode())


def text(root):
    return etree.tostring(root).decode()


def signature_of(element):
    return element.find(q(DS, "Signature"))


def first_signature(root):
    return next(root.iter(q(DS, "Signature")), None)


def unsigned(element):
    clone = copy.deepcopy(element)
    for child in clone.findall(q(DS, "Signature")):
        clone.remove(child)
    return clone


def corrupt(element, encryption=None):
    """Makes the person an administrator, in the clear or in a new encrypted assertion."""
    for name in element.iter(q(SAML, "NameID")):
        name.text = "admin"
    for value in element.iter(q(SAML, "AttributeValue")):
        value.text = "admin"
    for encrypted in list(element.iter(q(SAML, "EncryptedAssertion"))):
        evil = parse(Forge(NINE[0], edit=swap(">ana<", ">admin<")).assertion())
        replacement = parse((encryption or Encryption(seed="evil")).wrap(text(evil)))
        encrypted.getparent().replace(encrypted, replacement)
    return element


def attack(base, number):
    if number <= 2:
        return wrapped_response(base, number)
    if number == 9:
        return with_assertions(base, xsw9)
    return with_assertions(base, {3: xsw3, 4: xsw4, 5: xsw5, 6: xsw6, 7: xsw7, 8: xsw8}[number])


def wrapped_response(base, number):
    root = parse(Forge(base).build())
    honest = unsigned(root)
    corrupt(root)
    root.set("ID", "_evil_response_ID")
    signature = first_signature(root)
    if signature is None:
        root.insert(1, honest)
    elif number == 1:
        signature.append(honest)
    else:
        signature.addprevious(honest)
    return text(root)


def with_assertions(base, mutate):
    """Mutates the plain form; encrypts every assertion that then stands in the response; signs nothing anew."""
    honest = parse(Forge(base).build())
    if not base.encrypted:
        mutate(honest, honest.find(q(SAML, "Assertion")))
        return text(honest)
    plain = parse(Forge(base._replace(encrypted=False, response=False)).build())
    mutate(plain, plain.find(q(SAML, "Assertion")))
    for number, assertion in enumerate(plain.findall(q(SAML, "Assertion"))):
        lone = etree.tostring(assertion, with_tail=False)
        plain.replace(assertion, parse(Encryption(seed=str(number)).wrap(lone)))
    if base.response:
        plain.insert(1, signature_of(honest))
    return text(plain)


def evil_clone(assertion):
    evil = corrupt(unsigned(assertion))
    evil.set("ID", "_evil_assertion_ID")
    return evil


def signature_for(root, assertion):
    found = signature_of(assertion)
    return found if found is not None else first_signature(root)


def xsw3(root, assertion):
    assertion.addprevious(evil_clone(assertion))


def xsw4(root, assertion):
    evil = evil_clone(assertion)
    root.append(evil)
    evil.append(assertion)


def xsw5(root, assertion):
    root.append(unsigned(assertion))
    corrupt(assertion).set("ID", "_evil_assertion_ID")


def xsw6(root, assertion):
    honest = unsigned(assertion)
    corrupt(assertion).set("ID", "_evil_assertion_ID")
    place = signature_for(root, assertion)
    (assertion if place is None else place).append(honest)


def xsw7(root, assertion):
    extensions = etree.Element("Extensions")
    assertion.addprevious(extensions)
    extensions.append(corrupt(unsigned(assertion)))


def xsw8(root, assertion):
    honest = unsigned(assertion)
    corrupt(assertion)
    place = signature_for(root, assertion)
    etree.SubElement(assertion if place is None else place, "Object").append(honest)


def xsw9(root, assertion):
    """Two SignedInfo: the honest one verifies, the second has the digest of the evil assertion."""
    honest = copy.deepcopy(assertion)
    evil = corrupt(assertion)
    evil.set("ID", "_evil_assertion_ID")
    signature = signature_for(root, evil)
    if signature is not None:
        info = copy.deepcopy(signature.find(q(DS, "SignedInfo")))
        info.find(q(DS, "Reference")).set("URI", "#_evil_assertion_ID")
        signature.append(info)
    etree.SubElement(root, "Wrapper").append(honest)


def xsw10(base):
    """Entities that hide a duplicate ID."""
    root = parse(Forge(base).build())
    root.set("ID", "PLACE")
    start = '<!DOCTYPE response [<!ENTITY idViaEntity "_a1"><!ENTITY more "&#x50;">]>'
    return start + text(root).replace('"PLACE"', '"&idViaEntity;"')


def before(root, assertion):
    assertion.addprevious(evil_clone(assertion))


def after(root, assertion):
    assertion.addnext(evil_clone(assertion))


def twice(root, assertion):
    assertion.addnext(copy.deepcopy(assertion))


def two_signed(root, assertion):
    second = Forge(ASSERTION_SIGNED[0], edit=swap('"_a1"', '"_a2"'), signature=lambda _: enveloped("_a2"))
    assertion.addnext(parse(second.assertion()))


def none_left(root, assertion):
    root.remove(assertion)


EXTRA_ASSERTIONS = {
    "unsigned before signed": before,
    "unsigned after signed": after,
    "the same twice": twice,
    "two signed": two_signed,
    "none": none_left,
}


def container(namespace, *path):
    """Puts `honest` into a new element of `evil` at `path`, which begins at the evil element."""

    def place(evil, honest):
        parent = evil
        for local in path[:-1]:
            parent = next(parent.iter(q(SAML, local)), None)
            if parent is None:
                parent = evil
        etree.SubElement(parent, q(namespace, path[-1])).append(honest)

    return place


def in_signature(local):
    def place(evil, honest):
        signature = first_signature(evil)
        etree.SubElement(evil if signature is None else signature, q(DS, local)).append(honest)

    return place


def in_status(evil, honest):
    root = evil.getroottree().getroot()
    status = root.find(q(SAMLP, "Status"))
    etree.SubElement(evil if status is None else status, q(SAMLP, "StatusDetail")).append(honest)


def in_extensions(evil, honest):
    root = evil.getroottree().getroot()
    extensions = etree.Element(q(SAMLP, "Extensions"))
    extensions.append(honest)
    status = root.find(q(SAMLP, "Status"))
    evil.append(extensions) if status is None else status.addprevious(extensions)


def in_element(local):
    def place(evil, honest):
        found = next(evil.iter(q(SAML, local)), None)
        if found is None:
            found = etree.SubElement(evil, q(SAML, local))
        found.text = None
        found.append(honest)

    return place


CONTAINERS = {
    "Extensions": in_extensions,
    "Advice": container(SAML, "Advice"),
    "Object": in_signature("Object"),
    "StatusDetail": in_status,
    "SubjectConfirmationData": in_element("SubjectConfirmationData"),
    "AttributeValue": in_element("AttributeValue"),
    "KeyInfo": in_signature("KeyInfo"),
}


def hidden(base, place):
    """The honest signed element in a container; the evil one has its signature."""
    if base.assertion:

        def mutate(root, assertion):
            honest = unsigned(assertion)
            corrupt(assertion).set("ID", "_evil_assertion_ID")
            place(assertion, honest)

        return with_assertions(base, mutate)
    root = parse(Forge(base).build())
    honest = unsigned(root)
    corrupt(root).set("ID", "_evil_response_ID")
    place(root, honest)
    return text(root)


def add_moved(corpus, base):
    moves = {
        "to the end": lambda element, signature: element.append(signature),
        "before Issuer": lambda element, signature: element.insert(0, signature),
        "into Subject": lambda element, signature: next(element.iter(q(SAML, "Subject"), q(SAMLP, "Status"))).append(signature),
        "into Issuer": lambda element, signature: element[0].append(signature),
    }
    for name, move in moves.items():

        def moved(xml, local):
            element = parse(xml)
            signature = signature_of(element)
            element.remove(signature)
            move(element, signature)
            return text(element)

        inner = (lambda xml: moved(xml, "Assertion")) if base.assertion else (lambda xml: xml)
        outer = (lambda xml: moved(xml, "Response")) if base.response else (lambda xml: xml)
        corpus.refuse("C-10", f"{name}, {base.name}", base.name, Forge(base, inner=inner, outer=outer).build(), WRAPPED)
    if base.assertion and not base.encrypted:
        root = parse(Forge(base).build())
        assertion = root.find(q(SAML, "Assertion"))
        signature = signature_of(assertion)
        for old in root.findall(q(DS, "Signature")):
            root.remove(old)
        root.insert(1, signature)
        corpus.refuse("C-10", f"to the Response, {base.name}", base.name, text(root), SIGNATURE)


def add_duplicates(corpus, base):
    foreign = "<x:note xmlns:x='urn:x' {}='{}'/>"
    for attribute in ("ID", "Id", "id", "xml:id", "x:ID"):
        note = foreign.format(attribute, "_r1" if base.response else "_a1")
        edit = swap("</samlp:Status>", f"<samlp:StatusDetail>{note}</samlp:StatusDetail></samlp:Status>")
        forge = Forge(base, outer=edit) if attribute == "xml:id" or not base.response else Forge(base, shell=edit)
        if base.encrypted and not base.response:
            # The two elements with the same ID are both inside.
            value = swap("ana@a.test</saml:AttributeValue>", f"{foreign.format(attribute, '_a1')}</saml:AttributeValue>")
            forge = Forge(base, inner=value) if attribute == "xml:id" else Forge(base, edit=value)
        corpus.refuse("C-11", f"{attribute}, {base.name}", base.name, forge.build(), "saml_xml_refused saml_decryption_refused")
    polluted = swap(' ID="_r1"', ' xmlns:x="urn:x" x:ID="_a1" ID="_r1"')
    codes = "saml_xml_refused saml_signature_refused" + (" saml_element_misplaced" if base.encrypted else "")
    if not base.encrypted:
        corpus.refuse("C-11", f"second ID on the Response, {base.name}", base.name, Forge(base, outer=polluted).build(), codes)
    same_id = swap('ID="_r1"', 'ID="_a1"')
    if base.encrypted and not base.response:
        document = Forge(base, outer=same_id).build()
        corpus.refuse("C-11", f"Response and Assertion share one, {base.name}", base.name, document, "saml_decryption_refused")
    if not base.encrypted:
        signature = lambda identifier: enveloped("_a1")  # noqa: E731
        document = Forge(base._replace(response=False), shell=same_id, signature=signature).build()
        corpus.refuse("C-11", f"Response and Assertion share one, {base.name}", base.name, document, "saml_xml_refused")


def add_namespaces(corpus, base):
    """Names that only look right."""
    edits = {
        "Signature of no namespace": (swap(f'<ds:Signature xmlns:ds="{DS}"', '<ds:Signature xmlns:ds="urn:ds"'), True),
        "Signature by default namespace": (default_signature, False),
        "Assertion of another namespace": (swap(f'xmlns:saml="{SAML}" ID="_a1"', 'xmlns:saml="urn:other" ID="_a1"'), True),
        "Assertion of an older SAML": (swap(f'xmlns:saml="{SAML}" ID', 'xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion" ID'), True),
        "prefix bound anew": (swap("<saml:Subject>", '<saml:Subject xmlns:saml="urn:other">'), True),
    }
    for name, (edit, refused) in edits.items():
        inner = edit if base.assertion or "Signature" not in name else (lambda xml: xml)
        outer = edit if base.response and "Signature" in name else (lambda xml: xml)
        document = Forge(base, inner=inner, outer=outer).build()
        if refused:
            codes = WRAPPED + " saml_element_missing"
            corpus.refuse("C-12", f"{name}, {base.name}", base.name, document, codes)
        else:
            corpus.accept("C-12", f"{name}, {base.name}", base.name, document, CLAIMS)
    response = swap(f'xmlns:samlp="{SAMLP}"', 'xmlns:samlp="urn:oasis:names:tc:SAML:1.0:protocol"')
    corpus.refuse("C-12", f"Response of an older SAML, {base.name}", base.name, Forge(base, shell=response).build(), "saml_not_a_response")
    second = swap("</samlp:Status>", "</samlp:Status><Assertion ID='_e1'><NameID>admin</NameID></Assertion>")
    corpus.refuse("C-12", f"a second Assertion without namespace, {base.name}", base.name, Forge(base, shell=second).build(), WRAPPED)


def default_signature(xml):
    """The same names with another prefix outside SignedInfo, whose bytes are signed."""
    return (
        xml.replace(f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo', f'<Signature xmlns="{DS}"><ds:SignedInfo xmlns:ds="{DS}"')
        .replace("<ds:SignatureValue>", "<SignatureValue>")
        .replace("</ds:SignatureValue></ds:Signature>", "</SignatureValue></Signature>")
    )


def add_copies(corpus, base):
    """C-13: written in another way that has the same canonical form."""
    spellings = {
        "single quotes": lambda xml: xml.replace('"', "'"),
        "space in tags": lambda xml: xml.replace("<saml:Subject>", "<saml:Subject >").replace("</saml:Subject>", "</saml:Subject\n>"),
        "character references": lambda xml: xml.replace(">ana<", ">&#97;n&#x61;<").replace('"2.0"', '"2&#46;0"'),
        "CDATA": lambda xml: xml.replace(">ana<", "><![CDATA[an]]>a<"),
        "empty elements in full": lambda xml: xml.replace('Success"/>', 'Success"></samlp:StatusCode>'),
        "a comment between elements": lambda xml: xml.replace("<saml:Conditions", "<!-- aside --><saml:Conditions"),
    }
    for name, spell in spellings.items():
        document = Forge(base, inner=spell, outer=same_or(spell, base)).build()
        corpus.accept("C-13", f"{name}, {base.name}", base.name, document, CLAIMS)


def same_or(spell, base):
    return (lambda xml: xml) if base.encrypted else spell


def add_donor(corpus, base):
    metadata = sign(
        f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ID="_m1" entityID="{IDP}">{enveloped("_m1")}'
        '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/></md:EntityDescriptor>'
    )
    donor = parse(metadata)

    def give(root, assertion):
        corrupt(assertion)
        for element in (root, assertion):
            for old in element.findall(q(DS, "Signature")):
                element.remove(old)
        (assertion if base.assertion else root).insert(1, copy.deepcopy(signature_of(donor)))
        extensions = etree.Element(q(SAMLP, "Extensions"))
        extensions.append(unsigned(donor))
        root.find(q(SAMLP, "Status")).addprevious(extensions)

    corpus.refuse("C-15", f"donor in Extensions, {base.name}", base.name, with_assertions(base, give), WRAPPED)
    corpus.refuse("C-15", f"metadata instead, {base.name}", base.name, metadata, "saml_not_a_response")


def add_signature_shapes(corpus, base):
    def duplicate(local):
        def edit(xml):
            root = parse(xml)
            found = next(root.iter(q(DS, local)))
            found.addnext(copy.deepcopy(found))
            return text(root)

        return edit

    def wrap(xml):
        root = parse(xml)
        info = next(root.iter(q(DS, "SignedInfo")))
        wrapper = etree.Element(q(DS, "Object"))
        info.addprevious(wrapper)
        wrapper.append(info)
        return text(root)

    shapes = {
        "two SignedInfo": duplicate("SignedInfo"),
        "SignedInfo wrapped": wrap,
        "two SignatureValue": duplicate("SignatureValue"),
        "two DigestValue": duplicate("DigestValue"),
        "two CanonicalizationMethod": duplicate("CanonicalizationMethod"),
        "two Signature": duplicate("Signature"),
    }
    for name, shape in shapes.items():
        inner, outer = (shape, lambda xml: xml) if base.assertion else (lambda xml: xml, shape)
        corpus.refuse("C-16", f"{name}, {base.name}", base.name, Forge(base, inner=inner, outer=outer).build(), WRAPPED)


def add_references(corpus):
    """C-14: validly signed by xmlsec1 where it can sign such a thing."""
    signed = {
        "empty URI": lambda identifier: reference(""),
        "xpointer of the root": lambda identifier: reference("#xpointer(/)"),
        "xpointer of the id": lambda identifier: reference(f"#xpointer(id('{identifier}'))"),
        "two references": lambda identifier: reference("#" + identifier) + reference("", DEFAULT_TRANSFORMS),
    }
    edited = {
        "no URI": (' URI="#{}"', ""),
        "only #": ('"#{}"', '"#"'),
        "relative URI": ('"#{}"', '"message.xml#{}"'),
        "absolute URI": ('"#{}"', '"https://idp.a.test/message.xml"'),
        "without #": ('"#{}"', '"{}"'),
        "percent-encoded": ('"#_', '"#%5F'),
        "space around": ('"#{}"', '" #{} "'),
    }
    for base in SIX:
        for name, references in signed.items():
            forge = Forge(base, signature=lambda identifier, references=references: template(references(identifier)))
            corpus.refuse("C-14", f"{name}, {base.name}", base.name, forge.build(), SIGNATURE)
        identifier = "_a1" if base.assertion else "_r1"
        for name, (old, new) in edited.items():
            edit = swap(old.format(identifier), new.format(identifier))
            inner, outer = (edit, lambda xml: xml) if base.assertion else (lambda xml: xml, edit)
            corpus.refuse("C-14", f"{name}, {base.name}", base.name, Forge(base, inner=inner, outer=outer).build(), SIGNATURE)
        drop = lambda xml: xml[: xml.index("<ds:Reference")] + xml[xml.index("</ds:Reference>") + 15 :]  # noqa: E731
        inner, outer = (drop, lambda xml: xml) if base.assertion else (lambda xml: xml, drop)
        corpus.refuse("C-14", f"no reference, {base.name}", base.name, Forge(base, inner=inner, outer=outer).build(), WRAPPED)
    other = lambda identifier: enveloped("_a1" if identifier == "_r1" else "_r1")  # noqa: E731
    for base in RESPONSE_SIGNED:
        if not base.encrypted and not base.assertion:
            corpus.refuse("C-14", f"the assertion's, {base.name}", base.name, Forge(base, signature=other).build(), SIGNATURE)
