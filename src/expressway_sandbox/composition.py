"""Puts the sandbox's hooks into ministack, and checks before that ministack has all that they touch.

ministack is released almost daily and has no public interface for this. So the version is pinned exactly, and a
missing name stops the launch with one clear error instead of failing in the middle of a deployment.
"""

import importlib
from collections.abc import Callable, Collection
from importlib import metadata

from expressway.core.sandbox_key import SandboxKey
from expressway.errors import SandboxError
from expressway_sandbox import emulator
from expressway_sandbox.access import gate
from expressway_sandbox.access.gate import Switches
from expressway_sandbox.cloudformation import drift, express_type, resource_types, stack_information
from expressway_sandbox.ecr import lifecycle_policies, registry, tokens
from expressway_sandbox.ecs import endings, runtime
from expressway_sandbox.ecs.scaling import SCALING
from expressway_sandbox.elb import domains, health, ingress
from expressway_sandbox.emulator import Application
from expressway_sandbox.express import ecs_operations, network
from expressway_sandbox.express.deployment import Supervisor
from expressway_sandbox.services.model import STORE


def compose(*, port: int, key: SandboxKey, services: Collection[str] = ()) -> Application:
    """Hook everything in and return the ASGI application to serve.

    Args:
        port: where it will be served, on 127.0.0.1.
        key: signs the requests that it accepts.
        services: the emulated services that are on besides those that Expressway and the CDK use.

    Raises:
        SandboxError: when ministack is not the one this was written for; ``unknown_service``.
    """
    check_ministack()
    switches = Switches(services)
    ecs_operations.hook()
    runtime.hook()
    endings.hook()
    _hook_scaling()
    _hook_cloudformation()
    emulator.wrap("app", _reset_all_state=_reset, _stop_docker_containers=_stop_own_containers)
    # An image that its own registry does not have must fail, not come from a mirror somewhere else.
    emulator.module("core.responses").install_docker_hub_fallback = lambda: None
    registry.hook()
    tokens.hook()
    lifecycle_policies.hook()
    Supervisor().start()
    health.hook()
    network.hook()
    switches.hook()
    domains.hook()
    return ingress.with_ingress(gate.Gate(emulator.module("app").app, port, key, switches).serve)


def _hook_scaling() -> None:
    # First in the table: "autoscaling." also matches the host of this service.
    patterns = emulator.module("core.router").SERVICE_PATTERNS
    others = dict(patterns)
    patterns.clear()
    patterns["application-autoscaling"] = {
        "target_prefixes": ["AnyScaleFrontendService"],
        "host_patterns": [r"application-autoscaling\."],
        "credential_scope": "application-autoscaling",
    }
    patterns.update(others)
    emulator.module("app").SERVICE_HANDLERS["application-autoscaling"] = SCALING.handle


def _hook_cloudformation() -> None:
    express_type.hook()
    resource_types.hook()
    readers = emulator.module("services.cloudformation.drift")._DRIFT_READERS
    readers.update(drift.readers(readers))
    actions = emulator.module("services.cloudformation")._ACTION_HANDLERS
    emulator.wrap_entries(actions, CreateChangeSet=drift.create_change_set, ExecuteChangeSet=drift.execute_change_set)
    emulator.wrap_entries(
        actions,
        CreateChangeSet=stack_information.create_change_set,
        DescribeChangeSet=stack_information.describe_change_set,
        DescribeStackResources=stack_information.describe_stack_resources,
        DescribeEvents=stack_information.describe_events,
    )


def _reset(original: Callable[[], None]) -> None:
    STORE.clear()
    SCALING.reset()
    original()


def _stop_own_containers(original: Callable[[bool], None], _include_unlabelled: bool = False) -> None:
    """Containers without an owner's label are not this sandbox's to remove."""
    original(False)


EXPECTED_VERSION = "1.5.33"

_NAMES = """
app: app call_service_handler_sync _credential_failure _is_ecr_registry_path _reset_all_state _stop_docker_containers
  _send_response _send_streaming_response _routing_params SERVICE_HANDLERS SERVICE_NAME_ALIASES SERVICE_REGISTRY
core.router: SERVICE_PATTERNS detect_service
core.iam_evaluator: AmbiguousAccessKeyError CredentialResolutionError find_iam_access_key_account is_root_access_key
  resolve_credential
core.sigv4: header_signature_failure parse_header_signature parse_query_signature presigned_request_is_expired
  request_time_failure
core.responses: _account_from_sts_session StreamingResponse error_response_json get_account_id get_region
  install_docker_hub_fallback new_uuid now_iso request_scope
core.concurrency: resource_lock
core.container_reaper: instance_id
services.ecs: _ACTION_MAP _ImagePullError _awslogs_config _cleanup_task_resources _clusters
  _deployment_needs_first_task _forward_awslogs _get_docker _iso _mark_task_stopped _remove_docker_container
  _SecretResolutionError _resolve_container_secrets _resolve_td_key _run_docker_container _services _task_defs
  _task_is_active _tasks
services.alb: _ACTION_MAP _describe_target_health _lbs _listeners _rules _targets _tg_xml _tgs dispatch_request
  set_targets_for_group
services.acm: _certificates
services.secretsmanager: _secrets resolve_secret_string
services.ssm: resolve_parameter_value
services.ec2: _ACTION_MAP _addresses _DEFAULT_IGW_ID _DEFAULT_RTB_ID _DEFAULT_VPC_ID _error _init_defaults
  _nat_gateways _route_tables _security_groups _vpcs
services.iam: _policies _roles
services.ecr: _batch_check_layer_availability _batch_delete_image _batch_get_image _content_digest _create_repository
  _delete_repository _describe_images _describe_repositories _get_authorization_token _get_download_url_for_layer
  _get_lifecycle_policy _get_repository_policy _image_digest _images
  _layer_blobs _lifecycle_policies _list_images _manifest_blobs _put_image _put_image_tag_mutability
  _put_lifecycle_policy _registry_error _repo_shape _repo_policies _repositories _uploads _v2_put_manifest
services.cloudwatch_logs: _log_groups
services.cloudformation: _ACTION_HANDLERS _change_sets _stack_events _stacks
services.cloudformation.changesets: _IMPORT_LOOKUPS _IMPORT_NOT_FOUND
services.cloudformation.drift: _DRIFT_READERS
services.cloudformation.engine: _NO_VALUE _evaluate_conditions _resolve_refs
services.cloudformation.handlers: _ACTION_HANDLERS _capabilities_enforced _roll_back_operation
services.cloudformation.provisioners: _REPLACING_PROPERTIES _RESOURCE_HANDLERS _STACK_TAG_PROPERTY
  _custom_resource_create _ec2_sg_permissions _ecr_cfn_to_api
services.cloudformation.stacks: _add_event _roll_back_operation _runs_on_worker_thread
"""
HOOKED: dict[str, tuple[str, ...]] = {
    f"ministack.{module}": tuple(names.split())
    for module, names in (entry.split(": ") for entry in _NAMES.strip().replace("\n  ", " ").splitlines())
}
"""The names that are touched, by module."""


def check_ministack() -> None:
    """Make sure that the installed ministack is the one this extension was written for.

    Raises:
        SandboxError: ``ministack_missing``, ``ministack_version`` or ``ministack_symbol_missing``.
    """
    found = check_installed()
    for module_name, names in HOOKED.items():
        try:
            module = importlib.import_module(module_name)
        except ImportError as exc:
            raise _missing(module_name, found) from exc
        for name in names:
            if not hasattr(module, name):
                raise _missing(f"{module_name}.{name}", found)


def check_installed() -> str:
    """The version of ministack, which must be installed in the one that this extension was written for.

    Raises:
        SandboxError: ``ministack_missing``, ``ministack_version``.
    """
    hint = f"Install that version: pip install ministack=={EXPECTED_VERSION}"
    try:
        found = metadata.version("ministack")
    except metadata.PackageNotFoundError as exc:
        raise SandboxError("ministack_missing", "The local AWS sandbox needs the package ministack.", hint) from exc
    if found != EXPECTED_VERSION:
        message = f"The local AWS sandbox was written for ministack {EXPECTED_VERSION}, but {found} is installed."
        raise SandboxError("ministack_version", message, hint, {"expected": EXPECTED_VERSION, "found": found})
    return found


def _missing(symbol: str, found: str) -> SandboxError:
    return SandboxError(
        "ministack_symbol_missing",
        f"The local AWS sandbox hooks {symbol}, which ministack {found} does not have (expected {EXPECTED_VERSION}).",
        f"Install ministack=={EXPECTED_VERSION} again; its files may have been changed.",
        {"symbol": symbol, "expected": EXPECTED_VERSION, "found": found},
    )
