import errno
from gzip import BadGzipFile

import pytest
from OpenSSL import SSL
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    NotSupported,
    ResponseDataLossError,
)
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost, DNSLookupError
from twisted.python.failure import Failure
from twisted.web._newclient import ParseError, ResponseNeverReceived

from scraping_project.http import failure_reasons
from scraping_project.items import REASONS


def wrapped(error):
    """As Scrapy raises what Twisted found in a connection."""
    never = ResponseNeverReceived([Failure(error)])
    failed = DownloadFailedError(str(never))
    failed.__cause__ = never
    return failed


CASES = [
    (CannotResolveHostError(), "dns"),
    (DNSLookupError(), "dns"),
    (DownloadConnectionRefusedError(), "refused"),
    (ConnectError(osError=errno.EHOSTUNREACH), "refused"),
    (ConnectError(osError=errno.ECONNRESET), "reset"),
    (DownloadTimeoutError(), "timeout"),
    (DownloadCancelledError(), "too_large"),
    (ResponseDataLossError(), "truncated"),
    (NotSupported(), "guard"),
    (wrapped(SSL.Error([])), "tls"),
    (wrapped(ConnectionLost()), "reset"),
    (wrapped(ConnectionDone()), "reset"),
    (wrapped(ParseError("x", b"y")), "parse"),
    (ConnectionResetError(), "reset"),
    (BadGzipFile(), "parse"),
    (ValueError("Invalid IPv6 URL"), "parse"),
]


@pytest.mark.parametrize(
    ("error", "reason"), CASES, ids=lambda case: getattr(case, "__name__", str(case)[:40])
)
def test_an_error_has_its_reason(error, reason):
    assert failure_reasons.of_download(error) == reason
    assert reason in REASONS


def test_errors_that_name_each_other_as_cause_end():
    one, other = ValueError(), ConnectionLost()
    one.__cause__, other.__cause__ = other, one
    assert failure_reasons.of_download(one) == "reset"


@pytest.mark.parametrize(("status", "reason"), [(0, "http_000"), (404, "http_404"), (999, "http_999")])
def test_a_status_is_written_with_three_digits(status, reason):
    assert failure_reasons.of_status(status) == reason


def test_an_error_is_described_in_one_line_without_control_characters():
    assert failure_reasons.describe(ValueError("a\nb\x00\tc\x7f")) == "ValueError: a b c"
    assert failure_reasons.describe(ValueError()) == "ValueError"


def test_of_a_long_error_no_more_is_told_than_a_row_holds():
    told = failure_reasons.describe(ValueError("x" * 10_000_000))
    assert told == f"ValueError: {'x' * 3_999}…"
