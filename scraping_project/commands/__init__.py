"""One file a command, and nothing else: Scrapy takes every module here for one."""
