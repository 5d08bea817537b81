"""A log row for every attempt of any spider, failures included, without an errback in sight."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Self

from scrapy import Request, signals
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from scraping_project import scrapy_internals
from scraping_project.attempts import lease_ends
from scraping_project.attempts.registry import Attempt, Attempts, Outcome, asking, is_retry, utc_now
from scraping_project.frontier.messages import Leased
from scraping_project.http import failure_reasons, serialization
from scraping_project.http.page_metadata import site_of
from scraping_project.items import ScrapeLog, Site
from scraping_project.signals import attempts_ended, page_answered

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from twisted.python.failure import Failure


class AttemptLog:
    """Follows each request from the scheduler to its end and announces how it ended.

    When an attempt has ended is known from the engine's own set of requests in progress, which it leaves
    after download, callback and pipelines; ``settle`` looks there, once a checkpoint. How it ended is
    gathered from the downloader and from Scrapy's signals.
    """

    def __init__(self, crawler: "Crawler") -> None:
        self.attempts = Attempts()
        self.crawl_id = self.run_id = ""
        self.answered = self.received = 0  # answered pages, this run, and their bytes
        self._crawler = crawler
        self._store_log: Callable[[ScrapeLog], object] = _nowhere
        self._store_page: Callable[[Site], object] = _nowhere

    def store_logs(self, append: Callable[[ScrapeLog], object]) -> None:
        """Have each log row appended to the next commit's rows."""
        self._store_log = append

    def store_pages(self, append: Callable[[Site], object]) -> None:
        """Have each answered page appended whose callback yields no Site."""
        self._store_page = append

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        log = cls(crawler)
        crawler.signals.connect(log.spider_error, signal=signals.spider_error)
        crawler.signals.connect(log.item_error, signal=signals.item_error)
        crawler.signals.connect(log.item_scraped, signal=signals.item_scraped)
        return log

    def spider_error(self, failure: "Failure", response: "Response | Failure | None") -> None:
        self._failed(response, "callback", failure)

    def item_error(self, failure: "Failure", response: "Response | Failure | None") -> None:
        self._failed(response, "pipeline", failure)

    def item_scraped(self, item: object, response: "Response | Failure | None") -> None:
        if attempt := self._attempt_of(response):
            attempt.records += 1
            if isinstance(item, Site):
                attempt.site_url = item.url
                attempt.remark = _of_links(item)
        if isinstance(item, Site):
            self._count("links", len(item.links))

    def unstored(self, item: object, response: "Response | Failure | None", error: Exception) -> None:
        """Take back that an item was scraped: it could not be stored; its page is stored without it.

        Raises:
            Exception: The error itself, where there is no row that would say it.
        """
        attempt = self._attempt_of(response)
        if attempt is None or outcome_of(attempt) is None:
            raise error
        attempt.records -= 1
        if isinstance(item, Site):
            attempt.site_url = None
        attempt.error = attempt.error or ("pipeline", failure_reasons.describe(error))

    def settle(self) -> list[tuple[Attempt, Outcome | None]]:
        """Announce what has ended since the last time; returns the attempts whose lease ends, and how."""
        in_progress = scrapy_internals.in_progress(self._crawler)
        now = utc_now()
        ended = [attempt for attempt in self.attempts if attempt.request not in in_progress]
        ends_: list[tuple[Attempt, Outcome | None]] = []
        logs: list[ScrapeLog] = []
        for attempt in ended:
            self.attempts.end(attempt)
            outcome = self._outcome(attempt)
            if outcome is not None:
                self._page(attempt)
                logs.append(self._log(attempt, outcome, attempt.request.url.partition("#")[0], now))
            ends_ += self.attempts.leases_that_end(attempt, outcome)
        self._announce(logs)
        return ends_

    def asking(self) -> Attempt | None:
        """Whose callback is running, if any is."""
        attempt = asking.get()
        running = attempt is not None and attempt.request in scrapy_internals.in_progress(self._crawler)
        return attempt if running else None

    def refuse_leased(self, leased: Leased, error: Exception) -> bytes:
        """Log a leased request that can't be resumed; returns its dead letter."""
        attempt = Attempt(Request("data:,"), str(leased.id), leased.attempt)
        outcome = ("dead", "undecodable", failure_reasons.describe(error))
        self._announce([self._log(attempt, outcome, serialization.url_of(leased.payload), utc_now())])
        return lease_ends.letter(attempt, outcome)

    def bury(self, leased: Leased) -> None:
        """Log a request that outlived too many of its workers."""
        attempt = Attempt(Request("data:,"), str(leased.id), leased.attempt)
        message = f"{leased.deaths} workers died while they had it in flight"
        outcome = ("dead", "deliveries", message)
        self._announce([self._log(attempt, outcome, serialization.url_of(leased.payload), utc_now())])

    def refuse_seed(self, seed: str, error: Exception) -> bytes:
        """Log a seed that can't be made into a request; returns its dead letter."""
        return self._refuse(self.attempts.new_id(), seed, "undecodable", error)

    def refuse_request(self, url: str, fingerprint: str, reason: str, error: Exception) -> bytes:
        """Log a request that the frontier never takes; returns its dead letter.

        Asked for again, by another page or after a crash, it rewrites its own row.
        """
        request_id = f"refused-{fingerprint}" if fingerprint else self.attempts.new_id()
        return self._refuse(request_id, url[: serialization.MAX_REFUSED], reason, error)

    def bury_refused(self, request_id: int, url: str, error: Exception) -> bytes:
        """Log a request whose next attempt the frontier refuses; returns its dead letter."""
        return self._refuse(str(request_id), url, "undecodable", error)

    def _refuse(self, request_id: str, url: str, reason: str, error: Exception) -> bytes:
        attempt = Attempt(Request("data:,"), request_id)
        outcome = ("dead", reason, failure_reasons.describe(error))
        self._announce([self._log(attempt, outcome, url, utc_now())])
        return lease_ends.letter(attempt, outcome)

    def _attempt_of(self, response: "Response | Failure | None") -> Attempt | None:
        return self.attempts.of(getattr(response, "request", None))

    def _failed(self, response: "Response | Failure | None", reason: str, failure: "Failure") -> None:
        if attempt := self._attempt_of(response):
            attempt.error = attempt.error or (
                reason,
                failure_reasons.describe(failure.value or Exception("unknown")),
            )

    def _outcome(self, attempt: Attempt) -> Outcome | None:
        if attempt.given_back:
            self._count("given_back")
            return None
        return outcome_of(attempt)

    def _page(self, attempt: Attempt) -> None:
        """Count its answer, if it had one, and announce it when its callback yielded no Site."""
        answer = _answer(attempt)
        if answer is None:
            return
        self.answered += 1
        self.received += len(answer.body)
        if attempt.site_url is None:
            site = site_of(answer)
            attempt.site_url = site.url
            self._store_page(site)
            self._crawler.signals.send_catch_log(page_answered, site=site)

    def _announce(self, logs: list[ScrapeLog]) -> None:
        for log in logs:
            self._store_log(log)
        if logs:
            self._crawler.signals.send_catch_log(attempts_ended, logs=logs)

    def _log(self, attempt: Attempt, outcome: Outcome, url: str, ended: datetime) -> ScrapeLog:
        status, reason, message = outcome
        wire = attempt.wire if isinstance(attempt.wire, Response) else _answer(attempt)
        self._count(status)
        if reason:
            self._count(f"{status}/{reason}")
        return ScrapeLog(
            task_id=f"{self.crawl_id}:{attempt.request_id}:{attempt.number}",
            crawl_id=self.crawl_id,
            run_id=self.run_id,
            url=url,
            site_url=attempt.site_url,
            status=status,  # type: ignore[arg-type]
            status_code=wire.status if wire is not None else None,
            reason=reason,
            error_message=message,
            records_scraped=attempt.records,
            attempt=attempt.number,
            latency_ms=attempt.latency_ms,
            bytes=len(wire.body) if wire is not None else None,
            started_at=attempt.started_at,
            finished_at=ended,
        )

    def _count(self, name: str, by: int = 1) -> None:
        self._crawler.stats.inc_value(f"attempts/{name}", by)


def _nowhere(_: object) -> None:
    """No pipeline stores it."""


def outcome_of(attempt: Attempt) -> Outcome | None:
    """How an attempt ended; None when it leaves no log row (redirect hops, offsite, given back)."""
    result = attempt.result
    if isinstance(result, Request):
        return ("dead", *attempt.error) if attempt.error else _retried(attempt, result)
    if isinstance(result, Response):
        return _answered(attempt, result)
    if isinstance(result, failure_reasons.Filtered):
        return "filtered", result.reason, _with_errback(failure_reasons.text_of(result), attempt)
    if isinstance(result, IgnoreRequest):
        return _ignored(attempt, result)
    if result is None:
        return None
    reason = failure_reasons.of_download(result)
    message = _with_errback(failure_reasons.describe(result), attempt)
    return "filtered" if reason == "guard" else "dead", reason, message


def _with_errback(message: str, attempt: Attempt) -> str:
    """Why there is no answer, and what went wrong with the errback or with what that yielded."""
    return f"{message}; then {attempt.error[1]}" if attempt.error else message


def _answered(attempt: Attempt, response: Response) -> Outcome:
    if attempt.error:
        return "dead", *attempt.error
    return *_by_status(response), attempt.remark


def _of_links(site: Site) -> str | None:
    """What a log row says of a page with more links than are kept."""
    if not site.links_left_out:
        return None
    kept = len(site.links)
    return f"{kept:,} of {kept + site.links_left_out:,} links kept"


def _ignored(attempt: Attempt, why: IgnoreRequest) -> Outcome | None:
    """A middleware wants to hear no more of it; what the site was asked and did stays on record."""
    if isinstance(attempt.wire, BaseException):
        message = _with_errback(failure_reasons.describe(attempt.wire), attempt)
        return "dead", failure_reasons.of_download(attempt.wire), message
    answer = _answer(attempt)
    return (
        (*_by_status(answer), _with_errback(failure_reasons.text_of(why), attempt))
        if answer is not None
        else None
    )


def _by_status(response: Response) -> tuple[str, str | None]:
    if 200 <= response.status < 300 or response.status == 304:  # noqa: PLR2004  HTTP's own numbers
        return "success", None
    return "failed", failure_reasons.of_status(response.status)


def _retried(attempt: Attempt, replacement: Request) -> Outcome | None:
    if not is_retry(attempt.request, replacement):
        return None
    if isinstance(attempt.wire, BaseException):
        return "retried", failure_reasons.of_download(attempt.wire), failure_reasons.describe(attempt.wire)
    if isinstance(attempt.wire, Response):
        return "retried", failure_reasons.of_status(attempt.wire.status), None
    return "retried", "parse", None


def _answer(attempt: Attempt) -> Response | None:
    """The final answer: what the spider got, or what a middleware raised at, such as a bad Location."""
    if isinstance(attempt.result, Response):
        return attempt.result
    if isinstance(attempt.result, failure_reasons.Filtered) or not isinstance(attempt.result, Exception):
        return None
    return attempt.wire if isinstance(attempt.wire, Response) else None
