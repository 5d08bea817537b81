"""A worker without start URLs, which waits for seeds."""

import signal

from tests.support.fast_crawl import FAST
from tests.support.project import until

KEY = "links:start_urls"


def waiting(project, *arguments, **options):
    process = project.start("crawl", "links", *FAST, "-s", "ROBOTSTXT_OBEY=0", *arguments, **options)
    until(lambda: "waiting for seeds" in project.errors(process), process, project)
    return process


def fetched(site):
    return [request.uri for request in site.requests()]


def end(process):
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=30)[0]
