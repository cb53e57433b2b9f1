"""Properties whose change replaces the resource, for the resource types that our stacks use.

Source: ``createOnlyProperties`` of the CloudFormation registry schemas
(``aws cloudformation describe-type --type RESOURCE --type-name …``).
"""

CREATE_ONLY_PROPERTIES: dict[str, frozenset[str]] = {
    "AWS::ECS::ExpressGatewayService": frozenset({"ServiceName", "Cluster", "InfrastructureRoleArn", "Tags"}),
    "AWS::ECR::Repository": frozenset({"RepositoryName", "EncryptionConfiguration"}),
    "AWS::IAM::Role": frozenset({"RoleName", "Path"}),
    "AWS::IAM::Policy": frozenset[str](),
    "AWS::IAM::ManagedPolicy": frozenset({"ManagedPolicyName", "Path", "Description"}),
    "AWS::Logs::LogGroup": frozenset({"LogGroupName"}),
}
