"""The composition root and the Python API: one target, and everything that can be asked of it."""

from expressway.toolkit.api import Toolkit
from expressway.toolkit.app_source import AppSource, app_source, inline_source

__all__ = ["AppSource", "Toolkit", "app_source", "inline_source"]
