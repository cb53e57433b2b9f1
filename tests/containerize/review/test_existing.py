"""What is said of an app's own Dockerfile, and that edits mend exactly that."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.containerize.review.existing import Review, review_dockerfile
from expressway.image.dockerfile.edit import Edit, ExpectedApp, apply_edits
from expressway.image.dockerfile.parser import parse_dockerfile

GOOD = """FROM python:3.13-slim-bookworm
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
EXPOSE 8080
USER 10001
HEALTHCHECK CMD ["true"]
CMD ["gunicorn", "app:app"]
"""
EXPECTED = ExpectedApp(
    port=8080,
    probe=("python", "-c", "ask"),
    probe_base="python:3.13-slim-bookworm",
    pinned={"python": "3.13-bookworm", "node": "24-bookworm"},
    files=frozenset({"requirements.txt", "package.json"}),
)


def review(text: str, expected: ExpectedApp = EXPECTED) -> Review:
    return review_dockerfile(text, parse_dockerfile(text), expected)


def codes(text: str, expected: ExpectedApp = EXPECTED) -> list[str]:
    return [finding.code for finding in review(text, expected).findings]


def mended(text: str, expected: ExpectedApp = EXPECTED) -> str:
    return apply_edits(text, review(text, expected).edits)


def test_a_good_dockerfile_is_left_alone() -> None:
    assert review(GOOD) == Review()


@pytest.mark.parametrize(
    ("line", "instead", "code"),
    [
        ("FROM python:3.13-slim-bookworm", "FROM python", "base_image_not_pinned"),
        ("FROM python:3.13-slim-bookworm", "FROM docker.io/library/python:latest", "base_image_not_pinned"),
        ("USER 10001\n", "", "runs_as_root"),
        ("USER 10001", "USER root", "runs_as_root"),
        ("EXPOSE 8080\n", "", "port_not_exposed"),
        ('HEALTHCHECK CMD ["true"]\n', "", "no_health_check"),
        ('["gunicorn", "app:app"]', "gunicorn app:app", "shell_form_command"),
        ('["gunicorn", "app:app"]', '["gunicorn", "--bind", "127.0.0.1:8080", "app:app"]', "listens_on_loopback"),
        ('["gunicorn", "app:app"]', '["flask", "run"]', "development_server"),
        ('["gunicorn", "app:app"]', '["python", "manage.py", "runserver"]', "development_server"),
        ("WORKDIR /app", "WORKDIR /app\nENV DB_PASSWORD=x", "secret_in_image"),
        ("WORKDIR /app", "WORKDIR /app\nARG API_TOKEN=x", "secret_in_image"),
        ("WORKDIR /app", "WORKDIR /app\nENV SECRET_KEY x", "secret_in_image"),
        ("WORKDIR /app", "WORKDIR /app\nCOPY .env ./", "secret_file_copied"),
        ("WORKDIR /app", "WORKDIR /app\nADD certs/server.pem /etc/", "secret_file_copied"),
        ("COPY requirements.txt ./\n", "COPY . .\n", "source_before_dependencies"),
    ],
)
def test_each_fault_is_found_and_nothing_else(line: str, instead: str, code: str) -> None:
    assert codes(GOOD.replace(line, instead)) == [code]


@pytest.mark.parametrize(
    "line",
    [
        "ENV PASSWORD_FILE_MODE=",
        "ARG API_TOKEN",
        "ENV TOKEN=$BUILD_TOKEN",
        "COPY .env.example ./",
        "COPY --from=other /app/.env ./",
        "ENV PORT=8080",
    ],
)
def test_what_only_looks_like_a_secret_is_not_told(line: str) -> None:
    assert codes(GOOD.replace("WORKDIR /app", f"WORKDIR /app\n{line}")) == []


def test_no_finding_quotes_the_value_of_a_secret() -> None:
    value = "-".join(("not", "a", "real", "one"))
    found = review(GOOD.replace("WORKDIR /app", f"ENV API_KEY={value}")).findings
    assert found
    assert not any(value in str(finding.to_dict()) for finding in found)


NODE = replace(EXPECTED, probe=("node", "-e", "ask"), probe_base="node:24-bookworm-slim")
BAD = """FROM node
WORKDIR /app
COPY . .
RUN npm install
CMD npm start --host localhost
"""


def test_everything_that_can_be_mended_surely_is_mended_at_once() -> None:
    assert mended(BAD, NODE) == (
        "FROM node:24-bookworm\nWORKDIR /app\nCOPY package.json ./\nRUN npm install\nCOPY . .\nEXPOSE 8080\n"
        'USER 1000:1000\nHEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["node", "-e", "ask"]\n'
        'CMD ["npm", "start", "--host", "0.0.0.0"]\n'
    )


def test_what_was_mended_is_not_found_again() -> None:
    assert codes(mended(BAD, NODE), NODE) == []


def test_a_command_with_variables_keeps_its_shell_but_gives_way_to_the_app() -> None:
    text = GOOD.replace('["gunicorn", "app:app"]', "gunicorn --bind 0.0.0.0:$PORT app:app")
    assert 'CMD ["sh", "-c", "exec gunicorn --bind 0.0.0.0:$PORT app:app"]' in mended(text)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("A=1 B=2 serve --all", '["sh", "-c", "A=1 B=2 exec serve --all"]'),
        ('serve --name "a  b"', '["sh", "-c", "exec serve --name \\"a  b\\""]'),
        ("serve --all", '["serve", "--all"]'),
    ],
)
def test_a_command_means_the_same_in_exec_form(command: str, words: str) -> None:
    assert f"CMD {words}\n" in mended(GOOD.replace('["gunicorn", "app:app"]', command))


@pytest.mark.parametrize("command", ["exec gunicorn app:app", "PORT=$PORT exec gunicorn app:app"])
def test_a_shell_that_gives_way_to_the_app_is_no_fault(command: str) -> None:
    assert review(GOOD.replace('["gunicorn", "app:app"]', command)) == Review()


@pytest.mark.parametrize("command", ["cd app", ". ./settings", "ulimit -n 4096", "NAME='a b' serve", "A=1"])
def test_what_only_a_shell_understands_is_told_and_left(command: str) -> None:
    text = GOOD.replace('["gunicorn", "app:app"]', command)
    assert codes(text) == ["shell_form_command"]
    assert mended(text) == text


def test_another_shell_and_an_entry_point_beside_a_command_are_left() -> None:
    shell = GOOD.replace("WORKDIR /app", 'SHELL ["/bin/bash", "-c"]').replace('["gunicorn", "app:app"]', "serve")
    entry = GOOD.replace("CMD [", "ENTRYPOINT serve\nCMD [")
    assert (mended(shell), mended(entry)) == (shell, entry)


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        ('["serve", "--host", "localhost"]', '["serve", "--host", "0.0.0.0"]'),
        ('["serve", "--bind=127.0.0.1:8080"]', '["serve", "--bind=0.0.0.0:8080"]'),
        ('["php", "-S", "localhost:8080"]', '["php", "-S", "0.0.0.0:8080"]'),
    ],
)
def test_a_server_that_only_its_container_reaches_is_opened(command: str, instead: str) -> None:
    text = GOOD.replace('["gunicorn", "app:app"]', command)
    assert "listens_on_loopback" in codes(text)
    assert f"CMD {instead}\n" in mended(text)


@pytest.mark.parametrize(
    "command",
    [
        '["serve", "--cache", "localhost:6379"]',
        '["serve", "--forwarded-allow-ips", "127.0.0.1"]',
        '["a", "b-host localhost"]',
    ],
)
def test_another_service_on_this_host_is_not_what_the_app_listens_on(command: str) -> None:
    assert review(GOOD.replace('["gunicorn", "app:app"]', command)) == Review()


@pytest.mark.parametrize(
    "line",
    ["ONBUILD RUN make", "VOLUME /data", "RUN apt-get install gosu", 'CMD ["early"]\nRUN later'],
)
def test_no_user_is_proposed_where_steps_may_need_another(line: str) -> None:
    text = GOOD.replace("USER 10001\n", "").replace("WORKDIR /app", f"WORKDIR /app\n{line}")
    if "early" in line:
        text = text.replace('CMD ["gunicorn", "app:app"]\n', "")
    assert codes(text) == ["runs_as_root"]
    assert "USER" not in mended(text)


def test_an_unknown_base_gets_no_user_and_no_health_check_of_another_kind() -> None:
    text = GOOD.replace("python:3.13-slim-bookworm", "registry.example.test/base:7").replace("USER 10001\n", "")
    text = text.replace('HEALTHCHECK CMD ["true"]\n', "")
    assert codes(text) == ["runs_as_root", "no_health_check"]
    assert mended(text) == text


def test_a_health_check_of_system_tools_needs_the_same_system() -> None:
    expected = ExpectedApp(port=8080, probe=("wget", "-q"), probe_base="alpine:3.22")
    text = 'FROM alpine:3.20\nUSER 1\nEXPOSE 8080\nCMD ["serve"]\n'
    assert "HEALTHCHECK" in mended(text, expected)
    java = ExpectedApp(port=8080, probe=("bash", "-c"), probe_base="eclipse-temurin:21-jre-noble")
    assert "HEALTHCHECK" not in mended(text.replace("alpine:3.20", "eclipse-temurin:21-jre-alpine"), java)


def test_a_version_of_another_kind_is_named_and_not_proposed() -> None:
    expected = replace(EXPECTED, pinned={"python": "3.13-slim-bookworm"})
    text = GOOD.replace(":3.13-slim-bookworm", "")
    assert "python:3.13-slim-bookworm" in review(text, expected).findings[0].remedy
    assert mended(text, expected) == text


def test_what_is_inserted_comes_before_the_comment_of_the_command() -> None:
    text = GOOD.replace("EXPOSE 8080\n", "").replace('CMD ["gun', '# Serves.\nCMD ["gun')
    assert mended(text).endswith('EXPOSE 8080\n# Serves.\nCMD ["gunicorn", "app:app"]\n')


@pytest.mark.parametrize("command", ["migrate && gunicorn app", "a | b", "cd x; run"])
def test_a_command_that_needs_a_shell_is_told_and_left(command: str) -> None:
    text = GOOD.replace('["gunicorn", "app:app"]', command)
    assert codes(text) == ["shell_form_command"]
    assert mended(text) == text


def test_an_instruction_over_several_lines_is_told_and_left() -> None:
    text = GOOD.replace('CMD ["gunicorn", "app:app"]', "CMD gunicorn \\\n  app:app")
    assert codes(text) == ["shell_form_command"]
    assert mended(text) == text


def test_an_image_that_starts_as_root_by_design_gets_no_user() -> None:
    text = 'FROM nginx:1.28\nEXPOSE 80\nHEALTHCHECK CMD ["true"]\nCMD ["nginx"]\n'
    assert codes(text) == ["runs_as_root"]
    assert mended(text) == text


def test_an_image_of_an_ordinary_user_needs_none() -> None:
    text = 'FROM nginxinc/nginx-unprivileged:1.28\nEXPOSE 8080\nHEALTHCHECK CMD ["true"]\n'
    assert codes(text) == []


def test_another_port_than_was_asked_for_is_told() -> None:
    assert codes(GOOD, ExpectedApp(port=5000, asked_port=5000)) == ["port_mismatch"]


def test_only_the_last_stage_has_to_run_as_somebody() -> None:
    text = f"FROM golang:1.25 AS build\nRUN go build\n\n{GOOD}"
    assert codes(text) == []


def test_what_no_builder_takes_is_told_with_its_line_and_not_edited() -> None:
    found = review("FORM python\nCMD x\n")
    assert [(finding.code, finding.resource) for finding in found.findings] == [("dockerfile_invalid", "Dockerfile:1")]
    assert found.edits == ()


LINES = st.sampled_from(
    [
        *(
            "FROM python",
            "FROM node:latest AS a",
            "FROM a",
            "COPY . .",
            "RUN pip install -r requirements.txt",
            "EXPOSE 80",
        ),
        *(
            "CMD python app.py",
            'CMD ["x"]',
            "ENTRYPOINT run $A",
            "USER root",
            "USER 1",
            "RUN npm ci",
            "ENV A=b \\",
            "# note",
        ),
    ]
)


@given(st.lists(LINES, max_size=12))
def test_mending_any_dockerfile_keeps_it_readable_and_never_adds_a_fault(lines: list[str]) -> None:
    text = "\n".join(["FROM python:3.13", *lines]) + "\n"
    improved = mended(text)
    before, after = parse_dockerfile(text), parse_dockerfile(improved)
    assert len(after.problems) <= len(before.problems)
    assert len(after.stages) == len(before.stages)
    assert set(codes(improved)) <= set(codes(text))


def test_insertions_at_a_line_that_is_replaced_come_before_it_in_their_order() -> None:
    edits = [Edit(2, 1, ("B",)), Edit(2, 0, ("one",)), Edit(2, 0, ("two",))]
    assert apply_edits("a\nb\nc\n", edits) == "a\none\ntwo\nB\nc\n"
