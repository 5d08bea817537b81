"""``scrapy frontier NAME VERB``: one file a verb."""
