"""The policy of settings that a test names; for all others, the project's."""

from scrapy.utils.project import get_project_settings

from scraping_project.politeness.policy import Policy


def policy_of(settings):
    own = get_project_settings().copy()
    own.setdict(settings)
    return Policy.from_settings(own)
