"""The composition root and the Python API: one target, and everything that can be asked of it."""

from expressway.app.source import AppSource, app_source, inline_source
from expressway.toolkit.api import Toolkit

__all__ = ["AppSource", "Toolkit", "app_source", "inline_source"]
