"""However large a folder's own files are, the answer about it is not; what is not in it is named."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressway.containerize.result import ANSWER_BYTES, Containerization, within_size
from expressway.containerize.review.existing import improve_ignore_file
from expressway.diagnose.finding import Finding
from expressway.ecs_api.truncate import json_bytes
from expressway.errors import ImageError
from tests.containerize.fakes import containerized


def made(**parts: Any) -> Containerization:
    return Containerization("shop", 8080, "/", "python:3.13-slim", **parts)


def test_what_an_ordinary_app_needs_is_told_whole() -> None:
    whole = containerized({"requirements.txt": "flask==3\ngunicorn==1\n", "app.py": "app = Flask(__name__)"}).to_dict()
    assert within_size(whole) == whole
    assert "cut" not in whole


_LONG = st.integers(0, 60_000).map(lambda length: "ä" * length)
_TEXTS = st.lists(_LONG, max_size=4).map(tuple)


@settings(max_examples=60)
@given(
    files=st.dictionaries(st.sampled_from(["Dockerfile", ".dockerignore", "expressway.yaml"]), _LONG),
    diff=_LONG,
    findings=st.tuples(st.integers(0, 4000), st.integers(0, 3000)),
    assumptions=_TEXTS,
    gaps=_TEXTS,
    base=_LONG,
)
def test_no_answer_is_larger_than_stated_and_no_file_is_in_pieces(
    files: dict[str, str], diff: str, findings: tuple[int, int], assumptions: Any, gaps: Any, base: str
) -> None:
    count, length = findings
    found = tuple(Finding(f"code_{one}", "warning", "x" * length, resource="Dockerfile") for one in range(count))
    told = Containerization(
        "shop", 8080, "/", base, files=files, diff=diff, findings=found, assumptions=assumptions, gaps=gaps
    ).to_dict()
    shown = within_size(told)
    assert json_bytes(shown) <= ANSWER_BYTES
    assert {path: content for path, content in files.items() if path in shown.get("files", {})} == shown.get(
        "files", {}
    )
    assert shown.get("diff", diff) == diff
    if shown != told:
        named = " ".join(shown["cut"]["omitted"])
        assert all(path in named for path in files if path not in shown.get("files", {}))
        assert "diff" in shown or not diff or "diff:" in named
        assert "The linked resource has all of it" in shown["cut"]["rest"]


def test_the_gravest_findings_stay_and_the_rest_is_counted() -> None:
    found = tuple(Finding(f"code_{one}", "warning", "x" * 200) for one in range(3000))
    shown = within_size(made(findings=found, files={"Dockerfile": "FROM x:1\n"}).to_dict())
    assert [one["code"] for one in shown["findings"]] == [f"code_{one}" for one in range(20)]
    assert shown["cut"]["omitted"] == ["findings: 20 of 3000 items"]
    assert shown["files"] == {"Dockerfile": "FROM x:1\n"}
    assert shown["guidance"]["run_guidance"]["check"] == "curl -f http://localhost:8080/"


def test_an_endless_ignore_file_is_not_held_against_every_file() -> None:
    [finding] = improve_ignore_file("a\n" * 1001, ("key.pem",)).findings
    assert (finding.code, finding.severity) == ("ignore_file_not_checked", "info")
    assert [one.code for one in improve_ignore_file("a\n" * 1000, ("key.pem",)).findings] == ["secret_files_in_context"]


def test_of_many_parts_some_are_named_and_the_rest_counted() -> None:
    texts = {f"part{one:04}/package.json": '{"dependencies": {"express": "5"}}' for one in range(600)}
    with pytest.raises(ImageError) as caught:
        containerized(texts)
    assert caught.value.code == "app_in_subfolder"
    assert "and 580 more" in caught.value.message
    assert len(caught.value.details["apps"]) == 20
