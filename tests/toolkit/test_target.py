"""One toolkit reaches several targets, within the operator's allow-list."""

from collections.abc import Callable
from pathlib import Path

import pytest

from expressway.aws.ecr import EcrRegistry, Repositories
from expressway.aws.secrets import Secrets
from expressway.aws.session import AwsSession
from expressway.aws.values.task_definition import SecretReference
from expressway.errors import RefusedError, TargetError
from expressway.toolkit import Toolkit
from expressway.toolkit.target import TargetChoice
from expressway.toolkit.wiring import LocalWiring, Wiring

NOWHERE = "http://127.0.0.1:1"


def toolkit(tmp_path: Path, *, only_listed_targets: bool = False, **variables: str) -> Toolkit:
    environ = {"EXPRESSWAY_HOME": str(tmp_path / "home"), **variables}
    return Toolkit(environ=environ, only_listed_targets=only_listed_targets)


def refusal(toolkit: Toolkit, **asked: str) -> str:
    with pytest.raises(RefusedError) as caught:
        toolkit.at(**asked)
    return caught.value.code


def test_without_a_wish_it_is_the_same_toolkit(tmp_path: Path) -> None:
    with toolkit(tmp_path) as here:
        assert here.at() is here


def test_each_target_has_one_toolkit(tmp_path: Path) -> None:
    with toolkit(tmp_path, EXPRESSWAY_SANDBOX=NOWHERE) as here:
        there = here.at(region="eu-north-1")
        assert there is here.at(region="eu-north-1")
        assert there.target.region == "eu-north-1"
        assert here.target.region == "us-east-1"
        assert there.at(region="us-east-1").target == here.target


def test_an_agents_server_reaches_no_other_account_unless_allowed(tmp_path: Path) -> None:
    with toolkit(tmp_path, only_listed_targets=True, AWS_REGION="eu-west-1") as here:
        assert refusal(here, profile="production") == "profile_not_allowed"
        assert refusal(here, region="us-east-1") == "region_not_allowed"
        assert here.at(region="eu-west-1") is not None


def test_a_person_reaches_what_the_list_allows(tmp_path: Path) -> None:
    with toolkit(tmp_path, AWS_REGION="eu-west-1", EXPRESSWAY_REGIONS="eu-*") as here:
        assert refusal(here, region="us-east-1") == "region_not_allowed"
        here.at(region="eu-north-1")


def test_credentials_that_were_replaced_are_read_anew(tmp_path: Path) -> None:
    with toolkit(tmp_path, EXPRESSWAY_SANDBOX=NOWHERE) as here:
        before = here.target
        here.renew_credentials()
        assert here.target == before
        assert here.target is not before


def test_the_regions_to_list_begin_with_ones_own(tmp_path: Path) -> None:
    with toolkit(tmp_path, EXPRESSWAY_SANDBOX=NOWHERE, EXPRESSWAY_REGIONS="eu-west-*") as here:
        assert here.regions() == ("us-east-1", "eu-west-1", "eu-west-2", "eu-west-3")


ELSEWHERE = {"registry_id": "0" * 12, "region": "eu-west-1"}
FOLLOWED: dict[str, Callable[[AwsSession], object]] = {
    "image": lambda session: EcrRegistry(session).find_image("web", tag="v1", **ELSEWHERE),
    "platforms": lambda session: Repositories(session).platforms("web", digest="sha256:0", **ELSEWHERE),
    "repository policy": lambda session: Repositories(session).policy("web", **ELSEWHERE),
    "tags": lambda session: Repositories(session).tags("web", **ELSEWHERE),
    "secret": lambda session: Secrets(session).fact(named("secretsmanager", "secret:db")),
    "parameter": lambda session: Secrets(session).fact(named("ssm", "parameter/db")),
    "key": lambda session: Secrets(session).key("alias/db", region="eu-west-1"),
}


def named(service: str, what: str) -> SecretReference:
    return SecretReference("Main", "DATABASE", f"arn:aws:{service}:eu-west-1:{'0' * 12}:{what}")


def session(tmp_path: Path, regions: str) -> AwsSession:
    environ = {"EXPRESSWAY_HOME": str(tmp_path), "EXPRESSWAY_SANDBOX": NOWHERE, "EXPRESSWAY_REGIONS": regions}
    return Wiring(TargetChoice(), LocalWiring(environ)).session


@pytest.mark.parametrize("what", FOLLOWED)
@pytest.mark.parametrize("derived", ["itself", "for questions"])
def test_nothing_is_asked_in_a_region_outside_the_list_whatever_leads_there(
    what: str, derived: str, tmp_path: Path
) -> None:
    here = session(tmp_path, "us-east-1,us-west-*")
    with pytest.raises(TargetError) as caught:
        FOLLOWED[what](here if derived == "itself" else here.for_questions())
    assert caught.value.code == "region_not_allowed"
    assert "eu-west-1 is outside the allowed regions (us-east-1, us-west-*)" in caught.value.message


def test_a_region_of_the_list_is_asked_when_something_leads_there(tmp_path: Path) -> None:
    assert session(tmp_path, "eu-*").client("ecr", region="eu-west-1").meta.region_name == "eu-west-1"


def test_an_agents_server_without_a_list_follows_nothing_out_of_its_region() -> None:
    environ = {"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
    follow = TargetChoice().elsewhere(environ=environ, strict=True)
    refused = follow("eu-west-1")
    assert refused is not None
    assert refused.code == "region_not_allowed"
    assert follow("us-east-1") is None
    assert TargetChoice().elsewhere(environ=environ, strict=False)("eu-west-1") is None


def test_from_an_allowed_region_one_finds_back_to_the_environments_own() -> None:
    environ = {"AWS_REGION": "us-east-1", "EXPRESSWAY_REGIONS": "eu-*"}
    there = TargetChoice().other(None, "eu-west-1", environ=environ, strict=True)
    follow = there.elsewhere(environ=environ, strict=True)
    assert follow("us-east-1") is None
    assert follow("us-west-2") is not None
