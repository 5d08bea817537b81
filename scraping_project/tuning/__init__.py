"""Only speed: a crawl is right without any of it."""
