"""Signals of this project, beside Scrapy's. Each is documented here."""

#: An attempt at a request has ended. Arguments: log (ScrapeLog).
attempt_ended = object()

#: A page was answered whose callback stored no Site of its own. Arguments: site (Site).
page_answered = object()
