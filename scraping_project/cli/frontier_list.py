"""``scrapy frontier`` without a name: all frontiers of this Redis."""

import json
import sys
from argparse import Namespace
from dataclasses import asdict, astuple, fields

import redis
from scrapy.settings import BaseSettings

from scraping_project.cli.frontier_names import BEGIN, own_frontiers
from scraping_project.cli.table import print_table
from scraping_project.frontier.inventory import Standing, standings


def show(server: redis.Redis, settings: BaseSettings, opts: Namespace) -> int:
    """Print a line for each frontier, or one that says how to begin."""
    found = standings(server, own_frontiers(settings))
    if not found:
        none = f"no frontier yet: `{BEGIN}` begins one"
        print(none, file=sys.stderr if opts.json else sys.stdout)
    elif opts.json:
        for standing in found:
            print(json.dumps(asdict(standing)))
    else:
        headings = [field.name for field in fields(Standing)]
        print_table(headings, [[_text(cell) for cell in astuple(standing)] for standing in found])
    return 0


def _text(cell: object) -> str:
    return ("no", "yes")[cell] if isinstance(cell, bool) else str(cell)
