"""The page of settings is written from settings.py."""

import pytest
from scrapy.settings import default_settings

from scraping_project import settings
from tools.settings_docs import PAGE, SOURCE, page, settings_in


def test_the_page_is_the_one_that_settings_py_gives():
    assert PAGE.read_text("utf-8") == page(settings_in(SOURCE.read_text("utf-8"))), (
        "stale: run python -m tools.settings_docs"
    )


def test_every_setting_is_on_the_page_once():
    names = [setting.name for setting in settings_in(SOURCE.read_text("utf-8"))]

    assert sorted(names) == sorted(name for name in dir(settings) if name.isupper() and name != "BOT_NAME")


def test_a_setting_without_a_meaning_is_named():
    with pytest.raises(ValueError, match="NEW_SETTING has no comment"):
        settings_in("OLD_SETTING = 1  # seconds of something\n\nNEW_SETTING = 2\n")


def test_a_comment_above_or_beside_says_the_meaning_the_unit_and_the_variable():
    lines = ("# Where", "", "A = 60.0  # seconds in all", "# The address", 'B = os.environ.get("B", "")', "")

    beside, above = settings_in("\n".join(lines))

    assert (beside.section, beside.unit, beside.meaning) == ("Where", "seconds", "seconds in all")
    assert (above.meaning, above.variable) == ("The address", "B")


def test_a_setting_of_scrapys_is_marked_as_such():
    marked = {setting.name for setting in settings_in(SOURCE.read_text("utf-8")) if setting.scrapys}

    assert {"DOWNLOAD_DELAY", "RETRY_TIMES"} <= marked
    assert not [name for name in marked if not hasattr(default_settings, name)]
