"""Tasks that stopped: which container ended first, and why."""
