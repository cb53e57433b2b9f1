"""Whether what a definition names is there and can be used: what was found in, problems with their paths out.

Sources: API reference of CreateExpressGatewayService and CreateRepository; IAM user guide, "Grant a user permissions
to pass a role" (within an account only); Secrets Manager user guide, "Delete an AWS Secrets Manager secret".
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal

from expressway.aws.values.dependencies import KeyFact, RoleState, SecretFact
from expressway.aws.values.network import SecurityGroup, Subnet
from expressway.aws.values.service import ClusterState
from expressway.aws.values.target import Target, parse_arn
from expressway.core.problems import Problem
from expressway.iam.required import EXECUTION_ROLE, INFRASTRUCTURE_ROLE, trusts

RoleOf = Literal["execution", "task", "infrastructure"]
_ASSUMED_BY: dict[RoleOf, str] = {
    "execution": EXECUTION_ROLE.principal,
    "task": EXECUTION_ROLE.principal,
    "infrastructure": INFRASTRUCTURE_ROLE.principal,
}


def cluster_problems(named: str, found: ClusterState | None, target: Target) -> tuple[Problem, ...]:
    """A cluster must be in the target's account and region, and ACTIVE."""
    place = parse_arn(named)
    if place is not None and not place.is_in(target):
        return (_problem("cluster", f"a cluster of {_own(target)}", f"one of {place.describe()}"),)
    if found is None:
        make = f"aws ecs create-cluster --cluster-name {named.rpartition('/')[2]}"
        return (_problem("cluster", f"a cluster that exists ({make} makes it)", f"{named}, which does not"),)
    if found.status != "ACTIVE":
        return (_problem("cluster", "a cluster that is ACTIVE", f"{named}, which is {found.status}"),)
    return ()


def role_problems(purpose: RoleOf, arn: str, found: RoleState | None, target: Target) -> tuple[Problem, ...]:
    """A role must be of the service's own account, be there with that path, and trust what assumes it."""
    path = f"roles.{purpose}"
    if arn.split(":")[4] != target.account_id:
        return (_problem(path, f"a role of the service's own account {target.account_id}", arn),)
    if found is None:
        return (_problem(path, "a role that exists", f"{arn}, which does not"),)
    if found.arn != arn:
        return (_problem(path, "a role that exists", f"{arn}, which does not (there is {found.arn})"),)
    principal = _ASSUMED_BY[purpose]
    if found.trust and not trusts(found.trust, principal):
        return (_problem(path, f"a role that trusts {principal}", f"{arn}, which does not"),)
    return ()


def subnet_problems(named: Sequence[str], found: Sequence[Subnet]) -> tuple[Problem, ...]:
    """Subnets must be there, in one VPC and in two availability zones."""
    there = {one.subnet_id for one in found}
    missing = tuple(
        _problem(f"network.subnets[{index}]", "a subnet that exists", f"{subnet_id}, which does not")
        for index, subnet_id in enumerate(named)
        if subnet_id not in there
    )
    return missing or tuple(_unfit_together(found))


def _unfit_together(subnets: Sequence[Subnet]) -> Iterator[Problem]:
    vpcs = sorted({one.vpc_id for one in subnets})
    zones = sorted({one.zone for one in subnets})
    if len(vpcs) > 1:
        yield _problem("network.subnets", "subnets of one VPC", f"some of {' and of '.join(vpcs)}")
    if len(zones) < 2:
        yield _problem("network.subnets", "subnets in at least two availability zones", f"{zones[0]} alone")


def group_problems(
    named: Sequence[str], found: Sequence[SecurityGroup], *, vpcs: AbstractSet[str]
) -> tuple[Problem, ...]:
    """Security groups must be there, in the VPC of the subnets: the only one of `vpcs`, or unknown."""
    return tuple(
        problem
        for index, group_id in enumerate(named)
        for problem in _group(
            index, group_id, next((one for one in found if one.group_id == group_id), None), vpcs=sorted(vpcs)
        )
    )


def _group(index: int, group_id: str, found: SecurityGroup | None, *, vpcs: Sequence[str]) -> Iterator[Problem]:
    path = f"network.security_groups[{index}]"
    if found is None:
        yield _problem(path, "a security group that exists", f"{group_id}, which does not")
    elif len(vpcs) == 1 and found.vpc_id != vpcs[0]:
        yield _problem(path, f"a security group of {vpcs[0]}, where the subnets are", f"{group_id} of {found.vpc_id}")


def secret_problems(fact: SecretFact, *, own_role: bool = False) -> tuple[Problem, ...]:
    """A secret or parameter must be there, with the version that is named, and not be marked for deletion.

    With `own_role`, the role that is made for it reads it: that one may use the keys of the secret's own account.
    """
    reference = fact.reference
    path, kind = f"secrets.{reference.variable}", "parameter" if reference.is_parameter else "secret"
    if fact.presence == "missing":
        return (_problem(path, f"a {kind} that exists", f"{reference.value_from}, which does not"),)
    if fact.deleted_at is not None:
        return (_problem(path, "a secret that can be read", f"{reference.value_from}, which is marked for deletion"),)
    stage = reference.version_stage
    if stage and fact.stages and stage not in fact.stages:
        got = f"{stage}, and the secret has {', '.join(fact.stages)}"
        return (_problem(path, "the label of a version that exists", got),)
    key = fact.kms_key_id.split(":")
    if own_role and len(key) > 4 and reference.account_id and key[4] != reference.account_id:
        expected = f"a {kind} with a key of its own account {reference.account_id} (or a role in roles.execution)"
        return (_problem(path, expected, f"{reference.secret_id} with the key {fact.kms_key_id}"),)
    return ()


def key_problems(fact: KeyFact) -> tuple[Problem, ...]:
    """The key of a repository must be there and enabled."""
    path = "repository.kms_key_arn"
    if fact.presence == "missing":
        return (_problem(path, "a key that exists", f"{fact.key_id}, which does not"),)
    if fact.state not in {"", "Enabled"}:
        return (_problem(path, "a key that is Enabled", f"{fact.key_id}, which is {fact.state}"),)
    return ()


def principal_problems(index: int, arn: str, found_arn: str | None) -> tuple[Problem, ...]:
    """A trust policy takes only roles and users that exist."""
    if found_arn == arn:
        return ()
    also = f" (there is {found_arn})" if found_arn else ""
    kind = "user" if ":user/" in arn else "role"
    return (_problem(f"repository.push_principals[{index}]", f"a {kind} that exists", f"{arn}, which does not{also}"),)


def _own(target: Target) -> str:
    return f"AWS account {target.account_id}, {target.region}"


def _problem(path: str, expected: str, got: str) -> Problem:
    return Problem(path, expected, got, f"{path}: expected {expected}, got {got}.")
