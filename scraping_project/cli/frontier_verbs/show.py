"""``scrapy frontier NAME``: the ledger, the slots and the workers."""

import json
import sys
from argparse import Namespace
from typing import Any

from scraping_project.cli.frontier_verbs.slot import name_no_order
from scraping_project.cli.frontier_verbs.verb import Place, Verb
from scraping_project.frontier.frontier import Frontier

LEDGER = ("discovered", "queued", "delayed", "leased", "done", "dead")


class Show(Verb):
    name = "show"
    help = "show the ledger, the slots and the workers (without a verb, too)"
    more = "In the ledger discovered = queued + delayed + leased + done + dead."
    example = "scrapy frontier links --json"

    def run(self, place: Place, opts: Namespace) -> int:
        ledger = _ledger(place.frontier)
        place.frontier.orders(name_no_order)
        if opts.json:
            print(json.dumps(ledger))
            return 0
        for name, value in ledger.items():
            print(f"{name:<10} {_text(value)}")
        if "foreign" in ledger:
            where = place.frontier.keys.of("foreign", "*")
            print(
                f"somebody else's values were put aside as {where}: they expire after a week", file=sys.stderr
            )
        return 0


def _ledger(frontier: Frontier) -> dict[str, Any]:
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
    return ledger


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items()) or "0"
    if isinstance(value, list):
        return f"{len(value)} ({', '.join(value)})" if value else "0"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
