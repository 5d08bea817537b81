import pytest

from scraping_project.frontier.keys import CATALOGUE, Keys


@pytest.mark.parametrize("name", ["links", "a", "A.b-c_9", "x" * 64])
def test_letters_digits_and_three_signs_make_a_frontier_name(name):
    assert Keys(name).seeds == f"{name}:start_urls"


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\n", "ä", "x" * 65, "a/b", "{a}"])
def test_anything_else_is_no_frontier_name(name):
    with pytest.raises(ValueError, match="is no frontier name"):
        Keys(name)


def test_all_keys_but_the_seeds_lie_under_one_hash_tag_so_that_a_cluster_keeps_them_together():
    keys = Keys("links")

    assert keys.of("crawl") == "{links:start_urls}:crawl"
    assert keys.of(3, "queue", 0, "example.com") == "{links:start_urls}:3:queue:0:example.com"


def test_no_frontier_has_a_key_of_another():
    one, other = Keys("a"), Keys("a.b")

    assert not other.of("crawl").startswith(one.prefix)
    assert one.of("crawl") != other.of("crawl")


def test_the_catalogue_says_type_and_meaning_of_every_key():
    assert all(": " in meaning for meaning in CATALOGUE.values())
