"""``scrapy frontier NAME slot``: the operator's orders for a slot, and its clock."""

import json
import math
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import asdict
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from scrapy.settings import BaseSettings

from scraping_project.cli.exits import refuse
from scraping_project.cli.frontier_verbs.verb import Place, Verb, say
from scraping_project.cli.printable import printable
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.messages import MAX_SLOT
from scraping_project.frontier.slot_state import SlotState, SlotStates
from scraping_project.politeness.registered_domain import registered_domain

#: Seconds; for a longer rest the slot is better paused.
LONGEST_DELAY = 86_400.0
_HOST = re.compile(r"[a-z0-9_.-]+")


class Slot(Verb):
    name = "slot"
    help = "show the clock of a slot (a host), or slow, pause or block it on all workers"
    more = (
        "Without a host: the slots of which something was said. What is said holds on all workers within a"
        " second, and over crawls until it is taken back."
    )
    example = "scrapy frontier links slot example.com --delay 5"
    may_come_first = True

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "slot", nargs="?", type=_not_empty, metavar="SLOT", help="a host, such as example.com"
        )
        parser.add_argument("--delay", metavar="S", type=float, help="seconds between two requests")
        pause = parser.add_mutually_exclusive_group()
        pause.add_argument("--pause", action="store_true", help="send it nothing; its requests stay queued")
        pause.add_argument("--resume", action="store_true", help="end the pause")
        block = parser.add_mutually_exclusive_group()
        block.add_argument(
            "--block", action="store_true", help="end its requests unsent, as filtered (guard)"
        )
        block.add_argument("--unblock", action="store_true", help="end the block")
        parser.add_argument("--forget", action="store_true", help="forget all of these")

    def check(self, opts: Namespace) -> None:
        given = [name for name in ("pause", "resume", "block", "unblock", "forget") if getattr(opts, name)]
        given += ["delay"] * (opts.delay is not None)
        if given and opts.slot is None:
            command = f"scrapy frontier {opts.name} slot example.com"
            refuse(f"--{given[0]} of which slot? Name it: {command} --{given[0]}")
        if opts.forget and len(given) > 1:
            refuse("--forget forgets all that was said of a slot: it takes no other option")
        if opts.delay is not None and not 0 <= opts.delay <= LONGEST_DELAY:  # so that "nan" is refused, too
            refuse(f"--delay is a number of seconds from 0 to {LONGEST_DELAY:g}, not {opts.delay:g}")

    def run(self, place: Place, opts: Namespace) -> int:
        if opts.slot is None:
            return _list(place.frontier, opts)
        clocks = SlotStates(place.server, place.frontier.keys)
        slot = _slot_of(opts.slot, clocks, place.settings)
        order = dict(place.frontier.orders(name_no_order).get(slot, {}))
        if opts.forget or _apply(order, opts):
            order = {} if opts.forget else order
            place.frontier.order(slot, order)
            return say(opts, f"{slot}: {_text(order)}", slot=slot, **_readable(order))
        return _show(slot, order, clocks.read(slot), opts)


def _not_empty(text: str) -> str:
    if not text:
        raise ArgumentTypeError("it is empty, name a host, such as example.com")
    return text


def _apply(order: dict[str, Any], opts: Namespace) -> bool:
    """Merge the options into an order; returns whether there were any."""
    before = (opts.delay is not None, opts.pause, opts.resume, opts.block, opts.unblock)
    if opts.delay is not None:
        order["delay"] = math.ceil(opts.delay * 1000)
    for name, on, off in (("paused", opts.pause, opts.resume), ("blocked", opts.block, opts.unblock)):
        if on:
            order[name] = True
        elif off:
            order.pop(name, None)
    return any(before)


def _list(frontier: Frontier, opts: Namespace) -> int:
    for slot, order in sorted(frontier.orders(name_no_order).items()):
        say(opts, f"{slot}: {_text(order)}", slot=slot, **_readable(order))
    return 0


def _show(slot: str, order: dict[str, Any], clock: SlotState, opts: Namespace) -> int:
    if opts.json:
        print(json.dumps({"slot": slot, "order": _readable(order), **asdict(clock)}))
        return 0
    for name, value in {
        "slot": slot,
        "order": _text(order),
        "sent": _seconds(clock.sent_ago, " ago"),
        "delay": _seconds(clock.delay),
        "crawl-delay": _seconds(clock.crawl_delay),
        "retry-after": _seconds(clock.retry_after, " left"),
        "adaptive": _seconds(clock.adaptive),
        "holders": ", ".join(f"{token} ({count})" for token, count in clock.holders.items()) or "none",
        "queued": clock.queued,
    }.items():
        print(f"{name:<12} {value}")
    return 0


def name_no_order(slot: str) -> None:
    print(printable(f"{slot}: somebody else has written what is no order, and is ignored"), file=sys.stderr)


def _readable(order: dict[str, Any]) -> dict[str, Any]:
    """An order for people: in seconds, with the parts that do not hold."""
    return {
        "delay": order["delay"] / 1000 if "delay" in order else None,
        "paused": bool(order.get("paused")),
        "blocked": bool(order.get("blocked")),
    }


def _text(order: dict[str, Any]) -> str:
    words = [f"delay {order['delay'] / 1000:g} s"] if "delay" in order else []
    words += [name for name in ("paused", "blocked") if order.get(name)]
    return ", ".join(words) or "no order"


def _seconds(value: float | None, more: str = "") -> str:
    return "not known" if value is None else f"{value:g} s{more}"


def _slot_of(text: str, clocks: SlotStates, settings: BaseSettings) -> str:
    """The slot's name as the workers spell it: a known one as it stands, else a host's."""
    if 0 < len(text.encode(errors="replace")) <= MAX_SLOT and clocks.knows(text):
        return text
    if text in settings.getdict("DOWNLOAD_SLOTS"):
        return text
    host = _host_of(text)
    return registered_domain(host) if settings["FRONTIER_SLOT_BY"] == "domain" else host


def _host_of(text: str) -> str:
    try:
        if ":" in text and "://" not in text and "[" not in text and text.count(":") > 1:
            return str(ip_address(text))
        url = urlsplit(text if "://" in text else f"//{text}")
        _ = url.port  # no part of the name, but it must be a port
        host = url.hostname or ""
        if ":" in host:
            return str(ip_address(host))
        host = host.encode("idna").decode()
    except ValueError:  # UnicodeError is one
        host = ""
    extra = "://" not in text and (url.path or url.query or url.fragment or url.username) if host else ""
    if extra or len(host) > MAX_SLOT or not _HOST.fullmatch(host):
        refuse(f"{text!r} is no slot: name a host, such as example.com")
    return host
