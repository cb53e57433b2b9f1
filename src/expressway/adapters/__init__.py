"""One module per outside thing, each behind a narrow port."""
