"""What can go wrong between a worker and its frontier."""


class FrontierError(Exception):
    """Anything the frontier raises."""


class FrontierUnavailable(FrontierError):  # noqa: N818  named for what is so
    """Redis does not answer; whether the last command was executed is not known."""


class FrontierFull(FrontierError):  # noqa: N818  the same
    """Redis has no memory left and refused the step as a whole."""


class FrontierRefused(FrontierError):  # noqa: N818  the same
    """Redis answers with an error that does not pass by itself, and would again."""


class WorkerReaped(FrontierError):  # noqa: N818  the same
    """This worker was silent for so long that its leases were given to others."""


class SetBack(WorkerReaped):
    """Redis has lost steps that it had acknowledged (power loss, failover): the frontier is an older one."""


class CrawlOver(FrontierError):  # noqa: N818  the same
    """The crawl was cleared, or a new one has begun."""


class CrawlFollowed(CrawlOver):
    """The crawl was finished, and a new one has begun."""


class CrawlRefused(FrontierError):  # noqa: N818  the same
    """An unfinished crawl has other rules or other seeds."""

    def __init__(self, what: str, in_force: str) -> None:
        super().__init__(f"the unfinished crawl has other {what}: {in_force}")
        self.what = what
        self.in_force = in_force
