"""``scrapy frontier``: what is known, queued, leased, done and dead, and the verbs of an operator."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any

from scrapy.commands import ScrapyCommand
from scrapy.settings import BaseSettings
from scrapy.spiderloader import get_spider_loader

from scraping_project.cli.arguments import domain
from scraping_project.cli.backends import redis_of, settings_of
from scraping_project.cli.exits import in_one_line, one_line_errors, refuse
from scraping_project.cli.frontier_verbs import repair, slot
from scraping_project.cli.printable import printable
from scraping_project.cli.progress import Progress
from scraping_project.frontier.connection import connect
from scraping_project.frontier.errors import FrontierError, FrontierUnavailable
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.pending_requests import PendingRequests
from scraping_project.frontier.replies import DeadLetter
from scraping_project.frontier.slot_state import SlotStates
from scraping_project.http import serialization
from scraping_project.storage.values import host_of

LEDGER = ("discovered", "queued", "delayed", "leased", "done", "dead")
BATCH = 500
#: Keys that are swept up at once.
SWEPT = 1000


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return f"[options] <spider or frontier> [{'|'.join(VERBS)}|repair|slot [SLOT]]"

    def short_desc(self) -> str:
        return "Show a frontier's ledger, dead letters or slots, check, requeue, clear, pause, resume, repair"

    def long_desc(self) -> str:
        return (
            "Without a verb: the ledger, in which discovered = queued + delayed + leased + done + dead, the"
            " slots and the workers. check counts everything and compares; dead lists what will not be"
            " retried, with its reason; requeue puts dead letters back; clear forgets the crawl; pause stops"
            " new leases until resume, while what is leased may be sent for 5 s more. repair is for after a"
            " rollback of Redis (power loss, failover, an old backup, or all of it gone): it tells the"
            " frontier what the database knows of the crawl. slot shows the clock of one slot (a host), or"
            " lists those of which something was said; with an option it says it: a delay, a pause, a block."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--json", action="store_true", help="machine-readable, one object a line")
        parser.add_argument("--reason", metavar="R", help="dead, requeue: only those with this reason")
        parser.add_argument("--domain", metavar="D", help="dead, requeue: only those of this host")
        parser.add_argument("--url", metavar="U", help="dead, requeue: only this URL")
        repair.add_options(parser)
        slot.add_options(parser)

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        most = 3 if args[1:2] == ["slot"] else 2
        if not 1 <= len(args) <= most or (len(args) > 1 and args[1] not in (*VERBS, "repair", "slot")):
            verbs = ", ".join((*VERBS, "repair", "slot"))
            refuse(f"frontier takes a name and one of {verbs}, got {' '.join(args) or 'nothing'}")
        _check_filters(args, opts)
        repair.check_options(args, opts)
        slot.check_options(args, opts)

    def run(self, args: list[str], opts: Namespace) -> None:
        name, verb = args[0], args[1] if len(args) > 1 else ""
        settings = settings_of(self)
        keys = _keys(name, settings)
        found = redis_of(settings)
        with connect(found.url, found.credentials) as server:
            keep_ms = int(settings.getfloat("FRONTIER_KEEP_FINISHED") * 1000)
            frontier = Frontier(server, keys, keep_ms=keep_ms)
            try:
                if verb == "slot":
                    self.exitcode = slot.run(frontier, SlotStates(server, keys), args[2:], opts, settings)
                elif verb == "repair":
                    self.exitcode = repair.run(frontier, PendingRequests(server, keys), opts, settings)
                else:
                    self.exitcode = (VERBS[verb] if verb else _show)(frontier, opts)
                sys.stdout.flush()
            except BrokenPipeError:  # the reader, such as head, has seen enough
                sys.stderr.close()
            except FrontierUnavailable as error:
                refuse(f"Redis stopped answering: {error}")
            except FrontierError as error:
                refuse(str(error))


def _keys(name: str, settings: BaseSettings) -> Keys:
    """Those of a frontier, be it named as itself or as the spider whose own it is."""
    try:
        keys = Keys(name)
    except ValueError as error:
        if name not in get_spider_loader(settings).list():
            refuse(f"{error}; nor is there such a spider")
        return Keys.of_spider(name)
    spiders = get_spider_loader(settings).list() if keys.may_be_made_up else []
    return next((own for own in map(Keys.of_spider, spiders) if own.name == name), keys)


def _check_filters(args: list[str], opts: Namespace) -> None:
    """Refuse what chooses among dead letters where nothing is chosen."""
    given = [name for name in ("reason", "domain", "url") if getattr(opts, name) is not None]
    if given and args[1:2] not in (["dead"], ["requeue"]):
        refuse(f"--{given[0]} belongs to dead and requeue: nothing else is done to a part of a frontier")
    if opts.domain is not None:
        opts.domain = domain("--domain", opts.domain).strip("[]")


def _show(frontier: Frontier, opts: Namespace) -> int:
    counts = frontier.counts()
    ledger: dict[str, Any] = {name: counts.get(name, 0) for name in LEDGER}
    ledger["filtered"] = {
        name.removeprefix("filtered:"): number
        for name, number in counts.items()
        if name.startswith("filtered:")
    }
    ledger["pages"] = counts.get("pages", 0)
    ledger["paused"] = bool(counts.get("paused"))
    ledger["slots"] = frontier.slots()
    ledger["workers"] = frontier.tokens()
    if foreign := counts.get("foreign", 0):
        ledger["foreign"] = foreign
    frontier.orders(slot.name_no_order)
    if opts.json:
        print(json.dumps(ledger))
        return 0
    for name, value in ledger.items():
        print(f"{name:<10} {_text(value)}")
    if foreign:
        place = frontier.keys.of("foreign", "*")
        print(f"somebody else's values were put aside as {place}: they expire after a week", file=sys.stderr)
    return 0


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items()) or "0"
    if isinstance(value, list):
        return f"{len(value)} ({', '.join(value)})" if value else "0"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _check(frontier: Frontier, opts: Namespace) -> int:
    with Progress() as progress:
        checked = frontier.checked(progress.of_parts)
    if opts.json:
        print(json.dumps({"clean": not checked.wrong, "wrong": checked.wrong, "moved": checked.moved}))
        return 1 if checked.wrong and not checked.moved else 0
    word = "MOVED" if checked.moved else "WRONG"
    print(
        "\n".join(f"{word} {line}" for line in checked.wrong) or "clean: everything is where the ledger says"
    )
    if checked.wrong and checked.moved:
        print("workers were at work, so this may be what moved meanwhile: check again when they have ended")
    return 1 if checked.wrong and not checked.moved else 0


def _dead(frontier: Frontier, opts: Namespace) -> int:
    number = 0
    for number, letter in enumerate(_chosen(frontier, opts), 1):  # noqa: B007  read after the loop
        fields = {"id": letter.id, "url": _url(letter), **letter.letter}
        print(
            json.dumps(fields)
            if opts.json
            else printable(f"{fields['reason']:<12} {fields['url']}  {_why(letter)}".rstrip())
        )
    print(f"{number} dead letter{'' if number == 1 else 's'}", file=sys.stderr)
    return 0


def _requeue(frontier: Frontier, opts: Namespace) -> int:
    ids = [letter.id for letter in _chosen(frontier, opts)]
    remaining, moved = iter(ids), 0
    with Progress() as progress:
        while batch := list(islice(remaining, BATCH)):
            moved += frontier.requeue(batch)
            progress.say(f"requeued {moved:,} of {len(ids):,}")
    frontier.rest()
    return _say(opts, f"requeued {moved} of {len(ids)}", requeued=moved, of=len(ids))


def _clear(frontier: Frontier, opts: Namespace) -> int:
    held = frontier.clear()
    with Progress() as progress:
        for scripts in count(1):
            if not frontier.sweep(SWEPT):
                break
            progress.say(f"about {scripts * SWEPT:,} keys swept up")
    return _say(opts, f"cleared {frontier.keys.name}: {held} requests were waiting or in work", cleared=held)


def _pause(frontier: Frontier, opts: Namespace) -> int:
    frontier.pause()
    text = "nothing more is leased until resume, what is leased may be sent for 5 s more"
    return _say(opts, f"paused {frontier.keys.name}: {text}", paused=True)


def _resume(frontier: Frontier, opts: Namespace) -> int:
    frontier.resume()
    frontier.rest()
    return _say(opts, f"resumed {frontier.keys.name}", paused=False)


def _say(opts: Namespace, text: str, **fields: Any) -> int:
    print(json.dumps(fields) if opts.json else text)
    return 0


VERBS: dict[str, Callable[[Frontier, Namespace], int]] = {
    "check": _check,
    "dead": _dead,
    "requeue": _requeue,
    "clear": _clear,
    "pause": _pause,
    "resume": _resume,
}


def _chosen(frontier: Frontier, opts: Namespace) -> Iterator[DeadLetter]:
    for letter in frontier.dead(_name_unreadable):
        url = _url(letter)
        wrong_reason = opts.reason is not None and letter.letter.get("reason") != opts.reason
        wrong_domain = opts.domain is not None and host_of(url) != opts.domain
        wrong_url = opts.url is not None and url != opts.url
        if not (wrong_reason or wrong_domain or wrong_url):
            yield letter


def _name_unreadable(request_id: str) -> None:
    print(printable(f"{request_id}: no dead letter, somebody else has written it"), file=sys.stderr)


def _url(letter: DeadLetter) -> str:
    return serialization.url_of(letter.request.payload)


def _why(letter: DeadLetter) -> str:
    if letter.letter.get("deaths"):
        return f"{letter.letter['deaths']} workers died with it in flight"
    return str(letter.letter.get("message") or "")
