"""What is refused of the settings before anything is started."""

import pytest
from scrapy.utils.project import get_project_settings

from scraping_project.commands.checked_settings import check_settings


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
    assert capsys.readouterr().err == f"scrapy: {name} is a number from 0, not '-1'\n"


@pytest.mark.parametrize("size", ["0", "999", str(2**23 + 1)])
def test_the_size_of_a_request_has_bounds(size, capsys):
    check(FRONTIER_REQUEST_MAXSIZE="1000")

    with pytest.raises(SystemExit) as refused:
        check(FRONTIER_REQUEST_MAXSIZE=size)

    assert refused.value.code == 2
    message = f"FRONTIER_REQUEST_MAXSIZE is a number of bytes from 1000 to 8388608, not '{size}'"
    assert capsys.readouterr().err == f"scrapy: {message}\n"
