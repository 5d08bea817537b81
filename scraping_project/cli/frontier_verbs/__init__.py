"""``scrapy frontier NAME VERB``: one file a verb; registry.py lists them."""
