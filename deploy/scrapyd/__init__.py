"""What Scrapyd loads from the project's root; nothing here is shipped in the egg."""
