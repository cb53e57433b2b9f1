"""The parts of ministack that the sandbox hooks or reads, checked before anything starts.

ministack is released almost daily; these names are no public interface. So the version is pinned exactly, and
a missing name stops the launch with one clear error instead of failing in the middle of a deployment.
"""

import importlib
from importlib import metadata

from expressway.errors import SandboxError

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


def check() -> None:
    """Make sure that the installed ministack is the one this extension was written for.

    Raises:
        SandboxError: ``ministack_missing``, ``ministack_version`` or ``ministack_symbol_missing``.
    """
    found = _installed_version()
    for module_name, names in HOOKED.items():
        try:
            module = importlib.import_module(module_name)
        except ImportError as exc:
            raise _missing(module_name, found) from exc
        for name in names:
            if not hasattr(module, name):
                raise _missing(f"{module_name}.{name}", found)


def _installed_version() -> str:
    hint = f"Install that version: pip install ministack=={EXPECTED_VERSION}"
    try:
        found = metadata.version("ministack")
    except metadata.PackageNotFoundError as exc:
        raise SandboxError("ministack_missing", "The embedded AWS needs the package ministack.", hint) from exc
    if found != EXPECTED_VERSION:
        message = f"The embedded AWS was written for ministack {EXPECTED_VERSION}, but {found} is installed."
        raise SandboxError("ministack_version", message, hint, {"expected": EXPECTED_VERSION, "found": found})
    return found


def _missing(symbol: str, found: str) -> SandboxError:
    return SandboxError(
        "ministack_symbol_missing",
        f"The embedded AWS hooks {symbol}, which ministack {found} does not have (expected {EXPECTED_VERSION}).",
        f"Install ministack=={EXPECTED_VERSION} again; its files may have been changed.",
        {"symbol": symbol, "expected": EXPECTED_VERSION, "found": found},
    )
