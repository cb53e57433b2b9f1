"""Detect the framework, package manager, start command and port of an app from its files."""
