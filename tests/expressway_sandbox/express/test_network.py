"""A deployed service's network is healthy as it is, and what is broken in it by hand is found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from expressway.aws.ec2 import Network
from expressway.aws.ecs.client import Ecs
from expressway.aws.elbv2 import LoadBalancers
from expressway.aws.session import open_session
from expressway.diagnose.network.action import fetch_network_configuration
from expressway.diagnose.ports import NetworkPorts
from tests.expressway_sandbox.conftest import Cloud, wait_for_deployment

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

DEFAULT_TABLE = "rtb-00000001"


@dataclass(frozen=True)
class Deployed:
    """A service that serves, in the default VPC; `managed` is what ECS made for it."""

    cloud: Cloud
    ports: NetworkPorts
    managed: dict[str, Any]

    def findings(self, vpc_id: str | None = None) -> list[tuple[str, str, str]]:
        answer = fetch_network_configuration("default", vpc_id, ports=self.ports, now=datetime.now(UTC))
        assert answer["status"] == "success"
        assert "gaps" not in answer
        return [(one["code"], one["severity"], one["resource"]) for one in answer["findings"]]

    def codes(self, vpc_id: str | None = None) -> set[str]:
        return {code for code, _, _ in self.findings(vpc_id)}

    @property
    def group_id(self) -> str:
        return self.managed["serviceSecurityGroups"][0]["arn"].rsplit("/", 1)[-1]

    @property
    def balancer_group_id(self) -> str:
        return self.managed["ingressPaths"][0]["loadBalancerSecurityGroups"][0]["arn"].rsplit("/", 1)[-1]

    @property
    def balancer_arn(self) -> str:
        return self.managed["ingressPaths"][0]["loadBalancer"]["arn"]


@pytest.fixture(scope="module")
def ports(cloud: Cloud) -> NetworkPorts:
    session = open_session(sandbox_url=cloud.info.endpoint_url, environ={})
    return NetworkPorts(session.target.region, Ecs(session), Network(session), LoadBalancers(session))


@pytest.fixture
def deployed(cloud: Cloud, ports: NetworkPorts, service_request: Callable[..., dict[str, Any]]) -> Iterator[Deployed]:
    ecs = cloud.client("ecs")
    arn = ecs.create_express_gateway_service(**service_request("networked"))["service"]["serviceArn"]
    wait_for_deployment(cloud, arn)
    (service,) = ecs.describe_services(services=[arn])["services"]
    revision = service["currentServiceRevisions"][0]["arn"]
    (described,) = ecs.describe_service_revisions(serviceRevisionArns=[revision])["serviceRevisions"]
    yield Deployed(cloud, ports, described["ecsManagedResources"])
    ecs.delete_express_gateway_service(serviceArn=arn)
    gone = ecs.get_waiter("services_inactive")
    gone.wait(services=["networked"], WaiterConfig={"Delay": 1, "MaxAttempts": 200})


def test_what_is_broken_by_hand_is_found_and_nothing_before_or_after(deployed: Deployed) -> None:
    ec2 = deployed.cloud.client("ec2")
    elbv2 = deployed.cloud.client("elbv2")
    assert deployed.codes() == {"nothing_wrong"}
    assert deployed.codes("vpc-00000001") == {"nothing_wrong"}

    from_balancer = {
        "GroupId": deployed.group_id,
        "IpPermissions": [
            {
                "IpProtocol": "tcp",
                "FromPort": 8080,
                "ToPort": 8080,
                "UserIdGroupPairs": [{"GroupId": deployed.balancer_group_id}],
            }
        ],
    }
    ec2.revoke_security_group_ingress(**from_balancer)
    assert deployed.findings() == [("load_balancer_blocked", "critical", deployed.group_id)]
    ec2.authorize_security_group_ingress(**from_balancer)

    way_out = {"RouteTableId": DEFAULT_TABLE, "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.delete_route(**way_out)
    assert sorted(deployed.findings()) == [
        ("load_balancer_no_internet_route", "critical", deployed.balancer_arn),
        ("no_internet_route", "critical", DEFAULT_TABLE),
    ]
    ec2.create_route(**way_out, GatewayId="igw-00000001")
    assert deployed.codes() == {"nothing_wrong"}

    rule_arn = deployed.managed["ingressPaths"][0]["rule"]["arn"]
    elbv2.delete_rule(RuleArn=rule_arn)
    found = deployed.findings()
    assert {code for code, _, _ in found} == {"listener_rule_missing"}
    assert ("listener_rule_missing", "critical", rule_arn) in found


def test_a_network_that_does_not_exist_is_refused_in_the_words_of_ecs(
    cloud: Cloud, deployed: Deployed, service_request: Callable[..., dict[str, Any]]
) -> None:
    ecs = cloud.client("ecs")
    (service,) = ecs.describe_services(services=["networked"])["services"]
    groups = {"securityGroups": ["sg-0123456789abcdef0"]}
    no_group = (
        "Error retrieving security group information for [sg-0123456789abcdef0]: The security group "
        "'sg-0123456789abcdef0' does not exist (ErrorCode: InvalidGroup.NotFound)"
    )
    subnets = {"subnets": ["subnet-00000001", "subnet-0123456789abcdef0"]}
    no_subnet = (
        "Error retrieving subnet information for [subnet-00000001, subnet-0123456789abcdef0]: The subnet ID "
        "'subnet-0123456789abcdef0' does not exist (ErrorCode: InvalidSubnetID.NotFound)"
    )
    for network, told in ((groups, no_group), (subnets, no_subnet)):
        with pytest.raises(ecs.exceptions.InvalidParameterException) as refused:
            ecs.create_express_gateway_service(**service_request("unplaced", networkConfiguration=network))
        assert refused.value.response["Error"]["Message"] == told
        with pytest.raises(ecs.exceptions.InvalidParameterException) as refused:
            ecs.update_express_gateway_service(serviceArn=service["serviceArn"], networkConfiguration=network)
        assert refused.value.response["Error"]["Message"] == told
    assert deployed.codes() == {"nothing_wrong"}
