"""What container runtimes, kernels and shells say of a container that was made and could not be started.

The texts are those of runc (libcontainer: `LookPath`, `Chdir` and the user are looked up before `execve`), of Docker
and containerd, of bash, and of the ECS developer guide ("ContainerRuntimeTimeoutError errors", "failed to invoke EFS
utils commands"). A program file is looked for before it is executed, so that "no such file or directory" from the
execution itself is about what should run it: the interpreter that a script's first line names, or a program's loader.
"""

from expressway.diagnose.messages.rule import MessageRule, message_rule

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
    ),
    message_rule(
        "script_without_interpreter",
        rf"{_NOT_ANOTHER}exec:? [\"']?{_SCRIPT}[\"']?:? [\"']?exec format error",
        certain=False,
        reads_names=True,
    ),
    message_rule(
        "wrong_architecture",
        r"exec format error",
        cause="The image is built for another processor architecture than the tasks run on, or the container starts "
        "with a script whose first line names no interpreter (#!).",
        remedy=f"{_BUILD_FOR}; if its command is a script, {_FIRST_LINE}.",
        certain=False,
    ),
    message_rule(
        "command_not_found",
        r"exec:? \"(?P<name>(?:[^\"\\]|\\.)+)\":? (?:executable file not found|stat .*no such file)|"
        r"executable file (?P<other>\S+)? ?not found",
    ),
    message_rule(
        "interpreter_missing",
        rf"{_NOT_ANOTHER}exec (?:user process caused:? )?[\"']?[^\s\"']*[\"']?:? ?[\"']?no such file or directory|"
        r"bad interpreter|cannot execute: required file not found",
    ),
    message_rule(
        "working_directory_unusable",
        r"chdir to cwd \(\"?(?P<name>[^\")]+)\"?\) set in config\.json failed: (?:permission denied|no such file)",
    ),
    message_rule("user_not_found", r"unable to find (?P<kind>user|group) (?P<name>[^\s:]+)"),
    message_rule("command_missing", r"no command specified"),
    message_rule(
        "command_not_executable", rf"{_NOT_ANOTHER}exec:? (?:{_GO_QUOTED}|'[^']+'|[^\s\"']+):? permission denied"
    ),
    message_rule("volume_mount_failed", r"failed to invoke EFS utils commands|mount\.nfs4|CannotCreateVolumeError"),
    message_rule(
        "container_start_timeout",
        r"(?:ContainerRuntime|Docker)TimeoutError(?!.*pulled)|could not transition to (?!\w*pulled)\w+; timed out",
    ),
)
