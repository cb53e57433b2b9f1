"""Faulty situations, each with the findings that are true of it: the measure of every diagnosis."""
