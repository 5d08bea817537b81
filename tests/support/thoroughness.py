"""How much a run of the suite tries: `make test` takes samples of what `make storm` and `make matrix` try."""

import os
import secrets
import sys

#: 0 for samples, 1 for all that `make storm` tries, and more for as many times as many examples.
STORM = int(os.environ.get("STORM", "0"))
REDIS_KINDS = ("redis", "redis-6.2", "valkey-9") if os.environ.get("REDIS_KINDS") == "all" else ("redis",)
ONE_IN = 4


def step() -> int:
    """Of how many cases in a row one is tried."""
    return 1 if STORM else ONE_IN


def first(step: int) -> int:
    """The number of the first case that is tried, by chance; it is printed."""
    number = 1 + secrets.randbelow(step)
    sys.stdout.write(f"every case in {step} from number {number} on; STORM=1 tries all\n")
    return number


def examples(number: int) -> int:
    """How many examples of a model are tried of ``number``."""
    return number * STORM or max(number // ONE_IN, 1)
