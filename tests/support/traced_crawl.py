"""A crawl of which Redis writes many small steps."""

#: Pages after which the power fails, out of more than a hundred.
ENOUGH = 40
SLOW = (
    "-s", "DOWNLOAD_DELAY=0.05",
    "-s", "CONCURRENT_REQUESTS=4",
    "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=4",
    "-s", "CHECKPOINT_INTERVAL=0.1",
    "-s", "FRONTIER_LEASE=2",
)  # fmt: skip


def crawl(project, site, server):
    command = ("crawl", "links", "-a", f"start_urls={site.url}index.html", *SLOW)
    return project.start(*command, env={"REDIS_URL": server.url})
