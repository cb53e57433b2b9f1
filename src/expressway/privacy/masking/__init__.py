"""Detect and mask secrets in text."""
