"""Causes told by the messages of AWS and of programs."""
