"""Rows in SQLite, MariaDB and MySQL. It knows neither Scrapy nor Redis."""
