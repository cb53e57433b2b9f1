"""One toolkit reaches several targets, within the operator's allow-list."""

from pathlib import Path

import pytest

from expressway.errors import RefusedError
from expressway.toolkit import Toolkit

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
