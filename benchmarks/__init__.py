"""Side-by-side measurements: ``make bench``. Nothing here is asserted; every goal is shown with what was reached."""
