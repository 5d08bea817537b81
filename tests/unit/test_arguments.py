import pytest
from scrapy import Spider

from scraping_project.cli.arguments import check_arguments
from spiders.links import LinksSpider


class Open(Spider):
    name = "open"

    def __init__(self, name=None, **kwargs):
        super().__init__(name, **kwargs)


def converted(**given):
    return check_arguments(LinksSpider, given)


@pytest.mark.parametrize(
    ("value", "urls"),
    [
        ("https://a.example/", ["https://a.example/"]),
        ("https://a.example/,http://b.example/", ["https://a.example/", "http://b.example/"]),
        ("https://a.example/ , http://b.example/", ["https://a.example/", "http://b.example/"]),
        ("https://a.example/x,y,z", ["https://a.example/x,y,z"]),
        ("https://a.example/?a=1&b=2#c'd", ["https://a.example/?a=1&b=2#c'd"]),
        ("https://a.example/?to=https://b.example/", ["https://a.example/?to=https://b.example/"]),
        ("HTTPS://A.example/", ["HTTPS://A.example/"]),
    ],
)
def test_start_urls_are_split_where_a_comma_stands_before_a_url(value, urls):
    assert converted(start_urls=value) == {"start_urls": urls}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start_urls", ""),
        ("start_urls", ","),
        ("start_urls", "example.com"),
        ("start_urls", "ftp://example.com/"),
        ("start_urls", "http://"),
        ("start_urls", "http://[::1"),
        ("start_urls", "http://a.example:99999/"),
        ("start_urls", "http://a.example/ b"),
        ("start_urls", "http://a.example/\x00"),
        ("start_urls", "http://a.example/" + "x" * 8000),
        ("start_urls", "http://a.example/,file:///etc/passwd"),
        ("allowed_domains", ""),
        ("allowed_domains", "http://a.example"),
        ("allowed_domains", "a.example:80"),
        ("allowed_domains", "a.example/x"),
        ("allowed_domains", "a..example"),
        ("max_depth", "-1"),
        ("max_depth", "1.5"),
        ("max_depth", "x"),
        ("max_depth", ""),
        ("max_pages", "0"),
        ("max_pages", "٣"),
        ("max_pages", "1" * 16),
        ("frontier", ""),
        ("frontier", "a:b"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_the_argument(name, value, capsys):
    with pytest.raises(SystemExit) as exit_:
        converted(**{name: value})

    error = capsys.readouterr().err
    assert exit_.value.code == 2
    assert error.startswith(f"scrapy: {name}")
    assert error.count("\n") == 1


def test_numbers_and_domains_are_converted():
    assert converted(max_depth="0", max_pages="7", allowed_domains="A.example, b.example") == {
        "max_depth": 0,
        "max_pages": 7,
        "allowed_domains": ["a.example", "b.example"],
    }


def test_an_argument_that_the_spider_does_not_take_is_refused_and_those_it_takes_are_named(capsys):
    with pytest.raises(SystemExit):
        converted(bogus="1", other="2")

    assert capsys.readouterr().err == (
        "scrapy: the spider 'links' takes no argument bogus, other: "
        "it takes start_urls, allowed_domains, max_depth, max_pages, frontier\n"
    )


def test_the_name_of_a_scrapyd_job_is_known():
    assert converted(_job="abc") == {"_job": "abc"}


def test_a_spider_with_keyword_arguments_takes_any():
    assert check_arguments(Open, {"anything": "x"}) == {"anything": "x"}


@pytest.mark.parametrize("name", ["self", "cls", "crawler", "crawler_or_spidercls"])
def test_a_name_that_scrapy_uses_itself_is_refused_in_one_line(name, capsys):
    with pytest.raises(SystemExit) as refused:
        check_arguments(Open, {name: "1"})

    assert refused.value.code == 2
    assert capsys.readouterr().err.startswith(f"scrapy: -a {name}=… can't be given to a spider")


class Closed(Spider):
    name = "closed"

    def __init__(self, base):
        super().__init__()
        self.base = base


def test_what_is_this_projects_alone_is_taken_from_anybody_and_kept_from_who_does_not_know_it():
    given = {"base": "x", "frontier": "mine", "max_pages": "3"}

    assert check_arguments(Closed, given) == {"base": "x"}
    assert check_arguments(Open, given) == {"base": "x", "frontier": "mine", "max_pages": 3}
    with pytest.raises(SystemExit):
        check_arguments(Closed, {"base": "x", "max_pages": "none"})
    with pytest.raises(SystemExit):
        check_arguments(Closed, {"base": "x", "max_depth": "3"})
