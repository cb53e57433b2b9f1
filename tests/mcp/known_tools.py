"""The tools that agents know, with their parameters and defaults (... where one is required): a contract."""

from typing import Any

PARAMETERS: dict[str, dict[str, Any]] = {
    "build_and_push_image_to_ecr": {"app_name": ..., "app_path": ..., "tag": None},
    "validate_ecs_express_mode_prerequisites": {
        "image_uri": ...,
        "execution_role_arn": "ecsTaskExecutionRole",
        "infrastructure_role_arn": "ecsInfrastructureRoleForExpressServices",
    },
    "wait_for_service_ready": {"cluster": ..., "service_name": ..., "timeout_seconds": 300},
    "delete_app": {"app_name": ..., "service_arn": None, "wait_seconds": 45},
    "get_deployment_status": {"app_name": ...},
    "list_apps": {"regions": None, "all_regions": False},
    "synth_app": {"app_path": ..., "definition": None, "include_templates": False},
    "diff_app": {"app_path": ..., "definition": None, "adopt": False, "allow_replacement": False, "rebuild": False},
    "deploy_app": {
        "app_path": ...,
        "definition": None,
        "approved_plan": None,
        "adopt": False,
        "allow_replacement": False,
        "continue_rollback": False,
        "rebuild": False,
        "wait_seconds": 45,
    },
    "containerize_app": {
        "app_path": ...,
        "port": None,
        "framework": None,
        "write": False,
        "overwrite": False,
    },
    "ecs_troubleshooting_tool": {"action": "get_ecs_troubleshooting_guidance", "parameters": None},
    "ecs_resource_management": {"api_operation": ..., "api_params": None, "query": None, "limit": None},
    "aws_knowledge_aws___search_documentation": {"search_phrase": ..., "topics": None, "limit": None},
    "aws_knowledge_aws___read_documentation": {"url": ..., "max_length": None, "start_index": None},
    "aws_knowledge_aws___recommend": {"url": ...},
}
