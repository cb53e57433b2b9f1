"""Generated Dockerfiles and manifests that are made to take long: a fixed seed, shapes and bytes."""

import random
from collections.abc import Callable, Iterator

SEED = 11
SHAPES: dict[str, Callable[[int], str]] = {
    "one long word": lambda n: "FROM " + "a" * n,
    "one long line of flags": lambda n: "FROM a\nRUN " + "--a " * (n // 4),
    "triggers of triggers": lambda n: "FROM a\n" + "ONBUILD " * (n // 8) + "RUN x",
    "assignments without values": lambda n: "FROM a\nENV " + "a" * n,
    "many assignments": lambda n: "FROM a\nENV " + "a=1 " * (n // 4),
    "many environments": lambda n: "FROM a\n" + "".join(f"ENV A{i}=1\n" for i in range(n // 12)),
    "growing variables": lambda n: "FROM a\nENV A=xxxxxxxx\n" + "ENV A=$A$A$A$A$A$A$A$A\n" * min(n // 24, 500),
    "open variables": lambda n: "FROM a\nENV A=" + "${a-" * (n // 4),
    "open quotes": lambda n: "FROM a\nRUN " + "\\\"'" * (n // 3),
    "spaces in a directive": lambda n: "# syntax = x" + " " * n + "y\nFROM a",
    "continued for ever": lambda n: "FROM a\nRUN x" + " \\\n" * (n // 3),
    "unknown words": lambda n: "FROM a\n" + "FORM x\n" * (n // 7),
    "nested lists": lambda n: "FROM a\nCMD " + "[" * n,
    "here-documents": lambda n: "FROM a\nRUN " + "<<A " * (n // 4),
    "stages": lambda n: "".join(f"FROM a{i} AS a{i + 1}\n" for i in range(n // 20)),
    "ports": lambda n: "FROM a\nEXPOSE " + "1-65535 " * (n // 8),
    "loopback": lambda n: "FROM a\nCMD " + "--host=http:// " * (n // 15),
    "bound": lambda n: "FROM a\nCMD x " + "--bind=:" * (n // 8),
    "flask": lambda n: "FROM a\nCMD " + "flask next vite npm " * (n // 20) + "build",
    "tabs": lambda n: "FROM a\nRUN pip install " + "\t" * n + "x",
    "windows": lambda n: "FROM a\r\nRUN x\r\n" * (n // 14),
    "no end": lambda n: "\0" * n,
    "installs": lambda n: "FROM a\nCOPY . .\nRUN " + "pip install " * (n // 12),
    "secrets": lambda n: "FROM a\nCOPY " + "a.pem.pem" * (n // 9) + " /",
}
_WORDS = (
    *("FROM", "RUN", "COPY", "ENV", "ARG", "CMD", "ENTRYPOINT", "EXPOSE", "USER", "ONBUILD", "HEALTHCHECK", "AS", "#"),
    *(
        "syntax=",
        "escape=`",
        "\\\n",
        "\n",
        "\r\n",
        "[",
        "]",
        '"',
        "'",
        "$A",
        "${A:-",
        "}",
        "=",
        "--from=x",
        "<<EOF",
        "EOF",
    ),
    *(
        " ",
        "\t",
        "\0",
        "é",
        "\u202e",
        "\ufeff",
        "a:1",
        "./x",
        "8080/tcp",
        "127.0.0.1",
        "A=1",
        "&&",
        ",",
        "`",
        "{",
        "999999",
    ),
)


def generated(count: int) -> Iterator[str]:
    """Dockerfiles of words that mean something, in any order, and of bytes that mean nothing."""
    chosen = random.Random(SEED)
    for number in range(count):
        if number % 4 == 0:
            yield bytes(chosen.randrange(256) for _ in range(chosen.randint(1, 400))).decode("utf-8", "replace")
        else:
            words = [chosen.choice(_WORDS) for _ in range(chosen.randint(1, 60))]
            yield "FROM a:1\n" * chosen.randint(0, 1) + chosen.choice((" ", "", "\n")).join(words)
