"""Registered domains (``example.co.uk`` of ``www.example.co.uk``), by the list that tldextract ships."""

from functools import lru_cache

from tldextract import TLDExtract

_extract = TLDExtract(suffix_list_urls=(), cache_dir=None, fallback_to_snapshot=True)


@lru_cache(maxsize=10_000)
def registered_domain(host: str) -> str:
    """The domain that somebody registered; the host itself for an address or a name without one."""
    return _extract(host).top_domain_under_public_suffix or host
