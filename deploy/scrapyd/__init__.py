"""Parts that Scrapyd loads from the project's root; the egg has none of them."""
