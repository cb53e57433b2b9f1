"""Resources: templates of this session, and the schema of the definition."""

import hashlib
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from mcp.shared.exceptions import MCPError
from mcp.types import ResourceLink, TextResourceContents

from expressway.cloudformation.template import AppTemplates, Template
from expressway.core.progress import ProgressSink, ignore_progress
from expressway.toolkit import AppSource
from mcp import Client
from tests.mcp.connections import CLOSED, ERAS, WIDE_OPEN, Era, connected, good_shape
from tests.mcp.fakes import FakeSynthesis, FakeToolkit, templates_of, write_app


async def _text(client: Client, uri: str) -> str:
    contents = (await client.read_resource(uri)).contents[0]
    assert isinstance(contents, TextResourceContents)
    assert contents.mime_type == "application/json"
    return contents.text


@pytest.mark.parametrize("era", ERAS)
async def test_the_links_of_synth_lead_to_the_very_templates(era: Era, tmp_path: Path) -> None:
    async with connected(FakeToolkit(), era) as client:
        shape = good_shape(await client.call_tool("synth_app", {"app_path": str(write_app(tmp_path))}))
        texts = [await _text(client, stack["uri"]) for stack in shape["stacks"]]
    assert texts == [template.body for template in templates_of("shop")]


class WithEnvironment(FakeToolkit):
    """Its service's template has a value that is withheld."""

    def synth(self, source: AppSource, *, lint: bool = True, progress: ProgressSink = ignore_progress) -> FakeSynthesis:
        plain = super().synth(source, lint=lint, progress=progress).templates
        return FakeSynthesis(AppTemplates(plain.repository, Template(plain.service.stack_name, _BODY)))


_SERVICE = {
    "Type": "AWS::ECS::ExpressGatewayService",
    "Properties": {"PrimaryContainer": {"Environment": [{"Name": "STAGE", "Value": "production"}]}},
}
_BODY = json.dumps({"Resources": {"Service": _SERVICE}})


@pytest.mark.parametrize("era", ERAS)
async def test_a_template_with_withheld_values_says_that_its_digest_is_of_the_whole(era: Era, tmp_path: Path) -> None:
    arguments = {"app_path": str(write_app(tmp_path))}
    async with connected(WithEnvironment(), era, CLOSED) as client:
        result = await client.call_tool("synth_app", arguments)
        repository, service = good_shape(result)["stacks"]
        text = await _text(client, service["uri"])
        [link] = [one for one in result.content if isinstance(one, ResourceLink) and str(one.uri) == service["uri"]]
    assert "production" not in text
    assert "note" not in repository
    assert service["digest"] == hashlib.sha256(_BODY.encode()).hexdigest()
    assert service["note"] == json.loads(text)["note"] == link.description
    assert "digest is that of the whole template" in service["note"]
    async with connected(WithEnvironment(), era, WIDE_OPEN) as client:
        _, service = good_shape(await client.call_tool("synth_app", arguments))["stacks"]
        text = await _text(client, service["uri"])
    assert "note" not in service
    assert hashlib.sha256(text.encode()).hexdigest() == service["digest"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_template_that_was_not_synthesized_is_not_found(era: Era) -> None:
    async with connected(FakeToolkit(), era) as client:
        with pytest.raises(MCPError, match="Call synth_app first"):
            await client.read_resource("expressway://shop/templates/shop-express-service")


@pytest.mark.parametrize("era", ERAS)
async def test_the_schema_of_the_definition_is_a_resource_that_judges_definitions(era: Era) -> None:
    async with connected(FakeToolkit(), era) as client:
        listed = [str(resource.uri) for resource in (await client.list_resources()).resources]
        schema = json.loads(await _text(client, "expressway://schema/definition"))
    assert listed == ["expressway://schema/definition"]
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"name": "shop", "image": "httpd:2.4"})
    assert not validator.is_valid({"name": "Shop!", "image": "httpd:2.4"})


async def test_the_template_resource_is_announced() -> None:
    async with connected(FakeToolkit(), "auto") as client:
        templates = (await client.list_resource_templates()).resource_templates
    assert {template.uri_template for template in templates} == {
        "expressway://{app}/templates/{stack_name}",
        "expressway://answers/{number}",
    }


@pytest.mark.parametrize("uri", ["expressway://shop/templates/..%2F..%2Fetc", "file:///etc/passwd"])
async def test_nothing_else_can_be_read(uri: str) -> None:
    async with connected(FakeToolkit(), "auto") as client:
        with pytest.raises(MCPError):
            await client.read_resource(uri)
