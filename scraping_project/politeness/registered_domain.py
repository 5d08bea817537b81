"""Registered domains (``example.co.uk`` of ``www.example.co.uk``), by the list that tldextract ships."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any


@lru_cache(maxsize=10_000)
def registered_domain(host: str) -> str:
    """The domain that somebody registered; the host itself for an address or a name without one."""
    return _extract()(host).top_domain_under_public_suffix or host


@cache
def _extract() -> Callable[[str], Any]:
    # Imported late: with all that it imports it takes a megabyte or two, and most processes never ask.
    from tldextract import TLDExtract  # noqa: PLC0415

    return TLDExtract(suffix_list_urls=(), cache_dir=None, fallback_to_snapshot=True)
