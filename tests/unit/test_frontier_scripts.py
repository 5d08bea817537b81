"""The frontier's Lua is what it says it is."""

import ast
import inspect
import re
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from scraping_project.frontier import dead_letters
from scraping_project.frontier import frontier as frontier_module
from scraping_project.frontier import seeds as seeds_module
from scraping_project.frontier import view as view_module
from scraping_project.frontier.keys import CATALOGUE
from scraping_project.frontier.messages import Step
from scraping_project.frontier.scripts import PARTS

TEXTS = {
    path.name.removesuffix(".lua"): path.read_text()
    for folder in ("scripts", "parts")
    for path in files("scraping_project.frontier").joinpath("lua", folder).iterdir()
    if path.name.endswith(".lua")
}


def split(text):
    """The comment a file begins with, and the code of the whole file without its comments."""
    lines = text.splitlines()
    header = [line for line in lines if line.startswith("--")]
    return "\n".join(header), "\n".join(line.partition("--")[0] for line in lines)


def sent(verb):
    """The names of the arguments that Python sends with a verb."""
    if verb == "checkpoint":
        return {field.name for field in msgspec.structs.fields(Step)}
    if verb == "take_seeds":
        return names_of_a_dictionary(ast.parse(inspect.getsource(seeds_module)), "_look")
    if verb == "view":
        return names_of_a_dictionary(ast.parse(inspect.getsource(view_module)), "view")
    of_letters = verb in {"find_letters", "count_letters"}
    tree = ast.parse(inspect.getsource(dead_letters.DeadLetters if of_letters else frontier_module.Frontier))
    calls = [call for call in ast.walk(tree) if isinstance(call, ast.Call) and is_of(call, verb)]
    names = [names_in(call, tree, verb) for call in calls]
    assert all(each == names[0] for each in names)
    return names[0]


def names_in(call, tree, verb):
    names = {keyword.arg for keyword in call.keywords if keyword.arg}
    if None in {keyword.arg for keyword in call.keywords}:
        names |= names_of_a_dictionary(tree, verb)
    return names


def is_of(call, verb):
    return bool(call.args) and isinstance(call.args[0], ast.Constant) and call.args[0].value == verb


def names_of_a_dictionary(tree, verb):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    (method,) = (node for node in ast.walk(tree) if isinstance(node, kinds) and node.name == verb)
    dictionaries = [node for node in ast.walk(method) if isinstance(node, ast.Dict)]
    return {key.value for each in dictionaries for key in each.keys}


def test_every_part_exists_and_every_file_is_a_part():
    assert {part for parts in PARTS.values() for part in parts} == set(TEXTS)


@pytest.mark.parametrize("verb", PARTS)
def test_a_script_begins_with_the_prelude_and_ends_with_its_own_part(verb):
    assert PARTS[verb][0] == "prelude"
    assert PARTS[verb][-1] == verb
    assert len(set(PARTS[verb])) == len(PARTS[verb])


@pytest.mark.parametrize("part", TEXTS)
def test_a_part_says_first_what_it_is(part):
    header, _ = split(TEXTS[part])

    assert TEXTS[part].startswith("-- ")
    assert "TODO" not in header


@pytest.mark.parametrize("part", sorted(set(TEXTS) - {"prelude"}))
def test_the_prelude_alone_reads_keys_and_arguments(part):
    assert not re.search(r"\b(KEYS|ARGV)\b", TEXTS[part])


@pytest.mark.parametrize("part", TEXTS)
def test_every_key_is_in_the_catalogue(part):
    own = {name.partition(":")[0] for name in CATALOGUE if not name.startswith("<epoch>")}
    of_crawl = {name.split(":")[1] for name in CATALOGUE if name.startswith("<epoch>")}
    _, code = split(TEXTS[part])

    assert set(re.findall(r"\bkey\('([a-z_ ]+)'", code)) <= own
    assert set(re.findall(r"\bof_crawl\('([a-z_ ]+)'", code)) <= of_crawl
    assert set(re.findall(r"\bkey\(epoch, '([a-z_ ]+)'", code)) <= of_crawl


def test_every_key_of_the_catalogue_is_used():
    code = "\n".join(split(text)[1] for text in TEXTS.values())
    used = set(re.findall(r"\b(?:key|of_crawl)\('([a-z_ ]+)'", code))
    used |= {"robots", "fetching"}  # frontier/robots_cache.py

    assert used == {name.removeprefix("<epoch>:").partition(":")[0] for name in CATALOGUE}


def test_the_sweep_knows_every_key_of_a_crawl():
    names = {name.split(":")[1] for name in CATALOGUE if name.startswith("<epoch>")}

    assert names <= set(re.findall(r"'([a-z_]+)'", TEXTS["sweep"]))


@pytest.mark.parametrize("verb", PARTS)
def test_a_script_s_header_names_the_arguments_it_uses_and_python_sends_them(verb):
    header, code = split(TEXTS[verb])
    used = set(re.findall(r"\bargs\.(\w+)", code))
    named = set(re.findall(r"\w+", header.partition("args:")[2].partition("Returns")[0]))

    assert used <= named
    assert used == sent(verb)


@pytest.mark.parametrize("part", sorted(set(TEXTS) - set(PARTS) - {"prelude"}))
def test_shared_parts_take_their_arguments_from_their_callers(part):
    assert "args." not in split(TEXTS[part])[1]


@pytest.mark.parametrize("part", TEXTS)
def test_no_script_reads_without_bound(part):
    _, code = split(TEXTS[part])
    bounded = {
        "SMEMBERS": {"seen"},  # a bucket
        "HGETALL": {"slot", "view"},  # a slot's permits; the counters
    }

    assert not re.search(r"'(KEYS|SCAN|HVALS|HKEYS|FLUSHALL|FLUSHDB|RANDOMKEY)'", code)
    for command, parts in bounded.items():
        assert f"'{command}'" not in code or part in parts


def test_the_first_write_of_a_step_is_the_push():
    _, code = split(TEXTS["checkpoint"])
    body = code.partition("local function checkpoint()")[2]
    writes = re.search(r"\b(push|end_leases|note|due|lease)\(|'(?:HDEL|HSET|ZADD)'", body)

    assert writes
    assert writes[1] == "push"


def test_the_docs_name_every_key_and_every_verb():
    text = (Path(__file__).parents[2] / "docs" / "frontier.md").read_text("utf-8")
    for name, description in CATALOGUE.items():
        kind, _, meaning = description.partition(": ")
        assert f"| `{name}` | {kind} | {meaning} |" in text
    for verb in {part for parts in PARTS.values() for part in parts}:
        assert f"`{verb}`" in text or f"`{verb}.lua`" in text or f"**{verb}**" in text
