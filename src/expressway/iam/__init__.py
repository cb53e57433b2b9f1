"""Evaluate IAM policies."""
