import pytest

from scraping_project.frontier.keys import Keys


@pytest.mark.parametrize("name", ["links", "a", "A.b-c_9", "x" * 64])
def test_letters_digits_and_three_signs_make_a_frontier_name(name):
    assert Keys(name).seeds == f"{name}:start_urls"


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\n", "ä", "x" * 65, "a/b", "{a}"])
def test_anything_else_is_no_frontier_name(name):
    with pytest.raises(ValueError, match="is no frontier name"):
        Keys(name)


def test_no_two_keys_of_a_frontier_are_the_same():
    keys = Keys("links")
    names = [
        keys.seeds,
        keys.seeds_of("w"),
        keys.requests,
        keys.dupefilter,
        keys.crawl,
        keys.workers,
        keys.busy,
    ]

    assert len(names) == len(set(names))
    assert all(name.startswith("links:") for name in names)
