"""The catalogue of errors: every code once, with its kind and what it stands for.

A code is a contract (agents branch on it). Messages and hints stand where an error is raised, since they carry values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Trait = Literal["passes", "may_have_been_done", "about_caller"]
"""passes: the same call may succeed when it is made again.
may_have_been_done: AWS may have done what was asked although no answer came.
about_caller: it is not about what was asked, but about who asks: every other call meets it too."""


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code: the classes of `expressway.errors` that bear it, and what it stands for."""

    code: str
    kinds: tuple[str, ...]
    title: str
    traits: frozenset[Trait] = frozenset()


_TITLES: Mapping[str, Mapping[str, str]] = {
    "ExpresswayError": {
        "cancelled": "The call was cancelled",
        "internal_error": "A fault of Expressway's own",
        "knowledge_invalid_answer": "The documentation endpoint sent no valid answer",
        "knowledge_refused": "The documentation endpoint rejected the request",
        "knowledge_tool_missing": "The documentation endpoint has no such tool",
        "knowledge_too_large": "The documentation endpoint's answer is too large",
        "output_not_writable": "An output file or folder cannot be written",
        "state_not_writable": "The folder for the state of operations cannot be written",
        "stdout_not_writable": "Standard output cannot be written",
        "stopped": "The command was stopped by Ctrl-C",
    },
    "UsageError": {
        "app_missing": "No definition has that app name",
        "arguments_too_large": "The arguments of the call are too large",
        "invalid_arguments": "The arguments do not fit the tool or command",
        "invalid_parameters": "The parameters do not fit the AWS operation",
        "invalid_path": "The path cannot be used",
        "invalid_setting": "An environment variable has a value that does not fit",
        "query_invalid": "The JMESPath query is not valid",
        "unknown_action": "There is no such troubleshooting action",
        "unknown_operation": "There is no such operation in the ECS API",
        "unknown_tool": "There is no such tool",
        "usage": "The command line does not fit",
    },
    "DefinitionError": {
        "app_name_mismatch": "The definition has another app name than the one asked for",
        "argument_without_equivalent": "An argument of the former server has no equivalent",
        "definition_missing": "There is no definition (expressway.yaml)",
        "definition_outside": "The definition lies outside the app's folder",
        "definition_too_large": "The definition is too large",
        "definition_unreadable": "The definition cannot be read",
        "examples_missing": "The example apps are not installed",
        "folder_missing": "The app's folder does not exist",
        "invalid_app_name": "The app name is not valid",
        "invalid_definition": "The definition is not valid",
        "invalid_domain": "The settings of a custom domain are not valid",
        "invalid_grant": "The grantee of a permission is not valid",
        "invalid_image": "The settings of an image are not valid",
        "invalid_image_reference": "The image reference is malformed",
        "invalid_port": "The port is not valid",
        "invalid_push_pull_role": "The settings of a push and pull role are not valid",
        "invalid_repository": "The settings of a repository are not valid",
        "invalid_secret": "A secret's reference is not valid",
        "invalid_service": "The settings of a service are not valid",
        "invalid_service_arn": "The service's ARN is not valid",
        "invalid_tag": "The image tag is not valid",
        "invalid_yaml": "The definition is not valid YAML",
        "not_a_definition": "The file is no definition",
        "prerequisites_missing": "Resources that the definition names do not exist",
        "unknown_framework": "The named framework is not supported",
        "unknown_length": "The length of a list is not known before deployment",
    },
    "RefusedError": {
        "confirmation_required": "The command needs a confirmation and cannot ask for one",
        "deployed_from_elsewhere": "The app was deployed from another folder or repository",
        "name_taken": "A resource of that name exists and is not the app's",
        "not_confirmed": "The command was not confirmed",
        "operation_not_offered": "The operation is not offered",
        "owned_by_stack": "The resource belongs to a CloudFormation stack",
        "owner_unknown": "The owner of the resource could not be determined",
        "plan_changed": "The plan is no longer the approved one",
        "profile_not_allowed": "The operator does not allow the profile",
        "region_not_allowed": "The operator does not allow the region",
        "replacement_impossible": "A resource would have to be replaced and cannot be",
        "replacement_refused": "A resource would be replaced, which was not allowed",
        "sensitive_data_not_allowed": "The operator does not allow data that applications wrote",
        "service_not_express": "The service is no Express service",
        "service_not_of_app": "The service does not belong to the app",
        "stack_changed": "The stack was changed since it was looked at",
        "stack_foreign": "The stack was not made by Expressway",
        "stack_protected": "The stack's termination protection is on",
        "used_by_app": "The resource is in use by an app",
        "write_not_allowed": "The operator does not allow changes to AWS",
    },
    "TargetError": {
        "access_denied": "A permission is missing",
        "aws_error": "AWS answered with an error that has no specific code",
        "clock_skewed": "The clock of this machine is off",
        "configuration_invalid": "The AWS configuration file is not valid",
        "connection_failed": "AWS could not be reached",
        "credentials_expired": "The credentials have expired",
        "credentials_invalid": "AWS does not accept the credentials",
        "credentials_missing": "There are no credentials",
        "endless_answer": "AWS sends one page after another without end",
        "endpoint_override": "An endpoint override is set and not allowed",
        "knowledge_busy": "Too many documentation calls are in progress",
        "knowledge_off": "Documentation tools are switched off",
        "knowledge_paused": "The documentation endpoint failed repeatedly and is not asked for a while",
        "knowledge_redirected": "The documentation endpoint redirects elsewhere",
        "knowledge_timeout": "The documentation endpoint did not answer in time",
        "knowledge_unavailable": "The documentation endpoint could not be reached",
        "knowledge_url_refused": "The documentation endpoint's address is not allowed",
        "not_found": "AWS knows nothing of that name",
        "profile_missing": "There is no such profile",
        "quota_exceeded": "A service quota of the account is used up",
        "quota_unknown": "The quota could not be determined",
        "region_missing": "No region is set",
        "region_unknown": "There is no such region",
        "sandbox_conflict": "The sandbox and a profile or region exclude each other",
        "sandbox_not_loopback": "The sandbox's address is not on this machine",
        "sandbox_not_running": "No sandbox runs",
        "service_unavailable": "AWS answered with a server error",
        "target_conflict": "The settings name different targets",
        "throttled": "AWS limits the rate of calls",
    },
    "EngineError": {
        "base_image_seed_failed": "A base image for the sandbox could not be made",
        "base_image_unavailable": "A base image could not be fetched",
        "debian_keyring_missing": "The keyring of the Debian archive is missing",
        "dockerfile_too_long": "The Dockerfile is too long to lint",
        "engine_missing": "No container engine is installed",
        "engine_refused": "The container engine rejected the call",
        "engine_start_failed": "The private container engine could not start",
        "engine_unreachable": "The container engine does not answer",
        "hadolint_failed": "hadolint failed",
        "hadolint_missing": "hadolint is not installed",
        "package_fetch_failed": "A Debian package could not be fetched",
        "package_install_failed": "A Debian package could not be installed",
    },
    "ImageError": {
        "app_empty": "The app's folder holds no source",
        "app_in_subfolder": "The app lies in a subfolder",
        "build_failed": "The image build failed",
        "build_frontend_unavailable": "The BuildKit frontend could not be fetched",
        "buildkit_required": "The Dockerfile needs BuildKit",
        "context_changed": "The build context changed while it was read",
        "context_missing": "The build context does not exist",
        "context_not_a_folder": "The build context is no folder",
        "context_refused": "The build context is not allowed",
        "context_too_large": "The build context is too large",
        "context_unreadable": "The build context cannot be read",
        "disk_full": "A disk is full",
        "dockerfile_invalid": "The Dockerfile cannot be parsed",
        "dockerfile_missing": "There is no Dockerfile",
        "dockerfile_outside": "The Dockerfile lies outside the build context",
        "dockerfile_too_large": "The Dockerfile is too large",
        "folder_not_writable": "The folder cannot be written",
        "folder_unreadable": "The folder cannot be read",
        "framework_unknown": "No supported framework was detected",
        "ignore_file_invalid": "The .dockerignore is not valid",
        "ignore_file_outside": "The .dockerignore leads outside the build context",
        "image_missing": "The image is not in its repository",
        "image_not_found": "The image that the definition names does not exist",
        "login_expired": "The login at the registry has expired",
        "nothing_to_rebuild": "The app has no image to build",
        "platform_mismatch": "The image was built for another platform",
        "push_denied": "The registry does not allow the push",
        "push_failed": "The push failed",
        "push_interrupted": "The push was interrupted",
        "repository_missing": "The repository does not exist",
        "tag_immutable": "The tag exists with other content and cannot be moved",
        "target_missing": "The Dockerfile has no such stage",
        "verification_failed": "The pushed image is not the one that was built",
        "wheels_unavailable": "Wheels for an example could not be fetched",
        "wrong_architecture": "The image is built for another processor architecture",
    },
    "SynthesisError": {
        "cdk_missing": "The AWS CDK is not installed",
        "kernel_failed": "The CDK kernel ended",
        "lint_errors": "Linters found errors in the templates",
        "lint_failed": "A linter failed",
        "linter_missing": "A linter is not installed",
        "node_missing": "Node.js is not installed",
        "synthesis_failed": "The CDK could not synthesize the stacks",
        "synthesis_timeout": "The CDK did not synthesize in time",
        "synthesizer_closed": "The synthesizer was closed",
    },
    "StackError": {
        "change_set_failed": "The change set could not be created",
        "change_set_pending": "The change set was not ready in time",
        "change_set_vanished": "The change set no longer exists",
        "demo_step_failed": "A step of the demo failed",
        "deployment_failed": "The deployment failed; the cause is known",
        "limit_exceeded": "The template exceeds a limit of CloudFormation",
        "push_role_missing": "The repository stack names no push role",
        "stack_busy": "The stack is in the middle of an operation",
        "stack_delete_failed": "The stack could not be deleted",
        "stack_exists": "The stack exists already",
        "stack_failed": "The stack operation failed",
        "stack_vanished": "The stack no longer exists",
        "template_rejected": "CloudFormation rejects the template",
        "template_too_large": "The template is too large",
        "template_unreadable": "The deployed template cannot be read",
        "update_rollback_failed": "The stack could not go back to its last version",
    },
    "ServiceError": {
        "app_not_deployed": "The app is not deployed",
        "cluster_not_found": "The cluster does not exist",
        "restart_failed": "The restart failed",
        "restart_refused": "ECS rejects the restart",
        "service_delete_refused": "ECS rejects the deletion of the service",
        "service_missing": "The app's stack has no service",
        "service_not_found": "The service does not exist",
        "service_not_ready": "The service did not become ready",
        "service_still_draining": "The service is still being deleted",
        "task_definition_unsuitable": "The task definition does not fit Express Mode",
        "wrong_account_or_region": "The ARN belongs to another account or region",
        "wrong_cluster": "The ARN belongs to another cluster",
    },
    "StillRunning": {
        "operation_running": "Another operation on the app is in progress",
        "still_running": "The operation continues",
    },
    "SandboxError": {
        "ministack_missing": "ministack is not installed",
        "ministack_symbol_missing": "ministack lacks a part that the sandbox uses",
        "ministack_version": "ministack has another version than the sandbox needs",
        "sandbox_not_installed": "The local AWS sandbox is not installed",
        "sandbox_port_taken": "The sandbox's port is in use",
        "sandbox_reset_failed": "The sandbox could not be reset",
        "sandbox_runs_elsewhere": "The sandbox runs on another port",
        "sandbox_runs_without": "The running sandbox lacks what was requested",
        "sandbox_start_failed": "The sandbox could not start",
        "unknown_service": "The sandbox has no such service",
    },
}
_ALSO: Mapping[str, str] = {
    "invalid_parameters": "TargetError",
    "invalid_port": "SandboxError",
    "sandbox_conflict": "SandboxError",
    "sandbox_not_running": "SandboxError",
    "base_image_unavailable": "ImageError",
    "demo_step_failed": "ServiceError",
}
"""A second kind that bears the code, where a face or the sandbox raises it too."""
_TRAITS: Mapping[Trait, tuple[str, ...]] = {
    "passes": ("throttled", "connection_failed", "service_unavailable"),
    "may_have_been_done": ("connection_failed", "service_unavailable"),
    "about_caller": (
        *("credentials_expired", "credentials_missing", "clock_skewed", "configuration_invalid"),
        *("profile_missing", "region_missing", "sandbox_not_running"),
    ),
}


def _entries() -> Iterator[ErrorCode]:
    for kind, titles in _TITLES.items():
        for code, title in titles.items():
            kinds = (kind, _ALSO[code]) if code in _ALSO else (kind,)
            yield ErrorCode(code, kinds, title, frozenset(trait for trait in _TRAITS if code in _TRAITS[trait]))


ERRORS: Mapping[str, ErrorCode] = {one.code: one for one in _entries()}


def error_codes() -> tuple[ErrorCode, ...]:
    """Every entry, in the order of the kinds."""
    return tuple(ERRORS.values())


def has_trait(code: str, trait: Trait) -> bool:
    """Whether an error's code bears a trait."""
    return code in _TRAITS[trait]
