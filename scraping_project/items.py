"""What spiders yield and pipelines store, and the closed list of reasons."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

#: Why a request did not end well. Beside these there is ``http_NNN``, one for every status code.
REASONS = frozenset(
    {
        "dns",
        "refused",
        "reset",
        "timeout",
        "tls",
        "too_large",
        "truncated",
        "parse",
        "robots",
        "guard",
        "budget",
        "callback",
        "pipeline",
        "undecodable",
        "deliveries",
    }
)

#: The status of an answer that says no more than that the page is as it was.
NOT_MODIFIED = 304

LogStatus = Literal["success", "failed", "retried", "dead", "filtered"]


class Link(NamedTuple):
    """What a page points to."""

    url: str  # absolute http(s), without fragment
    rel: str = ""  # lower-case rel tokens that matter to a crawler, space separated: "nofollow", "next", …


@dataclass(slots=True, kw_only=True)
class Site:
    """A URL that got an HTTP answer, whatever its status.

    One of status 304 leaves a stored site as it is, but for when it was last asked for and its validators.
    """

    url: str  # the answer's own, after redirects, without fragment
    status_code: int
    title: str | None = None
    content_type: str | None = None  # type/subtype, lower case, without parameters
    content_hash: str | None = None  # 32 hexadecimal digits over the decoded body
    etag: str | None = None
    last_modified: str | None = None  # as the server sent it
    links: list[Link] = field(default_factory=list)
    links_left_out: int = 0  # how many more the page has
    depth: int | None = None  # links followed from a seed to here
    scraped_at: datetime  # UTC, aware


@dataclass(slots=True, kw_only=True)
class ScrapeLog:
    """One attempt at one request, and how it ended."""

    task_id: str  # crawl, request and attempt: unique, so that a redelivery rewrites its own row
    crawl_id: str
    run_id: str
    url: str
    site_url: str | None  # the Site this attempt stored, if it got an answer
    status: LogStatus
    status_code: int | None
    reason: str | None
    error_message: str | None
    records_scraped: int
    attempt: int
    latency_ms: int | None
    bytes: int | None
    started_at: datetime
    finished_at: datetime


@dataclass(slots=True, kw_only=True)
class StoredItem:
    """An item of any other kind, as the table items keeps it."""

    task_id: str  # the ScrapeLog's: together with the number it is unique, so that a redelivery adds none
    number: int  # its place among the items of the attempt
    crawl_id: str
    run_id: str
    url: str
    type: str
    data: str  # JSON
    scraped_at: datetime
