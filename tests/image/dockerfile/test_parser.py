"""Reading Dockerfiles: stages, ports, commands, what needs BuildKit, and what is wrong where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.image.dockerfile.parser import expand_variables, parse_dockerfile

MULTI_STAGE = """\
# A comment that is no directive
ARG BASE=python:3.11-slim
FROM ${BASE} AS build
RUN pip install \\
    # a comment inside
    --no-cache-dir \\

    app
FROM --platform=linux/amd64 build AS Tested
EXPOSE 8000
USER 1000
FROM ${BASE}
COPY --from=build --chown=1:1 /a /b
EXPOSE 8080/tcp 53/udp 9000-9002
USER app:app
ENTRYPOINT ["python", "-m"]
CMD exec gunicorn app
"""


def test_stages_bases_ports_user_and_command_are_read() -> None:
    dockerfile = parse_dockerfile(MULTI_STAGE)
    assert dockerfile.problems == ()
    assert [(stage.name, stage.base, stage.line) for stage in dockerfile.stages] == [
        ("build", "${BASE}", 3),
        ("Tested", "build", 9),
        (None, "${BASE}", 12),
    ]
    assert dockerfile.base_images() == ("python:3.11-slim",)
    assert dockerfile.base_images({"BASE": "debian:12"}) == ("debian:12",)
    assert dockerfile.exposed_ports() == (8080, 9000, 9001, 9002)
    assert dockerfile.user() == "app:app"
    assert dockerfile.entrypoint() == ("python", "-m")
    assert dockerfile.command() == ("/bin/sh", "-c", "exec gunicorn app")
    assert not dockerfile.buildkit_reasons


def test_a_target_is_found_by_name_in_any_case_or_by_number() -> None:
    dockerfile = parse_dockerfile(MULTI_STAGE)
    assert dockerfile.exposed_ports("tested") == (8000,)
    assert dockerfile.user("1") == "1000"
    assert dockerfile.stage("nowhere") is None


def test_what_a_stage_inherits_from_an_earlier_stage_counts() -> None:
    dockerfile = parse_dockerfile('FROM scratch AS base\nUSER 7\nEXPOSE 1\nCMD ["/a"]\nFROM base\nEXPOSE 2\n')
    assert (dockerfile.user(), dockerfile.exposed_ports(), dockerfile.command()) == ("7", (1, 2), ("/a",))
    assert dockerfile.base_images() == ()


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("# syntax=docker/dockerfile:1\nFROM a\n", 1, "frontend"),
        ("FROM a\nRUN --mount=type=cache,target=/c pip install x\n", 2, "--mount"),
        ("FROM a\nRUN --network=none true\n", 2, "--network"),
        ("FROM a\nRUN --security=insecure true\n", 2, "--security"),
        ("FROM a\n\nRUN <<EOF\nset -e\necho FROM b\nEOF\nUSER 1\n", 3, "<<EOF"),
        ("FROM a\nCOPY <<-'END' /etc/x\n\thello\n\tEND\n", 2, "<<END"),
        ("FROM a\nCOPY --link . .\n", 2, "--link"),
        ("FROM a\nCOPY --chmod=755 . .\n", 2, "--chmod"),
        ("FROM a\nCOPY --exclude=*.md . .\n", 2, "--exclude"),
        ("FROM a\nADD --checksum=sha256:0 https://h/x /x\n", 2, "--checksum"),
        ("FROM a\nADD https://h/x.git#main /x\n", 2, "Git"),
        ("FROM --platform=$BUILDPLATFORM a\n", 1, "--platform"),
        ("FROM a\nARG TARGETARCH\n", 2, "TARGETARCH"),
        ("FROM a\nONBUILD RUN --mount=type=ssh true\n", 2, "--mount"),
        ("FROM a\nrun \\\n  --mount=type=bind true\n", 2, "--mount"),
    ],
)
def test_what_only_buildkit_can_build_is_told_with_its_line(text: str, line: int, why: str) -> None:
    dockerfile = parse_dockerfile(text)
    assert dockerfile.problems == ()
    assert dockerfile.buildkit_reasons
    assert dockerfile.buildkit_reasons[0].line == line
    assert why in dockerfile.buildkit_reasons[0].why


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\nRUN echo '<<EOF'\n",
        'FROM a\nRUN python -c "print(1 <<2)"\n',
        'FROM a\nRUN ["sh", "-c", "cat <<EOF"]\n',
        "FROM a\nRUN cat <<< word\n",
        "FROM a\nCOPY --from=b --chown=1:1 x y\n",
        "FROM a\nARG VERSION\nARG TARGETARCH=amd64\n",
        "FROM a\n# syntax=docker/dockerfile:1\nRUN true\n",
        "# just words\n# syntax=docker/dockerfile:1\nFROM a\n",
        "FROM --platform=linux/amd64 a\nHEALTHCHECK --interval=5s CMD true\n",
    ],
)
def test_what_the_classic_builder_can_build_needs_no_buildkit(text: str) -> None:
    dockerfile = parse_dockerfile(text)
    assert (dockerfile.buildkit_reasons, dockerfile.problems) == ((), ())


def test_here_documents_need_a_newer_engine_unless_a_syntax_line_brings_the_frontend() -> None:
    body = "FROM a\nRUN <<EOF\ntrue\nEOF\n"
    assert [reason.engine_major for reason in parse_dockerfile(body).buildkit_reasons] == [23]
    assert {r.engine_major for r in parse_dockerfile("# syntax=docker/dockerfile:1\n" + body).buildkit_reasons} == {18}


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", [(1, "needs a FROM")]),
        ("# nothing\n", [(1, "needs a FROM")]),
        ("RUN true\nFROM a\n", [(1, "before the first FROM")]),
        ("FROM a\nFORM b\nRUN\n", [(2, "unknown instruction ⟪FORM⟫"), (3, "RUN needs an argument")]),
        ("FRM a\nRUN true\n", [(1, "unknown instruction; did you mean FROM?")]),
        ("ARG X=1\nnonsense\n", [(2, "unknown instruction")]),
        ("FROM a b c\n", [(1, "expected FROM image [AS name]")]),
        ("FROM a\nRUN <<EOF\nnever ends\n", [(2, "the here-document ⟪EOF⟫ does not end")]),
        ("# escape=x\nFROM a\n", [(1, "escape must be")]),
    ],
)
def test_every_problem_is_told_with_its_line(text: str, problems: list[tuple[int, str]]) -> None:
    found = parse_dockerfile(text).problems
    assert [problem.line for problem in found] == [line for line, _ in problems]
    for problem, (_, words) in zip(found, problems, strict=True):
        assert words in problem.message


def test_another_escape_character_joins_lines() -> None:
    dockerfile = parse_dockerfile("# escape=`\nFROM a\nRUN one `\n  two\nCMD c:\\\n")
    assert [i.text for i in dockerfile.stages[0].instructions] == ["RUN one two", "CMD c:\\"]


def test_ports_and_variables_are_those_that_the_file_gives() -> None:
    text = (
        "ARG BASE=a\nARG PORT=1\nFROM $BASE AS base\nENV LOW=80 HIGH=8080\nFROM base\nARG PORT\nARG OTHER=9000\n"
        "ENV NAME $HIGH\nEXPOSE $PORT ${OTHER} $NAME $UNKNOWN\nONBUILD EXPOSE 7\nONBUILD USER root\n"
    )
    dockerfile = parse_dockerfile(text)
    assert dockerfile.exposed_ports() == (1, 9000, 8080)
    assert dockerfile.environment() == {"LOW": "80", "HIGH": "8080", "NAME": "8080"}
    assert dockerfile.user() is None


def test_a_trigger_is_told_from_an_instruction() -> None:
    stage = parse_dockerfile("FROM a\nonbuild run make\ncmd serve\n").stages[0]
    assert [(each.keyword, each.written, each.trigger) for each in stage.instructions] == [
        ("RUN", "run", True),
        ("CMD", "cmd", False),
    ]
    assert stage.instructions[0].text == "ONBUILD RUN make"


def test_variables_are_filled_in_as_builders_do() -> None:
    values = {"A": "1", "EMPTY": ""}
    assert expand_variables("$A ${A} ${B:-x} ${EMPTY:-y} ${A:+z} ${B:+no}|$B|", values) == "1 1 x y z ||"


@given(st.text(alphabet=st.sampled_from("FROM RUNCOPY<<EOF\\\n\"'#=-$[]{}a1 \t`"), max_size=200))
def test_no_text_makes_reading_fail(text: str) -> None:
    dockerfile = parse_dockerfile(text)
    lines = len(text.splitlines()) or 1
    assert all(1 <= problem.line <= lines for problem in dockerfile.problems)
    assert bool(dockerfile.stages) or bool(dockerfile.problems)


def test_images_from_outside_are_bases_and_what_files_are_copied_or_mounted_from() -> None:
    text = (
        "ARG TOOLS=tools\nFROM a:1 AS build\nCOPY --from=$TOOLS:2 --chown=1 /x /y\n"
        "RUN --mount=type=bind,from=z:1,target=/c true --from=no\nRUN --mount=type=cache,target=/c true\n"
        "FROM scratch\nCOPY --from=build /x /\nCOPY --from=0 /x /\nCOPY --from=a:1 /x /\nCOPY --from= /x /\n"
    )
    assert parse_dockerfile(text).outside_images() == ("a:1", "tools:2", "z:1")
    assert parse_dockerfile(text).outside_images({"TOOLS": "own"}) == ("a:1", "own:2", "z:1")
