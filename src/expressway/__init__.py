"""Expressway: from an application folder to a running service on Amazon ECS Express Mode, and away again."""

__version__ = "0.1.0"
