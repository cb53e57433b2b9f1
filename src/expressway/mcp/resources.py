"""Resources: synthesized templates, the definition's JSON Schema, and whole answers of which a call showed a part."""

import itertools
import json
import threading
from collections import OrderedDict

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.server.mcpserver.resources import FunctionResource
from mcp.types import ResourceLink

from expressway.mcp.middleware.request_bounds import marked
from expressway.mcp.results import compact_json, redaction_policy_of
from expressway.privacy.gates import Gates
from expressway.privacy.render import redact_response

TEMPLATE_URI = "expressway://{app}/templates/{stack_name}"
ANSWER_URI = "expressway://answers/{number}"
SCHEMA_URI = "expressway://schema/definition"
_JSON = "application/json"
_ANSWERS_KEPT = 20
_BYTES_KEPT = 4_000_000
WITHHELD_NOTE = "Values are withheld or marked; digest is that of the whole template, not of the text that is shown."


class SynthesizedTemplates:
    """The latest template of each stack as it may be shown, by app and stack name; shared by the session's threads."""

    def __init__(self, gates: Gates) -> None:
        self._showing = redaction_policy_of(gates)
        self._bodies: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def keep(self, app: str, stack_name: str, body: str) -> ResourceLink:
        """Remember a template and return the link to it; to the letter where nothing in it is sensitive.

        Where something is, the text says first that its bytes are not those of the digest, and the link says so, too.
        """
        document = json.loads(body)
        safe = redact_response(document, self._showing)
        is_whole = safe == document
        body = body if is_whole else compact_json({"note": WITHHELD_NOTE, **safe})
        with self._lock:
            self._bodies[app, stack_name] = body
        uri = TEMPLATE_URI.format(app=app, stack_name=stack_name)
        note = None if is_whole else WITHHELD_NOTE
        return ResourceLink(uri=uri, name=stack_name, description=note, mime_type=_JSON, size=len(body.encode()))

    def body(self, app: str, stack_name: str) -> str:
        """The template's text.

        Raises:
            ResourceNotFoundError: the app was not synthesized in this session.
        """
        with self._lock:
            body = self._bodies.get((app, stack_name))
        if body is None:
            raise ResourceNotFoundError(
                f"No template {marked(stack_name)} of {marked(app)} was synthesized in this session. "
                "Call synth_app first."
            )
        return body


def add_resources(server: MCPServer, templates: SynthesizedTemplates) -> None:
    """Serve the templates and the schema."""

    @server.resource(
        TEMPLATE_URI,
        name="template",
        title="CloudFormation template",
        description="Template of one stack of an app that synth_app has synthesized in this session.",
        mime_type=_JSON,
    )
    def template(app: str, stack_name: str) -> str:  # pyright: ignore[reportUnusedFunction]
        return templates.body(app, stack_name)

    server.add_resource(
        FunctionResource.from_function(
            _schema,
            uri=SCHEMA_URI,
            name="definition-schema",
            title="JSON Schema of expressway.yaml",
            description="Every key of an app's definition, with meaning, default and limits.",
            mime_type=_JSON,
        )
    )


def _schema() -> str:
    from expressway.app.parse import definition_schema

    return compact_json(definition_schema())


class FullResponses:
    """The newest whole answers of a session; shared by its threads."""

    def __init__(self, *, answers: int = _ANSWERS_KEPT, size_bytes: int = _BYTES_KEPT) -> None:
        self._answers = answers
        self._size_bytes = size_bytes
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def has_room_for(self, size_bytes: int) -> bool:
        """Whether an answer of that size can be kept at all."""
        return size_bytes <= self._size_bytes

    def keep(self, name: str, text: str) -> ResourceLink | None:
        """Remember an answer's JSON and return the link to it; None for one that is too large to be kept."""
        size = len(text.encode())
        if not self.has_room_for(size):
            return None
        with self._lock:
            number = str(next(self._numbers))
            self._texts[number] = text
            while len(self._texts) > self._answers or self._held_bytes() > self._size_bytes:
                self._texts.popitem(last=False)
        return ResourceLink(uri=ANSWER_URI.format(number=number), name=name, mime_type=_JSON, size=size)

    def text(self, number: str) -> str:
        """The answer's JSON.

        Raises:
            ResourceNotFoundError: it was never given, or newer answers have taken its place.
        """
        with self._lock:
            text = self._texts.get(number)
        if text is None:
            raise ResourceNotFoundError(
                f"No answer {marked(number)} is kept (any more). Repeat the call that gave the link."
            )
        return text

    def _held_bytes(self) -> int:
        return sum(len(text.encode()) for text in self._texts.values())


def add_full_responses(server: MCPServer, kept: FullResponses) -> None:
    """Serve the whole answers."""

    @server.resource(
        ANSWER_URI,
        name="whole-answer",
        title="Whole answer of a tool",
        description="Everything that a call found out and did not show; its result links here.",
        mime_type=_JSON,
    )
    def answer(number: str) -> str:  # pyright: ignore[reportUnusedFunction]
        return kept.text(number)
