"""The commands of ``expressway``, one module a group."""
