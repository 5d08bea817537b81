"""How fast a site may be asked."""
