"""What failed and why, and the retry."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.exceptions import ClientException
from litestar.response import Redirect

from scraping_project.dashboard.changing import ask_for_retry
from scraping_project.dashboard.forms import Form
from scraping_project.dashboard.places import place_of
from scraping_project.dashboard.reading import shared, stores_of
from scraping_project.dashboard.rendering import Asked, page, see_other
from scraping_project.dashboard.threads import in_thread
from scraping_project.monitor.failures import DEFAULT_HOURS, HOURS, FailureFilter, read_failures, read_samples
from scraping_project.storage.reading.failed_pages import WhichPages
from scraping_project.storage.values import naive_utc

#: Statuses of attempts that samples are shown of, in this order.
STATUSES = ("failed", "dead", "filtered")


@get("/failures", include_in_schema=False)
@in_thread
def show(request: Asked) -> Response[Any]:
    which = filter_from(request)
    found = shared(request, read_failures, which)
    fields = {"since": found.since.isoformat(), "domain": which.domain, "reason": which.reason}
    return page(
        request,
        "failures.html",
        found=found,
        hours=HOURS,
        export_query=urlencode({name: value for name, value in fields.items() if value}),
        away=stores_of(request).away,
        api=f"/api/v1/failures?{request.url.query}".rstrip("?"),
    )


@get("/failures/group", include_in_schema=False)
@in_thread
def show_group(request: Asked) -> Response[Any]:
    """Single attempts that failed for a reason at a site: failed for good, or else those that are dead."""
    fields, which = request.query_params, filter_from(request)
    if not which.reason:
        raise ClientException("which reason? /failures lists them")
    asked = fields.get("status", "")
    before = place_of(fields.get("before", ""))
    for status in (asked,) if asked in STATUSES else STATUSES:
        samples = shared(request, read_samples, which, status, before)
        if samples is None or samples.logs:
            break
    return page(
        request,
        "failure_group.html",
        samples=samples,
        ended=status,
        reason=which.reason,
        domain=which.domain,
        hours=which.hours,
        since=datetime.now(UTC) - timedelta(hours=which.hours + 1),
        key=uuid4().hex,
        away=stores_of(request).away,
        api=f"/api/v1/failures/samples?{request.url.query}",
    )


@post("/failures/retry", include_in_schema=False)
async def retry(request: Asked) -> Redirect:
    """Writes down what is to be retried; the dashboard's worker does it. The same form twice is one retry."""
    form = await Form.checked(request)
    ids = form.texts("log")
    which = WhichPages(
        since=_moment(form.text("since")),
        until=_moment(form.text("until")),
        reason=form.text("reason") or None,
        domain=form.text("domain") or None,
        log_ids=tuple(map(_whole, ids)) if ids or form.text("selection") else None,
    )
    total = len(ids) if ids else _whole(form.text("total") or "0")
    action_id = await sync_to_thread(ask_for_retry, request, form.text("key"), which, total)
    return see_other(f"/actions/{quote(action_id)}")


def filter_from(request: Asked) -> FailureFilter:
    """The filter of the address; what is no span becomes a day."""
    fields = request.query_params
    hours = fields.get("hours", "")
    return FailureFilter(
        hours=int(hours) if hours.isdecimal() and int(hours) in HOURS else DEFAULT_HOURS,
        reason=fields.get("reason") or None,
        domain=fields.get("domain", "").strip().lower() or None,
    )


def _moment(text: str) -> datetime:
    try:
        return naive_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise ClientException("the form's moments are none: reload the page") from None


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:  # noqa: PLR2004  what fits into a column
        raise ClientException(f"{text[:30]!r} is no whole number")
    return int(text)
