"""The request queue in Redis. It knows neither Scrapy nor SQL."""
