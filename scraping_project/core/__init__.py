"""Scrapy's parts that are replaced here, under Scrapy's own names."""
