"""Every Redis key of a frontier, its type and meaning."""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
_MADE_UP = re.compile(r"[A-Za-z0-9_.-]+-[0-9a-f]{8}")
#: How much of a name that does not fit stays readable, in characters.
_READABLE = 31


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of the frontier ``name``; that of its seeds is spelled as scrapy-redis spells it.

    Args:
        name: The frontier's.
        spider: The spider's whose frontier it is, where that is another.
    """

    name: str
    spider: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no frontier name: 1 to 64 letters, digits, '_', '.' or '-'")

    @classmethod
    def of_spider(cls, spider: str, frontier: str = "") -> Self:
        """Those of the frontier that is named, or else of the spider's own.

        The own is called as the spider is. When that is no frontier name, it is what of it is, and a hash,
        the same for every worker and command. Its seeds are pushed under the spider's name all the same.

        Raises:
            ValueError: The frontier's name is none.
        """
        own = cls(spider) if _NAME.fullmatch(spider) else cls(_fitting(spider), spider)
        return own if frontier in ("", own.name) else cls(frontier)

    @property
    def may_be_made_up(self) -> bool:
        """Whether the name may be that of a spider's own frontier which could not be called as the spider."""
        return bool(_MADE_UP.fullmatch(self.name))

    @property
    def seeds(self) -> str:
        """Seeds waiting to be taken, URLs or JSON objects: a list, newest on the left, or a (sorted) set."""
        return f"{self.spider or self.name}:start_urls"

    @property
    def prefix(self) -> str:
        """What all keys below begin with.

        With the seeds key as hash tag a cluster keeps all together, but for a spider whose name does not fit.
        """
        return f"{{{self.name}:start_urls}}"

    def of(self, *parts: object) -> str:
        """A key by its name; CATALOGUE lists them."""
        return ":".join((self.prefix, *map(str, parts)))


def _fitting(spider: str) -> str:
    """At most 40 characters, so that ids of crawls, which begin with it, fit into their columns."""
    readable = _UNFIT.sub("_", spider).strip("_")[:_READABLE]
    digest = hashlib.sha256(spider.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{readable}-{digest}" if readable else f"spider-{digest}"


#: Every key under the prefix, with its type and meaning. Those that begin with <epoch> belong to one crawl.
CATALOGUE = {
    "crawl": "hash: epoch, id, rules and seeds of the crawl, paused, held (ms), and all counters",
    "workers": "sorted set: tokens of the workers by their deadline, ms",
    "starting": "set: tokens of workers that have start requests still to push",
    "gone": "sorted set: tokens of workers that are gone, by when, ms: a seed may yet come into their lists",
    "worker:<token>": "hash: last sequence and answer, host, pid, run, lease (ms), epoch, joined and marked"
    " (ms), its suspect, what kind of key its seeds were taken from, and their scores",
    "leases:<token>": "hash: request id to the held record",
    "returning:<token>": "sorted set: ids of what a worker that goes still holds, as it leased them",
    "armed:<token>": "set: ids of those that it may have begun",
    "seeds:<token>": "list: seeds that it has taken and not yet pushed",
    "permits:<token>": "set: slots that it has permits for, or had",
    "slot:<slot>": "hash that expires: the slot's clock and who has permits for it, see lua/parts/slot.lua",
    "orders": "hash: slot to what the operator said of it, JSON",
    "news": "sorted set: slots that all their workers should look at again, by when that was said, ms",
    "robots:<origin>": "string that expires: a robots.txt, packed by zlib",
    "fetching:<origin>": "string that expires: a worker fetches this robots.txt for all",
    "foreign:<key>": "any type, expires: a value that somebody else has put in the place of this key",
    "retired": "list: epoch and number of seen buckets of crawls that are being deleted",
    "<epoch>:slots": "sorted set: slots that hold requests, by the time of their next turn, ms",
    "<epoch>:priorities": "hash: slot to its priorities in use, highest first",
    "<epoch>:queue:<priority>:<slot>": "list: queued records",
    "<epoch>:suspects:<slot>": "list: leased records of requests that were in flight when their worker died",
    "<epoch>:delayed": "sorted set: leased records by the time they are due, ms",
    "<epoch>:dead": "hash: request id to the letter that people read, JSON",
    "<epoch>:buried": "hash: request id to the leased record, for requeue",
    "<epoch>:buried_by": "sorted set: reason and slot, a space between, by how many dead letters they have",
    "<epoch>:counted": "set: ids of the dead letters that are counted there, while they are being counted",
    "<epoch>:outbox": "hash: dead letters of the reaper that want a log row, request id to the leased record",
    "<epoch>:handed": "hash: slot to how many of its requests were handed out, when they are limited",
    "<epoch>:found": "list: fingerprints that were found lately, an element for a step",
    "<epoch>:together": "set: ids of the commands whose workers have joined, several each",
    "<epoch>:seen:<bucket>": "set of integers: fingerprints, 63 bits each",
}
