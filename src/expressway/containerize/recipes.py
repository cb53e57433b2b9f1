"""What is known of languages, package managers and frameworks: the files below `containerize/data/`.

Patterns are regular expressions of RE2 (`linear_regex`); those with a group capture what their name says. Texts with
``$name`` are filled in when a Dockerfile is written.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from expressway.core.linear_regex import check

Pattern = Annotated[str, AfterValidator(check)]
Texts = tuple[str, ...]
Entry = Literal[
    "python_app",
    "django",
    "node_start",
    "node_next",
    "node_bundle",
    "static_folder",
    "go_main",
    "cargo",
    "dotnet",
    "rack",
    "php",
    "none",
]
"""How the command that starts the app is found; see `expressway.containerize.detect.start_command`."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VersionSource(_Data):
    """Where a version is named: the file, and the pattern whose group is the version or the range."""

    file: str
    pattern: Pattern


class Versions(_Data):
    """Which version of a language an app wants. Exact sources come first, then ranges, then `default`.

    `known` are the versions that a range may choose from; `distributions` the end of the tag, by version.
    """

    default: str
    known: Texts = ()
    exact: tuple[VersionSource, ...] = ()
    range: tuple[VersionSource, ...] = ()
    distributions: Mapping[str, str] = Field(default_factory=dict)


class Language(_Data):
    """A language: its images by role (build, run, compile, web, assets), and how its apps are read and checked.

    Attributes:
        compiled: packages that need compilers or client libraries, hence the image of role ``compile``.
        probe: the health check inside the container, which uses what the image has.
        manifests, sources: names of files that are read.
        handles_stop: patterns in a source that shows it handles SIGTERM.
        stops_by_itself: SIGTERM ends it also as a container's first process.
        system, system_when: lines that complete the image before the source is copied.
    """

    title: str
    images: Mapping[str, str]
    versions: Versions
    compiled: Texts = ()
    probe: Texts
    manifests: Texts
    sources: Texts
    handles_stop: tuple[Pattern, ...] = ()
    stops_by_itself: bool = False
    system: Texts = ()
    system_when: tuple["Conditional", ...] = ()
    ignore: Texts


class InstallerVersion(VersionSource):
    """Which version of the package manager itself is installed.

    Attributes:
        told_by: what would name a version where nothing does.
        least: by version of the language, the first that runs with it; `newer` is taken instead of an older one.
    """

    default: str
    told_by: str = "packageManager in package.json"
    least: Mapping[str, str] = Field(default_factory=dict)
    newer: str = ""


class Installer(_Data):
    """A package manager: the files that show it, those it reads, and the lines that install.

    Attributes:
        lock: files, one of which makes an installation repeatable.
        locked, unlocked: lines that install what runs; the ``_all`` ones also what builds.
        add: the line that installs one ``$package`` more.
        local_source: pattern in a requirements file that names the app itself as a package.
        pinned_by: pattern of a requirements file that pins versions, where there is no lock file.
    """

    title: str
    language: str
    rank: int
    default: bool = False
    marks: Texts
    mark_texts: Mapping[str, Pattern] = Field(default_factory=dict)
    version: InstallerVersion | None = None
    lock: Texts = ()
    manifests: Texts
    tool: Texts = ()
    environment: Mapping[str, str] = Field(default_factory=dict)
    locked: Texts
    unlocked: Texts = ()
    locked_all: Texts = ()
    unlocked_all: Texts = ()
    run: str = ""
    prune: str = ""
    add: str = ""
    advice: str = ""
    local_source: Pattern | None = None
    pinned_by: Pattern | None = None
    build_image: str | None = None
    source: Texts = ()
    package: str = ""
    artifacts: str = ""


class Marks(_Data):
    """What shows a framework: any of these dependencies, files, or texts in files. All kinds given must be there."""

    dependencies: Texts = ()
    files: Texts = ()
    texts: Mapping[str, Pattern] = Field(default_factory=dict)


class Server(_Data):
    """A program that serves an app; `factory` is the option for an app that a function makes."""

    dependency: str
    command: Texts
    factory: str | None = None


class IncludedServer(_Data):
    """An extra of a package that brings the server."""

    package: str
    extra: str


class PortMarks(_Data):
    """How an app that opens its port itself tells it: from the variable PORT, or as a number."""

    environment: Pattern
    literals: tuple[Pattern, ...]
    default: int


class HealthMarks(_Data):
    """Where a healthy app answers: `routes` capture paths; `dependencies` bring a path of their own."""

    path: str
    routes: tuple[Pattern, ...]
    without_root: str | None = None
    dependencies: Mapping[str, str] = Field(default_factory=dict)


class Variant(_Data):
    """Another template for an app whose files have these texts."""

    template: str
    texts: Mapping[str, Pattern]
    output: str | None = None


class Otherwise(_Data):
    """What to tell when no variant fits."""

    template: str
    note: str


class Conditional(_Data):
    """Lines for an app with one of these dependencies."""

    dependencies: Texts
    lines: Texts


class Framework(_Data):
    """A framework: what shows it, how it starts and where it answers.

    Attributes:
        rank: of two frameworks that are found, the one with the higher rank is meant.
        accompanies: it is often there beside the one that serves, so that finding both says nothing.
        listens: whether the start command decides on port and address, or the app itself.
        loopback: pattern of a source that listens only inside the container.
        system: lines that complete the image before the source is copied; prepare: lines after that.
        hashed: folder of built files whose names change with their content.
        reasons: why the Dockerfile is as it is. notes: what the person has to see to.
    """

    title: str
    language: str
    template: str
    rank: int
    accompanies: bool = False
    marks: Marks
    entry: Entry
    listens: Literal["command", "app"] = "command"
    app_patterns: tuple[Pattern, ...] = ()
    factory_patterns: tuple[Pattern, ...] = ()
    servers: tuple[Server, ...] = ()
    server_package: str | None = None
    server_included: IncludedServer | None = None
    port: PortMarks | None = None
    loopback: Pattern | None = None
    health: HealthMarks
    start: Texts = ()
    stops_by_itself: bool = False
    environment: Mapping[str, str] = Field(default_factory=dict)
    system: Texts = ()
    prepare: Texts = ()
    prepare_when: tuple[Conditional, ...] = ()
    variants: tuple[Variant, ...] = ()
    unless_variant: Otherwise | None = None
    output: str = ""
    hashed: str = ""
    output_patterns: Mapping[str, Pattern] = Field(default_factory=dict)
    fallback: str = "/index.html"
    document_root: str | None = None
    cpu: int | None = None
    memory_mib: int | None = None
    reasons: Texts
    notes: Texts = ()


@dataclass(frozen=True, slots=True)
class Recipes:
    """Everything that is known, by the names of the data files; `templates` are texts with ``$name`` slots."""

    languages: Mapping[str, Language]
    installers: Mapping[str, Installer]
    frameworks: Mapping[str, Framework]
    templates: Mapping[str, str]


@cache
def load_recipes() -> Recipes:
    """Every data file. They are part of the package: one that is not valid is a fault of ours and raises."""
    data = files("expressway") / "containerize" / "data"
    return Recipes(
        languages={name: Language.model_validate(each) for name, each in _named(data / "languages")},
        installers={name: Installer.model_validate(each) for name, each in _named(data / "installers")},
        frameworks={name: Framework.model_validate(each) for name, each in _named(data / "frameworks")},
        templates={file.name: file.read_text(encoding="utf-8") for file in (data / "templates").iterdir()},
    )


def _named(folder: Traversable) -> Iterator[tuple[str, object]]:
    """The content of each data file, by the file's name."""
    import yaml

    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            yield file.name.removesuffix(".yaml"), yaml.safe_load(file.read_text(encoding="utf-8"))


Slot = str | Sequence[str]

_ALONE = re.compile(r"^\$(?:\{(\w+)\}|(\w+))$")
_BLANKS = re.compile(r"\n{3,}")


def fill(text: str, slots: Mapping[str, Slot]) -> str:
    """`text` with its slots filled in. A line that is a slot alone vanishes when that is empty.

    Raises:
        KeyError: a slot of the template that has no value.
    """
    lines: list[str] = []
    for line in text.splitlines():
        alone = _ALONE.match(line)
        value = slots[alone[1] or alone[2]] if alone else None
        if value is None:
            lines += fill_words([line], slots)
        elif isinstance(value, str):
            lines += [value] if value else []
        else:
            lines += value
    return _BLANKS.sub("\n\n", "\n".join(lines)).strip() + "\n"


def fill_words(words: Sequence[str], slots: Mapping[str, Slot]) -> tuple[str, ...]:
    """Each word with its slots filled in."""
    texts = {name: slot if isinstance(slot, str) else "\n".join(slot) for name, slot in slots.items()}
    return tuple(Template(word).substitute(texts) for word in words)
