"""Dotted names of this project that stand in the strings of tests exist: neither lint nor types see those."""

import ast
import importlib
import re

import pytest

from tests.support.project import ROOT

ROOMS = "scraping_project|deploy|testing|benchmarks|demo|spiders|pipelines"
NAME = re.compile(rf"(?<![\w./-])(?:{ROOMS})(?:\.[A-Za-z_]\w*)+(?::[\w.]+)?(?![\w/-])")
NO_NAMES = (".md", ".py", "spiders.MARK")  # files; and what a test writes into a release


def names():
    """Each name, with a file that it is in."""
    found = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= dict.fromkeys(NAME.findall(node.value), str(path.relative_to(ROOT)))
    return [(path, name) for name, path in found.items() if not name.endswith(NO_NAMES)]


def resolve(name):
    """Import as much of the name as is a module, and look up the rest."""
    words = name.replace(":", ".").split(".")
    found = importlib.import_module(words[0])
    for place, word in enumerate(words[1:], 2):
        if not hasattr(found, word):
            importlib.import_module(".".join(words[:place]))
        found = getattr(found, word)


@pytest.mark.parametrize(("path", "name"), names())
def test_a_name_in_a_string_exists(path, name):
    resolve(name)


def test_a_name_that_is_none_is_found():
    with pytest.raises(ModuleNotFoundError):
        resolve(f"{ROOMS.partition('|')[0]}.no_such_room")
