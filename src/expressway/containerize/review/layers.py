"""Findings about a Dockerfile's bases, secrets and the order of its layers."""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.image.dockerfile.edit import Edit, ExpectedApp, is_single_line, official_name, split_image
from expressway.image.dockerfile.lexer import Instruction
from expressway.image.dockerfile.parser import ASSIGNED, Dockerfile, Stage
from expressway.privacy.untrusted import named

_SECRET_NAME = re.compile(r"PASSW|SECRET|TOKEN|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY|CREDENTIAL", re.IGNORECASE)
_SECRET_FILE = re.compile(
    r"(?:^|[\s/\"\[])(?:\.env(?:\.(?!example|sample|template|dist)\w+)?|[\w.-]*\.pem|id_(?:rsa|ed25519|ecdsa)|\.npmrc"
    r"|\.aws|credentials(?:\.json)?)(?=[\s\",/]|$)"
)
_SEQUENCE = re.compile(r"[|;&\n]")
_INSTALLS = re.compile(
    r"\b(?:pip3?\s+install\b.{0,300}-r|npm\s+(?:ci|install|i)\b|yarn\s+install|pnpm\s+(?:install|i)\b|bundle\s+install"
    r"|composer\s+install|go\s+mod\s+download|poetry\s+install|uv\s+sync)"
)
# Tags of images that lack what the image without a tag has, or start something else.
_OTHER_VARIANT = re.compile(r"slim|alpine|\bjre\b|apache|fpm|cli\b")
_WHOLE_LINE = re.compile(r"^(?P<head>\s*\w+\s+(?:--\S+\s+)*)\.\s+(?P<folder>\S+)\s*$")
_FROM_ELSEWHERE = re.compile(r"(?:^|\s)(?:\.{1,2}(?:/\S*)?|-e|--editable|--prefix|--cwd|-C|--gemfile)(?=[\s=]|$)")
_REQUIREMENTS = re.compile(r"(?:^|\s)(?:-r|--requirement)(?:\s+|=)?(\S+)")
_WHOLE = re.compile(r"^\.\s+\S+$|^\[\s*\"\.\"")
_MANIFESTS: Mapping[str, Sequence[str]] = {
    "pip": ("requirements.txt",),
    "npm": ("package.json", "package-lock.json"),
    "yarn": ("package.json", "yarn.lock"),
    "pnpm": ("package.json", "pnpm-lock.yaml"),
    "bundle": ("Gemfile", "Gemfile.lock"),
}


def base_findings(dockerfile: Dockerfile, lines: Sequence[str], expected: ExpectedApp) -> Iterator[Finding | Edit]:
    """Bases without a version."""
    external = set(dockerfile.base_images())
    for stage in dockerfile.stages:
        name, tag = split_image(stage.base)
        if stage.base not in external or "@" in stage.base or "$" in stage.base or tag not in {"", "latest"}:
            continue
        pinned = expected.pinned.get(official_name(name))
        yield make_finding(
            code="base_image_not_pinned",
            cause=f"The base image {named(name)} has no version: a build next month may be another program.",
            remedy=f"Name a version, such as {named(name)}:{pinned or '1.2'}.",
            resource=f"Dockerfile:{stage.line}",
        )
        same_variant = pinned is not None and (name.endswith("alpine") or not _OTHER_VARIANT.search(pinned))
        if same_variant and is_single_line(lines, stage.line):
            yield Edit(stage.line, 1, (lines[stage.line - 1].replace(stage.base, f"{name}:{pinned}", 1),))


def secret_findings(dockerfile: Dockerfile, expected: ExpectedApp) -> Iterator[Finding]:
    """Values and files that look like secrets; neither is quoted."""
    for instruction in (each for stage in dockerfile.stages for each in stage.instructions):
        where = f"Dockerfile:{instruction.line}"
        for name in _given_names(instruction):
            if _SECRET_NAME.search(name):
                yield make_finding(
                    code="secret_in_image",
                    cause=f"{instruction.keyword} {named(name)} puts what looks like a secret into the image.",
                    remedy="Remove it, change the secret, keep the new one in Secrets Manager, and name "
                    f"{named(name)} under secrets in expressway.yaml.",
                    resource=where,
                    confidence="medium",
                )
        if _copies(instruction) and _names_secret_file(instruction.arguments, expected):
            cause = "A file that usually holds secrets is copied into the image."
            yield make_finding(code="secret_file_copied", cause=cause, resource=where, confidence="medium")


def order_findings(dockerfile: Dockerfile, lines: Sequence[str], expected: ExpectedApp) -> Iterator[Finding | Edit]:
    """Stages that copy the source before they install what it needs."""
    for stage in dockerfile.stages:
        own = [instruction for instruction in stage.instructions if not instruction.trigger]
        copies = [instruction for instruction in own if _copies(instruction)]
        installs = next((i for i in own if i.keyword == "RUN" and _INSTALLS.search(i.arguments)), None)
        if not copies or installs is None or installs.line < copies[0].line or not _WHOLE.match(copies[0].arguments):
            continue
        cause = "The source is copied before its dependencies are installed: each change installs all of them again."
        yield make_finding(code="source_before_dependencies", cause=cause, resource=f"Dockerfile:{copies[0].line}")
        yield from _reordered(stage, copies[0], installs, lines, expected)


def has_secret_text(line: str) -> bool:
    """Whether a line of a Dockerfile may hold a secret's value."""
    return "=" in line and bool(_SECRET_NAME.search(line))


def _reordered(
    stage: Stage, whole: Instruction, installs: Instruction, lines: Sequence[str], expected: ExpectedApp
) -> Iterator[Edit]:
    """The manifests, the installation, then the source.

    Only when nothing is between the two lines, and the manifests are all that the installation reads.
    """
    tool = next((name for name in _MANIFESTS if re.match(rf"{name}3?\b", installs.arguments)), "")
    manifests = _MANIFESTS.get(tool, ())
    names = [name for name in manifests if name in expected.files]
    source = _WHOLE_LINE.match(lines[whole.line - 1])
    follows = stage.instructions.index(installs) == stage.instructions.index(whole) + 1
    simple = not _SEQUENCE.search(installs.arguments) and is_single_line(lines, installs.line)
    if source is None or names[:1] != [*manifests[:1]] or not _reads_only(installs.arguments, names, source["folder"]):
        return
    if names and follows and simple and installs.line == whole.line + 1:
        folder = source["folder"].rstrip("/")
        copied = f"{source['head']}{' '.join(names)} {folder}/"
        yield Edit(whole.line, 2, (copied, lines[installs.line - 1], lines[whole.line - 1]))


def _reads_only(arguments: str, names: Sequence[str], folder: str) -> bool:
    """Whether an installation reads no file but these, which are copied into `folder`."""
    files: list[str] = _REQUIREMENTS.findall(arguments)
    if _FROM_ELSEWHERE.search(_REQUIREMENTS.sub(" ", arguments)):
        return False
    return all(file.removeprefix("./").removeprefix(f"{folder.rstrip('/')}/") in names for file in files)


def _copies(instruction: Instruction) -> bool:
    return instruction.keyword in {"COPY", "ADD"} and "from" not in dict(instruction.flags)


def _names_secret_file(arguments: str, expected: ExpectedApp) -> bool:
    words = [posixpath.normpath(word) for word in re.split(r"[\s\",\[\]]+", arguments) if word]
    *sources, target = words or [""]
    harmless = {*sources} & expected.harmless
    suspects = [source for source in sources if source not in harmless]
    if posixpath.basename(target) not in harmless:  # where a harmless one is copied to may have its name
        suspects.append(target)
    return any(_SECRET_FILE.search(word) for word in suspects)


def _given_names(instruction: Instruction) -> Iterator[str]:
    """Names of variables that an ENV or ARG gives a literal value."""
    if instruction.keyword not in {"ENV", "ARG"}:
        return
    pairs: list[tuple[str, str]] = ASSIGNED.findall(instruction.arguments)
    if not pairs and instruction.keyword == "ENV":
        name, _, value = instruction.arguments.partition(" ")
        pairs = [(name, value.strip())]
    for name, value in pairs:
        if value.strip("\"'") and "$" not in value:
            yield name
