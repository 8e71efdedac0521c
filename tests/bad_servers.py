"""Servers that go wrong as real networks do, each a few lines, for the tests of start.py."""

import contextlib
import hashlib
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers every request, also a proxy's CONNECT, with what `answer(path)` returns."""

    def do_GET(self):
        status, headers, body = self.server.answer(self.path)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_CONNECT = do_GET

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serve(answer, certificate=None):
    """A server on a free port while the block runs; yields its address.

    answer: function of a path that returns (status, headers, body).
    certificate: file with key and certificate, for https.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answer = answer
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http{'s' if certificate else ''}://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def own_certificate(folder):
    """A certificate that nobody has signed, as a company's proxy shows; None without openssl."""
    path = folder / "own.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost".split()
    try:
        subprocess.run(
            ["openssl", *words, "-keyout", str(path), "-out", str(folder / "certificate")],
            check=True,
            capture_output=True,
            timeout=300,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    path.write_text(path.read_text() + (folder / "certificate").read_text())
    return path


def always(status, body=b"", **headers):
    return lambda path: (status, {"Content-Type": "text/html", "Content-Length": len(body), **headers}, body)


def index_of(wheel, deliver):
    """An index with one wheel, of whose bytes `deliver(bytes)` gives (headers, body)."""
    whole = wheel.read_bytes()
    link = f'<a href="/files/{wheel.name}#sha256={hashlib.sha256(whole).hexdigest()}">{wheel.name}</a>'

    def answer(path):
        if not path.startswith("/files/"):
            return always(200, link.encode())(path)
        headers, body = deliver(whole)
        return 200, headers, body

    return answer
