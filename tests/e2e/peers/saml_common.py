"""What the SAML peers in Python share: one JSON argument in, one JSON line out when they listen, an end together with their parent."""

import base64
import datetime
import html
import json
import logging
import os
import pathlib
import sys
import threading
import traceback
import urllib.parse
import urllib.request
from http import cookies
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import Config
from saml2.metadata import entity_descriptor
from saml2.s_utils import decode_base64_and_inflate

BINDINGS = {"redirect": BINDING_HTTP_REDIRECT, "post": BINDING_HTTP_POST}
FORMATS = {
    "persistent": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "transient": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
    "email": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "unspecified": "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
}


def settings():
    """The peer's settings: the first argument, as JSON."""
    return json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")


def make_key(directory, name):
    """Paths of a PEM key and a certificate that certifies itself; those that are there stay."""
    folder = pathlib.Path(directory)
    key_file, certificate_file = folder / f"{name}.pem", folder / f"{name}.crt"
    if not key_file.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name}.example.test")])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=3650)).sign(key, hashes.SHA256())
        )
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        key_file.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
        certificate_file.write_bytes(certificate.public_bytes(pem))
    return str(key_file), str(certificate_file)


def read(source):
    """The text at a URL or in a file."""
    if source.startswith("http"):
        with urllib.request.urlopen(source, timeout=10) as answer:
            return answer.read().decode()
    return pathlib.Path(source).read_text(encoding="utf-8")


def metadata(configuration):
    """The metadata of the peer with this configuration of pysaml2."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + str(entity_descriptor(Config().load(configuration)))


class Request:
    """What a browser sent."""

    def __init__(self, environ):
        self.method, self.path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.query = dict(urllib.parse.parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        self.form = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
        self.cookies = {name: morsel.value for name, morsel in cookies.SimpleCookie(environ.get("HTTP_COOKIE", "")).items()}
        self.binding = BINDINGS["post" if self.method == "POST" else "redirect"]
        self.fields = self.form if self.method == "POST" else self.query

    def signature(self):
        """The signature of the Redirect binding, as pysaml2 wants it."""
        return {"relay_state": self.query.get("RelayState"), "sigalg": self.query.get("SigAlg"), "signature": self.query.get("Signature")}


def message(request, name):
    """The XML of a message, as it came."""
    raw = request.fields[name]
    xml = base64.b64decode(raw) if request.method == "POST" else decode_base64_and_inflate(raw)
    return xml.decode() if isinstance(xml, bytes) else xml


class Answer:
    """What a browser gets."""

    def __init__(self, body="", status="200 OK", kind="text/html; charset=utf-8", headers=()):
        self.body, self.status = body, status
        self.headers = [("content-type", kind), ("cache-control", "no-store"), *headers]

    @classmethod
    def page(cls, title, body, status="200 OK", headers=()):
        """A page whose body is HTML."""
        text = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>'
        return cls(text, status, headers=headers)

    @classmethod
    def json(cls, value, status="200 OK"):
        """JSON."""
        return cls(json.dumps(value), status, "application/json")

    @classmethod
    def redirect(cls, url, headers=()):
        """Another address."""
        return cls("", "302 Found", headers=[("location", url), *headers])

    @classmethod
    def bound(cls, info, headers=()):
        """What pysaml2's apply_binding made."""
        if info["method"] == "GET":
            return cls.redirect(dict(info["headers"])["Location"], headers)
        return cls(info["data"], headers=headers)


class Server(ThreadingMixIn, WSGIServer):
    """Answers several browsers at a time."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Logs one line per request to stderr, as the base class does, without asking for host names."""

    def address_string(self):
        return self.client_address[0]


def bind(options):
    """A listening server and the origin that browsers use."""
    server = make_server("127.0.0.1", options.get("port", 0), None, Server, Quiet)
    return server, f"http://{options.get('host', '127.0.0.1')}:{server.server_port}"


def serve(server, routes, ready):
    """Says that the peer is ready and answers with the function at the path; one that raises shows why."""

    def application(environ, start_response):
        try:
            request = Request(environ)
            handler = routes.get(request.path)
            answer = handler(request) if handler else Answer.page("Not found", "", "404 Not Found")
        except Exception as error:
            traceback.print_exc()
            answer = Answer.page("Refused", html.escape(f"{type(error).__name__}: {error}"), "400 Bad Request")
        body = answer.body.encode()
        start_response(answer.status, [*answer.headers, ("content-length", str(len(body)))])
        return [body]

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    server.set_app(application)
    print(json.dumps(ready), flush=True)
    if os.environ.get("PEER_ENDS_WITH_STDIN"):
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    server.serve_forever()
