"""Between the engine and the downloader, as Scrapy names it."""
