"""How an attempt ended, from what the wire, the middlewares and the spider made of it."""

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from scraping_project.attempts.registry import Attempt, Outcome, is_retry
from scraping_project.http import failure_reasons


def outcome_of(attempt: Attempt) -> Outcome | None:
    """How an attempt ended; None when it leaves no log row (redirect hops, offsite, given back)."""
    result = attempt.result
    if isinstance(result, Request):
        return Outcome("dead", *attempt.error) if attempt.error else _retried(attempt, result)
    if isinstance(result, Response):
        return _answered(attempt, result)
    if isinstance(result, failure_reasons.Filtered):
        message = _with_errback(failure_reasons.text_of(result), attempt)
        return Outcome("filtered", result.reason, message)
    if isinstance(result, IgnoreRequest):
        return _ignored(attempt, result)
    if result is None:
        return None
    reason = failure_reasons.of_download(result)
    message = _with_errback(failure_reasons.describe(result), attempt)
    return Outcome("filtered" if reason == "guard" else "dead", reason, message)


def _with_errback(message: str, attempt: Attempt) -> str:
    """Why there is no answer, and what went wrong with the errback or with what that yielded."""
    return f"{message}; then {attempt.error[1]}" if attempt.error else message


def _answered(attempt: Attempt, response: Response) -> Outcome:
    if attempt.error:
        return Outcome("dead", *attempt.error)
    return Outcome(*_by_status(response), attempt.remark)


def _ignored(attempt: Attempt, why: IgnoreRequest) -> Outcome | None:
    """A middleware wants to hear no more of it; what the site was asked and did stays on record."""
    if isinstance(attempt.wire, BaseException):
        message = _with_errback(failure_reasons.describe(attempt.wire), attempt)
        return Outcome("dead", failure_reasons.of_download(attempt.wire), message)
    answer = answer_of(attempt)
    if answer is None:
        return None
    return Outcome(*_by_status(answer), _with_errback(failure_reasons.text_of(why), attempt))


def _by_status(response: Response) -> tuple[str, str | None]:
    if 200 <= response.status < 300 or response.status == 304:  # noqa: PLR2004  HTTP's own numbers
        return "success", None
    return "failed", failure_reasons.of_status(response.status)


def _retried(attempt: Attempt, replacement: Request) -> Outcome | None:
    if not is_retry(attempt.request, replacement):
        return None
    if isinstance(attempt.wire, BaseException):
        why = failure_reasons.of_download(attempt.wire), failure_reasons.describe(attempt.wire)
        return Outcome("retried", *why)
    if isinstance(attempt.wire, Response):
        return Outcome("retried", failure_reasons.of_status(attempt.wire.status))
    return Outcome("retried", "parse")


def answer_of(attempt: Attempt) -> Response | None:
    """The final answer: what the spider got, or what a middleware raised at, such as a bad Location."""
    if isinstance(attempt.result, Response):
        return attempt.result
    if isinstance(attempt.result, failure_reasons.Filtered) or not isinstance(attempt.result, Exception):
        return None
    return attempt.wire if isinstance(attempt.wire, Response) else None
