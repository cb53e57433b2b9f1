"""Load balancers, their rules and target groups as Elastic Load Balancing describes them (plain values)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """One load balancer.

    Attributes:
        kind: ``application``, ``network`` or ``gateway``.
        scheme: ``internet-facing`` or ``internal``.
        security_group_ids: empty for a network load balancer that has none; it then filters nothing.
    """

    arn: str
    name: str = ""
    kind: str = "application"
    scheme: str = "internet-facing"
    state: str = "active"
    vpc_id: str = ""
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """One target group.

    Attributes:
        port: used for targets that are registered without one; ECS always registers the container's port.
        health_check_port: None for ``traffic-port``, which is each target's own.
        target_type: ``ip`` for tasks with a network interface of their own, ``instance`` for others.
        load_balancer_arns: the load balancers that have a listener or rule which forwards to it.
    """

    arn: str
    name: str = ""
    port: int = 0
    protocol: str = "HTTP"
    vpc_id: str = ""
    target_type: str = "ip"
    ip_address_type: str = "ipv4"
    health_check_port: int | None = None
    load_balancer_arns: tuple[str, ...] = ()
