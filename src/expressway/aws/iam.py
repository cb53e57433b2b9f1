"""IAM behind a narrow port: a role with its trust and every policy, documents decoded."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any
from urllib.parse import unquote

from expressway.aws.errors import ask, ask_items
from expressway.aws.session import AwsSession
from expressway.aws.values.dependencies import Decision, RolePolicy, RoleState
from expressway.core.progress import ReadPool
from expressway.errors import TargetError

_THREADS = 4
_NO_ENTITY = frozenset({"NoSuchEntity", "NoSuchEntityException"})


class Iam:
    """The roles of one account."""

    def __init__(self, session: AwsSession) -> None:
        self._client = session.client("iam")

    def role(self, role_name: str) -> RoleState | None:
        """The role, or None when the account has none of that name.

        A policy document that may not be read is None in the answer; the role itself must be readable.
        """
        with ReadPool(_THREADS, thread_name_prefix="iam") as pool:
            asked, inline, attached = self._begin_reading(pool, role_name)
            answer = asked.result()
            if answer is None:
                return None
            policies = [pool.submit(self._managed, policy) for policy in attached.result()]
            policies += [pool.submit(self._inline, role_name, name) for name in inline.result()]
            raw: Mapping[str, Any] = answer["Role"]
            return RoleState(
                name=raw["RoleName"],
                arn=raw["Arn"],
                trust=decode_document(raw.get("AssumeRolePolicyDocument")) or {},
                policies=tuple(policy.result() for policy in policies),
                permissions_boundary_arn=(raw.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", ""),
            )

    def _begin_reading(
        self, pool: ReadPool, role_name: str
    ) -> tuple[Future[Any], Future[list[Any]], Future[list[Any]]]:
        """Ask for the role, the names of its inline policies and its attached policies at the same time."""
        return (
            pool.submit(self._ask, f"read the role {role_name}", "get_role", RoleName=role_name),
            pool.submit(lambda: list(self._pages("list_role_policies", "PolicyNames", role_name))),
            pool.submit(lambda: list(self._pages("list_attached_role_policies", "AttachedPolicies", role_name))),
        )

    def policy_names(self, role_name: str) -> frozenset[str] | None:
        """The names of a role's policies, inline and attached, in one round trip; None when there is no such role."""
        with ReadPool(_THREADS, thread_name_prefix="iam") as pool:
            asked, inline, attached = self._begin_reading(pool, role_name)
            if asked.result() is None:
                return None
            return frozenset([*inline.result(), *(str(policy["PolicyName"]) for policy in attached.result())])

    def user_arn(self, user_name: str) -> str | None:
        """The ARN of a user, or None when the account has none of that name."""
        answer = self._ask(f"read the user {user_name}", "get_user", UserName=user_name)
        return str(answer["User"]["Arn"]) if answer else None

    def simulate(self, role_arn: str, actions: Sequence[str], resource: str) -> Mapping[tuple[str, str], Decision]:
        """IAM's own decision for each action on `resource`, by (action, resource): boundaries and SCPs included.

        ``unsure`` where it hangs on a condition that only a real request meets.
        """
        answer = self._ask(
            f"simulate what {role_arn} may do",
            "simulate_principal_policy",
            PolicySourceArn=role_arn,
            ActionNames=list(actions),
            ResourceArns=[resource],
        )
        results = (answer or {}).get("EvaluationResults", [])
        return {(result["EvalActionName"], resource): _decision(result) for result in results}

    def _managed(self, attached: Mapping[str, Any]) -> RolePolicy:
        arn = attached["PolicyArn"]
        return RolePolicy(attached["PolicyName"], arn, self._managed_document(arn))

    def _inline(self, role_name: str, policy_name: str) -> RolePolicy:
        answer = self._ask_if_allowed("get_role_policy", RoleName=role_name, PolicyName=policy_name)
        return RolePolicy(policy_name, "", decode_document(answer["PolicyDocument"]) if answer else None)

    def _managed_document(self, policy_arn: str) -> Mapping[str, Any] | None:
        policy = self._ask_if_allowed("get_policy", PolicyArn=policy_arn)
        if policy is None:
            return None
        version_id = policy["Policy"]["DefaultVersionId"]
        version = self._ask_if_allowed("get_policy_version", PolicyArn=policy_arn, VersionId=version_id)
        return decode_document(version["PolicyVersion"]["Document"]) if version else None

    def _pages(self, operation: str, key: str, role_name: str) -> Iterator[Any]:
        call = getattr(self._client, operation)
        doing = f"list the policies of {role_name}"
        return ask_items(call, key, doing, by="Marker", missing=_NO_ENTITY, RoleName=role_name)

    def _ask_if_allowed(self, operation: str, **arguments: Any) -> Mapping[str, Any] | None:
        try:
            return self._ask("read a policy", operation, **arguments)
        except TargetError as error:
            if error.code == "access_denied":
                return None
            raise

    def _ask(self, doing: str, operation: str, **arguments: Any) -> Mapping[str, Any] | None:
        return ask(getattr(self._client, operation), doing, missing=_NO_ENTITY, **arguments)


def _decision(result: Mapping[str, Any]) -> Decision:
    if result["EvalDecision"] == "allowed":
        return "allowed"
    hangs_on_conditions = result["EvalDecision"] == "implicitDeny" and result.get("MissingContextValues")
    return "unsure" if hangs_on_conditions else "denied"


def decode_document(document: object) -> Mapping[str, Any] | None:
    """A policy document as a mapping: boto3 decodes most of them, the rest come URL-encoded."""
    if isinstance(document, Mapping):
        return document
    if isinstance(document, str) and document:
        text = document if document.lstrip().startswith("{") else unquote(document)
        try:
            decoded: Any = json.loads(text)
        except json.JSONDecodeError:
            return None
        return decoded if isinstance(decoded, dict) else None
    return None
