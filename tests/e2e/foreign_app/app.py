"""Somebody's CDK app: a VPC, a database with its secret, two services, alarms and a domain, most of it aws-cdk-lib."""

import os
from typing import Any

from aws_cdk import App, BootstraplessSynthesizer, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_sns as sns

from expressway_constructs import ExpressGatewayService, ExpressImage

app = App()
stack = Stack(app, "ForeignApp", synthesizer=BootstraplessSynthesizer())
images: Any = ecr.Repository.from_repository_name(stack, "Images", os.environ["IMAGE_REPOSITORY"])
digest = os.environ["IMAGE_DIGEST"]

vpc: Any = ec2.Vpc(stack, "Vpc", max_azs=2, nat_gateways=1)
database = rds.DatabaseInstance(
    stack,
    "Database",
    engine=rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_16),
    vpc=vpc,
    credentials=rds.Credentials.from_generated_secret("shop"),
    iam_authentication=True,
    removal_policy=RemovalPolicy.DESTROY,
)
secret: Any = database.secret
group: Any = ec2.SecurityGroup(stack, "Tasks", vpc=vpc)
api = ExpressGatewayService(
    stack,
    "Api",
    image=ExpressImage.from_ecr_repository(images, digest),
    vpc=vpc,
    security_groups=[group],
    health_check_path="/health",
    environment={"HOST": database.db_instance_endpoint_address, "GREETING": os.environ["GREETING"]},
    secrets={"PASSWORD": ecs.Secret.from_secrets_manager(secret, "password")},
)
web = ExpressGatewayService(
    stack,
    "Web",
    image=ecs.ContainerImage.from_ecr_repository(images, digest),
    vpc=vpc,
    health_check_path="/health",
    environment={"API": api.url, "GREETING": "web"},
)
database.connections.allow_default_port_from(api)
database.grant_connect(api, "shop")
web.grant_describe(api)
api.connections.allow_default_port_from(web)

topic: Any = sns.Topic(stack, "Topic")
for name, service in (("Api", api), ("Web", web)):
    alarm = service.metric_server_errors().create_alarm(stack, f"{name}Errors", threshold=1, evaluation_periods=1)
    notify: Any = actions.SnsAction(topic)
    alarm.add_alarm_action(notify)

zone = route53.PublicHostedZone(stack, "Zone", zone_name="shop.example.test")
api.add_domain(zone=zone, name="api")
CfnOutput(stack, "Endpoint", value=api.endpoint)
CfnOutput(stack, "ZoneId", value=zone.hosted_zone_id)
CfnOutput(stack, "ListenerArn", value=api.listener_arn)
CfnOutput(stack, "SecretArn", value=secret.secret_arn)
app.synth()
