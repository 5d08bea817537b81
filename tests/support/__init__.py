"""What several rooms of the suite share; no test stands here."""
