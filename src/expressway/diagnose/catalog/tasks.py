"""Findings about images, and about how tasks start, run and end."""

from expressway.aws.values.image import PUSH_OR_CORRECT
from expressway.diagnose.catalog.network import NO_WAY_OUT
from expressway.diagnose.finding import SOFTENED, Subject

_image = Subject("image", topics=("image pull",)).code
_tasks = Subject("tasks", topics=("crash",)).code
_health = Subject("health", topics=("health check and load balancer",)).code

TASK_CODES = (
    _image(
        "image_not_found",
        "The image is not in its registry",
        marks=("unrecoverable", "image_on_task", "about_image"),
        superseded_by=("image_digest_not_found", "image_tag_not_found", "repository_not_found"),
        cause="The image {image} does not exist in its registry.",
        remedy=PUSH_OR_CORRECT,
    ),
    _image(
        "repository_not_found",
        "The image's repository does not exist",
        *SOFTENED,
        marks=("unrecoverable", "image_on_task", "about_image"),
        cause="The image's repository {name} does not exist in its registry.",
        remedy="Correct the repository in the image URI, its account and its region, or create it.",
    ),
    _image("image_tag_not_found", "The repository has no image with that tag", *SOFTENED),
    _image("image_digest_not_found", "The repository has no image with that digest", *SOFTENED),
    _image(
        "invalid_image_reference",
        "The image reference is malformed",
        *SOFTENED,
        topics=(),
        remedy="Write registry/repository:tag or registry/repository@sha256:….",
    ),
    _image(
        "image_pull_denied",
        "The execution role may not pull the image",
        *SOFTENED,
        topics=("image pull", "secrets and permissions"),
        marks=("image_on_task", "about_image"),
        superseded_by=("registry_credentials_missing", "registry_credentials_refused"),
        cause="The execution role may not pull the image: {action} is denied.",
        remedy="Attach service-role/AmazonECSTaskExecutionRolePolicy to the execution role, and allow it in the "
        "repository's policy when the image is in another account.",
    ),
    _image(
        "image_too_large",
        "The image does not fit on the task's disk",
        marks=("image_on_task", "about_image"),
        cause="The image does not fit on the task's disk.",
        remedy="Make the image smaller (Fargate gives 20 GiB), or use a task definition with more ephemeral storage.",
    ),
    _image(
        "registry_rate_limited",
        "The registry's pull rate limit is reached",
        waiting_helps=True,
        marks=("image_on_task", "about_image"),
        cause="The registry refuses the image because its pull rate limit is reached.",
        remedy="Copy the image into your own ECR repository, or pull it through an ECR cache.",
    ),
    _image(
        "registry_unreachable",
        "The tasks cannot reach the registry or an AWS endpoint",
        topics=("image pull", "network"),
        marks=("image_on_task",),
        superseded_by=NO_WAY_OUT,
        cause="The tasks cannot reach the registry or an AWS endpoint over the network.",
        remedy="Give the tasks a way out: public subnets with a public IP, a NAT gateway, or VPC endpoints for ECR, "
        "S3, Secrets Manager and CloudWatch Logs.",
    ),
    _image(
        "registry_credentials_missing",
        "The container has no credentials for its private registry",
        *SOFTENED,
        topics=("image pull", "secrets and permissions"),
    ),
    _image(
        "registry_credentials_refused",
        "The registry rejects the container's credentials",
        *SOFTENED,
        topics=("image pull", "secrets and permissions"),
    ),
    _image(
        "wrong_architecture",
        "The image is built for another processor architecture",
        *SOFTENED,
        topics=("image pull", "crash"),
        marks=("unrecoverable", "image_on_task", "about_image"),
        cause="The image is built for another processor architecture than the tasks run on.",
        remedy="Build it for linux/amd64 (build.platform: linux/amd64) and deploy again.",
    ),
    _image(
        "task_definition_not_found",
        "No task definition was found for the question",
        "warning",
        topics=(),
        remedy="Check the name, the cluster, the account and the region.",
    ),
    _tasks(
        "script_without_interpreter",
        "The start script names no interpreter",
        marks=("unrecoverable", "image_on_task", "about_image"),
        superseded_by=("wrong_architecture",),
        cause="The container's start script cannot be executed: its first line names no interpreter (#!), or the "
        "image is built for another processor architecture than the tasks run on.",
        remedy="If it is a script, let it begin with #!/bin/sh (or its own interpreter), with nothing before, and "
        "with Unix line ends. Build it for linux/amd64 (build.platform: linux/amd64) and deploy again if the "
        "image is for another platform.",
    ),
    _tasks(
        "interpreter_missing",
        "The interpreter of the start program is not in the image",
        marks=("unrecoverable",),
        cause="The container's start program is in the image, but what has to run it is not: a script with Windows "
        "line ends or whose interpreter (such as bash) is missing, or a program made for another C library "
        "(glibc, musl).",
        remedy="Save the script with Unix line ends (LF), name an interpreter that the image has (#!/bin/sh), or "
        "install it; link a compiled program statically or build it on the base that it runs on.",
    ),
    _tasks(
        "command_not_found",
        "The container's command is not in the image",
        marks=("unrecoverable", "quotes_user"),
        cause="The container cannot start: its command {name} is not in the image.",
        remedy="Correct the command in the definition or the Dockerfile's ENTRYPOINT and CMD.",
    ),
    _tasks(
        "command_missing",
        "Neither image nor definition names a command",
        marks=("unrecoverable",),
        cause="The container cannot start: neither its image nor its definition names a command.",
        remedy="Set ENTRYPOINT or CMD in the Dockerfile, or the command in the definition; check that the image is "
        "an application and not only files.",
    ),
    _tasks(
        "command_not_executable",
        "The container's command is not executable",
        marks=("unrecoverable",),
        cause="The container cannot start: its command is not executable.",
        remedy="Make the file executable in the Dockerfile (RUN chmod +x …), and check USER.",
    ),
    _tasks(
        "working_directory_unusable",
        "The container's user cannot enter the working directory",
        marks=("unrecoverable", "quotes_user"),
        cause="The container cannot start: its user may not enter the working directory {name}, or it is not there.",
        remedy="Make the WORKDIR in the Dockerfile and give it to USER (RUN chown, or COPY --chown).",
    ),
    _tasks(
        "user_not_found",
        "The container's user is not in the image",
        marks=("unrecoverable", "quotes_user"),
        cause="The container cannot start: the {kind} {name} that it is to run as is not in the image.",
        remedy="Make the user in the Dockerfile (RUN adduser …), or name a numeric one (USER 1000:1000).",
    ),
    _tasks(
        "volume_mount_failed",
        "The task's file system could not be mounted",
        topics=(),
        cause="The task's file system (EFS) could not be mounted.",
        remedy="Allow TCP 2049 from the tasks' security group to the file system's mount targets, with one in each "
        "zone of the subnets; check that its directory or access point exists and that the task role may "
        "mount it.",
    ),
    _tasks(
        "container_start_timeout",
        "The container runtime timed out",
        waiting_helps=True,
        cause="The container runtime did not get the container to start or stop within its time.",
        remedy="Deploy again; if it stays, start with less (a smaller image, fewer volumes) or give the task more cpu.",
    ),
    _tasks("container_finished", "The container ended by itself with exit code 0"),
    _tasks("container_crashed", "The container aborted or accessed invalid memory"),
    _tasks(
        "container_killed",
        "The container was killed (SIGKILL)",
        topics=("crash", "memory"),
        marks=("not_missing_file",),
        remedy="Watch its memory (MemoryUtilization) and raise memory_mib if it comes near the limit; else look for "
        "what kills the process inside the container.",
    ),
    _tasks("container_terminated", "The container was asked to stop (SIGTERM)", marks=("not_missing_file",)),
    _tasks("container_exited", "The container exited with an error"),
    _tasks("excluded_file_missing", "The application misses a file that was kept out of its image", topics=()),
    _tasks(
        "out_of_memory",
        "The container ran out of memory",
        topics=("crash", "memory"),
        marks=("not_missing_file",),
        cause="The container used more memory than it has and was killed.",
        remedy="Raise memory_mib in the definition, or make the application use less.",
    ),
    _tasks(
        "container_memory_limit",
        "The container reached its own memory limit",
        topics=("crash", "memory"),
        remedy="Raise the container's memory in the task definition (or leave it out, so that the task's size is the"
        " limit), or make the application use less.",
    ),
    _tasks("crash_loop", "Tasks of one revision end repeatedly", *SOFTENED),
    _tasks(
        "killed_at_stop",
        "The container does not end on SIGTERM",
        "warning",
        topics=("crash", "memory"),
        marks=("normal_end",),
        remedy="Let the application end on SIGTERM: run it as the container's first process (CMD in exec form), or "
        "handle the signal; requests in progress are cut off otherwise.",
    ),
    _tasks(
        "side_container_ended",
        "A container that is not essential ended with an error",
        "info",
        topics=(),
        marks=("normal_end",),
    ),
    _tasks(
        "spot_interrupted",
        "AWS took back Spot capacity",
        "critical",
        "warning",
        "info",
        topics=(),
        marks=("normal_end",),
        remedy="Let some tasks run on FARGATE (a base in the capacity provider strategy), and use subnets in more "
        "zones; ECS starts others as soon as there is capacity.",
    ),
    _tasks("task_failed", "A task failed for a reason that only AWS's text names", topics=(), waiting_helps=True),
    _tasks(
        "task_not_found",
        "ECS knows no such task",
        "warning",
        topics=(),
        remedy="Check the id and the cluster; ECS forgets a task about an hour after it stopped, but its log stays: "
        "ask for a longer time_window.",
    ),
    _tasks(
        "errors_in_log",
        "The log holds errors of no failed task",
        "info",
        topics=(),
        remedy="Read the lines around them (narrow the time, or filter_pattern) if the application does not do what "
        "it should.",
    ),
    _tasks("log_ends_with_error", "The log of a failed deployment's last task ends with an error", topics=("logs",)),
    _health(
        "health_check_failed",
        "The health check fails",
        remedy="Ask for guidance of the service while it fails; compare path and port of its health check with what "
        "the application answers.",
    ),
    _health("health_check_path_not_found", "The application has nothing at the health check path (404)"),
    _health("health_check_redirected", "The application redirects the health check (3xx)"),
    _health("health_check_unauthorized", "The application wants credentials from the health check (401)"),
    _health("health_check_server_error", "The application fails while it answers the health check (5xx)"),
    _health("health_check_wrong_answer", "The application answers the health check with an unexpected status"),
    _health(
        "listens_on_loopback",
        "The application listens on 127.0.0.1 only",
        topics=("health check and load balancer", "network"),
        remedy="Listen on 0.0.0.0, or on no named address.",
    ),
    _health(
        "port_mismatch",
        "The application listens on another port than its definition names",
        *SOFTENED,
        topics=("health check and load balancer", "network"),
        remedy="Let the container listen on one port, and name the same in the definition.",
    ),
    _health(
        "slow_start",
        "The application starts more slowly than its health check allows",
        topics=("health check and load balancer", "scaling and capacity"),
    ),
)


_dockerfile = Subject("dockerfile").code

DOCKERFILE_CODES = (
    _dockerfile("dockerfile_invalid", "The Dockerfile cannot be parsed"),
    _dockerfile("base_image_not_pinned", "A base image has no version", "warning"),
    _dockerfile(
        "source_before_dependencies",
        "The source is copied before its dependencies are installed",
        "warning",
        remedy="Copy the manifests first, install, then copy the source.",
    ),
    _dockerfile(
        "secret_file_copied",
        "A file that usually holds secrets is copied into the image",
        topics=("secrets and permissions",),
        remedy="Remove the line, name the file in .dockerignore, and give the values when the service runs.",
    ),
    _dockerfile("secret_in_image", "An instruction puts a secret into the image", topics=("secrets and permissions",)),
    _dockerfile(
        "secret_files_in_context",
        "The build context holds files that usually hold secrets",
        "warning",
        topics=("secrets and permissions",),
        remedy="Name it in .dockerignore. (Expressway's own builds keep it out in any case.)",
    ),
    _dockerfile("registry_credentials", "A file of the app holds registry credentials", topics=("image pull",)),
    _dockerfile(
        "no_ignore_file", "There is no .dockerignore", "warning", remedy="Add the .dockerignore among the files."
    ),
    _dockerfile(
        "ignore_file_not_checked",
        "The .dockerignore is too long to check",
        "info",
        remedy="Shorten it with patterns such as **/*.log.",
    ),
    _dockerfile(
        "no_health_check", "The Dockerfile has no HEALTHCHECK", "info", remedy="Add a HEALTHCHECK that asks the app."
    ),
    _dockerfile(
        "runs_as_root",
        "The application runs as root",
        "warning",
        remedy="Add USER with an ordinary user before CMD; folders that the app writes to have to be that user's.",
    ),
    _dockerfile("port_not_exposed", "The Dockerfile exposes no port", "info"),
    _dockerfile("port_fixed_in_source", "The source ignores PORT"),
    _dockerfile("shell_form_command", "The start command is in shell form", "warning"),
    _dockerfile(
        "development_server",
        "The start command runs a development server",
        "warning",
        remedy="Start the framework's server for production.",
    ),
    _dockerfile("hadolint_*", "A rule of hadolint, such as hadolint_dl3008", "critical", "warning", "info"),
)
