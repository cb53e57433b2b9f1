"""Any operation of the ECS API, and the reads of ECR: checked against the model, gated, paged, trimmed and cut."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from expressway.ecs_api.affected import AffectedResource, affected_resources
from expressway.ecs_api.catalog import api_operations, shapes_answered, shapes_taken
from expressway.ecs_api.operations import (
    ANSWER_BYTES,
    DEFAULT_LIMIT,
    LARGEST_LIMIT,
    ApiOperation,
    Effect,
    decide_operation,
    effect_of,
    find_operation,
    is_repeatable,
)
from expressway.ecs_api.ownership import OwnershipPorts, drift_note, refuse_owned
from expressway.ecs_api.pages import SIZE, Call, PagedAnswer, list_express_services, read_pages
from expressway.ecs_api.parameters import fit_parameters, fitted_parameters
from expressway.ecs_api.ports import Api
from expressway.ecs_api.query import check_query, queried_text, search_query
from expressway.ecs_api.truncate import cut_answer, json_bytes, plain_json
from expressway.errors import ExpresswayError, RefusedError
from expressway.hints import command
from expressway.privacy.gates import Gates
from expressway.privacy.redaction import redact

_ROOM_FOR_NOTES = 900


@dataclass(frozen=True, slots=True)
class ResourcePorts:
    """What calling the API needs; `masked` blanks secrets of known kinds in all texts of an answer."""

    api: Api
    ownership: OwnershipPorts
    masked: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """What is asked.

    Attributes:
        operation: its name, in any spelling; ``ecr:…`` means ECR where ECS has one of that name.
        parameters: as the API has them, names in any case.
        query: a JMESPath expression over the answer.
        limit: items of a list that comes in pages; None: ``maxResults``, or a hundred.
        max_bytes: of the answer as compact JSON; None: all of it.
    """

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    query: str | None = None
    limit: int | None = None
    max_bytes: int | None = ANSWER_BYTES


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A call that fits the model and that the gates allow: what it is, and what it will touch."""

    operation: ApiOperation
    parameters: Mapping[str, Any]
    effect: Effect
    touches: tuple[AffectedResource, ...]

    @property
    def affected_names(self) -> tuple[str, ...]:
        return tuple(map(str, self.touches))


def prepare_call(request: ApiRequest, *, gates: Gates) -> PreparedCall:
    """Find the operation, ask the gates, and hold the parameters against the model; asks AWS nothing.

    Raises:
        UsageError: ``unknown_operation``, ``invalid_parameters`` (every problem at once).
        RefusedError: ``write_not_allowed``, ``sensitive_data_not_allowed`` (``details["touches"]`` says what it
            would have touched), ``operation_not_offered`` for what changes ECR.
    """
    operation = find_operation(request.operation, request.parameters, api_operations())
    effect = effect_of(operation.service, operation.name)
    if operation.service == "ecr" and effect.writes and not effect.opens:
        raise RefusedError(
            "operation_not_offered",
            f"{operation.name} changes ECR; of ECR only reads are offered here, and nothing was changed.",
            f"{command('deploy')} and {command('build')} make repositories and push images, {command('delete')} "
            "deletes them.",
        )
    shapes = shapes_taken(operation)
    as_far_as_it_fits, _ = fitted_parameters(request.parameters, shapes)
    touches = affected_resources(operation, as_far_as_it_fits) if effect.writes else ()
    names = [str(resource) for resource in touches]
    decision = decide_operation(operation.name, effect, gates, touches=names)
    if not decision.allowed:
        details = {"touches": names} if names else {}
        raise RefusedError(decision.code, decision.message, decision.hint, details)
    return PreparedCall(operation, fit_parameters(request.parameters, shapes), effect, touches)


def call_api(request: ApiRequest, *, ports: ResourcePorts, gates: Gates) -> dict[str, Any]:
    """Carry out one operation.

    Returns:
        AWS's answer in its own keys; with a query ``result`` instead. Beside them, where they apply: ``touches`` of a
        change, ``drift`` (what it may do to an app), ``nextToken``, ``withheld`` (how many values, of which kinds),
        ``note`` (also of a query that saw only a part of a list) and ``cut`` (what is left out, and how to get it).

    Raises: see `prepare_call`; also
        RefusedError: ``owned_by_stack``, ``used_by_app``: an app's stack owns what would be changed, or its service
            uses what would be deleted.
        UsageError: ``query_invalid``.
        TargetError: ``not_found``, ``invalid_parameters`` and the like, as AWS answers.
    """
    call = prepare_call(request, gates=gates)
    if request.query is not None:
        check_query(request.query)  # a wrong expression is refused before anything is done
    drift = ""
    if call.effect.writes:
        refuse_owned(call.operation.name, call.touches, ports.ownership, call.parameters)
        drift = drift_note(call.operation.name, call.touches, ports.ownership, call.parameters)
    answer = _carry_out(call, request.limit, ports.api)
    redacted = redact(answer.content, shapes_answered(call.operation), allow_sensitive_data=gates.allow_sensitive_data)
    content: dict[str, Any] = ports.masked(plain_json(redacted.content))  # before a query or a cut takes them apart
    if request.query is not None:
        content = _queried(content, request.query, call)
    notes = [content.pop("note", ""), _seen_by(answer)] if request.query is not None else []
    notes.append(answer.note)
    extras = {
        "touches": list(call.affected_names),
        "drift": drift,
        "withheld": redacted.note,
        "note": " ".join(note for note in notes if note),
    }
    return _within(content, {name: value for name, value in extras.items() if value}, answer, request)


def _queried(content: dict[str, Any], expression: str, call: PreparedCall) -> dict[str, Any]:
    text = queried_text(content)
    try:
        found = text.marked(search_query(expression, text.content))
    except ExpresswayError as error:
        if not call.effect.writes:
            raise
        return {**content, "note": f"Done; but {error.message}"}  # an error would say that it was not
    return {"result": [], "note": "The query matches nothing of the answer."} if found is None else {"result": found}


def _seen_by(answer: PagedAnswer) -> str:
    """What a query could not look at: what it counts or finds is not all there is."""
    if not answer.next_token:
        return ""
    count = sum(page.count for page in answer.pages)
    larger = f"a larger limit (up to {LARGEST_LIMIT}) lets it see more, and " if count < LARGEST_LIMIT else ""
    return f"The query saw {count} items of a list that continues: {larger}nextToken continues behind them."


def _carry_out(call: PreparedCall, limit: int | None, api: Api) -> PagedAnswer:
    operation, parameters = call.operation, call.parameters
    ask = _asking(operation, api, is_repeatable(operation.service, operation.name, parameters))
    if operation.paging is None:
        return PagedAnswer(dict(ask(parameters)))
    most = limit if limit is not None else int(parameters.get(SIZE, DEFAULT_LIMIT))
    return read_pages(ask, operation.paging, parameters, limit=most)


def _asking(operation: ApiOperation, api: Api, repeatable: bool) -> Call:
    if not operation.served_from:
        return lambda parameters: api.call(operation, parameters, repeatable=repeatable)
    named = {known.name: known for known in api_operations() if known.service == operation.service}
    services, clusters = _asking(named[operation.served_from], api, True), _asking(named["ListClusters"], api, True)
    return lambda parameters: list_express_services(services, clusters, parameters)


def _within(
    content: dict[str, Any], extras: Mapping[str, Any], answer: PagedAnswer, request: ApiRequest
) -> dict[str, Any]:
    """The answer in as many bytes as it may have, and how to get the rest."""
    more = {"nextToken": answer.next_token} if answer.next_token else {}
    whole = {**content, **more, **extras}
    if request.max_bytes is None or not cut_answer(whole, max_bytes=request.max_bytes).omitted:
        return whole
    room = request.max_bytes - json_bytes({**more, **extras}) - _ROOM_FOR_NOTES
    cut = cut_answer(content, max_bytes=max(room, 0), main_lists=answer.lists)
    kept = 0 if request.query is not None else sum(cut.kept.get(path, 0) for path in answer.lists)
    token = answer.token_after(kept) if kept else answer.next_token
    note = {"omitted": [str(omitted) for omitted in cut.omitted], "rest": _rest(bool(token), request.query)}
    return {**cut.content, **({"nextToken": token} if token else {}), **extras, "cut": note}


def _rest(continues: bool, query: str | None) -> str:
    if query is not None:
        return "The answer was too long: ask for less with query, or for a slice of it, such as [10:20]."
    with_query = "query (JMESPath) shows any part whole, such as services[0].events[10:20]."
    return f"nextToken continues the list; {with_query}" if continues else f"The answer was too long: {with_query}"
