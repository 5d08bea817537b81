"""Between the engine and the spider, as Scrapy names it."""
