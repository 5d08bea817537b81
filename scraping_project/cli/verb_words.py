"""A command whose first word is a verb: each has a parser with its own options and help."""

import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from typing import NoReturn

from scraping_project.cli.exits import refuse
from scraping_project.cli.schedule_verbs.verb import Verb


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        refuse(f"{message}: see {self.prog} --help")


class VerbWords:
    """Reads ``VERB [NAME]`` and the verb's options, which Scrapy's own parser leaves over.

    Args:
        scrapys: Scrapy's parser of the command, complete but for ``--help``.
        prog: The command, as people type it.
        verbs: In the order of the help; the first is the default.
    """

    def __init__(self, scrapys: ArgumentParser, prog: str, verbs: Sequence[Verb]) -> None:
        scrapys.add_argument("-h", "--help", action="store_true", help="show this, or what a verb takes")
        self._first = verbs[0].name
        self._all = _Parser(
            prog=prog,
            usage=scrapys.usage,
            description=scrapys.description,
            epilog=f"options and an example of a verb: {prog} VERB --help",
            formatter_class=scrapys.formatter_class,
            parents=[scrapys],
            add_help=False,
        )
        added = self._all.add_subparsers(title="verbs", metavar="VERB", prog=prog, parser_class=_Parser)
        self._of_verb: dict[str, ArgumentParser] = {}
        for verb in verbs:
            self._of_verb[verb.name] = _of_verb(added, verb)

    def read(self, words: Sequence[str], opts: Namespace) -> None:
        """Set ``verb``, ``name`` and the verb's options, or print the help and exit."""
        if opts.help:
            self._of_verb.get("".join(words[:1]), self._all).print_help()
            sys.exit(0)
        said = list(words) or [self._first]
        if said[0].startswith("-"):
            refuse(f"the verb comes first, then its options: see {self._all.prog} --help")
        _, left = self._all.parse_known_args(said, opts)
        if left:
            refuse(f"{left[0]!r} is nothing that {said[0]} takes: see {self._all.prog} {said[0]} --help")


def _of_verb(added: "_SubParsersAction[_Parser]", verb: Verb) -> ArgumentParser:
    parser = added.add_parser(
        verb.name,
        help=verb.help,
        description=f"{verb.help[0].upper()}{verb.help[1:]}. {verb.more}",
        epilog=f"example: {verb.example}",
    )
    if verb.takes_name:
        parser.add_argument("name", metavar="NAME", help="the schedule's")
    parser.set_defaults(verb=verb)
    # For the help alone: Scrapy's parser has taken it.
    parser.add_argument("--json", action="store_true", default=SUPPRESS, help="machine-readable")
    verb.add_options(parser)
    return parser
