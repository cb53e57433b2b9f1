"""Checks before a deployment: name conflicts, referenced resources, prerequisites."""
