"""Checks the demo site against its known answer with nothing but the standard library's reading of both."""

import codecs
import gzip
import html
import http.client
import re
import signal
import socket
import struct
import subprocess
import sys
from collections import deque
from html.parser import HTMLParser
from urllib.parse import quote, urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import pytest

from demo import site
from demo.expected import expected
from demo.server import serve

EXPECTED = expected()
SAFE = "%/:;@&=+$,!~*'()[]|?#"
TEXT_ONLY = {"textarea", "template"}
HREFS = {"a": "href", "area": "href", "iframe": "src", "frame": "src", "link": "href"}


class Oracle(HTMLParser):
    """Reads a page's title, links and marks, by another way than the project does."""

    def __init__(self, text):
        super().__init__()
        self.base = self.title = None
        self.hrefs = []
        self.follow = True
        self._texts = []
        self._open = []
        self.feed(text)
        self.close()
        if self.title is not None:
            self.title = " ".join(self.title.split()) or None

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if self._texts or tag in TEXT_ONLY:
            self._texts += [tag] if tag in TEXT_ONLY else []
            return
        self._open.append(tag)
        rel = (attributes.get("rel") or "").lower().split()
        if tag == "title" and "svg" not in self._open and self.title is None:
            self.title = ""
        if tag == "base" and "href" in attributes and self.base is None:
            self.base = attributes["href"]
        if tag == "meta":
            self.handle_meta(attributes)
        if attributes.get(HREFS.get(tag)) is not None and (
            tag != "link" or {"next", "prev", "canonical", "alternate"} & set(rel)
        ):
            self.hrefs.append((attributes[HREFS[tag]], "nofollow" in rel))

    def handle_meta(self, attributes):
        content = attributes.get("content") or ""
        if (attributes.get("http-equiv") or "").lower() == "refresh":
            self.hrefs.append((content.partition("url=")[2], False))
        if attributes.get("name") == "robots" and "nofollow" in content:
            self.follow = False

    def handle_endtag(self, tag):
        if self._texts and self._texts[-1] == tag:
            self._texts.pop()
        elif tag in self._open:
            del self._open[len(self._open) - 1 - self._open[::-1].index(tag) :]

    def handle_data(self, data):
        if self._open[-1:] == ["title"] and "svg" not in self._open:
            self.title += data


def decode(body, content_type):
    """Returns the text of a page and the charset in which its queries are written."""
    for mark, charset in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le")):
        if body.startswith(mark):
            return body[len(mark) :].decode(charset), "utf-8"
    said = re.search(r"charset=([\w-]+)", content_type or "")
    said = said or re.search(r"charset=[\"']?([\w-]+)", body[:1024].decode("latin-1"))
    charset = said[1].lower().replace("iso-8859-1", "cp1252") if said else "utf-8"
    return body.decode(charset), charset


def resolve(href, base, charset):
    """Returns what a browser makes of a reference, or None."""
    href = (
        re.sub(r"[\t\n\r]", "", href.strip(" \t\n\r\f"))
        .replace("\\", "/")
        .replace("%2e", ".")
        .replace("%2E", ".")
    )
    if not href:
        return base.partition("#")[0]
    try:
        url = urljoin(base, href).partition("#")[0]
        parts = urlsplit(url)
        parts.port  # noqa: B018 (raises for a port that is no number)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or " " in parts.netloc:
        return None
    path = quote(parts.path or "/", safe=SAFE)
    while path.startswith("/../"):
        path = path[3:]
    query = quote(parts.query.encode(charset, "xmlcharrefreplace"), safe=SAFE).replace("'", "%27")
    return f"{parts.scheme}://{parts.netloc}{path}{'?' if query else ''}{query}"


def fetch(base, target, **headers):
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=10)
    connection.request("GET", target, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def read(base, target, response, body):
    """Returns what expected.json should say of an answer, and whether its links may be followed."""
    content_type = response.headers["Content-Type"]
    kind = content_type and content_type.partition(";")[0].strip().lower()
    entry = {"status": response.status, "title": None, "links": [], "nofollow": [], "content_type": kind}
    if kind not in {"text/html", None}:
        return entry, False
    text, charset = decode(body, content_type)
    oracle = Oracle(text)
    entry["title"] = oracle.title
    origin = urljoin(base + target, oracle.base or "")
    for href, nofollow in oracle.hrefs:
        url = resolve(href, origin, charset)
        if url is not None:
            url = url.removeprefix(base) if url.startswith(base + "/") else url
            entry["links"] += [] if url in entry["links"] else [url]
            entry["nofollow"] += [url] if nofollow or not oracle.follow else []
    return entry, oracle.follow


class Crawl:
    """A crawl from / by the rules of expected.json, one request after the other."""

    def __init__(self, base):
        self.base = base
        self.sites, self.redirects, self.failures, self.retried = {}, {}, {}, {}
        self.robots = RobotFileParser()
        self.robots.parse(fetch(base, "/robots.txt")[1].decode().splitlines())
        self.queue = deque([("/", ())])
        self.seen = set()
        while self.queue:
            target, chain = self.queue.popleft()
            if target not in self.seen and target.startswith("/"):
                self.seen.add(target)
                self.visit(target, chain)

    def visit(self, target, chain):
        if not self.robots.can_fetch("*", self.base + target):
            self.failures[target] = "robots"
            return
        response, body = self.attempt(target)
        if location := response.headers["Location"]:
            self.redirect(target, resolve(location, self.base + target, "utf-8"), (*chain, target))
            return
        self.sites[target], follow = read(self.base, target, response, body)
        if response.status >= 400:
            self.failures[target] = f"http_{response.status}"
        self.queue += [(link, ()) for link in self.sites[target]["links"]] if follow else []

    def redirect(self, target, location, chain):
        self.redirects[target] = location.removeprefix(self.base)
        if self.redirects[target] not in chain:
            self.queue.append((self.redirects[target], chain))
            return
        start = chain.index(self.redirects[target])
        given_up = chain[start + (MOST_REDIRECTS - start) % (len(chain) - start)]
        response, body = fetch(self.base, given_up)
        self.sites[given_up], _ = read(self.base, given_up, response, body)
        self.failures[given_up] = f"http_{response.status}"

    def attempt(self, target):
        retries = 0
        response, body = fetch(self.base, target)
        while response.status >= 500 and retries < 2:
            retries += 1
            response, body = fetch(self.base, target)
        self.retried |= {target: retries} if retries else {}
        return response, body


@pytest.fixture(scope="module")
def requests():
    return []


@pytest.fixture(scope="module")
def base(requests):
    with serve(requests=requests) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def crawl():
    with serve() as base_url:
        yield Crawl(base_url)


MOST_REDIRECTS = 20  # Scrapy's REDIRECT_MAX_TIMES
VALIDATORS = {"etag", "last_modified"}


@pytest.mark.parametrize("target", EXPECTED["sites"])
def test_a_site_is_served_as_expected(crawl, target):
    wanted = {key: value for key, value in EXPECTED["sites"][target].items() if key not in VALIDATORS}
    assert crawl.sites[target] == wanted


def test_everything_served_and_linked_is_expected(crawl):
    assert set(crawl.sites) == {*EXPECTED["sites"], *EXPECTED["duplicates"]}


def test_every_page_of_the_site_is_in_the_expected_answer():
    targets = {*EXPECTED["sites"], *EXPECTED["redirects"], *EXPECTED["never"], "/robots.txt"}
    assert set(site.PAGES) <= {target.partition("?")[0] for target in targets}


def test_redirects_lead_where_expected(crawl):
    assert crawl.redirects == EXPECTED["redirects"]


def test_failures_and_retries_are_as_expected(crawl):
    assert crawl.failures == EXPECTED["failures"]
    assert crawl.retried == EXPECTED["retried"]


def test_a_right_crawl_asks_for_nothing_forbidden(crawl):
    assert set(EXPECTED["never"]) & (crawl.sites.keys() | crawl.redirects.keys()) == set()


def test_what_must_not_be_asked_for_stands_in_some_page():
    bodies = b"".join(answer.body for answer in site.PAGES.values())
    named = {target for target in EXPECTED["never"] if target.encode() in bodies}
    assert set(EXPECTED["never"]) - named == {"/private/behind-a-redirect", "/markup/page"}


def test_the_thirty_links_are_thirty():
    assert site.find("/addresses/thirty").body.count(b'href="/addresses/popular#') == 30


def test_the_large_page_has_its_link_beyond_a_megabyte():
    assert site.find("/answers/large").body.index(b"/answers/at-the-very-end") > 1_000_000


def test_the_flaky_page_is_broken_for_every_crawl_anew(base):
    assert [fetch(base, "/answers/flaky")[0].status for _ in range(4)] == [500, 200, 500, 200]


def test_the_slow_page_is_the_only_one_that_waits():
    assert {path: answer.seconds for path, answer in site.PAGES.items() if answer.seconds} == {
        "/answers/slow": 1
    }


def test_a_connection_serves_many_requests(base):
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=10)
    connection.connect()
    first = connection.sock
    for target in ("/files/notes.txt", "/answers/empty", "/answers/missing", "/files/notes.txt"):
        connection.request("GET", target)
        assert connection.getresponse().read() == site.find(target).body
        assert connection.sock is first
    connection.close()


def test_head_is_answered_without_the_body(base):
    with socket.create_connection(("127.0.0.1", urlsplit(base).port), timeout=10) as client:
        client.sendall(b"HEAD /files/notes.txt HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n")
        answer = client.makefile("rb").read()
    length = len(site.find("/files/notes.txt").body)
    assert b"\r\nContent-Length: %d\r\n" % length in answer
    assert answer.endswith(b"\r\n\r\n")


def test_a_body_is_compressed_for_those_who_accept_it(base):
    plain, body = fetch(base, "/answers/compressed")
    packed, packed_body = fetch(base, "/answers/compressed", **{"Accept-Encoding": "deflate, gzip"})
    assert (plain.headers["Content-Encoding"], packed.headers["Content-Encoding"]) == (None, "gzip")
    assert gzip.decompress(packed_body) == body


def test_a_version_already_known_is_not_sent_again(base):
    response, _ = fetch(base, "/answers/versioned")
    wanted = EXPECTED["sites"]["/answers/versioned"]
    assert (response.headers["ETag"], response.headers["Last-Modified"]) == (
        wanted["etag"],
        wanted["last_modified"],
    )
    again, body = fetch(base, "/answers/versioned", **{"If-None-Match": wanted["etag"]})
    assert (again.status, body) == (304, b"")


def test_another_spelling_of_an_address_is_another_page(base):
    assert fetch(base, "/addresses/encoded/a/b")[0].status == 404
    assert fetch(base, "/addresses/encoded/caf%C3%A9")[0].status == 404


def test_the_pdf_has_its_objects_where_its_table_says():
    body = site.find("/files/guide.pdf").body
    table = int(re.search(rb"startxref\n(\d+)", body)[1])
    offsets = [int(row) for row in re.findall(rb"(\d{10}) 00000 n ", body)]
    assert body[table:].startswith(b"xref")
    assert all(body[at:].startswith(b"%d 0 obj" % number) for number, at in enumerate(offsets, start=1))


def test_the_host_of_a_page_is_escaped(base):
    _, body = fetch(base, "/addresses/relative/page", Host='"><script>')
    assert html.escape('"><script>').encode() in body
    assert b'"><script>' not in body


def test_requests_are_noted_with_their_query(base, requests):
    fetch(base, "/addresses/item?noted=1")
    assert requests[-1] == "/addresses/item?noted=1"


def test_closing_hangs_up_on_an_idle_connection():
    with serve() as base_url:
        connection = http.client.HTTPConnection(base_url.removeprefix("http://"), timeout=10)
        connection.request("GET", "/")
        connection.getresponse().read()
    assert connection.sock.recv(1) == b""
    connection.close()


def start(*arguments, **options):
    command = [sys.executable, "-W", "error", "-m", "demo", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_program_says_where_it_serves_and_ends_when_told(ending):
    with start() as program:
        base_url = re.fullmatch(r"serving (http://127\.0\.0\.1:\d+)/\n", program.stdout.readline())[1]
        assert fetch(base_url, "/")[0].status == 200
        program.send_signal(ending)
        assert program.communicate(timeout=10) == ("", "")
    assert program.returncode == 0


def test_the_program_ends_with_its_parent():
    parent = (
        f"import subprocess; subprocess.Popen([{sys.executable!r}, '-m', 'demo', '--while-parent']); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().startswith("serving ")
        process.kill()
        assert process.stdout.read() == ""  # the server held the other end of the pipe


def test_a_client_that_hangs_up_is_no_fault_of_the_site():
    with start() as program:
        base_url = program.stdout.readline().split()[1].rstrip("/")
        with socket.create_connection(("127.0.0.1", urlsplit(base_url).port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"GET /answers/large HTTP/1.1\r\nHost: demo\r\n\r\n")
        fetch(base_url, "/")  # accepted after the one that hung up
        program.terminate()
        assert program.communicate(timeout=10) == ("", "")


@pytest.mark.parametrize("taken", [True, False])
def test_a_port_that_cannot_be_had_is_one_line_and_exit_2(base, taken):
    port = base.rpartition(":")[2] if taken else "65536"
    with start("--port", port) as program:
        output, error = program.communicate(timeout=10)
    assert (program.returncode, output, error.count("\n")) == (2, "", 1)
    assert f"cannot serve on port {port}" in error
