"""Whether a call may write into a person's folder, which is a change as much as one on AWS."""

from expressway.privacy.gates import WRITE_VARIABLE, Decision, Gates


def decide_folder_write(tool: str, gates: Gates, *, asked: bool) -> Decision:
    """Whether `tool` may write files; it may always be called without asking for that.

    Codes of a refusal: ``write_not_allowed``.
    """
    if not asked or gates.allow_write:
        return Decision(allowed=True)
    return Decision(
        False,
        "write_not_allowed",
        f"{tool} was asked to write files, and this server was started without {WRITE_VARIABLE}; nothing was written.",
        f"Call it without write and write the files yourself; or a person sets {WRITE_VARIABLE}=true and restarts it.",
    )
