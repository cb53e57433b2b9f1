"""Dockerfiles as people write them: the diff applies, mends what is sure, and leaves alone what works."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.containerize.fakes import containerized

FLASK = {
    "requirements.txt": "flask==3.1.3\ngunicorn==27.0.1\n",
    "app.py": "app = Flask(__name__)\n@app.route('/health')\ndef health(): return 'ok'\n",
    ".python-version": "3.13\n",
}
NODE = {
    "package.json": '{"scripts": {"start": "node server.js"}, "dependencies": {"express": "5.1.0"}}',
    "package-lock.json": "{}",
    "server.js": "app.get('/', answer); app.listen(process.env.PORT)",
}
VITE = {"package.json": '{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7.0.0"}}', "index.html": ""}
ASK_FLASK = "import urllib.request as u; u.urlopen('http://127.0.0.1:{port}/health', timeout=2)"
ASK_NODE = "fetch('http://127.0.0.1:8080/').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
HEALTH = "HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD"


def health(program: str, option: str, asks: str) -> str:
    return f'{HEALTH} ["{program}", "{option}", "{asks}"]'


@dataclass(frozen=True)
class Case:
    """A Dockerfile, the port it listens on, and the lines that the diff takes away and adds."""

    files: dict[str, str]
    text: str
    port: int
    removed: list[str] = field(default_factory=list[str])
    added: list[str] = field(default_factory=list[str])


CASES = {
    "a base and a port that arguments name": Case(
        FLASK,
        "# syntax=docker/dockerfile:1\nARG VERSION=3.13\nARG BASE=python:${VERSION}-slim\nFROM ${BASE} AS base\n"
        "WORKDIR /srv\nENV PORT=9000\n\nFROM base AS packages\nCOPY requirements.txt .\n"
        "RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt\n\nFROM base\n"
        "COPY --from=packages /usr/local /usr/local\nCOPY . .\nEXPOSE ${PORT}\n"
        "CMD exec gunicorn --bind :$PORT app:app\n",
        9000,
        [],
        ["USER 10001:10001", health("python", "-c", ASK_FLASK.format(port=9000))],
    ),
    "here-documents that look like instructions": Case(
        FLASK,
        "# syntax=docker/dockerfile:1\nFROM python:3.13-slim\nWORKDIR /app\nCOPY . .\nRUN <<EOF\nset -e\n"
        "pip install -r requirements.txt\nCMD not this\nEOF\nCOPY <<-'SCRIPT' /start.sh\n\t#!/bin/sh\n\tUSER root\n"
        '\tSCRIPT\nEXPOSE 8000\nUSER 1000\nCMD ["gunicorn", "--bind", "0.0.0.0:8000", "app:app"]\n',
        8000,
        [],
        [health("python", "-c", ASK_FLASK.format(port=8000))],
    ),
    "triggers for images based on this one": Case(
        NODE,
        "FROM node:24\nWORKDIR /app\nONBUILD COPY . .\nONBUILD RUN npm install\nONBUILD USER root\n"
        "ONBUILD EXPOSE 1\nONBUILD CMD npm run dev --host localhost\nCMD npm start\n",
        8080,
        ["CMD npm start"],
        ["EXPOSE 8080", health("node", "-e", ASK_NODE), 'CMD ["npm", "start"]'],
    ),
    "Windows, with its escape character and shell": Case(
        NODE,
        "# escape=`\r\nFROM mcr.microsoft.com/windows/servercore:ltsc2022\r\nSHELL ['powershell', '-Command']\r\n"
        "WORKDIR C:\\app\\\r\nCOPY . .\r\nRUN Write-Host `\r\n    'x'\r\nCMD node server.js\r\n",
        8080,
        [],
        ["EXPOSE 8080\r"],
    ),
    "Windows line ends and no end to the last line": Case(
        FLASK,
        "FROM python\r\nWORKDIR /app\r\nCOPY . .\r\nRUN pip install -r requirements.txt\r\n\r\n# start\r\n"
        "CMD gunicorn --bind 127.0.0.1:8000 app:app",
        8000,
        ["FROM python\r", "RUN pip install -r requirements.txt\r", "CMD gunicorn --bind 127.0.0.1:8000 app:app"],
        [
            "FROM python:3.13-bookworm\r",
            "COPY requirements.txt ./\r",
            "RUN pip install -r requirements.txt\r",
            "EXPOSE 8000\r",
            "USER 10001:10001\r",
            f"{health('python', '-c', ASK_FLASK.format(port=8000))}\r",
            'CMD ["gunicorn", "--bind", "0.0.0.0:8000", "app:app"]',
        ],
    ),
    "small letters, an owner, another service on localhost": Case(
        NODE,
        "from node:24 as build\nworkdir /app\ncopy --chown=node:node . /app\nrun npm ci --omit=dev\n\n"
        "from node:24-slim\ncopy --from=build /app /app\nworkdir /app\n"
        "cmd node server.js --redis redis://localhost:6379\n",
        8080,
        ["run npm ci --omit=dev", "cmd node server.js --redis redis://localhost:6379"],
        [
            "copy --chown=node:node package.json package-lock.json /app/",
            "run npm ci --omit=dev",
            "expose 8080",
            "user 1000:1000",
            health("node", "-e", ASK_NODE).replace("HEALTHCHECK", "healthcheck"),
            'cmd ["node", "server.js", "--redis", "redis://localhost:6379"]',
        ],
    ),
    "a web server that starts by itself": Case(
        VITE,
        "FROM node:24 AS build\nWORKDIR /app\nCOPY package.json ./\nRUN npm install\nCOPY . .\nRUN npm run build\n"
        "FROM nginx\nCOPY --from=build /app/dist /usr/share/nginx/html\n",
        80,
    ),
    "a web server without the tools of the stage that builds": Case(
        VITE,
        "FROM node:24 AS build\nRUN npm install\nFROM nginx:1.28\nCOPY --from=build /dist /usr/share/nginx/html\n"
        'CMD nginx -g "daemon off;"\n',
        80,
    ),
    "an entry point in shell form beside a command": Case(
        FLASK,
        "FROM python:3.13\nRUN apt-get update && apt-get install -y gosu\nCOPY . /srv/app/\n"
        "RUN pip install -r /srv/app/requirements.txt\nEXPOSE 8080\nHEALTHCHECK NONE\nENTRYPOINT python app.py\n"
        'CMD ["x"]\n',
        8080,
        ["RUN pip install -r /srv/app/requirements.txt"],
        ["COPY requirements.txt /srv/app/", "RUN pip install -r /srv/app/requirements.txt"],
    ),
    "PHP that no load balancer talks to": Case(
        {"index.php": "<?php"},
        "FROM php:8.3-fpm-alpine\nCOPY . /var/www/html\nCMD php-fpm\n",
        9000,
        ["CMD php-fpm"],
        ['CMD ["php-fpm"]'],
    ),
    "a program in an empty image": Case(
        {"go.mod": "module x\ngo 1.25\n", "main.go": "package main\n"},
        "FROM golang AS build\nCOPY . .\nRUN go build -o /a .\nFROM scratch\nCOPY --from=build /a /a\nENTRYPOINT /a\n",
        8080,
        ["FROM golang AS build", "ENTRYPOINT /a"],
        ["FROM golang:1.25-bookworm AS build", "EXPOSE 8080", 'ENTRYPOINT ["/a"]'],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_diff_says_exactly_what_is_sure(name: str) -> None:
    case = CASES[name]
    made = containerized({**case.files, "Dockerfile": case.text, ".dockerignore": ".env\n"})
    lines = made.diff.split("\n")
    assert [line[1:] for line in lines if line.startswith("-") and not line.startswith("---")] == case.removed
    assert [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++")] == case.added
    assert made.container_port == case.port
    assert made.gaps == ()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.added])
def test_git_applies_the_diff_and_nothing_is_left_to_mend(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    made = containerized({**case.files, "Dockerfile": case.text, ".dockerignore": ".env\n"})
    (tmp_path / "Dockerfile").write_bytes(case.text.encode())
    (tmp_path / "improvement.diff").write_bytes(made.diff.encode())
    done = subprocess.run(
        ["git", "apply", "improvement.diff"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    applied = (tmp_path / "Dockerfile").read_bytes().decode()
    assert applied == made.improved["Dockerfile"]
    assert containerized({**case.files, "Dockerfile": applied, ".dockerignore": ".env\n"}).diff == ""


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"requirements.txt": "-r base.txt\n"}, "RUN pip install -r requirements.txt"),
        ({"requirements.txt": "./tools\n"}, "RUN pip install -r requirements.txt"),
        ({}, "RUN pip install -r requirements/web.txt"),
        ({}, "RUN pip install -e . -r requirements.txt"),
        ({"package.json": '{"scripts": {"postinstall": "node build.js"}}'}, "RUN npm ci"),
        ({"package.json": '{"dependencies": {"shared": "file:../shared"}}'}, "RUN npm ci"),
        ({".npmrc": "registry=https://packages.example.test\n"}, "RUN npm ci"),
        ({"Gemfile": 'gem "shared", path: "shared"\n'}, "RUN bundle install"),
    ],
)
def test_an_installation_that_reads_more_than_manifests_is_told_and_left(more: dict[str, str], line: str) -> None:
    text = f'FROM python:3.13\nCOPY . .\n{line}\nEXPOSE 8080\nHEALTHCHECK NONE\nUSER 1\nCMD ["x"]\n'
    made = containerized({**FLASK, **NODE, **more, "Dockerfile": text, ".dockerignore": ".env\n"})
    assert [finding.code for finding in made.findings] == ["source_before_dependencies"]
    assert made.diff == ""
