"""Answered pages: of the crawl, by all workers, and how many more there may be."""

from scraping_project.frontier.messages import Step
from scraping_project.frontier.outgoing import Outgoing


class PageBudget:
    """Adds what the ledger has of the crawl's answers to what this worker has that the ledger has not."""

    def __init__(self) -> None:
        self.pages = 0  # of the crawl, by the ledger
        self._sent = 0  # of this worker's, with some step
        self._counted = 0  # of these, by the ledger

    def count(self, outgoing: Outgoing, here: int) -> None:
        """Have the next step count what has come since the last.

        Args:
            outgoing: What the next step sends.
            here: How many answers this worker has had so far.
        """
        outgoing.pages += here - self._sent
        self._sent = here

    def confirm(self, step: Step, pages: int) -> None:
        """Take note that a step was executed, after which the ledger has so many pages."""
        self._counted += step.pages
        self.pages = pages

    def reset(self) -> None:
        """Give up what was sent and not confirmed: the ledger has it, or others are to answer it again."""
        self._counted = self._sent

    def left(self, limit: int, here: int) -> float:
        """How many more the crawl may have.

        Args:
            limit: How many it may have in all; 0: no limit.
            here: How many this worker has had so far.
        """
        return limit - self.pages - (here - self._counted) if limit else float("inf")
