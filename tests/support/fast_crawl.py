"""The links spider without a delay."""

FAST = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8")
CLOSED = "redis://:sesame@127.0.0.1:1/0"


def crawl(project, *arguments, **options):
    return project.run("crawl", "links", *FAST, *arguments, **options)
