from datetime import UTC, datetime, timedelta, timezone

from scraping_project.storage.values import fit, fit_identity, host_of, naive_utc, url_hash, whole


def test_a_text_of_exactly_the_length_is_left_alone():
    assert fit("x" * 10, 10) == "x" * 10


def test_a_longer_text_is_cut_to_the_length_with_a_mark():
    assert fit("x" * 11, 10) == "x" * 9 + "…"


def test_a_lone_surrogate_becomes_the_replacement_character():
    assert fit("a\ud800b\udfffc\x00", 10) == "a\ufffdb\ufffdc\x00"


def test_long_identities_with_the_same_beginning_stay_apart():
    one, two = (fit_identity("x" * 200 + end, 64) for end in "ab")
    assert one != two
    assert len(one) == len(two) == 64


def test_identities_that_differ_only_in_a_lone_surrogate_stay_apart():
    assert fit_identity("\ud800", 64) != fit_identity("\ud801", 64)


def test_an_ascii_identity_of_another_alphabet_is_ascii_and_still_its_own():
    one, two = (fit_identity(text, 190, ascii_only=True) for text in ("é", "è"))
    assert one.isascii()
    assert one != two


def test_urls_that_are_cut_alike_have_different_hashes():
    assert url_hash("http://a/" + "x" * 9000 + "1") != url_hash("http://a/" + "x" * 9000 + "2")


def test_the_hash_is_the_first_half_of_sha_256():
    assert url_hash("http://example.com/").hex() == "2a1b402420ef46577471cdc7409b0fa2"


def test_numbers_beyond_the_column_are_moved_into_it():
    assert whole(2**40) == 2**31 - 1


def test_a_moment_of_another_zone_is_kept_in_utc():
    moment = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert naive_utc(moment) == datetime(2025, 12, 31, 23, tzinfo=UTC).replace(tzinfo=None)


def test_the_host_of_an_unreadable_url_is_empty():
    assert host_of("http://[half/") == ""
    assert host_of("HTTP://Www.Example.com:80/") == "www.example.com"
