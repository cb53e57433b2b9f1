"""Which framework, package manager and language version an app uses, judged by its files alone."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from expressway.containerize.detect.manifests import Names, dependencies_of
from expressway.containerize.detect.version_range import newest_in_range
from expressway.containerize.files import AppFiles
from expressway.containerize.recipes import Framework, Installer, Language, Marks, Recipes, Slot, Versions
from expressway.core import linear_regex
from expressway.diagnose.finding import Finding
from expressway.privacy.untrusted import named


@dataclass(frozen=True, slots=True)
class DetectedApp:
    """What an app was found to be.

    Attributes:
        key: name of the framework's data file.
        version: of the language; `installer_version` of the package manager, where that is chosen.
        locked: whether a lock file makes installing repeatable.
        assumptions: what was decided where the files allow more than one reading, a sentence each.
    """

    key: str
    framework: Framework
    language: Language
    installer: Installer | None
    dependencies: Names
    version: str
    installer_version: str = ""
    locked: bool = True
    assumptions: tuple[str, ...] = ()

    def assuming(self, *sentences: str) -> "DetectedApp":
        return replace(self, assumptions=(*self.assumptions, *sentences))

    def handles_stop(self, files: AppFiles) -> bool:
        """Whether a source shows that the app handles SIGTERM."""
        sources = files.sources(*self.language.sources)
        return any(linear_regex.search(pattern, text) for _, text in sources for pattern in self.language.handles_stop)


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """What the template of a Dockerfile needs beyond what every app of its language has.

    Attributes:
        command: the words that start it; ``$port`` stands for the port.
        slots: further slots of the template.
        environment: variables that the start needs.
        builds: whether the source has to be built before it can start.
        ignore, keep: patterns that .dockerignore needs besides, or must not have.
    """

    command: tuple[str, ...] = ()
    slots: Mapping[str, Slot] = field(default_factory=dict[str, Slot])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    builds: bool = False
    assumptions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    ignore: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


def frameworks_of(files: AppFiles, recipes: Recipes) -> tuple[str, ...]:
    """Names of all frameworks whose marks the folder bears, the likeliest first."""
    dependencies = {language: dependencies_of(files, language) for language in recipes.languages}
    known = recipes.frameworks
    found = [name for name, each in known.items() if _bears(files, each.marks, dependencies[each.language])]
    return tuple(sorted(found, key=lambda name: (-known[name].rank, name)))


def apps_below(files: AppFiles, recipes: Recipes) -> Mapping[str, str]:
    """Folders below (two levels) that look like apps, and the framework of each."""
    parents = (path.split("/")[:-1] for path in files.paths)
    folders = {"/".join(parts[:depth]) for parts in parents for depth in (1, 2) if len(parts) >= depth}
    found: dict[str, str] = {}
    for folder in sorted(folders):
        inner = subfolder(files, folder)
        names = frameworks_of(inner, recipes)
        within = any(folder.startswith(f"{outer}/") for outer in found)
        if not within and (names or inner.has("Dockerfile")):
            found[folder] = recipes.frameworks[names[0]].title if names else "a Dockerfile"
    return found


def subfolder(files: AppFiles, folder: str) -> AppFiles:
    """The files below `folder`, as if it were the app."""
    prefix = f"{folder}/"
    inner = {path: path.removeprefix(prefix) for path in files.paths if path.startswith(prefix)}
    texts = {inner[path]: text for path, text in files.texts.items() if path in inner}
    return AppFiles(folder.rpartition("/")[2], tuple(inner.values()), texts)


def is_workspace(files: AppFiles) -> bool:
    """Whether the folder only holds together the apps below it."""
    return (
        any(files.has(name) for name in ("pnpm-workspace.yaml", "lerna.json", "go.work"))
        or bool(re.search(r'"workspaces"\s*:', files.text("package.json")))
        or bool(re.search(r"(?m)^\[workspace\]", files.text("Cargo.toml")))
    )


def detect_app(files: AppFiles, recipes: Recipes, name: str, others: tuple[str, ...] = ()) -> DetectedApp:
    """Everything about an app of the framework `name`; `others` are frameworks that were found besides."""
    framework = recipes.frameworks[name]
    language = recipes.languages[framework.language]
    dependencies = dependencies_of(files, framework.language)
    version, assumptions = _version(files, language)
    app = DetectedApp(name, framework, language, None, dependencies, version, assumptions=assumptions)
    other_candidates = [other for other in others if not recipes.frameworks[other].accompanies]
    if other_candidates:
        titles = _listed([recipes.frameworks[other].title for other in other_candidates])
        app = app.assuming(
            f"Found as well: {titles}. {framework.title} was taken for the one that serves; "
            f"if another is meant, name it as framework ({', '.join(other_candidates)})."
        )
    return _with_installer(app, files, recipes)


def _with_installer(app: DetectedApp, files: AppFiles, recipes: Recipes) -> DetectedApp:
    fitting = [i for i in recipes.installers.values() if i.language == app.framework.language]
    shown = sorted((i for i in fitting if _shows(files, i)), key=lambda i: -i.rank)
    chosen = next(iter(shown), next((i for i in fitting if i.default), None))
    if chosen is None:
        return app
    several = [i for i in shown[1:] if not set(i.lock) <= set(chosen.lock) and any(files.has(lock) for lock in i.lock)]
    locked = _is_locked(files, chosen)
    sentences: list[str] = []
    if several:
        sentences.append(
            f"There are lock files of {_listed([chosen.title, *(i.title for i in several)])}; "
            f"{chosen.title} was taken. Delete the one that is not used."
        )
    if not locked and chosen.advice:
        sentences.append(f"Nothing pins what {chosen.title} installs. {chosen.advice}")
    version, assumptions = _installer_version(app, files, chosen)
    sentences += assumptions
    return replace(app, installer=chosen, locked=locked, installer_version=version).assuming(*sentences)


def _installer_version(app: DetectedApp, files: AppFiles, installer: Installer) -> tuple[str, list[str]]:
    """The version of the package manager, where one is chosen, and what was assumed."""
    source = installer.version
    if source is None:
        return "", []
    match = linear_regex.search(source.pattern, files.text(source.file))
    version = match[1] if match else source.default
    if _numbers(version) < _numbers(source.least.get(app.version, "")):
        wrong = f"{installer.title} {named(version)} does not run with {app.language.title} {app.version}"
        return source.newer, [f"{wrong}; {source.newer} was taken."]
    assumption = f"{installer.title} {named(version)} is installed; {source.told_by} would name another version."
    return version, [] if match else [assumption]


def _numbers(version: str) -> list[int]:
    return [int(part[:9]) for part in version.split(".") if part]


def _is_locked(files: AppFiles, installer: Installer) -> bool:
    if installer.lock:
        return any(files.has(lock) for lock in installer.lock)
    if installer.pinned_by is None:
        return True
    lines = [line for line in files.text(installer.marks[0]).splitlines() if re.match(r"\s*[A-Za-z0-9]", line)]
    return all(linear_regex.search(installer.pinned_by, line) for line in lines)


def _shows(files: AppFiles, installer: Installer) -> bool:
    return any(files.has(mark) for mark in installer.marks) or any(
        files.says(pattern, regex) for pattern, regex in installer.mark_texts.items()
    )


def _version(files: AppFiles, language: Language) -> tuple[str, tuple[str, ...]]:
    """The version to use, and what was assumed."""
    versions = language.versions
    exact = next(_matches(files, versions, "exact"), None)
    if exact is not None:
        return exact[1], ()
    wanted = next(_matches(files, versions, "range"), None)
    if wanted is None:
        assumption = f"No file names a version of {language.title}; {versions.default} was taken."
        return versions.default, (assumption,) if versions.known or versions.exact else ()
    path, text = wanted
    fitting = newest_in_range(text, versions.known, preferred=versions.default)
    if fitting is not None:
        return fitting, ()
    wish = f"{named(path)} wants {language.title} {named(text)}"
    return versions.default, (f"{wish}; of that there is no known image, {versions.default} was taken.",)


def _matches(files: AppFiles, versions: Versions, kind: str) -> Iterator[tuple[str, str]]:
    for source in versions.exact if kind == "exact" else versions.range:
        for path in files.find(source.file):
            match = linear_regex.search(source.pattern, files.text(path))
            if match:
                yield path, match[1]


def _bears(files: AppFiles, marks: Marks, dependencies: Names) -> bool:
    """Every kind of mark that is given has to be there; one of each kind is enough."""
    kinds = [
        [name.lower() in dependencies for name in marks.dependencies],
        [files.has(pattern) for pattern in marks.files],
        [files.says(pattern, regex) for pattern, regex in marks.texts.items()],
    ]
    given = [marks_there for marks_there in kinds if marks_there]
    return bool(given) and all(any(marks_there) for marks_there in given)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
