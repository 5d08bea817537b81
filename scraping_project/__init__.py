"""A Scrapy project for crawling at any scale without losing a page."""

__version__ = "0.1.0"
