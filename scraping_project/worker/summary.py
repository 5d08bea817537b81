"""What a run did, in numbers and in the words that people see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

_PREFIX = "attempts/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of one run or of several added up.

    Pages that were stored and followed are ``pages``; an answer such as 404 counts as failed.
    """

    pages: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)  # by reason
    filtered: Mapping[str, int] = field(default_factory=dict)  # by reason
    retried: int = 0
    links: int = 0
    items: int = 0

    @classmethod
    def of_stats(cls, stats: Mapping[str, Any]) -> Self:
        return cls(
            pages=stats.get(_PREFIX + "success", 0),
            failed=_added(_reasons(stats, "failed"), _reasons(stats, "dead")),
            filtered=_reasons(stats, "filtered"),
            retried=stats.get(_PREFIX + "retried", 0),
            links=stats.get(_PREFIX + "links", 0),
            items=stats.get("item_scraped_count", 0),
        )

    def __add__(self, other: "Summary") -> "Summary":
        return Summary(
            pages=self.pages + other.pages,
            failed=_added(self.failed, other.failed),
            filtered=_added(self.filtered, other.filtered),
            retried=self.retried + other.retried,
            links=self.links + other.links,
            items=self.items + other.items,
        )

    def text(self, seconds: float) -> str:
        """One line: ``1169 pages, 14 failed (http_404 12, timeout 2), …``; empty parts are left out."""
        parts = [_plural(self.pages, "page")]
        if self.failed:
            parts.append(f"{sum(self.failed.values())} failed ({_most_first(self.failed, counted=True)})")
        if self.filtered:
            counted = len(self.filtered) > 1
            parts.append(
                f"{sum(self.filtered.values())} filtered ({_most_first(self.filtered, counted=counted)})"
            )
        parts.append(_plural(self.links, "link"))
        rate = self.pages / seconds if seconds > 0 else 0.0
        return f"{', '.join(parts)}, {seconds:.0f} s ({rate:.1f} pages/s)"


def _reasons(stats: Mapping[str, Any], status: str) -> dict[str, int]:
    prefix = f"{_PREFIX}{status}/"
    return {name.removeprefix(prefix): count for name, count in stats.items() if name.startswith(prefix)}


def _added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {reason: one.get(reason, 0) + other.get(reason, 0) for reason in {**one, **other}}


def _most_first(counts: Mapping[str, int], *, counted: bool) -> str:
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{reason} {count}" if counted else reason for reason, count in ordered)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
