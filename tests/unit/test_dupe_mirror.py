"""A worker's mirror of the dupe filter knows links, whose fingerprints it makes as seldom as it can."""

import pytest

from scraping_project.frontier.dupe_mirror import DupeMirror


class Numbers:
    """A link's fingerprint is its last word; which links were asked for is remembered."""

    def __init__(self):
        self.made = []

    def __call__(self, url):
        self.made.append(url)
        return url.rpartition("/")[2]


@pytest.fixture
def numbers():
    return Numbers()


@pytest.fixture
def known():
    known = DupeMirror()
    known.add(["1", "2"])
    return known


def test_links_are_new_whose_fingerprints_it_does_not_have(known, numbers):
    assert known.new(["/a/1", "/a/3", "/b/2", "/a/3", "/4"], numbers) == {"/a/3": "3", "/4": "4"}
    assert known.new([], numbers) == {}


def test_a_known_links_fingerprint_is_made_once_and_that_of_a_new_one_until_it_is_known(known, numbers):
    for _ in range(3):
        known.new(["/1", "/3"], numbers)
    assert numbers.made.count("/1") == 1
    assert numbers.made.count("/3") == 3

    known.add(["3"])
    for _ in range(3):
        assert known.new(["/1", "/3"], numbers) == {}
    assert numbers.made.count("/3") == 4


def test_two_spellings_of_one_link_are_known_together(known, numbers):
    assert known.new(["/a/5", "/b/5"], numbers) == {"/a/5": "5", "/b/5": "5"}
    known.add(["5"])
    assert known.new(["/a/5", "/b/5"], numbers) == {}


def test_nothing_is_known_once_it_is_cleared(known, numbers):
    assert known.new(["/1", "/2"], numbers) == {}
    known.clear()
    assert known.new(["/1", "/2"], numbers) == {"/1": "1", "/2": "2"}
    assert "1" not in known
