"""The verbs of ``scrapy schedule``, one file each."""
