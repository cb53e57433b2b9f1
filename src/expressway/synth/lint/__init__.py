"""Lint templates."""
