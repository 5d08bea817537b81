"""Whatever stands in a page, a run or an error, it is shown as text, and reads back as it was."""

import csv
from datetime import UTC, datetime
from io import StringIO
from urllib.parse import quote

import pytest
from selectolax.lexbor import LexborHTMLParser

from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from tests.support.dashboard_app import TOKENS, DashboardApp
from tests.support.hostile_pages import fill, url_of
from tests.support.hostile_strings import STRINGS

NOW = datetime.now(UTC)
TOKEN = {"Authorization": f"Bearer {TOKENS['viewer']}"}
#: Characters of a URL in a list.
LISTED = 200


def app_over(directory, texts):
    directory.mkdir()
    app = DashboardApp(directory)
    engine = connect(f"sqlite:///{directory}/scraping.db")
    migrate(engine)
    fill(engine, texts)
    engine.dispose()
    html(app, "/")  # from now on all pages say that Redis is away
    return app


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    app = app_over(tmp_path_factory.mktemp("hostile") / "data", STRINGS)
    yield app
    app.stores.close()


@pytest.fixture(scope="module")
def harmless(tmp_path_factory):
    app = app_over(tmp_path_factory.mktemp("harmless") / "data", [f"text {n}" for n in range(len(STRINGS))])
    yield app
    app.stores.close()


def html(app, path):
    answer = app.ask("GET", path, headers={"Cookie": app.cookie("viewer")})
    assert answer.status_code == 200, answer.text
    return LexborHTMLParser(answer.text)


def texts(page):
    return {node.text(deep=False, strip=False) for node in page.css("main *")} | {
        node.text(deep=True, strip=False) for node in page.css("main td, main th, main dd, main bdi, main a")
    }


def shape(page):
    """All elements with the names of their attributes."""
    return [(node.tag, sorted(node.attributes)) for node in page.css("*")]


def as_parsed(text):
    """Line ends as a parser of HTML takes them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def all_pages(app, path):
    while path:
        page = html(app, path)
        yield page
        older = page.css_first("a[rel=next]")
        path = older.attributes["href"] if older else None


def test_there_are_some_five_hundred_of_them():
    assert len(STRINGS) > 450


def test_titles_and_urls_are_shown_as_text(hostile):
    shown = set().union(*(texts(page) for page in all_pages(hostile, "/sites?domain=a.example")))

    urls = [as_parsed(url_of(number, text)) for number, text in enumerate(STRINGS)]
    assert [url for url in urls if url not in shown and len(url) <= LISTED] == []
    assert [t for t in STRINGS if as_parsed(t) not in shown and t.strip()] == []


@pytest.mark.parametrize("path", ["/sites?domain=a.example", "/logs?domain=a.example", "/runs", "/failures"])
def test_no_element_and_no_attribute_comes_of_a_text(hostile, harmless, path):
    for odd, plain in zip(all_pages(hostile, path), all_pages(harmless, path), strict=True):
        assert shape(odd) == shape(plain)


def test_arguments_and_errors_of_a_run_are_shown_as_text(hostile):
    for number in range(0, 120, 5):
        page = html(hostile, f"/runs/run{number}")
        everything = page.body.text(deep=True, separator="", strip=False)
        assert as_parsed(STRINGS[number]) in everything


def test_a_page_is_found_by_any_url_and_shows_its_error(hostile):
    for number in range(0, len(STRINGS), 10):
        page = html(hostile, f"/sites/lookup?url={quote(url_of(number, STRINGS[number]), safe='')}")
        assert as_parsed(STRINGS[number]) in page.body.text(deep=True, separator="", strip=False)


def test_the_api_reads_back_what_was_stored(hostile):
    titles, path = {}, "/api/v1/sites?domain=a.example"
    cursor = ""
    while cursor is not None:
        answer = hostile.ask("GET", f"{path}&cursor={cursor}" if cursor else path, headers=TOKEN).json()[
            "data"
        ]
        titles |= {each["url"]: each["title"] for each in answer["sites"]}
        cursor = answer["older"]

    assert titles == {url_of(number, text): text for number, text in enumerate(STRINGS)}


def test_the_csv_reads_back_what_was_stored_and_no_cell_is_a_formula(hostile):
    answer = hostile.ask("GET", "/export/sites.csv", headers=TOKEN)
    rows = list(csv.DictReader(StringIO(answer.text, newline="")))

    assert [row["title"] for row in rows if row["title"][:1] in tuple("=+-@\t\r\n")] == []
    read_back = {row["url"]: row["title"] for row in rows}
    for number, text in enumerate(STRINGS):
        assert read_back[url_of(number, text)] in (text, f"'{text}")
