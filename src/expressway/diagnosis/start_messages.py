"""What container runtimes, kernels and shells say of a container that was made and could not be started.

The texts are those of runc (libcontainer: `LookPath`, `Chdir` and the user are looked up before `execve`), of Docker
and containerd, of bash, and of the ECS developer guide ("ContainerRuntimeTimeoutError errors", "failed to invoke EFS
utils commands"). A program file is looked for before it is executed, so that "no such file or directory" from the
execution itself is about what should run it: the interpreter that a script's first line names, or a program's loader.
"""

from expressway.diagnosis.message_rule import MessageRule, message_rule

_SCRIPT = r"\S*(?:\.(?:sh|bash|ash|py|rb|pl|php|m?js)|entrypoint)"
_GO_QUOTED = r"\"(?:[^\"\\]|\\.)+\""
_NOT_ANOTHER = r"(?<![\w/])"  # no other program's exec, as in fork/exec
_BUILD_FOR = "Build it for linux/amd64 (build.platform: linux/amd64) and deploy again"
_FIRST_LINE = "let it begin with #!/bin/sh (or its own interpreter), with nothing before, and with Unix line ends"

START_MESSAGES: tuple[MessageRule, ...] = (
    message_rule(
        "wrong_architecture",
        r"descriptor matching platform '(?P<platform>[^']+)'|no match for platform|"
        r"does not match the (?:detected|specified|requested) (?:host )?platform|cannot execute binary file",
        "The image is built for another processor architecture than the tasks run on.",
        f"{_BUILD_FOR}.",
    ),
    message_rule(
        "script_without_interpreter",
        rf"{_NOT_ANOTHER}exec:? [\"']?{_SCRIPT}[\"']?:? [\"']?exec format error",
        "The container's start script cannot be executed: its first line names no interpreter (#!), or the image is "
        "built for another processor architecture than the tasks run on.",
        f"If it is a script, {_FIRST_LINE}. {_BUILD_FOR} if the image is for another platform.",
        certain=False,
        reads_names=True,
    ),
    message_rule(
        "wrong_architecture",
        r"exec format error",
        "The image is built for another processor architecture than the tasks run on, or the container starts with a "
        "script whose first line names no interpreter (#!).",
        f"{_BUILD_FOR}; if its command is a script, {_FIRST_LINE}.",
        certain=False,
    ),
    message_rule(
        "command_not_found",
        r"exec:? \"(?P<name>(?:[^\"\\]|\\.)+)\":? (?:executable file not found|stat .*no such file)|"
        r"executable file (?P<other>\S+)? ?not found",
        "The container cannot start: its command {name} is not in the image.",
        "Correct the command in the definition or the Dockerfile's ENTRYPOINT and CMD.",
    ),
    message_rule(
        "interpreter_missing",
        rf"{_NOT_ANOTHER}exec (?:user process caused:? )?[\"']?[^\s\"']*[\"']?:? ?[\"']?no such file or directory|"
        r"bad interpreter|cannot execute: required file not found",
        "The container's start program is in the image, but what has to run it is not: a script with Windows line "
        "ends or whose interpreter (such as bash) is missing, or a program made for another C library (glibc, musl).",
        "Save the script with Unix line ends (LF), name an interpreter that the image has (#!/bin/sh), or install it; "
        "link a compiled program statically or build it on the base that it runs on.",
    ),
    message_rule(
        "working_directory_unusable",
        r"chdir to cwd \(\"?(?P<name>[^\")]+)\"?\) set in config\.json failed: (?:permission denied|no such file)",
        "The container cannot start: its user may not enter the working directory {name}, or it is not there.",
        "Make the WORKDIR in the Dockerfile and give it to USER (RUN chown, or COPY --chown).",
    ),
    message_rule(
        "user_not_found",
        r"unable to find (?P<kind>user|group) (?P<name>[^\s:]+)",
        "The container cannot start: the {kind} {name} that it is to run as is not in the image.",
        "Make the user in the Dockerfile (RUN adduser …), or name a numeric one (USER 1000:1000).",
    ),
    message_rule(
        "command_missing",
        r"no command specified",
        "The container cannot start: neither its image nor its definition names a command.",
        "Set ENTRYPOINT or CMD in the Dockerfile, or the command in the definition; check that the image is an "
        "application and not only files.",
    ),
    message_rule(
        "command_not_executable",
        rf"{_NOT_ANOTHER}exec:? (?:{_GO_QUOTED}|'[^']+'|[^\s\"']+):? permission denied",
        "The container cannot start: its command is not executable.",
        "Make the file executable in the Dockerfile (RUN chmod +x …), and check USER.",
    ),
    message_rule(
        "volume_mount_failed",
        r"failed to invoke EFS utils commands|mount\.nfs4|CannotCreateVolumeError",
        "The task's file system (EFS) could not be mounted.",
        "Allow TCP 2049 from the tasks' security group to the file system's mount targets, with one in each zone of "
        "the subnets; check that its directory or access point exists and that the task role may mount it.",
    ),
    message_rule(
        "container_start_timeout",
        r"(?:ContainerRuntime|Docker)TimeoutError(?!.*pulled)|could not transition to (?!\w*pulled)\w+; timed out",
        "The container runtime did not get the container to start or stop within its time.",
        "Deploy again; if it stays, start with less (a smaller image, fewer volumes) or give the task more cpu.",
        permanent=False,
    ),
)
