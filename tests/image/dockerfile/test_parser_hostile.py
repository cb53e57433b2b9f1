"""Reading a Dockerfile takes time that grows with it, whatever stands in it, and never fails."""

import json
import time
from pathlib import Path

import pytest

from expressway.containerize.review.existing import improve_dockerfile
from expressway.errors import ExpresswayError
from expressway.image.check import BuildRequest, check_build
from expressway.image.dockerfile.edit import ExpectedApp
from expressway.image.dockerfile.parser import Dockerfile, expand_variables, parse_dockerfile
from tests.image.dockerfile.hostile import SHAPES, generated

LARGE = 480_000
HANG_SECONDS = 5.0
"""Of the processor's time; what grew with the square took minutes."""
LONGEST_ANSWER = 20_000


class AnyEngine:
    def check_build(self, build: object) -> None:
        return


def read_all(text: str) -> Dockerfile:
    """Everything that anybody asks of a Dockerfile."""
    dockerfile = parse_dockerfile(text)
    dockerfile.exposed_ports(), dockerfile.environment(), dockerfile.outside_images()
    dockerfile.command(), dockerfile.entrypoint(), dockerfile.user()
    improve_dockerfile(text, dockerfile, ExpectedApp(8080, probe=("curl",)))
    return dockerfile


def refusal_of(folder: Path, text: str) -> str:
    """What a build says of it, as JSON; empty when nothing is wrong."""
    (folder / "Dockerfile").write_text(text, newline="")
    try:
        check_build(BuildRequest("hello", folder), engine=AnyEngine())
    except ExpresswayError as error:
        return json.dumps(error.to_dict(), ensure_ascii=False)
    return ""


@pytest.mark.parametrize("shape", SHAPES)
def test_hostile_shapes_take_time_that_grows_with_them(shape: str, tmp_path: Path) -> None:
    text = SHAPES[shape](LARGE)
    started = time.process_time()
    read_all(text)
    assert time.process_time() - started < HANG_SECONDS
    assert len(refusal_of(tmp_path, text)) < LONGEST_ANSWER


def test_generated_dockerfiles_are_read_or_refused_in_few_words(tmp_path: Path) -> None:
    started = time.process_time()
    refused = 0
    for text in generated(600):
        read_all(text)
        answer = refusal_of(tmp_path, text)
        refused += bool(answer)
        assert len(answer) < LONGEST_ANSWER
        answer.encode()
    assert 100 < refused < 600
    assert time.process_time() - started < 10 * HANG_SECONDS


def test_variables_of_variables_do_not_grow_without_end() -> None:
    text = "FROM a\nENV A=xxxxxxxxxx\n" + "ENV A=$A$A$A$A$A$A$A$A$A$A\n" * 100
    assert len(parse_dockerfile(text).environment()["A"]) < 100_000


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("$A-${A}-$B", "1-1-"),
        ("${A:-x}${B:-y}", "1y"),
        ("${A:+x}${B:+y}", "x"),
        ("${A-", "${A-"),
        ("${A-$A", "${A-1"),
        ("${A} ${B:-$A", "1 ${B:-1"),
        ("$1 $ $$A", " $ $1"),
    ],
)
def test_variables_are_filled_in_up_to_the_last_brace_and_after_it(text: str, filled: str) -> None:
    assert expand_variables(text, {"A": "1"}) == filled


@pytest.mark.parametrize("line", ["ENV PORT=" + "9" * 5_000, "ENV PORT=²", "CMD [" + "[" * 100_000])
def test_numbers_and_lists_without_measure_are_no_values(line: str) -> None:
    from expressway.containerize.review.start import listening_port

    dockerfile = parse_dockerfile(f"FROM a\n{line}\n")
    assert listening_port(dockerfile) is None
    assert dockerfile.command() in {None, ("/bin/sh", "-c", line.removeprefix("CMD "))}
