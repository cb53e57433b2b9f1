"""Endpoints on this machine that play AWS Knowledge, well and badly."""
