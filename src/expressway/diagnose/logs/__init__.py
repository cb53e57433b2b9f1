"""Logs of containers: where they are, what they say."""
