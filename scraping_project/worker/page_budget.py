"""Answered pages: of the crawl, by all workers, and how many more there may be."""

from scraping_project.frontier.messages import Step
from scraping_project.frontier.outgoing import Said


class Answered:
    """Adds what the ledger has of the crawl's answers to what this worker has that the ledger has not."""

    def __init__(self) -> None:
        self.pages = 0  # of the crawl, by the ledger
        self._said = 0  # of this worker's, in some step
        self._counted = 0  # of these, by the ledger

    def say(self, said: Said, here: int) -> None:
        """Have the next step count what has come since the last.

        Args:
            said: What the next step says.
            here: How many answers this worker has had so far.
        """
        said.pages += here - self._said
        self._said = here

    def hear(self, step: Step, pages: int) -> None:
        """Take note that a step was executed, after which the ledger has so many."""
        self._counted += step.pages
        self.pages = pages

    def forget(self) -> None:
        """What was said and not heard of: the ledger has it, or others are to answer it again."""
        self._counted = self._said

    def left(self, limit: int, here: int) -> float:
        """How many more the crawl may have.

        Args:
            limit: How many it may have in all; 0: no limit.
            here: How many this worker has had so far.
        """
        return limit - self.pages - (here - self._counted) if limit else float("inf")
