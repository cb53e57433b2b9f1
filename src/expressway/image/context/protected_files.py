"""What is kept out of a build context since it may hold secrets or history, as far as names tell."""

import re
from collections.abc import Sequence

from expressway.image.context.dockerignore import IgnoreRules
from expressway.privacy.untrusted import named

# Version control, keys and credentials: never part of an image unless .dockerignore includes one by name.
PROTECTED_PATTERNS = (
    *("**/.git", "**/.hg", "**/.svn"),
    *("**/.env", "**/.env.*", "**/*.pem", "**/*.key", "**/*.p12", "**/*.pfx", "**/*.jks", "**/*.kdbx"),
    *("**/id_rsa*", "**/id_dsa*", "**/id_ecdsa*", "**/id_ed25519*"),
    *("**/.aws", "**/.ssh", "**/.gnupg", "**/.kube", "**/.azure", "**/.config/gcloud", "**/.docker/config.json"),
    *("**/.netrc", "**/.pgpass", "**/.pypirc", "**/.git-credentials", "**/.htpasswd", "**/*.tfstate"),
    *("**/credentials", "**/credentials.json", "**/.credentials", "**/service-account*.json"),
    # Samples hold no secret.
    *("!**/.env.example", "!**/.env.sample", "!**/.env.template", "!**/.env.dist"),
)
PROTECTED = IgnoreRules(PROTECTED_PATTERNS)

_SOURCE_SUFFIXES = frozenset(
    {
        *("py", "pyi", "js", "mjs", "cjs", "jsx", "ts", "tsx", "mts", "cts", "vue", "svelte", "astro"),
        *("go", "rs", "java", "kt", "kts", "scala", "groovy", "clj", "rb", "erb", "haml", "slim", "php", "twig"),
        *("cs", "cshtml", "razor", "fs", "vb", "swift", "dart", "ex", "exs", "eex", "heex", "erl", "lua", "pl"),
        *("c", "h", "cc", "cpp", "hpp", "html", "htm", "css", "scss", "sass", "less", "graphql", "proto"),
        *("jinja", "j2"),
    }
)
_UNSAFE_IN_PATTERN = re.compile(r"([\\*?\[\]^])")
_MOST_NAMED = 50


def is_source_code(path: str) -> bool:
    """Whether a file's name is that of source code, which is no secret whatever else it is called."""
    return path.rpartition(".")[2].lower() in _SOURCE_SUFFIXES


def safe_path(path: str) -> str:
    """A file's name as text that any output takes: bytes that are no UTF-8 and line ends are written out."""
    text = path.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")
    return text.replace("\r", "\\r").replace("\n", "\\n")


def including_line(path: str) -> str:
    """The line of a .dockerignore that includes the path although it is protected."""
    return f"!{literal_pattern(path.rstrip('/'))}"


def literal_pattern(path: str) -> str:
    """The pattern of a .dockerignore that matches this path by its letters."""
    return _UNSAFE_IN_PATTERN.sub(r"\\\1", path)


def protection_warning(excluded_files: Sequence[str], ignore_file: str = ".dockerignore") -> str:
    """What was kept out, each with the line that includes it."""
    shown = excluded_files[:_MOST_NAMED]
    listed = "; ".join(f"{named(path)} (include it: {named(including_line(path))})" for path in shown)
    more = f"; and {len(excluded_files) - _MOST_NAMED} more" if len(excluded_files) > _MOST_NAMED else ""
    return (
        f"Kept out of the image, since they may hold secrets or history: {listed}{more}. "
        f"If the app needs one, add its line, which begins with an exclamation mark, to {named(ignore_file)}."
    )
