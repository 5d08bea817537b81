"""Pages and URLs, from bytes to links."""
