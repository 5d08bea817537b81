"""An older name of core/unseen_links.py, for spiders that import it."""

from scraping_project.core.unseen_links import unseen, unseen_by_all

__all__ = ["unseen", "unseen_by_all"]
