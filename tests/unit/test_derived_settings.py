import pytest
from scrapy.settings import Settings

from scraping_project import settings as project_settings
from scraping_project.cli.derived_settings import derive


@pytest.fixture(name="settings")
def settings_of_the_project():
    settings = Settings()
    settings.setmodule(project_settings, "project")
    return settings


def test_what_follows_from_a_setting_follows_from_that_of_the_command_line(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings.update({"DATA_DIR": "mine", "CRAWLER_CONTACT": "me@a.example"}, "cmdline")
    derive(settings)
    assert settings["DATABASE_URL"] == f"sqlite:///{tmp_path}/mine/scraping.db"
    assert settings["HTTPCACHE_DIR"] == f"{tmp_path}/mine/httpcache"
    assert settings["USER_AGENT"].endswith(" (+me@a.example)")


@pytest.mark.parametrize("priority", ["project", "cmdline"])
def test_what_was_set_by_itself_stays(settings, priority):
    settings.update({"DATA_DIR": "/mine", "CRAWLER_CONTACT": "me"}, "cmdline")
    own = {"DATABASE_URL": "sqlite:////own.db", "HTTPCACHE_DIR": "/own", "USER_AGENT": "own"}
    settings.update(own, priority)
    derive(settings)
    assert {name: settings[name] for name in own} == own


def test_a_spider_may_still_set_what_followed(settings):
    settings.set("CRAWLER_CONTACT", "me", "cmdline")
    derive(settings)
    settings.set("USER_AGENT", "own", "spider")
    assert settings["USER_AGENT"] == "own"
