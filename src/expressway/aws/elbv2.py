"""Elastic Load Balancing: load balancers, their rules, target groups and targets."""

from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import Raw, ask_items, aws_error_code, map_aws_error
from expressway.aws.session import AwsSession
from expressway.aws.values.network import LoadBalancer, TargetGroup
from expressway.aws.values.service import TargetHealth

_ARNS_A_CALL = 20
_RULES_A_CALL = 20


class LoadBalancers:
    """The load balancers of one account and region. Safe to share between threads.

    What is asked for by ARN and does not exist is left out. Every method raises TargetError for what stands
    between us and Elastic Load Balancing (``access_denied``, ``throttled``, …).
    """

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    @property
    def _client(self) -> Any:
        """Made by the first read: not every question needs it."""
        return self._session.client("elbv2")

    def load_balancers(self, arns: Sequence[str]) -> tuple[LoadBalancer, ...]:
        found = self._by_arn("describe_load_balancers", "LoadBalancers", "LoadBalancerArns", arns)
        return tuple(map(_load_balancer, found))

    def load_balancers_of(self, vpc_ids: Sequence[str]) -> tuple[LoadBalancer, ...]:
        """All load balancers in the VPCs; the API has no filter for that, so every page is read."""
        doing = "describe load balancers"
        every = ask_items(self._client.describe_load_balancers, "LoadBalancers", doing, by="Marker", given="NextMarker")
        return tuple(found for found in map(_load_balancer, every) if found.vpc_id in vpc_ids)

    def target_groups(self, arns: Sequence[str]) -> tuple[TargetGroup, ...]:
        found = self._by_arn("describe_target_groups", "TargetGroups", "TargetGroupArns", arns)
        return tuple(map(_target_group, found))

    def health(self, target_group_arns: Sequence[str]) -> tuple[TargetHealth, ...]:
        """The health of every target of the groups; a group that is gone has none."""
        answers = {arn: self._ask("describe_target_health", TargetGroupArn=arn) or {} for arn in target_group_arns}
        return tuple(
            _target(raw, arn) for arn, answer in answers.items() for raw in answer.get("TargetHealthDescriptions", ())
        )

    def missing_rules(self, rule_arns: Sequence[str]) -> tuple[str, ...]:
        """Those of the listener rules that do not exist."""
        existing = {
            rule.get("RuleArn")
            for rule in self._by_arn("describe_rules", "Rules", "RuleArns", rule_arns, _RULES_A_CALL)
        }
        return tuple(arn for arn in rule_arns if arn not in existing)

    # -- asking ---------------------------------------------------------------------------------------------
    def _by_arn(
        self, operation: str, key: str, parameter: str, arns: Sequence[str], size: int = _ARNS_A_CALL
    ) -> Iterator[Raw]:
        """What the ARNs name. One that is gone fails the whole call, so its neighbours are asked for singly."""
        for start in range(0, len(arns), size):
            some = list(arns[start : start + size])
            answer = self._ask(operation, **{parameter: some})
            if answer is not None:
                yield from answer.get(key, ())
            elif len(some) > 1:
                yield from self._by_arn(operation, key, parameter, some, size=1)

    def _ask(self, operation: str, **arguments: Any) -> Raw | None:
        """The answer, or None where something that was named does not exist."""
        try:
            return getattr(self._client, operation)(**arguments)
        except (ClientError, BotoCoreError) as exc:
            if aws_error_code(exc).removesuffix("Exception").endswith("NotFound"):
                return None
            raise map_aws_error(exc, operation.replace("_", " ")) from exc


def _load_balancer(raw: Raw) -> LoadBalancer:
    zones: list[Raw] = list(raw.get("AvailabilityZones", ()))
    return LoadBalancer(
        arn=raw.get("LoadBalancerArn", ""),
        name=raw.get("LoadBalancerName", ""),
        kind=raw.get("Type", "application"),
        scheme=raw.get("Scheme", ""),
        state=(raw.get("State") or {}).get("Code", ""),
        vpc_id=raw.get("VpcId", ""),
        subnet_ids=tuple(zone["SubnetId"] for zone in zones if zone.get("SubnetId")),
        security_group_ids=tuple(raw.get("SecurityGroups", ())),
    )


def _target_group(raw: Raw) -> TargetGroup:
    health_check_port = str(raw.get("HealthCheckPort", ""))
    return TargetGroup(
        arn=raw.get("TargetGroupArn", ""),
        name=raw.get("TargetGroupName", ""),
        port=raw.get("Port", 0),
        protocol=raw.get("Protocol", ""),
        vpc_id=raw.get("VpcId", ""),
        target_type=raw.get("TargetType", ""),
        ip_address_type=raw.get("IpAddressType", "ipv4"),
        health_check_port=int(health_check_port) if health_check_port.isdigit() else None,
        load_balancer_arns=tuple(raw.get("LoadBalancerArns", ())),
    )


def _target(raw: Raw, target_group_arn: str) -> TargetHealth:
    target: Raw = raw.get("Target") or {}
    health: Raw = raw.get("TargetHealth") or {}
    return TargetHealth(
        target_id=target.get("Id", ""),
        port=target.get("Port", 0),
        state=health.get("State", ""),
        reason=health.get("Reason", ""),
        description=health.get("Description", ""),
        target_group_arn=target_group_arn,
    )
