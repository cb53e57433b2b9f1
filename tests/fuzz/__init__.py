"""Hostile input, generated with a fixed seed."""
