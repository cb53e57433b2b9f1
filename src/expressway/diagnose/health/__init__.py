"""Health checks that fail."""
