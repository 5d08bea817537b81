"""The verbs of a command, by argparse: each has a parser with its own options and help."""

import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Sequence
from typing import NoReturn

from scraping_project.cli.exits import refuse
from scraping_project.cli.frontier_verbs.verb import Verb


class VerbParser(ArgumentParser):
    """Complains in one line, and tells whether it knows an option."""

    def error(self, message: str) -> NoReturn:
        refuse(f"{message}: see {self.prog} --help")

    def takes(self, option: str) -> bool:
        return option.partition("=")[0] in self._option_string_actions


class VerbsParser:
    """Reads ``NAME VERB`` and the verb's options, which Scrapy's own parser leaves over.

    Scrapy's takes its own options and ``--json`` wherever they stand, and knows no verb.

    Args:
        scrapys: Scrapy's parser of the command, complete but for ``--help``.
        prog: The command, as people type it.
        verbs: In the order of the help; the first is the default.
    """

    def __init__(self, scrapys: ArgumentParser, prog: str, verbs: Sequence[Verb]) -> None:
        # Scrapy's would print its own help before a verb is read.
        scrapys.add_argument("-h", "--help", action="store_true", help="show this, or what a verb takes")
        self._prog, self._first = prog, verbs[0].name
        self._all = VerbParser(
            prog=prog,
            usage=scrapys.usage,
            description=scrapys.description,
            epilog=f"options and an example of a verb: {prog} NAME VERB --help",
            formatter_class=scrapys.formatter_class,
            parents=[scrapys],
            add_help=False,
        )
        added = self._all.add_subparsers(
            title="verbs", metavar="VERB", prog=f"{prog} NAME", parser_class=VerbParser, required=True
        )
        self._of_verb: dict[str, VerbParser] = {}
        for verb in verbs:
            parser = added.add_parser(
                verb.name,
                help=verb.help,
                description=f"{verb.help[0].upper()}{verb.help[1:]}. {verb.more}",
                epilog=f"example: {verb.example}",
            )
            parser.set_defaults(verb=verb)
            # For the help alone: Scrapy's parser has taken it.
            parser.add_argument("--json", action="store_true", default=SUPPRESS, help="machine-readable")
            verb.add_options(parser)
            self._of_verb[verb.name] = parser

    def read(self, words: Sequence[str], opts: Namespace) -> list[str]:
        """Set ``name``, ``verb`` and the verb's options; both are None where nothing is named.

        Returns:
            The name, or nothing.
        """
        if opts.help:
            self._of_verb.get("".join(words[1:2]), self._all).print_help()
            sys.exit(0)
        opts.name = opts.verb = None
        if not words:
            return []
        opts.name, *said = words
        if opts.name.startswith("-"):
            refuse(self._why_not(opts.name, "NAME", self._prog))
        if not said or said[0].startswith("-"):
            said = [self._first, *said]
        _, left = self._all.parse_known_args(said, opts)
        if left:
            refuse(self._why_not(left[0], opts.name, f"{self._prog} {opts.name} {said[0]}"))
        return [opts.name]

    def _why_not(self, word: str, name: str, command: str) -> str:
        if not word.startswith("-"):
            return f"{word!r} is one word too many: see {command} --help"
        if owners := [verb for verb, parser in self._of_verb.items() if parser.takes(word)]:
            option = word.partition("=")[0]
            return f"{option} belongs to {' and '.join(owners)}: {self._prog} {name} {owners[0]} {option}"
        return f"there is no option {word}: see {command} --help"
