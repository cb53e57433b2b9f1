"""Images that cannot be pulled or run."""
