"""A failure that follows from what was kept out of the image: a program says that it misses just that."""
