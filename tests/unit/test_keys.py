import pytest

from scraping_project.frontier.keys import CATALOGUE, Keys


@pytest.mark.parametrize("name", ["links", "a", "A.b-c_9", "x" * 64])
def test_letters_digits_and_three_signs_make_a_frontier_name(name):
    assert Keys(name).seeds == f"{name}:start_urls"


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\n", "ä", "x" * 65, "a/b", "{a}"])
def test_anything_else_is_no_frontier_name(name):
    with pytest.raises(ValueError, match="is no frontier name"):
        Keys(name)


@pytest.mark.parametrize("name", ["links", "a", "A.b-c_9", "x" * 64])
def test_a_frontier_is_called_as_its_spider_where_that_fits(name):
    assert Keys.of_spider(name) == Keys(name)
    assert not Keys.of_spider("links").may_be_made_up


@pytest.mark.parametrize(
    ("spider", "readable"),
    [
        ("my spider", "my_spider"),
        ("shop:books", "shop_books"),
        ("книга", "spider"),
        ("a книга b", "a_b"),
        (" {x}\n", "x"),
        ("x" * 65, "x" * 31),
        ("\ud800", "spider"),
    ],
)
def test_else_it_is_called_by_what_of_the_spiders_name_fits_and_a_hash(spider, readable):
    keys = Keys.of_spider(spider)

    name, _, digest = keys.name.rpartition("-")
    assert (name, len(digest), len(keys.name) <= 40) == (readable, 8, True)
    assert keys == Keys.of_spider(spider)
    assert keys.may_be_made_up
    assert keys.seeds == f"{spider}:start_urls"
    assert keys.of("crawl") == Keys(keys.name).of("crawl")


def test_it_is_the_same_for_every_worker_and_version_of_the_project():
    assert Keys.of_spider("my spider").name == "my_spider-5d54d82f"


def test_spiders_whose_names_look_alike_have_frontiers_of_their_own():
    names = ["my spider", "my_spider", "my  spider", "my:spider", "MY spider", "x" * 65, "x" * 66]

    assert len({Keys.of_spider(name).name for name in names}) == len(names)


def test_a_frontier_that_is_named_is_that_one_and_its_own_keeps_the_spiders_seeds():
    own = Keys.of_spider("my spider")

    assert Keys.of_spider("my spider", "other") == Keys("other")
    assert Keys.of_spider("my spider", own.name) == own
    with pytest.raises(ValueError, match="is no frontier name"):
        Keys.of_spider("links", "my frontier")


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
