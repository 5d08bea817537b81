"""One file a command and no other module: Scrapy takes every module here for one."""
