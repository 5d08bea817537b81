import gzip

import pytest

from scraping_project.downloadermiddlewares.compression import ends_early

TEXT = b"".join(b"<p>%d</p>" % (n * n) for n in range(2000))
WHOLE = gzip.compress(TEXT)


def test_a_whole_body_does_not_end_early():
    assert not ends_early(WHOLE, len(TEXT))


@pytest.mark.parametrize("length", [len(WHOLE) - 1, len(WHOLE) - 9, len(WHOLE) // 2, 12])
def test_a_cut_body_ends_early(length):
    assert ends_early(WHOLE[:length], len(TEXT) // 2)


@pytest.mark.parametrize("rest", [b"\0" * 20, b"garbage", WHOLE])
def test_what_follows_a_whole_body_does_not_matter(rest):
    assert not ends_early(WHOLE + rest, len(TEXT))


def test_a_second_member_may_end_early_too():
    assert ends_early(WHOLE + WHOLE[:-20], len(TEXT))


def test_no_body_is_whole():
    assert not ends_early(b"", 0)
