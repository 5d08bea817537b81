"""In a real browser, whatever stands in a page is text: equal to what was stored, and nothing runs."""

from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from tests.support.browser import DESKTOP, watched
from tests.support.dashboard_server import dashboard
from tests.support.hostile_pages import fill
from tests.support.hostile_strings import STRINGS

TEXTS = "elements => elements.map(each => each.textContent)"


def as_parsed(text):
    """Line ends as a parser of HTML takes them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def test_all_titles_are_equal_in_the_dom_and_nothing_of_them_runs(browser, project):
    project.data_dir.mkdir()
    engine = connect(project.database_url)
    migrate(engine)
    fill(engine, STRINGS)
    engine.dispose()
    shown, dialogs = [], []
    with dashboard(project) as url, watched(browser, DESKTOP, url) as window:
        page = window.page()
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        page.goto("/sites?domain=a.example")
        while True:
            shown += page.locator("td bdi").evaluate_all(TEXTS)
            older = page.locator("a[rel=next]")
            if not older.count():
                break
            older.click()

        assert [text for text in STRINGS if text.strip() and as_parsed(text) not in shown] == []
        assert len(shown) == len(STRINGS)
        assert dialogs == []
        assert window.faults == []
