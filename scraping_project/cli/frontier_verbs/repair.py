"""``scrapy frontier NAME repair``: tells a frontier all that the database knows of its crawl."""

import os
import socket
import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from scrapy.settings import BaseSettings
from sqlalchemy import Engine

from scraping_project import logins
from scraping_project.cli.backends import database_of
from scraping_project.cli.exits import INTERRUPTED, refuse
from scraping_project.cli.frontier_verbs.crawl_to_repair import Subject, choose
from scraping_project.cli.frontier_verbs.verb import Place, Verb, say
from scraping_project.cli.progress import Progress
from scraping_project.frontier.errors import CrawlOver, WorkerReaped
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.pending_requests import PendingRequests
from scraping_project.frontier.worker_tokens import is_gone, new_token
from scraping_project.repair.ledger_editor import (
    SILENCE_MS,
    DryLedgerEditor,
    FrontierLedgerEditor,
    LedgerEditor,
)
from scraping_project.repair.repair import Found, Repair
from scraping_project.repair.request_rebuilder import RequestRebuilder
from scraping_project.storage.errors import StorageError
from scraping_project.storage.reading.crawls import newest_crawl


class RepairVerb(Verb):
    name = "repair"
    help = "tell it what the database knows, after Redis has lost what it had acknowledged"
    more = (
        "For after a power loss, a failover, an old backup, or all of Redis gone. Workers may run meanwhile."
    )
    example = "scrapy frontier links repair --dry-run"
    may_come_first = True

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what it would do, and change nothing")
        parser.add_argument(
            "--crawl", metavar="ID", help="the crawl, when it is not the newest of this frontier"
        )

    def check_name(self, place: Place) -> None:
        """Refuse no name yet: the database may know one that Redis has forgotten."""

    def run(self, place: Place, opts: Namespace) -> int:
        database = database_of(place.settings)
        waiting = PendingRequests(place.server, place.frontier.keys)
        try:
            if opts.crawl is None and newest_crawl(database, place.name) is None:
                super().check_name(place)
            return _run(place.frontier, waiting, opts, place.settings, database)
        except (WorkerReaped, CrawlOver) as error:
            refuse(f"the repair is not complete ({error}): run it again")
        except StorageError as error:
            refuse(f"the repair is not complete, nothing is lost by that: run it again ({error})")
        except KeyboardInterrupt:
            print("interrupted: the repair is not complete, run it again", file=sys.stderr)
            return INTERRUPTED
        finally:
            database.dispose()


def _run(
    frontier: Frontier, waiting: PendingRequests, opts: Namespace, settings: BaseSettings, database: Engine
) -> int:
    subject = choose(frontier, database, opts.crawl, settings)
    if subject is None:
        name = frontier.keys.name
        return _say(opts, f"nothing to repair: the last crawl of {name!r} had finished", Found())
    rebuilt = RequestRebuilder(subject.spider, settings)
    token = new_token()
    try:
        with Progress() as progress:
            books: LedgerEditor = (
                DryLedgerEditor(frontier) if opts.dry_run else _join(frontier, token, subject)
            )
            dead = {*waiting.silent(), *filter(is_gone, frontier.tokens())}
            repair = Repair(database, subject.id, books, rebuilt, progress.of_rows)
            found = repair.run(_urls(subject.seeds), waiting.read(dead))
    finally:
        if not opts.dry_run:
            frontier.leave(token)
            frontier.rest()
    return _tell(frontier, opts, found)


def _join(frontier: Frontier, token: str, subject: Subject) -> LedgerEditor:
    """Keep the crawl from being finished meanwhile; a forgotten one begins again under its own id."""
    joined = frontier.join(
        token,
        crawl_id=subject.id,
        rules=subject.rules,
        seeds=subject.seeds if subject.forgotten else "",
        host=socket.gethostname(),
        pid=os.getpid(),
        lease_ms=SILENCE_MS,
    )
    if joined.crawl_id != subject.id:
        refuse(f"another crawl has begun meanwhile, {joined.crawl_id}: run repair again")
    return FrontierLedgerEditor(frontier, token, joined.epoch)


def _urls(seeds: str) -> list[str]:
    """The seeds that can be asked for; those that had a login are left to the next start of the crawl."""
    return [] if seeds == "start()" else [url for url in seeds.split() if logins.HIDDEN not in url]


def _tell(frontier: Frontier, opts: Namespace, found: Found) -> int:
    if opts.dry_run:
        text = f"would repair: {_numbers(found)}" if found.any else "nothing to repair"
        return _say(opts, text, found)
    checked = frontier.checked()
    wrong = [] if checked.moved else checked.wrong
    ledger = "ledger clean" if not wrong else "the ledger does not agree"
    text = f"repaired: {_numbers(found)}, {ledger}" if found.any else f"nothing to repair, {ledger}"
    _say(opts, text, found, wrong=wrong)
    for line in wrong:
        print(f"WRONG {line}", file=sys.stderr)
    return 1 if wrong else 0


def _numbers(found: Found) -> str:
    pages = "1 page" if found.done == 1 else f"{found.done} pages"
    ended = f" ({found.ended} of them were to be fetched again)" if found.ended else ""
    requests = "1 request" if found.put_back == 1 else f"{found.put_back} requests"
    return f"{pages} known to be done{ended}, {requests} put back"


def _say(opts: Namespace, text: str, found: Found, **more: Any) -> int:
    fields = {"done": found.done, "ended": found.ended, "put_back": found.put_back, **more}
    return say(opts, text, **fields)
