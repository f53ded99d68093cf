"""C-48 to C-77: what an honestly signed message says."""

from .message import (
    ACS, AUDIENCE, AUTHN, CLAIMS, CONDITIONS, CONFIRMATION, CONFIRMATION_DATA, GROUPS, IDP, MAIL, NAME_ID, PASSWORD, PERSISTENT, PLAIN,
    REQUEST, RESTRICTION, SIX, STATUS, SUCCESS, Forge, chain, same, swap,
)
from .signing import SAML, SAMLP

MISSING, MALFORMED = "saml_element_missing", "saml_value_malformed"
FUTURE, OVER = "saml_from_the_future", "saml_expired"
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def add(corpus):
    for base in SIX:
        Claims(corpus, base).all()
    add_unasked(corpus)


class Claims:
    def __init__(self, corpus, base):
        self.corpus, self.base = corpus, base

    def refuse(self, case, name, codes, edit=same, shell=same, **settings):
        document = Forge(self.base, edit=edit, shell=shell).build()
        self.corpus.refuse(case, f"{name}, {self.base.name}", self.base.name, document, codes, **settings)

    def accept(self, case, name, edit=same, shell=same, claims=CLAIMS, **settings):
        document = Forge(self.base, edit=edit, shell=shell).build()
        self.corpus.accept(case, f"{name}, {self.base.name}", self.base.name, document, claims, **settings)

    def all(self):
        self.times()
        self.authentication()
        self.audiences()
        self.addresses()
        self.confirmations()
        self.issuers()
        self.statuses()
        self.requests()
        self.conditions()
        self.attributes()
        self.names()
        self.versions()

    def times(self):
        begin, end = ('NotBefore="2026-06-01T11:55:00Z"', 'NotOnOrAfter="2026-06-01T12:05:00Z">')
        before = lambda text: swap(begin, f'NotBefore="{text}"')  # noqa: E731
        after = lambda text: swap(end, f'NotOnOrAfter="{text}">')  # noqa: E731
        self.refuse("C-48", "no Conditions", MISSING, swap(CONDITIONS, ""))
        self.refuse("C-48", "two Conditions", "saml_element_misplaced", swap(CONDITIONS, CONDITIONS + CONDITIONS))
        self.refuse("C-48", "not before tomorrow", FUTURE, before("2026-06-02T12:00:00Z"))
        self.accept("C-48", "not before in 60 s", before("2026-06-01T12:01:00Z"))
        self.refuse("C-48", "not before in 61 s", FUTURE, before("2026-06-01T12:01:01Z"))
        self.accept("C-48", "not before in 120 s, skew 120", before("2026-06-01T12:02:00Z"), skew=120)
        self.refuse("C-48", "not before in 121 s, skew 3600", FUTURE, before("2026-06-01T12:02:01Z"), skew=3600)
        self.accept("C-48", "not before now, no skew", before("2026-06-01T12:00:00Z"), skew=0)
        self.refuse("C-48", "over yesterday", OVER, chain(before("2026-05-31T11:00:00Z"), after("2026-05-31T12:00:00Z")))
        self.accept("C-48", "over 59 s ago", after("2026-06-01T11:59:01Z"))
        self.refuse("C-48", "over 60 s ago", OVER, after("2026-06-01T11:59:00Z"))
        self.refuse("C-48", "over now, no skew", OVER, after("2026-06-01T12:00:00Z"), skew=0)
        self.accept("C-48", "over in a second, no skew", after("2026-06-01T12:00:01Z"), skew=0)
        self.accept("C-48", "no times", chain(swap(begin + " ", ""), swap(" " + end, ">")))
        self.refuse("C-48", "end before begin", "saml_conditions_reversed", chain(before("2026-06-01T12:00:30Z"), after("2026-06-01T12:00:20Z")))
        for text in ("2026-06-01T12:00:00+00:30", "2026-06-01T06:30:00-05:30", "2026-06-01T11:58:00.1234567Z", "2016-12-31T23:59:60Z"):
            self.accept("C-48", f"not before {text}", before(text))
        for text in ("9999-12-31T23:59:59Z", "2026-06-01T14:05:00+02:00", "2026-06-01T12:05:00.999Z"):
            self.accept("C-48", f"over {text}", after(text))
        wrong = (
            "2026-06-01T12:05:00", "2026-06-01", "2026-13-01T00:00:00Z", "2026-06-31T00:00:00Z", "2026-06-01T25:00:00Z", "tomorrow", "",
            "2026-06-01T12:05:00+15:00", "1780315500", "12026-06-01T12:05:00Z", "2026-06-01T12:05:00z",
        )
        for text in wrong:
            self.refuse("C-48", f"over {text!r}", MALFORMED, after(text))
        issued = 'IssueInstant="2026-06-01T11:59:50Z"'
        for element, place in {"Assertion": "edit", "Response": "shell"}.items():
            at = lambda text: {place: swap(issued, f'IssueInstant="{text}"')}  # noqa: E731, B023
            self.accept("C-77", f"{element} issued in 60 s", **at("2026-06-01T12:01:00Z"))
            self.refuse("C-77", f"{element} issued in 61 s", FUTURE, **at("2026-06-01T12:01:01Z"))
            self.refuse("C-77", f"{element} issued tomorrow", FUTURE, **at("2026-06-02T12:00:00Z"))
            self.accept("C-77", f"{element} issued 60 s before the request", **at("2026-06-01T11:58:30Z"))
            self.refuse("C-77", f"{element} issued 61 s before the request", "saml_issued_before_request", **at("2026-06-01T11:58:29Z"))
            self.refuse("C-77", f"{element} issued a year ago", "saml_issued_before_request", **at("2025-06-01T11:59:50Z"))
            self.refuse("C-77", f"{element} without IssueInstant", MISSING, **{place: swap(" " + issued, "")})

    def authentication(self):
        instant = 'AuthnInstant="2026-06-01T11:59:40Z"'
        at = lambda text: swap(instant, f'AuthnInstant="{text}"')  # noqa: E731
        ends = lambda text: swap(instant, f'{instant} SessionNotOnOrAfter="{text}"')  # noqa: E731
        self.accept("C-49", "signed in after a request to sign in anew", max_age=0)
        self.accept("C-49", "signed in 60 s before it", at("2026-06-01T11:58:30Z"), max_age=0)
        self.refuse("C-49", "signed in 61 s before it", "saml_authentication_too_old", at("2026-06-01T11:58:29Z"), max_age=0)
        self.accept("C-49", "signed in yesterday, nobody asked", at("2026-05-31T11:00:00Z"))
        self.refuse("C-49", "signed in yesterday, an hour allowed", "saml_authentication_too_old", at("2026-05-31T11:00:00Z"), max_age=3600)
        self.refuse("C-49", "signs in tomorrow", FUTURE, at("2026-06-02T12:00:00Z"))
        self.refuse("C-49", "no AuthnInstant", MISSING, swap(" " + instant, ""))
        self.refuse("C-49", "no AuthnStatement", MISSING, swap(AUTHN, ""))
        self.refuse("C-49", "session over", OVER, ends("2026-06-01T11:58:00Z"))
        self.accept("C-49", "session near its end", ends("2026-06-01T12:00:05Z"))
        wanted = [PASSWORD]
        self.accept("C-75", "the context asked for", authn_context=wanted)
        self.accept("C-75", "one of those asked for", authn_context=["urn:x:mfa", PASSWORD])
        for name, context in {"another": ["urn:x:mfa"], "a longer one": [PASSWORD + "X"], "another case": [PASSWORD.upper()]}.items():
            self.refuse("C-75", f"{name} context", "saml_authn_context_not_met", authn_context=context)
        none = swap(f"<saml:AuthnContextClassRef>{PASSWORD}</saml:AuthnContextClassRef>", "<saml:AuthnContextDeclRef>urn:x</saml:AuthnContextDeclRef>")
        self.refuse("C-75", "no class", "saml_authn_context_not_met", none, authn_context=wanted)

    def audiences(self):
        audience = f"<saml:Audience>{AUDIENCE}</saml:Audience>"
        put = lambda text: swap(audience, f"<saml:Audience>{text}</saml:Audience>")  # noqa: E731
        other = RESTRICTION.replace(AUDIENCE, "https://other.test/saml")
        mismatch = "saml_audience_mismatch"
        self.refuse("C-50", "no restriction", MISSING, swap(RESTRICTION, ""))
        self.refuse("C-50", "an empty restriction", mismatch, swap(audience, ""))
        for name, text in {
            "another": "https://other.test/saml", "longer": AUDIENCE + "x", "shorter": AUDIENCE[:-1], "upper case": AUDIENCE.upper(),
            "with a slash": AUDIENCE + "/", "empty": "", "a host in another case": AUDIENCE.replace("broker", "Broker"),
            "two in one": f"{AUDIENCE} https://other.test",
        }.items():
            self.refuse("C-50", name, mismatch, put(text))
        self.accept("C-50", "white space around", put(f"\n  {AUDIENCE}\n"))
        self.accept("C-50", "one of several", swap(audience, f"<saml:Audience>https://other.test</saml:Audience>{audience}"))
        self.refuse("C-50", "two restrictions, one ours", mismatch, swap(RESTRICTION, RESTRICTION + other))
        self.refuse("C-50", "two restrictions, the second ours", mismatch, swap(RESTRICTION, other + RESTRICTION))
        self.accept("C-50", "two restrictions, both ours", swap(RESTRICTION, RESTRICTION + RESTRICTION))

    def addresses(self):
        wrong = {
            "another tenant's": ACS + "?pool=b", "http": ACS.replace("https", "http"), "another host": ACS.replace("broker", "other"),
            "upper case": ACS.upper(), "a slash more": ACS + "/", "a fragment": ACS + "#x", "a port": ACS.replace(".test/", ".test:443/"),
            "empty": "", "space around": f" {ACS} ",
        }
        for name, address in wrong.items():
            self.refuse("C-51", f"Recipient {name}", "saml_recipient_mismatch", swap(f'Recipient="{ACS}"', f'Recipient="{address}"'))
            self.refuse("C-51", f"Destination {name}", "saml_destination_mismatch", shell=swap(f'Destination="{ACS}"', f'Destination="{address}"'))
        self.refuse("C-51", "no Recipient", "saml_recipient_mismatch", swap(f' Recipient="{ACS}"', ""))
        none = swap(f' Destination="{ACS}"', "")
        if self.base.response:
            self.refuse("C-51", "no Destination, signed", "saml_destination_missing", shell=none)
        else:
            self.accept("C-51", "no Destination, not signed", shell=none)

    def confirmations(self):
        data = lambda old, new: swap(CONFIRMATION_DATA, CONFIRMATION_DATA.replace(old, new))  # noqa: E731
        end = ' NotOnOrAfter="2026-06-01T12:05:00Z"'
        holder = CONFIRMATION.replace("cm:bearer", "cm:holder-of-key")
        wrong = CONFIRMATION.replace(ACS, "https://other.test/acs")
        self.refuse("C-52", "none", "saml_no_bearer_confirmation", swap(CONFIRMATION, ""))
        self.refuse("C-52", "holder of key only", "saml_no_bearer_confirmation", swap(CONFIRMATION, holder))
        self.refuse("C-52", "sender vouches only", "saml_no_bearer_confirmation", swap("cm:bearer", "cm:sender-vouches"))
        self.refuse("C-52", "no data", MISSING, swap(CONFIRMATION_DATA, ""))
        self.refuse("C-52", "no end", MISSING, data(end, ""))
        self.refuse("C-52", "over", OVER, data(end, ' NotOnOrAfter="2026-06-01T11:58:00Z"'))
        self.refuse("C-52", "over 60 s ago", OVER, data(end, ' NotOnOrAfter="2026-06-01T11:59:00Z"'))
        self.accept("C-52", "over 59 s ago", data(end, ' NotOnOrAfter="2026-06-01T11:59:01Z"'))
        self.refuse("C-52", "a begin", "saml_confirmation_not_before", data(end, f' NotBefore="2026-06-01T11:55:00Z"{end}'))
        self.accept("C-52", "wrong and good", swap(CONFIRMATION, wrong + CONFIRMATION))
        self.accept("C-52", "good and wrong", swap(CONFIRMATION, CONFIRMATION + wrong))
        self.accept("C-52", "holder of key and good", swap(CONFIRMATION, holder + CONFIRMATION))
        self.refuse("C-52", "two wrong", "saml_recipient_mismatch", swap(CONFIRMATION, wrong + wrong))
        late = CONFIRMATION.replace("12:05", "11:05")
        self.refuse("C-52", "each wrong in another way", "saml_recipient_mismatch saml_expired", swap(CONFIRMATION, wrong + late))
        self.accept("C-52", "an address that we do not see", data(end, f' Address="192.0.2.1"{end}'))
        self.refuse("C-52", "no Subject", MISSING, swap(f"<saml:Subject>{NAME_ID}{CONFIRMATION}</saml:Subject>", ""))
        self.refuse("C-52", "two Subjects", "saml_element_misplaced", swap("</saml:Subject>", f"</saml:Subject><saml:Subject>{NAME_ID}</saml:Subject>"))

    def issuers(self):
        issuer = f"<saml:Issuer>{IDP}</saml:Issuer>"
        shell_issuer = f'<saml:Issuer xmlns:saml="{SAML}">{IDP}</saml:Issuer>'
        entity = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
        for element, place, text in (("Assertion", "edit", issuer), ("Response", "shell", shell_issuer)):
            put = lambda new: {place: swap(text, text.replace(IDP, new))}  # noqa: E731, B023
            formatted = lambda uri: {place: swap(text, text.replace("Issuer", f'Issuer Format="{uri}"', 1))}  # noqa: E731, B023
            mismatch = "saml_issuer_mismatch"
            for name, new in {"another": "https://idp.b.test/metadata", "a slash more": IDP + "/", "upper case": IDP.upper(), "empty": ""}.items():
                self.refuse("C-53", f"{element} of {name}", mismatch, **put(new))
            self.refuse("C-53", f"{element} of nobody", MISSING, **{place: swap(text, "")})
            self.refuse("C-53", f"{element} of two", "saml_element_misplaced", **{place: swap(text, text + text)})
            self.refuse("C-53", f"{element} of an e-mail address", "saml_issuer_format", **formatted(PERSISTENT))
            self.accept("C-53", f"{element} of an entity", **formatted(entity))
            self.accept("C-53", f"{element} with white space", **put(f"\n {IDP}\n "))

    def statuses(self):
        top = "urn:oasis:names:tc:SAML:2.0:status:"
        put = lambda new: {"shell": swap(STATUS, new)}  # noqa: E731
        code = lambda value, inside="": f'<samlp:StatusCode Value="{value}">{inside}</samlp:StatusCode>'  # noqa: E731
        status = lambda inside: f"<samlp:Status>{inside}</samlp:Status>"  # noqa: E731
        for name, expected in {"Responder": "saml_status_responder", "Requester": "saml_status_requester", "VersionMismatch": "saml_status"}.items():
            self.refuse("C-54", name, expected, **put(status(code(top + name))))
        nested = {
            "AuthnFailed": "saml_status_authn_failed", "NoPassive": "saml_status_no_passive", "RequestDenied": "saml_status_request_denied",
            "NoAuthnContext": "saml_status_no_authn_context", "InvalidNameIDPolicy": "saml_status_invalid_name_id_policy",
        }
        for name, expected in nested.items():
            self.refuse("C-54", f"Responder, {name}", expected, **put(status(code(top + "Responder", code(top + name)))))
        self.refuse("C-54", "Success inside Responder", "saml_status saml_status_responder", **put(status(code(top + "Responder", code(SUCCESS)))))
        self.refuse("C-54", "success in another case", "saml_status", **put(status(code(SUCCESS.upper()))))
        self.refuse("C-54", "no Status", MISSING, **put(""))
        self.refuse("C-54", "no StatusCode", MISSING, **put(status("")))
        self.refuse("C-54", "no Value", MISSING + " saml_status", **put(status("<samlp:StatusCode/>")))
        self.refuse("C-54", "two Status", "saml_element_misplaced", **put(STATUS + STATUS))
        self.refuse("C-54", "two StatusCode", "saml_element_misplaced saml_xml_refused", **put(status(code(SUCCESS) + code(top + "Responder"))))
        self.accept("C-54", "a message beside Success", **put(status(code(SUCCESS) + "<samlp:StatusMessage>fine</samlp:StatusMessage>")))

    def requests(self):
        attribute = f' InResponseTo="{REQUEST}"'
        other = "saml_in_response_to_mismatch"
        both = {"edit": swap(attribute, ' InResponseTo="_q2"'), "shell": swap(attribute, ' InResponseTo="_q2"')}
        self.refuse("C-55", "another request", other, **both)
        self.refuse("C-55", "another in the Response", other, shell=swap(attribute, ' InResponseTo="_q2"'))
        self.refuse("C-55", "another in the Subject", other, swap(attribute, ' InResponseTo="_q2"'))
        self.refuse("C-55", "empty", other, **{place: swap(attribute, ' InResponseTo=""') for place in ("edit", "shell")})
        self.refuse("C-55", "none in the Response", "saml_unsolicited", shell=swap(attribute, ""))
        self.refuse("C-55", "none in the Subject", other, swap(attribute, ""))
        self.refuse("C-55", "another case", other, **{place: swap(attribute, ' InResponseTo="_Q1"') for place in ("edit", "shell")})
        self.refuse("C-56", "an answer although none was asked", "saml_answers_unknown_request", asked=None)
        self.refuse("C-56", "an answer in the Response only", "saml_answers_unknown_request", swap(attribute, ""), asked=None)
        self.refuse("C-56", "an answer in the Subject only", "saml_answers_unknown_request", shell=swap(attribute, ""), asked=None)
        nothing = {place: swap(attribute, "") for place in ("edit", "shell")}
        self.refuse("C-56", "unasked although one was asked", "saml_unsolicited", **nothing)
        # Unsigned shells can be made anew around the same assertion: the mark of C-57 is under the assertion's ID.
        fresh = same if self.base.response else swap('ID="_r1"', 'ID="_r2"')
        self.accept("C-57", "once more", shell=fresh)

    def conditions(self):
        put = lambda text: swap(RESTRICTION, RESTRICTION + text)  # noqa: E731
        unknown = "saml_condition_unknown"
        self.accept("C-58", "OneTimeUse", put("<saml:OneTimeUse/>"))
        self.refuse("C-58", "OneTimeUse twice", "saml_xml_refused saml_element_misplaced", put("<saml:OneTimeUse/><saml:OneTimeUse/>"))
        self.accept("C-58", "no proxies", put('<saml:ProxyRestriction Count="0"/>'))
        self.refuse("C-58", "two ProxyRestriction", "saml_xml_refused", put('<saml:ProxyRestriction Count="0"/><saml:ProxyRestriction/>'))
        self.refuse("C-58", "an unknown Condition", unknown, put(f'<saml:Condition xmlns:xsi="{XSI}" xsi:type="x:y" xmlns:x="urn:x"/>'))
        self.refuse("C-58", "a condition of another namespace", unknown, put('<x:Condition xmlns:x="urn:x"/>'))
        self.refuse("C-58", "OneTimeUse of another namespace", unknown, put('<x:OneTimeUse xmlns:x="urn:x"/>'))
        self.refuse("C-58", "AudienceRestriction of another namespace", unknown, put('<x:AudienceRestriction xmlns:x="urn:x"/>'))

    def attributes(self):
        def says(*attributes):
            return {"name_id": "ana", "attributes": list(attributes)}

        mail, groups = ["email", ["ana@a.test"]], ["groups", ["staff", "builders"]]
        more = lambda text: swap(MAIL, MAIL + text)  # noqa: E731
        one = lambda name, *values, more="": (  # noqa: E731
            f'<saml:Attribute Name="{name}"{more}>' + "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values) + "</saml:Attribute>"
        )
        second = says(["email", ["ana@a.test", "eve@b.test"]], groups)
        self.accept("C-66", "one name twice", more(one("email", "eve@b.test")), claims=second)
        self.accept("C-66", "two values", swap("ana@a.test</saml:AttributeValue>", "ana@a.test</saml:AttributeValue><saml:AttributeValue>eve@b.test</saml:AttributeValue>"), claims=second)
        spoof = more(one("x", "eve@b.test", more=' FriendlyName="email"'))
        self.accept("C-66", "a friendly name that lies", spoof, claims=says(mail, ["x", ["eve@b.test"]], groups))
        self.accept("C-66", "another case", more(one("Email", "eve@b.test")), claims=says(mail, ["Email", ["eve@b.test"]], groups))
        nil = f'<saml:Attribute Name="x"><saml:AttributeValue xmlns:xsi="{XSI}" xsi:nil="true"/></saml:Attribute>'
        self.accept("C-66", "nil", more(nil), claims=says(mail, ["x", []], groups))
        self.accept("C-66", "no value", more(one("x")), claims=says(mail, ["x", []], groups))
        self.accept("C-66", "an empty value", more(one("x", "")), claims=says(mail, ["x", [""]], groups))
        self.accept("C-66", "base64", more(one("x", "AAECAw==")), claims=says(mail, ["x", ["AAECAw=="]], groups))
        self.accept("C-66", "nested XML is left out", more(one("x", "<y>evil</y>")), claims=says(mail, ["x", []], groups))
        self.accept("C-66", "text around nested XML", more(one("x", "good<y>evil</y>")), claims=says(mail, ["x", []], groups))
        self.accept("C-66", "a NameID as value", more(one("x", "<saml:NameID>n1</saml:NameID>")), claims=says(mail, ["x", ["n1"]], groups))
        self.accept("C-66", "escaped XML", more(one("x", "&lt;y&gt;")), claims=says(mail, ["x", ["<y>"]], groups))
        self.refuse("C-66", "no name", MISSING, more("<saml:Attribute><saml:AttributeValue>x</saml:AttributeValue></saml:Attribute>"))
        self.refuse("C-66", "an empty name", MISSING, more(one("", "x")))
        statement = "</saml:AttributeStatement>"
        self.accept("C-66", "two statements", swap(GROUPS + statement, f"{statement}<saml:AttributeStatement>{GROUPS}{statement}"))
        self.accept("C-66", "no statement", swap(f"<saml:AttributeStatement>{MAIL}{GROUPS}{statement}", ""), claims=says())

    def names(self):
        def says(name):
            return {**CLAIMS, "name_id": name}

        form = "urn:oasis:names:tc:SAML:{}:nameid-format:{}"
        put = lambda text: swap(NAME_ID, text)  # noqa: E731
        name = lambda value, attributes="": put(f"<saml:NameID{attributes}>{value}</saml:NameID>")  # noqa: E731
        for version, kind in (("2.0", "transient"), ("1.1", "unspecified"), ("1.1", "emailAddress")):
            self.accept("C-67", kind, swap(PERSISTENT, form.format(version, kind)))
        self.accept("C-67", "no format", name("ana"))
        self.accept("C-67", "qualified for us", swap(">ana<", f' NameQualifier="{IDP}" SPNameQualifier="{AUDIENCE}">ana<'))
        self.refuse("C-67", "qualified for another", "saml_name_id_qualifier_mismatch", swap(">ana<", ' SPNameQualifier="https://other.test">ana<'))
        self.refuse("C-67", "empty", "saml_name_id_unusable", name(""))
        self.refuse("C-67", "white space", "saml_name_id_unusable", name(" \n "))
        self.refuse("C-67", "10 kB", "saml_name_id_unusable", name("x" * 10_000))
        self.refuse("C-67", "a control character", "saml_name_id_unusable", name("a&#x85;b"))
        self.accept("C-67", "1024 bytes", name("x" * 1024), claims=says("x" * 1024))
        self.refuse("C-67", "1025 bytes", "saml_name_id_unusable", name("x" * 1025))
        self.accept("C-67", "white space around", name("\n  ana\n"))
        self.accept("C-67", "none", put(""), claims=says(None))
        self.refuse("C-67", "two", "saml_xml_refused saml_element_misplaced", put(NAME_ID + NAME_ID.replace("ana", "eve")))
        self.refuse("C-67", "BaseID", "saml_element_misplaced", put("<saml:BaseID/>"))
        self.accept("C-67", "case is kept", name("aNa"), claims=says("aNa"))

    def versions(self):
        for version in ("1.1", "2.1", "2", "", "2.0 "):
            for element, place in {"Assertion": "edit", "Response": "shell"}.items():
                edit = swap('Version="2.0"', f'Version="{version}"')
                self.refuse("C-76", f"{element} {version!r}", "saml_version_mismatch", **{place: edit})
        for element, place in {"Assertion": "edit", "Response": "shell"}.items():
            self.refuse("C-76", f"{element} without version", "saml_version_mismatch", **{place: swap(' Version="2.0"', "")})
        honest = Forge(self.base).build()
        soap = "http://schemas.xmlsoap.org/soap/envelope/"
        roots = {
            "SOAP": f'<s:Envelope xmlns:s="{soap}"><s:Body>{honest}</s:Body></s:Envelope>',
            "ArtifactResponse": f'<samlp:ArtifactResponse xmlns:samlp="{SAMLP}" ID="_x" Version="2.0">{honest}</samlp:ArtifactResponse>',
            "ArtifactResolve": f'<samlp:ArtifactResolve xmlns:samlp="{SAMLP}" ID="_x" Version="2.0"/>',
            "LogoutResponse": f'<samlp:LogoutResponse xmlns:samlp="{SAMLP}" ID="_x" Version="2.0">{STATUS}</samlp:LogoutResponse>',
            "an assertion alone": Forge(self.base).assertion(),
            "no namespace": "<Response/>",
        }
        for name, document in roots.items():
            self.corpus.refuse("C-76", f"{name}, {self.base.name}", self.base.name, document, "saml_not_a_response")


def add_unasked(corpus):
    issued = 'IssueInstant="2026-06-01T11:59:50Z"'
    for base in PLAIN:
        unasked = base._replace(unasked=True)
        for element, place in {"Assertion": "edit", "Response": "shell"}.items():
            at = lambda text: Forge(unasked, **{place: swap(issued, f'IssueInstant="{text}"')}).build()  # noqa: E731, B023
            name = f"{element} issued {{}}, {unasked.name}"
            corpus.accept("C-56", name.format("as long ago as allowed"), unasked.name, at("2026-06-01T11:54:00Z"), CLAIMS)
            corpus.refuse("C-56", name.format("longer ago"), unasked.name, at("2026-06-01T11:53:59Z"), "saml_too_old")
        corpus.refuse("C-56", f"asked after all, {unasked.name}", unasked.name, Forge(unasked).build(), "saml_unsolicited", asked=REQUEST)
