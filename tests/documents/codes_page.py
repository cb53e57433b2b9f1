"""The reference of finding and error codes, generated from their catalogues."""

import inspect
from collections.abc import Iterable, Iterator
from itertools import groupby

from expressway import errors
from expressway.diagnose.catalog import finding_codes
from expressway.diagnose.finding import ANY_CAUSE, FindingCode
from expressway.error_codes import ErrorCode, error_codes
from tests.documents.tables import code, table

_HEAD = """# Codes

A code is a stable word. Scripts and agents can branch on it; messages may change.
"""
_FINDINGS = """## Findings

[Troubleshoot](../guides/troubleshoot.md) explains findings and their severities. Beside the finding of its cause, a
consequence is a warning or is omitted.
"""
_ERRORS = """## Errors

An error has a code, a message (what was expected and what came) and a hint (what to do). Each kind has an exit code.
"""


def codes_page() -> str:
    """Findings by subject, then errors by kind."""
    return "\n".join([_HEAD, _FINDINGS, *_findings(), _ERRORS, *_errors()])


def _findings() -> Iterator[str]:
    subjects = sorted(finding_codes(), key=lambda entry: entry.subject)
    for subject, entries in groupby(subjects, key=lambda entry: entry.subject):
        rows = [
            (code(entry.code), entry.title, ", ".join(entry.severities), _cause_of(entry), entry.remedy)
            for entry in sorted(entries, key=lambda entry: entry.code)
        ]
        yield f"### {subject}\n\n{table(('code', 'meaning', 'severity', 'consequence of', 'remedy'), rows)}\n"


def _cause_of(entry: FindingCode) -> str:
    causes = entry.follows_from | entry.omitted_beside
    return "any critical finding" if ANY_CAUSE in causes else _listed(causes)


def _errors() -> Iterator[str]:
    kinds = dict.fromkeys(kind for entry in error_codes() for kind in entry.kinds)
    for kind in kinds:
        described = getattr(errors, kind)
        rows = [(code(entry.code), entry.title, _retry(entry)) for entry in error_codes() if kind in entry.kinds]
        about = inspect.cleandoc(described.__doc__ or "").splitlines()[0].replace("``", "`")
        yield f"### {kind}\n\n{about} Exit code {described.exit_code}.\n\n{table(('code', 'meaning', 'retry'), rows)}\n"


def _retry(entry: ErrorCode) -> str:
    if "may_have_been_done" in entry.traits:
        return "check first: AWS may have done it"
    return "may succeed" if "passes" in entry.traits else ""


def _listed(codes: Iterable[str]) -> str:
    return ", ".join(code(name) for name in sorted(codes))
