"""Settings that follow from others, when ``-s`` names these after settings.py was read."""

from collections.abc import Callable

from scrapy.settings import BaseSettings

from scraping_project import settings as project_settings

_FOLLOWS: dict[str, tuple[str, Callable[[str], str]]] = {
    "DATABASE_URL": ("DATA_DIR", project_settings.database_in),
    "HTTPCACHE_DIR": ("DATA_DIR", project_settings.cache_in),
    "USER_AGENT": ("CRAWLER_CONTACT", project_settings.user_agent_with),
}


def derive(settings: BaseSettings) -> None:
    """Derive the settings again that still have the value from settings.py; any others stay."""
    for name, (source, follow) in _FOLLOWS.items():
        if settings[name] == follow(getattr(project_settings, source)):
            settings.set(name, follow(settings[source]), "project")
