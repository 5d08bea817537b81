"""What runs beside a crawl and is not in its egg."""
