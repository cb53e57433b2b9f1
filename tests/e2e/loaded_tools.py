"""A toolkit whose CDK kernel and linters are loaded once a test process: loading takes longer than what a test does."""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from expressway.cloudformation.template import Template
from expressway.synth.lint.linter import Findings, LintFinding, TemplateLinter
from expressway.synth.lint.worker import TOOLS, is_of_plain_text
from expressway.synth.synthesizer import Synthesizer
from expressway.toolkit import Toolkit
from expressway.toolkit.wiring import Wiring


class LoadedLinter(TemplateLinter):
    """The same tools with the same rules, in this process."""

    def __init__(self) -> None:
        super().__init__()
        self._one_at_a_time = Lock()

    def find(self, tool: str, templates: list[Template], regions: tuple[str, ...]) -> Findings:
        jobs = [{"stack": each.stack_name, "body": each.body, "regions": list(regions)} for each in templates]
        with self._one_at_a_time:
            found = [finding for job in jobs for finding in TOOLS[tool](job) if not is_of_plain_text(finding)]
        return tuple(sorted(LintFinding(**finding) for finding in found))


class LoadedToolkit(Toolkit):
    """Uses a kernel and linters of others, and leaves them running when it is closed."""

    def __init__(
        self, synthesizer: Synthesizer, linter: TemplateLinter, *, sandbox_url: str, environ: Mapping[str, str]
    ) -> None:
        super().__init__(sandbox_url=sandbox_url, environ=environ)
        self._local.synthesizer, self._local.linter = synthesizer, linter
        self._wiring = Wiring(self._choice, self._local)

    def close(self) -> None:
        pass


class LoadedTools:
    """What the toolkits of a test process share."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        self._synthesizer = synthesizer
        self._linter = LoadedLinter()

    def toolkit(self, sandbox_url: str, docker_host: str, state: Path) -> Toolkit:
        """A toolkit on an embedded AWS, with a state directory of its own."""
        environ = {"DOCKER_HOST": docker_host, "EXPRESSWAY_HOME": str(state), "PATH": "/usr/bin:/bin"}
        return LoadedToolkit(self._synthesizer, self._linter, sandbox_url=sandbox_url, environ=environ)
