"""``expressway demo``."""


def demo() -> None:
    """Show the whole way on the embedded AWS: build, review, deploy, break, roll back, delete."""
    raise NotImplementedError
