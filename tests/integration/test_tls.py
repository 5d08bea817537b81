"""Certificates are verified, and each that is not trusted has its row."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import trustme

QUICK = ("-s", "DOWNLOAD_DELAY=0", "-s", "RETRY_TIMES=1", "-s", "DOWNLOAD_TIMEOUT=10")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<title>Secret</title>"
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""


class TlsServer(ThreadingHTTPServer):
    def handle_error(self, *_):
        """Lets clients that refuse the certificate go."""


@contextmanager
def https(certificate: trustme.LeafCert) -> Iterator[str]:
    """Serves a page over TLS and yields its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with TlsServer(("127.0.0.1", 0), Handler) as server:
        # The handshake belongs to the connection's thread.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(name="authority")
def trusted_authority(project):
    authority = trustme.CA()
    path = project.directory / "ca.pem"
    authority.cert_pem.write_to_path(path)
    project.env["SSL_CERT_FILE"] = str(path)
    return authority


def crawl(project, url):
    return project.run("crawl", "links", "-a", f"start_urls={url}", *QUICK, check=False)


def rows(project):
    logs = sorted(project.rows("scrape_logs"), key=lambda log: log["attempt"])
    return [(log["status"], log["reason"], log["status_code"]) for log in logs]


def test_a_page_behind_a_trusted_certificate_is_stored(project, authority):
    with https(authority.issue_cert("localhost")) as url:
        assert crawl(project, url).returncode == 0
    assert rows(project) == [("success", None, 200)]
    assert [site["title"] for site in project.rows("sites")] == ["Secret"]


def expired(authority):
    return authority.issue_cert("localhost", not_before=LONG_AGO, not_after=LONG_AGO.replace(year=2021))


def of_another_host(authority):
    return authority.issue_cert("other.example")


def of_an_unknown_authority(authority):
    return trustme.CA().issue_cert("localhost")


@pytest.mark.parametrize("certificate", [expired, of_another_host, of_an_unknown_authority])
def test_a_page_behind_a_bad_certificate_is_not_asked_for(project, authority, certificate):
    with https(certificate(authority)) as url:
        done = crawl(project, url)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert rows(project) == [("retried", "tls", None), ("dead", "tls", None)]
    assert project.rows("sites") == []
