"""The CDK kernel: a worker process that imports the CDK once and synthesizes one app for each line it reads.

Started by `expressway.synth.synthesizer`; it speaks JSON lines on its standard streams. First it writes
``{"ready": …}``, then for each ``{"id": …, "definition": …}`` one ``{"id": …, "repository": …, "service": …}``
or ``{"id": …, "error": {code, message, hint, details}}``. It ends when its input ends, so it never outlives
the process that started it.
"""

import importlib
import json
import os
import shutil
import signal
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, cast

from expressway.errors import ExpresswayError

if TYPE_CHECKING:
    from expressway.app.definition import AppDefinition


def main() -> None:
    """Serve requests until the input ends; the one argument is a folder for temporary files, removed at the end."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)  # the parent's to handle; when it ends, so does our input
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    folder = Path(sys.argv[1])
    os.environ["TMPDIR"] = str(folder)
    status = 1
    try:
        _serve(answers, folder)
        status = 0
    except SystemExit as exc:
        print(exc, file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    # Node ends when its input does; the orderly way, in which each waits for the other, takes half a second.
    os._exit(status)


def _serve(answers: IO[str], folder: Path) -> None:
    from expressway.synth.kernel.jsii import ensure_index, pipeline_loading, prepare_environment

    prepare_environment(folder)
    ensure_index(os.environ)
    wait_for_node = pipeline_loading()
    # Loaded before the first request arrives, since it takes half a second.
    importlib.import_module("expressway.synth.stacks")
    wait_for_node()
    _write(answers, {"ready": True})
    for line in sys.stdin:
        _write(answers, _answer(json.loads(line), folder / "cdk.out"))


def _write(answers: IO[str], answer: dict[str, Any]) -> None:
    answers.write(f"{json.dumps(answer)}\n")
    answers.flush()


def _answer(request: dict[str, Any], outdir: Path) -> dict[str, Any]:
    try:
        return {"id": request["id"], **synthesize(request["definition"], outdir)}
    except ExpresswayError as exc:
        return {"id": request["id"], "error": exc.to_dict()}
    except Exception as exc:  # the border of the worker: whatever an app raises must not end it
        if not _node_answers():
            raise SystemExit(f"Node ended: {exc}") from exc
        return {"id": request["id"], "error": _synthesis_failed(exc)}


def _node_answers() -> bool:
    """False when the Node process is gone, without which this kernel is of no more use: a new one is started."""
    import aws_cdk as cdk

    try:
        cdk.Token.is_unresolved("")
    except (OSError, ValueError):
        return False
    return True


def synthesize(data: dict[str, Any], outdir: Path) -> dict[str, str | None]:
    """The template texts of one definition (all its fields): keys ``repository`` (or None) and ``service``."""
    from expressway.cloudformation.stack import repository_stack_name, service_stack_name
    from expressway.synth.stacks import add_app_stacks, new_app

    app = new_app(str(outdir), context=_LEFT_OUT)
    repository, _ = add_app_stacks(app, _definition_view(data))
    app.synth()
    return {
        "repository": _template(outdir, repository_stack_name(data["name"])) if repository is not None else None,
        "service": _template(outdir, service_stack_name(data["name"])),
    }


_LEFT_OUT = {"aws:cdk:disable-creation-stack-traces": True, "aws:cdk:disable-logicalId-metadata": True}
"""What only the CDK's command line shows (where an element was made, what it is called): a tenth of the time."""


def _definition_view(data: dict[str, Any]) -> "AppDefinition":
    """The fields of a definition that the parent has parsed, without loading pydantic (14 MB, 0.15 s) here again."""
    fields = {name: SimpleNamespace(**data[name]) for name in _SECTIONS if data[name] is not None}
    return cast("AppDefinition", SimpleNamespace(**{**data, **fields}))


_SECTIONS = ("build", "scaling", "network", "roles", "logs", "repository")


def _template(outdir: Path, stack_name: str) -> str:
    return (outdir / f"{stack_name}.template.json").read_text(encoding="utf-8")


def _synthesis_failed(exc: Exception) -> dict[str, Any]:
    first_line = str(exc).strip().partition("\n")[0] or type(exc).__name__
    return {
        "code": "synthesis_failed",
        "message": f"Expected templates from the CDK, got {type(exc).__name__}: {first_line}",
        "hint": "See the CDK's trace in the details.",
        "details": {"trace": traceback.format_exc()[-4000:]},
    }


if __name__ == "__main__":
    main()
