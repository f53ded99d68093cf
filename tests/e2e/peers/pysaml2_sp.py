"""A SAML service provider, `pysaml2`, with which the self-test proves the IdPs without the broker.

    venv/bin/python pysaml2_sp.py '{"directory":"/tmp/…","idp_metadata":"http://…"}'

prints {"entity_id":…,"metadata_url":…,"url":…} once it listens. Settings besides directory, idp_metadata (URL or file), port, host:
  name_id       "persistent" (default), "transient", "email", "unspecified"
  sign          true signs the AuthnRequest
  encryption    false: its metadata offers no key for encryption
GET /login?binding=post&force=true starts a sign-in, POST /acs takes the Response and shows who it is, /logout?binding=post starts a
sign-out for the person last seen, /slo takes LogoutRequest and LogoutResponse, /metadata is its metadata, /seen lists what arrived.
"""

import base64
import shutil

from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

from saml_common import BINDINGS, FORMATS, Answer, bind, make_key, message, metadata, read, serve, settings

options = settings()
server, url = bind(options)
entity_id = f"{url}/metadata"
outstanding = {}
seen = []
people = {}


def configuration():
    """pysaml2's configuration."""
    key_file, certificate_file = make_key(options["directory"], "pysaml2-sp")
    here = lambda path, *names: [(url + path, BINDINGS[name]) for name in names]
    loaded = {
        "entityid": entity_id,
        "xmlsec_binary": shutil.which("xmlsec1"),
        "key_file": key_file,
        "cert_file": certificate_file,
        "allow_unknown_attributes": True,
        "service": {"sp": {
            "signing_algorithm": SIG_RSA_SHA256,
            "digest_algorithm": DIGEST_SHA256,
            "endpoints": {"assertion_consumer_service": here("/acs", "post"), "single_logout_service": here("/slo", "redirect", "post")},
            "name_id_policy_format": [FORMATS[options.get("name_id", "persistent")]],
            "name_id_format": [FORMATS[options.get("name_id", "persistent")]],
            "authn_requests_signed": options.get("sign", False),
            "want_response_signed": False,
            "want_assertions_signed": False,
            "want_assertions_or_response_signed": True,
            "allow_unsolicited": True,
        }},
    }
    if options.get("encryption", True):
        loaded["encryption_keypairs"] = [{"key_file": key_file, "cert_file": certificate_file}]
    return loaded


def sp():
    """pysaml2's client under the IdP's metadata of this moment."""
    return Saml2Client(config=SPConfig().load(configuration() | {"metadata": {"inline": [read(options["idp_metadata"])]}}))


def idp_of(client):
    (found,) = client.metadata.with_descriptor("idpsso")
    return found


def login(request):
    """Sends an AuthnRequest."""
    client = sp()
    extra = {"force_authn": "true"} if request.query.get("force") else {}
    binding = BINDINGS[request.query.get("binding", "redirect")]
    request_id, info = client.prepare_for_authenticate(idp_of(client), "relay-1", binding, **extra)
    outstanding[request_id] = "/"
    return Answer.bound(info)


def acs(request):
    """A Response: verified, then shown."""
    xml = base64.b64decode(request.form["SAMLResponse"]).decode()
    seen.append({"message": "Response", "xml": xml})
    client = sp()
    response = client.parse_authn_request_response(request.form["SAMLResponse"], BINDINGS["post"], outstanding)
    if response is None:
        raise ValueError("no Response")
    outstanding.pop(response.in_response_to, None)
    people["last"] = (response.name_id, response.assertion.authn_statement[0].session_index)
    return Answer.json({
        "name_id": response.name_id.text,
        "format": response.name_id.format,
        "attributes": response.ava,
        "in_response_to": response.in_response_to,
        "relay_state": request.form.get("RelayState"),
    })


def logout(request):
    """Sends a LogoutRequest."""
    client = sp()
    name_id, session_index = people.pop("last")
    binding = BINDINGS[request.query.get("binding", "redirect")]
    service = client.metadata.single_logout_service(idp_of(client), binding, "idpsso")[0]
    request_id, out = client.create_logout_request(
        service["location"], idp_of(client), name_id=name_id, session_indexes=[session_index], sign=binding == BINDINGS["post"],
    )
    outstanding[request_id] = "logout"
    return Answer.bound(client.apply_binding(binding, str(out), service["location"], "relay-2", sign=True))


def single_logout(request):
    """A LogoutResponse to ours, or a LogoutRequest of the IdP."""
    client = sp()
    if "SAMLResponse" in request.fields:
        answer = client.parse_logout_request_response(request.fields["SAMLResponse"], request.binding)
        status = answer.response.status.status_code.value
        seen.append({"message": "LogoutResponse", "xml": message(request, "SAMLResponse")})
        return Answer.json({"logout": status, "relay_state": request.fields.get("RelayState")})
    parsed = client.parse_logout_request(request.fields["SAMLRequest"], request.binding, **request.signature()).message
    seen.append({"message": "LogoutRequest", "name_id": parsed.name_id.text, "xml": message(request, "SAMLRequest")})
    people.pop("last", None)
    binding, destination = client.pick_binding("single_logout_service", [request.binding], "idpsso", parsed)
    response = client.create_logout_response(parsed, [request.binding], sign=binding == BINDINGS["post"])
    relay_state = request.fields.get("RelayState", "")
    return Answer.bound(client.apply_binding(binding, str(response), destination, relay_state, response=True, sign=True))


own_metadata = metadata(configuration())
serve(server, {
    "/login": login,
    "/acs": acs,
    "/logout": logout,
    "/slo": single_logout,
    "/metadata": lambda _: Answer(own_metadata, kind="application/samlmetadata+xml"),
    "/seen": lambda _: Answer.json(seen),
}, {"entity_id": entity_id, "metadata_url": f"{url}/metadata", "url": url})
