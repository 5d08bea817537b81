"""The dead letters that an operator chooses: all, or those of a reason, a host or a URL."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from scraping_project.cli.arguments import domain
from scraping_project.cli.printable import printable
from scraping_project.frontier.dead_letters import DeadLetter
from scraping_project.frontier.frontier import Frontier
from scraping_project.http import serialization
from scraping_project.storage.values import host_of


def add_filters(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", metavar="R", help="only those with this reason")
    parser.add_argument("--domain", metavar="D", help="only those of this host")
    parser.add_argument("--url", metavar="U", help="only this URL")


def check_filters(opts: Namespace) -> None:
    """Refuse, in one line, a host that is no domain."""
    if opts.domain is not None:
        opts.domain = domain("--domain", opts.domain).strip("[]")


def chosen(frontier: Frontier, opts: Namespace) -> Iterator[DeadLetter]:
    """The dead letters that pass the filters; foreign ones are named."""
    for letter in frontier.dead(_name_unreadable):
        url = url_of(letter)
        wrong_reason = opts.reason is not None and letter.letter.get("reason") != opts.reason
        wrong_domain = opts.domain is not None and host_of(url) != opts.domain
        wrong_url = opts.url is not None and url != opts.url
        if not (wrong_reason or wrong_domain or wrong_url):
            yield letter


def url_of(letter: DeadLetter) -> str:
    return serialization.url_of(letter.request.payload)


def _name_unreadable(request_id: str) -> None:
    print(printable(f"{request_id}: no dead letter, somebody else has written it"), file=sys.stderr)
