"""The links spider without a delay."""

FAST = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8")
#: A worker that is told to end gives back after two seconds what does not end by itself.
IMPATIENT = ("-s", "SPIDER_MODULES=tests.support.impatient_links")
CLOSED = "redis://:sesame@127.0.0.1:1/0"


def crawl(project, *arguments, **options):
    return project.run("crawl", "links", *FAST, *arguments, **options)
