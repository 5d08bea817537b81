"""Scrapy's request fingerprints, had cheaply for links, and the numbers by which the frontier knows them."""

import hashlib
import json
import re
from functools import lru_cache
from typing import Final

from scrapy import Request
from scrapy.utils.request import RequestFingerprinter
from w3lib.url import canonicalize_url

#: How many links' numbers are remembered, until it is known whether they are new: about 1 MB.
REMEMBERED: Final = 4096

# A URL that is its own canonical form: nothing to decode, to sort or to resolve.
_CANONICAL: Final = re.compile(
    r"https?://[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*+"
    r"(?::[1-9][0-9]{0,3}|:[1-5][0-9]{4})?"
    r"/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*+/?+)*+"
    r"(?:\?[A-Za-z0-9._~-]++=[A-Za-z0-9._~-]++)?"
)


class Fingerprinter(RequestFingerprinter):
    """Scrapy's own fingerprints, without parsing a URL that is canonical as it stands."""

    def fingerprint(self, request: Request) -> bytes:
        return of_link(request.url) if _is_link(request) else super().fingerprint(request)

    def number(self, request: Request) -> str:
        """The number by which the frontier knows a request."""
        return self.number_of(request.url) if _is_link(request) else number_of(super().fingerprint(request))

    @staticmethod
    @lru_cache(REMEMBERED)
    def number_of(url: str) -> str:
        """The number of a request for ``url`` and nothing else."""
        return number_of(of_link(url))


def number_of(fingerprint: bytes) -> str:
    """63 bits of a fingerprint, as a decimal number."""
    return str(int.from_bytes(fingerprint[:8], "big") >> 1)


def of_link(url: str) -> bytes:
    """The fingerprint of a request for ``url`` and nothing else."""
    # What is canonical as it stands has nothing that JSON escapes.
    quoted = f'"{url}"' if _CANONICAL.fullmatch(url) else json.dumps(canonicalize_url(url))
    request = f'{{"body": "", "headers": {{}}, "method": "GET", "url": {quoted}}}'
    return hashlib.sha1(request.encode(), usedforsecurity=False).digest()


def _is_link(request: Request) -> bool:
    return request.method == "GET" and not request.body and not request.meta.get("verbatim_url")
