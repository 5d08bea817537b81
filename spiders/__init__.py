"""Ordinary Scrapy spiders; being distributed needs no base class."""
