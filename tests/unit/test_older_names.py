"""Names that the documentation of the fast path once gave go on to work."""

from scraping_project import unseen
from scraping_project.core import unseen_links
from scraping_project.html import links
from scraping_project.parsing import html_links


def test_spiders_that_import_an_older_name_get_the_same_function():
    assert unseen.unseen is unseen_links.unseen
    assert unseen.unseen_by_all is unseen_links.unseen_by_all
    assert links.parse is html_links.parse
