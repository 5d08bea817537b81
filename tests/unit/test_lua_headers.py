"""Each Lua file begins with a comment that names exactly the keys and arguments its body uses."""

import re
from importlib.resources import files

import pytest

SCRIPTS = sorted(
    (path for path in files("scraping_project.frontier").joinpath("lua").iterdir()),
    key=lambda path: path.name,
)


def used(text):
    return set(re.findall(r"(KEYS|ARGV)\[(\d+)\]", text))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_header_names_exactly_the_keys_and_arguments_that_the_body_uses(script):
    lines = script.read_text().splitlines()
    header = [line for line in lines if line.startswith("--")]
    body = [line for line in lines if not line.startswith("--")]

    assert lines[: len(header)] == header, "the comment comes first"
    assert used("\n".join(header)) == used("\n".join(body)) != set()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_numbers_of_keys_and_arguments_have_no_gap(script):
    names = used(script.read_text())

    for table in ("KEYS", "ARGV"):
        numbers = sorted(int(number) for name, number in names if name == table)
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_key_of_the_header_says_its_type(script):
    header = "\n".join(line for line in script.read_text().splitlines() if line.startswith("--"))
    keys = re.findall(r"KEYS\[\d+\] \w+( \((?:HASH|LIST|SET|STRING|ZSET)\))?", header)

    assert keys
    assert all(keys)


def test_there_are_scripts_to_look_at():
    assert len(SCRIPTS) >= 3
