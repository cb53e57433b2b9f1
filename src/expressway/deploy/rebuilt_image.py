"""What came of building an app's image again with its base images pulled again."""

from expressway.deploy.ports import OperationLog


def remember_rebuilt(image_uri: str, operation: OperationLog) -> None:
    """Note it under the approval, so that a run that continues this one knows the image as its own."""
    approval = operation.current.approved
    if approval is not None:
        operation.record(approved={**approval, "rebuilt": image_uri})


def rebuilt_sentence(image_uri: str, *, running: str) -> str:
    """Whether it is another image than the one that ran."""
    again = "The image was built again with its base images pulled again"
    if image_uri == running:
        return f"{again}, and is the one that runs."
    return f"{again}: {image_uri} is another one than ran before."
