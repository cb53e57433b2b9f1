"""`expressway api`: AWS's answer as one JSON document; changes are asked for and name what they touch."""

import json
from pathlib import Path

import pytest

from expressway_sandbox.lifecycle import SandboxInfo
from tests.cli.test_main import error_of, run

pytestmark = pytest.mark.process

NOWHERE = {"EXPRESSWAY_SANDBOX": "http://127.0.0.1:1"}
CHANGE = ("api", "UpdateService", "--params", '{"service": "web", "desiredCount": 2}')


def test_a_change_that_nobody_can_confirm_is_refused_and_names_what_it_touches() -> None:
    done = run(*CHANGE, "--json", **NOWHERE)
    error = error_of(done)
    assert (done.returncode, error["code"]) == (3, "confirmation_required")
    assert error["details"]["touches"] == ["service web in cluster default"]
    assert "--yes" in error["hint"]


def test_what_is_wrong_is_told_before_anything_is_asked() -> None:
    wrong = run("api", "UpdateServic", "--json", **NOWHERE)
    assert wrong.returncode == 2
    assert error_of(wrong)["details"]["suggestions"][0] == "UpdateService"
    misfit = run("api", "StopTask", "--params", '{"task": 1, "nonsense": 2}', "--json", **NOWHERE)
    assert [one["path"] for one in error_of(misfit)["details"]["problems"]] == ["nonsense"]
    assert misfit.returncode == 2
    query = run("api", "ListClusters", "--query", "clusterArns[", "--json", **NOWHERE)
    assert (query.returncode, error_of(query)["code"]) == (2, "query_invalid")


@pytest.mark.parametrize(
    "params",
    ["{", "[]", "@/nowhere/at/all.json", "@/dev/zero", "@~nosuchuser/x", "[" * 90_000, '{"a": ' * 60 + "1" + "}" * 60],
    ids=range(7),
)
def test_parameters_that_are_no_json_object_are_told_so(params: str) -> None:
    done = run("api", "ListClusters", "--params", params, "--json", **NOWHERE)
    assert (done.returncode, error_of(done)["code"]) in {(2, "invalid_parameters"), (2, "invalid_path")}


@pytest.mark.sandbox
def test_the_answer_is_json_and_parameters_come_from_a_file(embedded_aws: SandboxInfo, tmp_path: Path) -> None:
    here = {"EXPRESSWAY_SANDBOX": embedded_aws.endpoint_url}
    (tmp_path / "cluster.json").write_text('{"clusterName": "from-a-file"}')
    made = run("api", "CreateCluster", "--params", f"@{tmp_path / 'cluster.json'}", "--yes", **here)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["touches"] == ["cluster from-a-file"]
    found = run("api", "ListClusters", "--query", "clusterArns[?ends_with(@, '/from-a-file')] | length(@)", **here)
    assert json.loads(found.stdout) == {"result": 1}
    assert "sandbox" in found.stderr, "the target is always said"
    run("api", "DeleteCluster", "--params", '{"cluster": "from-a-file"}', "--yes", **here)
