"""An app that passes what CDK apps have: checked by type checkers as a user's app is, and run by them alike."""

from aws_cdk import App, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm

from expressway_constructs import ExpressGatewayService, ExpressImage, ImageRepository, PushPullRole

ISSUER = "arn:aws:iam::111122223333:oidc-provider/token.example.test"

app = App()
stack = Stack(app, "Shop")
vpc = ec2.Vpc(stack, "Vpc", max_azs=2)
group = ec2.SecurityGroup(stack, "Group", vpc=vpc)
cluster = ecs.Cluster(stack, "Cluster", vpc=vpc)
tasks = iam.ServicePrincipal("ecs-tasks.amazonaws.com")
role = iam.Role(stack, "Task", assumed_by=tasks)  # pyright: ignore[reportArgumentType] - the CDK's own contradiction
images = ImageRepository(stack, "Images", repository_name="shop")
foreign = ecr.Repository(stack, "Foreign")
secret = secretsmanager.Secret(stack, "Secret")
parameter = ssm.StringParameter(stack, "Parameter", string_value="x")
engine = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_16)
database = rds.DatabaseInstance(stack, "Database", engine=engine, vpc=vpc, iam_authentication=True)
api = ExpressGatewayService(
    stack,
    "Api",
    image=ExpressImage.from_ecr_repository(foreign, "v1"),
    cluster=cluster,
    vpc=vpc,
    vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
    security_groups=[group, "sg-1"],
    infrastructure_role=iam.Role.from_role_name(stack, "Infrastructure", "infrastructure"),
    execution_role=role,
    task_role=role,
    log_group=logs.LogGroup(stack, "Logs", removal_policy=RemovalPolicy.DESTROY),
    environment={"HOST": database.db_instance_endpoint_address},
    secrets={"A": secret, "B": parameter, "C": secret.secret_arn},
)
web = ExpressGatewayService(
    stack,
    "Web",
    image=ecs.ContainerImage.from_registry("nginx:1"),
    subnets=[*vpc.public_subnets],
    environment={"API": api.url},
    secrets={"TOKEN": ExpressImage.from_registry("x", credentials=secret).credentials or secret},
)
task = ecs.FargateTaskDefinition(stack, "Definition")
custom = ExpressGatewayService(stack, "Custom", task_definition=task, scaling_metric="AVERAGE_MEMORY")
database.connections.allow_default_port_from(web)
database.grant_connect(web, "shop")
s3.Bucket(stack, "Bucket").grant_read(web)
secret.grant_read(web)
key = dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
dynamodb.Table(stack, "Table", partition_key=key).grant_read_write_data(web)
api.connections.allow_default_port_from(web)
api.grant_describe(role)
api.grant_update(web)
api.grant_describe(iam.User(stack, "User"))
web.metric_server_errors().create_alarm(stack, "Errors", threshold=1, evaluation_periods=1)
elbv2.ApplicationTargetGroup.from_target_group_attributes(stack, "Targets", target_group_arn=web.target_group_arn)
oidc = iam.OpenIdConnectPrincipal(iam.OpenIdConnectProvider.from_open_id_connect_provider_arn(stack, "Oidc", ISSUER))
conditioned = oidc.with_conditions({"StringEquals": {"a": "b"}})
push = PushPullRole(stack, "Push", repository=foreign, principals=[role, conditioned])
push.grant_push_pull(images)
known = ExpressGatewayService.from_service_attributes(
    stack, "Known", service_arn=api.service_arn, task_role=role, target_group_arns=api.target_group_arns
)
known.connections.allow_from(web, ec2.Port.tcp(80))
zone = route53.PublicHostedZone(stack, "Zone", zone_name="shop.example.test")
address: str = web.add_domain(zone=zone, name="www").url
first: str = api.target_group_arns[0]
app.synth()
