"""A SAML IdP: the PyPI package `pysaml2` behind a sign-in page that needs no script.

    venv/bin/python pysaml2_idp.py '{"directory":"/tmp/…","sp_metadata":"http://…/saml2/metadata"}'

prints {"entity_id":…,"metadata_url":…,"url":…} once it listens. Settings, all but the first two optional:
  directory      for its keys; those of an earlier run stay
  sp_metadata    URL or file of the service provider's metadata, read on every request
  port, host     0 picks a port; host "localhost" makes the IdP cross-site to 127.0.0.1
  entity_id      its entity id, default <url>/metadata
  people         {login: {attribute: [values]}}
  sign           ["response", "assertion"]: what it signs, default both
  signature      "rsa-sha256" (default) or "rsa-sha1"
  encrypt        "aes256-gcm", "aes128-gcm", "aes256-cbc", "aes128-cbc" or "tripledes-cbc" (pysaml2's own choice): encrypts assertions
  name_id        "persistent" (default), "transient", "email", "unspecified"
  attributes     "uri" (default), "basic": form of the attributes' names
  wants_signed_requests   true: refuses an AuthnRequest that is not signed, and says so in its metadata
  automatic      a login name: signs this person in without a page
  slo            "redirect" (default) or "post": how it sends its own sign-out messages; null: offers no sign-out
GET /start?RelayState=… is its link of the service provider (IdP-initiated), /sign-out ends the session here and there,
/metadata is its metadata, /seen lists what arrived.
"""

import functools
import hashlib
import html
import secrets
import shutil

import saml2.entity
from saml2 import saml
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.server import Server
from saml2.config import IdPConfig
from saml2.s_utils import error_status_factory
from saml2.sigver import CryptoBackendXmlSec1, pre_encryption_part
from saml2.xmldsig import DIGEST_SHA1, DIGEST_SHA256, SIG_RSA_SHA1, SIG_RSA_SHA256

from saml_common import BINDINGS, FORMATS, Answer, bind, make_key, message, metadata, read, serve, settings

PEOPLE = {
    "ada": {
        "uid": ["ada"], "mail": ["ada@example.test"], "displayName": ["Ada Lovelace"], "givenName": ["Ada"],
        "sn": ["Lovelace"], "eduPersonAffiliation": ["staff", "member"],
    },
    "ben": {
        "uid": ["ben"], "mail": ["ben@example.test"], "displayName": ["Ben & <Co>"], "givenName": ["Ben"],
        "sn": ["Müller"], "eduPersonAffiliation": ["staff"],
    },
}
# Short name: algorithm, and the session key that xmlsec1 makes for it.
ENCRYPTION = {
    "aes256-gcm": ("http://www.w3.org/2009/xmlenc11#aes256-gcm", "aes-256"),
    "aes128-gcm": ("http://www.w3.org/2009/xmlenc11#aes128-gcm", "aes-128"),
    "aes256-cbc": ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", "aes-256"),
    "aes128-cbc": ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "aes-128"),
    "tripledes-cbc": ("http://www.w3.org/2001/04/xmlenc#tripledes-cbc", "des-192"),
}
SIGNATURES = {"rsa-sha256": (SIG_RSA_SHA256, DIGEST_SHA256), "rsa-sha1": (SIG_RSA_SHA1, DIGEST_SHA1)}
NAME_FORMS = {"uri": saml.NAME_FORMAT_URI, "basic": saml.NAME_FORMAT_BASIC}

options = settings()
people = options.get("people", PEOPLE)
server, url = bind(options)
entity_id = options.get("entity_id", f"{url}/metadata")
cookie_name = f"pysaml2_{server.server_port}"
sessions = {}
waiting = {}
seen = []


def configuration(strict):
    """pysaml2's configuration; a strict one refuses requests without a signature."""
    key_file, certificate_file = make_key(options["directory"], "pysaml2-idp")
    here = lambda path: [(url + path, binding) for binding in BINDINGS.values()]
    endpoints = {"single_sign_on_service": here("/sso")}
    if options.get("slo", "redirect"):
        endpoints["single_logout_service"] = here("/slo")
    signature, digest = SIGNATURES[options.get("signature", "rsa-sha256")]
    policy = {"lifetime": {"minutes": 5}, "attribute_restrictions": None, "name_form": NAME_FORMS[options.get("attributes", "uri")]}
    return {
        "entityid": entity_id,
        "xmlsec_binary": shutil.which("xmlsec1"),
        "key_file": key_file,
        "cert_file": certificate_file,
        "service": {"idp": {
            "signing_algorithm": signature,
            "digest_algorithm": digest,
            "endpoints": endpoints,
            "policy": {"default": policy},
            "name_id_format": [FORMATS[options.get("name_id", "persistent")]],
            "want_authn_requests_signed": strict,
        }},
    }


class Idp(Server):
    """An IdP that remembers the session index of what it asserts and encrypts with the wanted algorithm."""

    session_index = None

    def _response(self, *arguments, assertion=None, **keywords):
        if assertion is not None:
            keywords["assertion"] = assertion
            self.session_index = assertion.authn_statement[0].session_index
        return super()._response(*arguments, **keywords)


def idp(strict=False):
    """pysaml2's server under the service provider's metadata of this moment."""
    loaded = configuration(strict or options.get("wants_signed_requests", False))
    loaded["metadata"] = {"inline": [read(options["sp_metadata"])]}
    return Idp(config=IdPConfig().load(loaded))


def sign_on(request):
    """An AuthnRequest."""
    server_now = idp()
    parsed = server_now.parse_authn_request(request.fields["SAMLRequest"], request.binding, **request.signature()).message
    seen.append({
        "message": "AuthnRequest", "binding": request.method, "xml": message(request, "SAMLRequest"),
        "signed": parsed.signature is not None or "Signature" in request.query,
    })
    arguments = server_now.response_args(parsed, [BINDINGS["post"]])
    asked = {
        "in_response_to": arguments["in_response_to"], "sp": arguments["sp_entity_id"],
        "destination": arguments["destination"], "relay_state": request.fields.get("RelayState"),
    }
    login = None if parsed.force_authn == "true" else session(request).get("login")
    if parsed.is_passive == "true" and login is None and "automatic" not in options:
        return refuse(server_now, asked, "urn:oasis:names:tc:SAML:2.0:status:NoPassive")
    return signed_in_or_asked(request, server_now, asked, login)


def start(request):
    """The link of the service provider on the IdP's own page: nobody asked for the Response."""
    server_now = idp()
    (sp,) = server_now.metadata.with_descriptor("spsso")
    service = server_now.metadata.assertion_consumer_service(sp, BINDINGS["post"])[0]
    asked = {"in_response_to": None, "sp": sp, "destination": service["location"], "relay_state": request.query.get("RelayState")}
    return signed_in_or_asked(request, server_now, asked, session(request).get("login"))


def signed_in_or_asked(request, server_now, asked, login):
    login = login or options.get("automatic")
    if login:
        return assert_to(request, server_now, asked, login)
    handle = secrets.token_urlsafe()
    waiting[handle] = asked
    return login_page(handle)


def login_page(handle, problem=""):
    return Answer.page("Sign in", f'''<p role="alert">{html.escape(problem)}</p>
<form method="post" action="/login"><input type="hidden" name="handle" value="{handle}">
<label>Login <input name="login" autofocus></label> <button type="submit">Sign in</button></form>
<form method="post" action="/cancel"><input type="hidden" name="handle" value="{handle}"><button type="submit">Cancel</button></form>''')


def log_in(request):
    """The login page, sent."""
    login = request.form.get("login", "")
    if login not in people:
        return login_page(request.form["handle"], "unknown account")
    return assert_to(request, idp(), waiting.pop(request.form["handle"]), login)


def cancel(request):
    """The person does not want to."""
    return refuse(idp(), waiting.pop(request.form["handle"]), "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed")


def assert_to(request, server_now, asked, login):
    """Sends the Response that says who this is."""
    signs = options.get("sign", ["response", "assertion"])
    name_id = name(login, asked["sp"])
    response = server_now.create_authn_response(
        people[login], asked["in_response_to"], asked["destination"], asked["sp"], userid=login, name_id=name_id,
        authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": url},
        sign_response="response" in signs, sign_assertion="assertion" in signs, encrypt_assertion="encrypt" in options,
    )
    handle = request.cookies.get(cookie_name) or secrets.token_urlsafe()
    sessions[handle] = {"login": login, "sp": asked["sp"], "name_id": name_id, "session_index": server_now.session_index}
    cookie = ("set-cookie", f"{cookie_name}={handle}; Path=/; HttpOnly; SameSite=Lax")
    return post_response(server_now, asked, response, [cookie])


def refuse(server_now, asked, second_code):
    """Sends a Response that says no."""
    status = error_status_factory((second_code, "the person did not sign in"))
    response = server_now._response(asked["in_response_to"], asked["destination"], status, sign=True)
    return post_response(server_now, asked, response, [])


def post_response(server_now, asked, response, headers):
    info = server_now.apply_binding(BINDINGS["post"], str(response), asked["destination"], asked["relay_state"] or "", response=True)
    return Answer.bound(info, headers)


def name(login, sp):
    """The NameID of a person; a persistent one is another at every service provider and the same at every sign-in."""
    kind = options.get("name_id", "persistent")
    value = {
        "persistent": hashlib.sha256(f"{entity_id} {sp} {login}".encode()).hexdigest(),
        "transient": "_" + secrets.token_hex(16),
        "email": people[login].get("mail", [""])[0],
        "unspecified": login,
    }[kind]
    qualifiers = {"name_qualifier": entity_id, "sp_name_qualifier": sp} if kind in ("persistent", "transient") else {}
    return saml.NameID(format=FORMATS[kind], text=value, **qualifiers)


def sign_out(request):
    """The person ends the session at the IdP, which tells the service provider."""
    ended = sessions.pop(request.cookies.get(cookie_name), None)
    if ended is None:
        return Answer.page("Signed out", "<p>There was no session.</p>")
    server_now = idp()
    binding = BINDINGS[options.get("slo", "redirect")]
    service = server_now.metadata.single_logout_service(ended["sp"], binding, "spsso")[0]
    _, message_out = server_now.create_logout_request(
        service["location"], ended["sp"], name_id=ended["name_id"], session_indexes=[ended["session_index"]],
        sign=binding == BINDINGS["post"],
    )
    return Answer.bound(server_now.apply_binding(binding, str(message_out), service["location"], "signed-out-at-the-idp", sign=True))


def logout(request):
    """A LogoutRequest of the service provider, or its answer to ours."""
    strict = idp(strict=True)
    if "SAMLResponse" in request.fields:
        answer = strict.parse_logout_request_response(request.fields["SAMLResponse"], request.binding)
        status = answer.response.status.status_code.value
        seen.append({"message": "LogoutResponse", "binding": request.method, "status": status,
                     "xml": message(request, "SAMLResponse"), "relay_state": request.fields.get("RelayState")})
        return Answer.page("Signed out", f"<p>{html.escape(status)}</p>")
    parsed = strict.parse_logout_request(request.fields["SAMLRequest"], request.binding, **request.signature()).message
    indexes = [index.text for index in parsed.session_index]
    ended = [handle for handle, one in sessions.items() if matches(one, parsed.name_id, indexes)]
    for handle in ended:
        del sessions[handle]
    seen.append({"message": "LogoutRequest", "binding": request.method, "ended": len(ended), "xml": message(request, "SAMLRequest")})
    binding, destination = strict.pick_binding("single_logout_service", [request.binding], "spsso", parsed)
    response = strict.create_logout_response(parsed, [request.binding], sign=binding == BINDINGS["post"])
    relay_state = request.fields.get("RelayState", "")
    return Answer.bound(strict.apply_binding(binding, str(response), destination, relay_state, response=True, sign=True))


def matches(one, name_id, indexes):
    return one["name_id"].text == name_id.text and (not indexes or one["session_index"] in indexes)


def session(request):
    return sessions.get(request.cookies.get(cookie_name), {})


def encrypt_with(algorithm, session_key):
    """Lets pysaml2 encrypt with more than triple DES."""
    saml2.entity.pre_encryption_part = functools.partial(pre_encryption_part, msg_enc=algorithm)
    encrypt = CryptoBackendXmlSec1.encrypt_assertion
    CryptoBackendXmlSec1.encrypt_assertion = lambda self, statement, key, template, _key_type="", node_xpath=None, node_id=None: encrypt(
        self, statement, key, template, session_key, node_xpath, node_id)


own_metadata = metadata(configuration(options.get("wants_signed_requests", False)))
if "encrypt" in options:
    encrypt_with(*ENCRYPTION[options["encrypt"]])
serve(server, {
    "/sso": sign_on,
    "/slo": logout,
    "/start": start,
    "/login": log_in,
    "/cancel": cancel,
    "/sign-out": sign_out,
    "/metadata": lambda _: Answer(own_metadata, kind="application/samlmetadata+xml"),
    "/seen": lambda _: Answer.json(seen),
}, {"entity_id": entity_id, "metadata_url": f"{url}/metadata", "url": url})
