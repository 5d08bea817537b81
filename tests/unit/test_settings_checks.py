"""What is refused of the settings before anything is started."""

import pytest
from scrapy.utils.project import get_project_settings

from scraping_project.cli.settings_checks import check_settings


def check(**changes):
    settings = get_project_settings().copy()
    settings.update(changes)
    check_settings(settings)


@pytest.mark.parametrize(
    "name", ["CONCURRENT_REQUESTS", "DOWNLOAD_DELAY", "FRONTIER_SLOT_PAGES", "PAGE_LINKS_MAX"]
)
def test_less_than_nothing_is_refused_in_one_line_with_exit_code_2(name, capsys):
    check(**{name: "0"})

    with pytest.raises(SystemExit) as refused:
        check(**{name: "-1"})

    assert refused.value.code == 2
    assert capsys.readouterr().err.startswith(f"scrapy: {name} is a number from 0 to ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOWNLOAD_DELAY", "1e400"),
        ("DOWNLOAD_DELAY", "1e300"),
        ("DOWNLOAD_DELAY", "nan"),
        ("DOWNLOAD_DELAY", float("inf")),
        ("DOWNLOAD_TIMEOUT", float("inf")),
        ("AUTOTHROTTLE_START_DELAY", "inf"),
        ("AUTOTHROTTLE_TARGET_CONCURRENCY", "inf"),
        ("CONCURRENT_REQUESTS_PER_DOMAIN", "0"),
        ("DOWNLOAD_SLOTS", '{"127.0.0.1": 5}'),
        ("DOWNLOAD_SLOTS", '{"127.0.0.1": {"delay": "long"}}'),
        ("DOWNLOAD_SLOTS", '{"127.0.0.1": {"delay": 1e400}}'),
        ("DOWNLOAD_SLOTS", '{"127.0.0.1": {"concurrency": -1}}'),
        ("LOG_LEVEL", "10"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_what_no_crawl_can_work_with_is_refused_in_one_line_that_names_the_setting(name, value, capsys):
    with pytest.raises(SystemExit) as refused:
        check(**{name: value})

    said = capsys.readouterr().err
    assert refused.value.code == 2
    assert said.startswith(f"scrapy: {name}")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOWNLOAD_SLOTS", '{"127.0.0.1": {"delay": 0.5, "concurrency": 2, "jitter": 0, "throttle": false}}'),
        ("DOWNLOAD_DELAY", "86400"),
        ("LOG_LEVEL", "DEBUG"),
        ("LOG_LEVEL", 10),
    ],
)
def test_what_it_can_is_not(name, value):
    check(**{name: value})


@pytest.mark.parametrize("size", ["0", "999", str(2**23 + 1)])
def test_the_size_of_a_request_has_bounds(size, capsys):
    check(FRONTIER_REQUEST_MAXSIZE="1000")

    with pytest.raises(SystemExit) as refused:
        check(FRONTIER_REQUEST_MAXSIZE=size)

    assert refused.value.code == 2
    message = f"FRONTIER_REQUEST_MAXSIZE is a number of bytes from 1000 to 8388608, not '{size}'"
    assert capsys.readouterr().err == f"scrapy: {message}\n"
