"""Puts back into a frontier what it has lost and the database knows.

The database is written first, so after a rollback of Redis it knows more of the crawl. In this order, so that
a repair that is interrupted has lost nothing:

1. Requests that ended without a page that leads on (an error, robots.txt) are marked as done.
2. What the stored pages of the crawl lead to is put back, unless it is known, or done itself.
3. The pages are marked as done. Only now may they be: all that they lead to is known.
4. Requests that wait although they are done are ended, after what they lead to is put back.

What the frontier knows already it does not change, and it is safe while workers run.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from scrapy import Request
from sqlalchemy import Engine

from scraping_project.frontier.messages import Done, Withdrawal
from scraping_project.frontier.pending_requests import PendingRequest
from scraping_project.repair.ledger_editor import LedgerEditor
from scraping_project.repair.request_rebuilder import Lead, RequestRebuilder
from scraping_project.storage.reading import crawls
from scraping_project.storage.reading.crawls import Answer

#: Requests entered at once; waiting requests looked up at once, each with all the links of its page.
BATCH, LOOK_UP = 500, 50
#: URLs remembered as seen to: most links of a page are on its neighbours, too. About 25 MB.
REMEMBERED = 200_000
#: The longer ids are those of requests that could not be written down and stayed with their worker.
_ID = re.compile(r"[1-9][0-9]{0,11}")

T = TypeVar("T")


@dataclass(slots=True)
class Found:
    """What a repair found and did."""

    marked: int = 0  # done by the word of the database, and unknown to the frontier
    ended: int = 0  # the same, but still waiting there
    put_back: int = 0  # not done, and unknown to the frontier

    @property
    def done(self) -> int:
        return self.marked + self.ended

    @property
    def any(self) -> bool:
        return bool(self.done or self.put_back)


class Repair:
    """One repair of one crawl.

    Args:
        database: Where the crawl is stored.
        crawl_id: Its id there.
        books: Those of the frontier.
        rebuilt: Makes the crawl's requests.
        progress: Is told what is read, and how many of it.
    """

    def __init__(
        self,
        database: Engine,
        crawl_id: str,
        books: LedgerEditor,
        rebuilt: RequestRebuilder,
        progress: Callable[[str, int], None],
    ) -> None:
        self._database = database
        self._crawl_id = crawl_id
        self._books = books
        self._rebuilt = rebuilt
        self._progress = progress
        self._seen_to: set[str] = set()
        self.found = Found()

    def run(self, seeds: Iterable[str], waiting: Iterable[PendingRequest]) -> Found:
        """Repair; what it has done so far is in ``found`` also when it raises."""
        newest = crawls.newest_row(self._database)
        self._mark(self._ended_without_a_page())
        self._put_back([Lead(url) for url in seeds])
        self._follow_all()
        self._mark(self._pages(newest))
        for number, some in enumerate(_batches(waiting, LOOK_UP)):
            self._progress("waiting requests", number * LOOK_UP + len(some))
            self._end(some)
        return self.found

    def _ended_without_a_page(self) -> Iterator[Done]:
        """Takes note of every request id by the way."""
        for number, attempt in enumerate(crawls.attempts(self._database, self._crawl_id), 1):
            self._progress("log rows", number)
            if _ID.fullmatch(attempt.request_id):
                self._books.highest = max(self._books.highest, int(attempt.request_id))
            if attempt.status in ("failed", "filtered"):
                yield Done(self._rebuilt.number(attempt.url), int(attempt.status == "failed"))

    def _pages(self, newest: int) -> Iterator[Done]:
        """The pages of the crawl, those left out that were stored after what they lead to was put back."""
        for attempt in crawls.attempts_ended(self._database, self._crawl_id, "success"):
            if attempt.id <= newest:
                yield Done(self._rebuilt.number(attempt.url), 1)

    def _mark(self, done: Iterator[Done]) -> None:
        for some in _batches(done, BATCH):
            self.found.marked += self._books.enter(done=some).marked

    def _follow_all(self) -> None:
        for number, answers in enumerate(crawls.answers(self._database, self._crawl_id)):
            self._progress("pages", number * crawls.SITES + len(answers))
            self._follow(answers)

    def _follow(self, answers: Sequence[Answer]) -> None:
        """Puts back what these pages lead to; pages of which that is not known are fetched again."""
        for answer in answers:
            links = self._rebuilt.links(answer)
            if links is None:
                self._push([Lead(answer.url, answer.depth)])
            else:
                self._put_back(links)

    def _put_back(self, leads: Iterable[Lead]) -> None:
        """Push those that are unknown, but for pages of the crawl: these are marked in their own turn."""
        for some in _batches((lead for lead in leads if lead.url not in self._seen_to), BATCH):
            numbers = [self._rebuilt.number(lead.url) for lead in some]
            unknown = self._books.unknown(numbers)
            candidates = [lead for lead, number in zip(some, numbers, strict=True) if number in unknown]
            urls = [lead.url for lead in candidates]
            answered = crawls.answered(self._database, self._crawl_id, urls)
            self._push([lead for lead in candidates if lead.url not in answered])
            self._remember(lead.url for lead in some)

    def _push(self, leads: Sequence[Lead]) -> None:
        if leads:
            pushes = [self._rebuilt.push(lead) for lead in leads]
            self.found.put_back += self._books.enter(push=pushes).pushed

    def _remember(self, urls: Iterable[str]) -> None:
        if len(self._seen_to) > REMEMBERED:
            self._seen_to.clear()
        self._seen_to.update(urls)

    def _end(self, waiting: Sequence[PendingRequest]) -> None:
        requests = [(each, self._rebuilt.request(each.payload)) for each in waiting]
        plain = [(each, request) for each, request in requests if request is not None]
        answers = crawls.answers_at(self._database, self._crawl_id, [request.url for _, request in plain])
        ends: list[Withdrawal] = []
        for each, request in plain:
            if answer := self._answer_to(each, request, answers):
                self._follow([answer])
                ends.append(each.withdrawal(1))
        if ends:
            self.found.ended += self._books.enter(ends=ends).ended

    def _answer_to(
        self, waiting: PendingRequest, request: Request, answers: Iterable[Answer]
    ) -> Answer | None:
        """What this request was answered.

        One that is to pass the dupe filter, a retry or a seed with ``dont_filter``, is another request than
        others of the same URL.
        """
        for answer in answers:
            same = answer.request_id == str(waiting.id) or not request.dont_filter
            if answer.url == request.url and same and self._rebuilt.links(answer) is not None:
                return answer
        return None


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
