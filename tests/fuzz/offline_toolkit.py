"""A toolkit whose every question is read and judged as the real one does it, up to where AWS would be asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from expressway.app.given_path import given_path
from expressway.app.source import source_of
from expressway.containerize.containerize import ContainerizePorts, ContainerizeRequest, containerize_app
from expressway.containerize.folder import LocalFolder
from expressway.containerize.recipes import load_recipes
from expressway.core.problems import told_problems
from expressway.deploy.status.service_argument import service_argument
from expressway.diagnose.actions import Troubleshooting, action_of
from expressway.diagnose.request import read_parameters
from expressway.ecs_api.call import ApiRequest, prepare_call
from expressway.ecs_api.query import search_query
from expressway.errors import UsageError
from expressway.image.check import build_request, check_build
from expressway.image.context.reader import resolve_context
from expressway.knowledge.schemas import argument_problems
from expressway.knowledge.values import READ, RECOMMEND, SEARCH, KnowledgeResult
from expressway.mcp.tools.knowledge import READ_INPUT, RECOMMEND_INPUT, SEARCH_INPUT
from expressway.plan.plan import Plan
from expressway.privacy.gates import Gates
from expressway.toolkit import AppSource
from tests.mcp.fakes import TARGET, FakeShape, FakeToolkit

_RECIPES = load_recipes()
_PORTS = ContainerizePorts(LocalFolder.of_recipes(_RECIPES), lambda _: (), _RECIPES)
_SCHEMAS = {SEARCH: SEARCH_INPUT, READ: READ_INPUT, RECOMMEND: RECOMMEND_INPUT}
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class OfflineToolkit(FakeToolkit):
    """Reads folders, definitions and parameters for real."""

    def at(self, profile: str | None = None, region: str | None = None) -> "OfflineToolkit":
        return self

    def diff(self, source: AppSource, **options: Any) -> Plan:
        if source.definition.build:
            check_build(build_request(source.definition.name, source.base_dir, None, source), engine=None)
        return super().diff(source, **options)

    def build(self, app_name: str, app_path: str, tag: str | None = None, **options: Any) -> Mapping[str, Any]:
        path = given_path(app_path)
        check_build(build_request(app_name, path, tag, source_of(app_name, path)), engine=None)
        return super().build(app_name, app_path, tag, **options)

    def containerize(self, app_path: str, port: int | None = None, **options: Any) -> FakeShape:
        request = ContainerizeRequest(resolve_context(given_path(app_path)), port, options.get("framework"))
        return FakeShape(containerize_app(request, _PORTS).to_dict())

    def wait(self, cluster: str, service_name: str, timeout_seconds: int = 300, **options: Any) -> FakeShape:
        service_argument(cluster, service_name, TARGET)
        return super().wait(cluster, service_name, timeout_seconds, **options)

    def troubleshoot(
        self, action: str = "get_ecs_troubleshooting_guidance", parameters: Mapping[str, Any] | None = None
    ) -> Troubleshooting:
        wanted = action_of(action)
        read_parameters(
            wanted.name,
            parameters or {},
            required=wanted.required,
            optional=wanted.optional,
            either=wanted.either,
            now=_NOW,
        )
        return super().troubleshoot(action, parameters)

    def call_api(
        self, operation: str, parameters: Mapping[str, Any] | None = None, *, gates: Gates, **options: Any
    ) -> Mapping[str, Any]:
        prepare_call(ApiRequest(operation, parameters or {}), gates=gates)
        query = options.get("query")
        return {"result": search_query(query, {"a": [1]})} if query is not None else {}

    def consult_knowledge(self, tool: str, arguments: Mapping[str, Any], **options: Any) -> KnowledgeResult:
        problems = argument_problems(_SCHEMAS[tool], arguments)
        if problems:
            told, details = told_problems(problems)
            raise UsageError("invalid_arguments", told, "", details)
        return super().consult_knowledge(tool, {}, **options)
