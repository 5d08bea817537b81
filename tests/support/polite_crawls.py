"""Workers that crawl the same sites and can be told apart."""

from tests.support.kill_storm import frontier_at
from tests.support.project import until

#: For how long a site holds back an answer at the most; workers give up earlier.
PATIENCE = 60


def crawl(project, urls, *settings, agent="", env=None):
    """Starts a worker; its user agent tells it from the others."""
    arguments = [part for setting in settings for part in ("-s", setting)]
    if agent:
        arguments += ["-s", f"USER_AGENT={agent}"]
    return project.start("crawl", "links", "-a", f"start_urls={','.join(urls)}", *arguments, env=env)


def crawls(project, count, urls, *settings):
    return [crawl(project, urls, *settings, agent=f"worker-{number}") for number in range(count)]


def all_joined(redis_url, workers, project):
    """Waits until the frontier knows every worker."""
    with frontier_at(redis_url) as frontier:
        until(lambda: len(frontier.tokens()) == len(workers), workers[0], project)
