"""What the documentation names is there: files, links, and names that Python can import."""

import ast
import re
from importlib import import_module

import pytest

from tools.draw_floors import ROOT, contracts

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
KINDS = "py|lua|md|json|svg|toml|txt|cfg|conf|yml|sh"
FILE = re.compile(rf"[\w.-]+(?:/[\w.-]+)*\.(?:{KINDS})|(?:[\w.-]+/)+")
#: Files that are a site's, Scrapyd's API's, or made at run time.
FOREIGN = {"robots.txt", "cancel.json", "valkey.conf", "data/", ".cache/benchmarks/"}
#: Where a page may leave off the beginning of a path.
BEGINNINGS = [ROOT, *(ROOT / name for name in ("scraping_project", "scraping_project/frontier/lua"))]
NAMES = re.compile(rf"(?:{'|'.join(contracts()['root_packages'])})(?:\.\w+)+")


def name_of(page):
    return str(page.relative_to(ROOT))


def code(page):
    """Return the page's fenced blocks, language and text each."""
    return re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def spans(page):
    """Return what stands in single backticks."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`]+)`", prose)


def is_there(path):
    if any((beginning / path).exists() for beginning in BEGINNINGS):
        return True
    rooms = (ROOT / "scraping_project", ROOT / "tests")
    return "/" not in path and any(next(room.rglob(path), None) is not None for room in rooms)


def exists(name):
    """Whether Python finds a dotted name: a module, or something in one."""
    module, rest = name, []
    while module:
        try:
            found = import_module(module)
        except ModuleNotFoundError as error:
            if not f"{module}.".startswith(f"{error.name}."):
                raise
            module, _, last = module.rpartition(".")
            rest.insert(0, last)
        else:
            for each in rest:
                found = getattr(found, each, None)
            return found is not None
    return False


def imported(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and NAMES.match(f"{node.module}.x"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def anchors(page):
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_that_a_page_names_exists(page):
    named = {word for span in spans(page) for word in span.split() if FILE.fullmatch(word)} - FOREIGN
    assert not [path for path in sorted(named) if not is_there(path)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_between_pages_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            other = (page.parent / path) if path else page
            assert other.exists(), target
            assert not anchor or anchor in anchors(other), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_name_of_this_project_that_a_page_gives_can_be_imported(page):
    text = page.read_text()
    names = {name for span in spans(page) for name in NAMES.findall(span) if NAMES.fullmatch(span)}
    names |= set(re.findall(rf"python -m ({NAMES.pattern})", text))
    python = [block for language, block in code(page) if language == "python" and "import" in block]
    python += re.findall(r'python -c "\n(.*?)"\n', text, re.DOTALL)
    names |= {name for source in python for name in imported(source)}
    assert not [name for name in sorted(names) if not exists(name)]
