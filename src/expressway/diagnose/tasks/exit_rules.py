"""What the exit of a container means, by its code."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from expressway.diagnose.catalog import entry_of
from expressway.diagnose.finding import Finding
from expressway.diagnose.logs.excerpt import NOT_STARTED
from expressway.diagnose.messages.rules import finding_of_message
from expressway.diagnose.service.facts import Statement
from expressway.image.context.excluded import LeftOutFiles
from expressway.privacy.untrusted import named

CORRECT_IT = "Correct what the log names; run the image locally with the same command and environment to see it."

EXIT_CODES: Mapping[int, tuple[str, str, str]] = {
    0: (
        "container_finished",
        "ended by itself; a service has to keep running",
        "Let the command stay in the foreground (no daemon mode, no one-off script).",
    ),
    126: (
        "command_not_executable",
        "exited with code 126: its command cannot be executed",
        "Make the file executable in the Dockerfile (RUN chmod +x …), and check that its interpreter is there.",
    ),
    127: (
        "command_not_found",
        "exited with code 127: its command was not found",
        "Correct the command in the definition or the Dockerfile's ENTRYPOINT and CMD.",
    ),
    134: ("container_crashed", "exited with code 134: it aborted itself (SIGABRT)", CORRECT_IT),
    137: (
        "container_killed",
        "exited with code 137: it was killed (SIGKILL), most often for using too much memory",
        "Raise memory_mib in the definition, and let the application end within 30 s of SIGTERM.",
    ),
    139: (
        "container_crashed",
        "exited with code 139: it accessed invalid memory (SIGSEGV)",
        "Check native libraries and the image's architecture; build for linux/amd64.",
    ),
    143: (
        "container_terminated",
        "exited with code 143: something told it to stop (SIGTERM)",
        "Look for what stopped it: a health check, a scale-in, or the application's own supervisor.",
    ),
    255: ("container_exited", "exited with code 255: its command could not run or failed at once", CORRECT_IT),
}
_NOT_STARTED_CODES = frozenset({1, 126, 127, 255})


def exit_meaning(code: int) -> tuple[str, str, str]:
    """The code of the finding, how the container ended, and what to do about it."""
    word, ended, remedy = EXIT_CODES.get(code, ("container_exited", f"exited with code {code}", CORRECT_IT))
    return word, ended, remedy


def never_started(exit_code: int | None, log: Sequence[str], resource: str) -> Finding | None:
    """The container's program could not be executed: the log ends with that, and so did the container.

    A line about something else that has the wrong format (a plugin, an optional library) is no such end.
    """
    told = [line.strip() for line in log if line.strip()]
    if exit_code not in _NOT_STARTED_CODES or not told or not NOT_STARTED.search(told[-1]):
        return None
    return finding_of_message(Statement(told[-1], resource))


def with_missing_files(finding: Finding, left_out: LeftOutFiles | None) -> Finding:
    """The finding as ``excluded_file_missing`` where its evidence names what was kept out; else as it is."""
    missed = left_out.missed_by(finding.evidence) if left_out else ()
    if left_out is None or not missed or "not_missing_file" in entry_of(finding.code).marks:
        return finding
    names = ", ".join(map(named, missed))
    told = f"The app misses {names}, which Expressway kept out of its image since it may hold secrets."
    return replace(
        finding,
        code="excluded_file_missing",
        cause=f"{told} {finding.cause}",
        quoting=f"{told} {finding.sentence}",
        remedy=left_out.remedy(missed),
    )
