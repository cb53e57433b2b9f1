"""The table of resource kinds, held against the registry schemas that cfn-lint carries."""

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from expressway.cloudformation.resource_kinds import RESOURCE_KINDS, kind_of


@pytest.mark.parametrize("resource_type", RESOURCE_KINDS)
def test_the_table_says_what_the_registry_schemas_say(resource_type: str) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema
    paths = [path.removeprefix("/properties/") for path in schema.get("createOnlyProperties", ())]
    kind = kind_of(resource_type)

    assert kind.create_only == {path.partition("/")[0] for path in paths}
    assert set(kind.named_by) <= schema["properties"].keys() & kind.create_only


def test_only_a_fixed_text_is_a_name() -> None:
    kind = kind_of("AWS::ECR::Repository")

    assert kind.name_of({"RepositoryName": "shop-repo"}) == "shop-repo"
    assert kind.name_of({"RepositoryName": {"Ref": "Name"}}) is None
    assert kind_of("AWS::S3::Bucket").name_of({"BucketName": "b"}) is None
