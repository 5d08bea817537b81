"""What is a name, what a verb, and what is said in one line of everything else."""

from argparse import ArgumentParser

import pytest

from scraping_project.cli.frontier_verbs.verb import Verb
from scraping_project.cli.verb_parser import VerbsParser


class Look(Verb):
    name, help, example = "look", "look at it", "tool pile look"

    def run(self, place, opts):
        raise NotImplementedError


class Take(Look):
    name, help, example = "take", "take some", "tool pile take stone --most 3"

    def add_options(self, parser):
        parser.add_argument("what", nargs="?")
        parser.add_argument("--most", type=int)


LOOK, TAKE = Look(), Take()


def read(*words):
    """The command's words as Scrapy would have them read."""
    parser = ArgumentParser(usage="tool [NAME [VERB]]", conflict_handler="resolve")
    parser.add_argument("--json", action="store_true")
    verbs = VerbsParser(parser, "tool", [LOOK, TAKE])
    opts, left = parser.parse_known_args(words)
    return verbs.read(left, opts), opts


@pytest.mark.parametrize(
    ("words", "args", "read_as"),
    [
        ((), [], {"name": None, "verb": None, "json": False}),
        (("--json",), [], {"name": None, "verb": None, "json": True}),
        (("pile",), ["pile"], {"name": "pile", "verb": LOOK}),
        (("--json", "pile", "look"), ["pile"], {"verb": LOOK, "json": True}),
        (("pile", "take"), ["pile"], {"verb": TAKE, "what": None, "most": None}),
        (("pile", "take", "--most", "3", "stone"), ["pile"], {"verb": TAKE, "what": "stone", "most": 3}),
        (
            ("pile", "take", "stone", "--json", "--most=-1"),
            ["pile"],
            {"what": "stone", "most": -1, "json": True},
        ),
        (("pile", "--json", "take", "--most", "-1"), ["pile"], {"what": None, "most": -1, "json": True}),
        (("take", "take"), ["take"], {"name": "take", "verb": TAKE}),
    ],
)
def test_a_name_a_verb_and_its_options_are_read(words, args, read_as):
    named, opts = read(*words)

    assert named == args
    assert vars(opts) | read_as == vars(opts)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("pile", "give"), "argument VERB: invalid choice: 'give'"),
        (("pile", "look", "--most", "3"), "--most belongs to take: tool pile take --most"),
        (("pile", "--most=3"), "--most belongs to take: tool pile take --most"),
        (("--most", "3"), "--most belongs to take: tool NAME take --most"),
        (("pile", "take", "--bogus"), "there is no option --bogus: see tool pile take --help"),
        (("pile", "take", "a", "b"), "'b' is one word too many: see tool pile take --help"),
        (
            ("pile", "take", "--most", "x"),
            "argument --most: invalid int value: 'x': see tool NAME take --help",
        ),
    ],
)
def test_what_cannot_be_read_is_one_line_and_exit_2(words, line, capsys):
    with pytest.raises(SystemExit, match="2"):
        read(*words)

    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert told.err.startswith(f"scrapy: {line}")


@pytest.mark.parametrize("words", [("-h",), ("pile", "--help"), ("--help", "pile", "give")])
def test_help_without_a_verb_lists_the_verbs(words, capsys):
    with pytest.raises(SystemExit, match="0"):
        read(*words)

    told = capsys.readouterr().out.split("\n")
    assert "    look      look at it" in told
    assert "    take      take some" in told


def test_a_verbs_help_has_its_options_and_an_example(capsys):
    with pytest.raises(SystemExit, match="0"):
        read("pile", "take", "--help")

    told = capsys.readouterr().out
    assert told.startswith("usage: tool NAME take [-h] [--json] [--most MOST] [what]\n\nTake some.")
    assert told.endswith("example: tool pile take stone --most 3\n")
