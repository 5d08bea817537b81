"""Signals of this project, beside Scrapy's. Each is documented here."""

#: Attempts at requests have ended: all of a group commit at once. Arguments: logs (list of ScrapeLog).
attempts_ended = object()

#: A page was answered whose callback stored no Site of its own. Arguments: site (Site).
page_answered = object()
