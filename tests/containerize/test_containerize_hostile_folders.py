"""Looking at a folder takes time that grows with it, whatever its manifests and sources hold, and never fails."""

import contextlib
import time
from itertools import product

import pytest

from expressway.errors import ExpresswayError
from tests.containerize.fakes import containerized

LENGTH = 400_000
HANG_SECONDS = 6.0
"""Of the processor's time; what grew with the square took minutes."""
FILLS = {
    "line ends": "\n",
    "blanks": " ",
    "one word": "a",
    "digits": "1",
    "brackets": "[",
    "braces": "{",
    "quotes": '"',
    "words": "app = 1\n",
    "calls": "app.get('",
    "ids": "id (",
    "sections": "[tool.poetry.dependencies]\n",
}
MANIFESTS = {
    "requirements.txt": "flask==3.1.0\n",
    "pyproject.toml": '[project]\nname = "a"\ndependencies = ["flask"]\n',
    "package.json": '{"dependencies": {"express": "5"}, "scripts": {"start": "node a.js"}}',
    "go.mod": "module a\ngo 1.25\n",
    "Gemfile": "gem 'sinatra'\nruby '3.4.1'\n",
    "build.gradle": "plugins { id 'org.springframework.boot' version '3.5.0' }\n",
    "pom.xml": "<artifactId>spring-boot-starter-web</artifactId><java.version>21</java.version>",
    "Cargo.toml": '[package]\nname = "a"\n[dependencies]\naxum = "1"\n',
    "composer.json": '{"require": {"php": "^8.2"}}',
}
SOURCES = ("app.py", "server.js", "main.go", "app.rb", "src/main.rs", "index.php", "manage.py", "next.config.js")


@pytest.mark.parametrize(("manifest", "fill"), list(product(MANIFESTS, FILLS)))
def test_a_hostile_folder_takes_time_that_grows_with_it(manifest: str, fill: str) -> None:
    filled = FILLS[fill] * (LENGTH // len(FILLS[fill]))
    texts = {
        manifest: f"{MANIFESTS[manifest]}{filled}",
        **dict.fromkeys(SOURCES, filled[: LENGTH // 4]),
        ".dockerignore": "*a*a*a*a*a*a*a*a*a*ab\n" + "**/" * 40 + "x\n",
        "Dockerfile": "FROM a:1\nCOPY . .\nRUN x\n",
    }
    started = time.process_time()
    with contextlib.suppress(ExpresswayError):
        containerized(texts)
    assert time.process_time() - started < HANG_SECONDS
