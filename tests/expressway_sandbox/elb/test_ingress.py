"""The convention for endpoints, which clients rely on."""

from expressway_sandbox.elb import ingress


def test_endpoints_are_recognised_with_and_without_a_port() -> None:
    endpoint = ingress.new_endpoint("eu-west-1")
    assert ingress.is_sandbox_endpoint(endpoint)
    assert ingress.is_sandbox_endpoint(f"{endpoint.upper()}:4566")
    assert not ingress.is_sandbox_endpoint("127.0.0.1:4566")
    assert not ingress.is_sandbox_endpoint("bucket.localhost")


def test_a_request_connects_to_the_gateway_and_names_the_endpoint() -> None:
    request = ingress.endpoint_request("ex-1.ecs.us-east-1.localhost", "http://127.0.0.1:4566/", "/health?x=1")
    assert request == ingress.EndpointRequest("http://127.0.0.1:4566/health?x=1", "ex-1.ecs.us-east-1.localhost")


def test_a_person_is_shown_an_address_that_browsers_resolve() -> None:
    shown = ingress.browser_url("ex-1.ecs.us-east-1.localhost", "http://127.0.0.1:4566")
    assert shown == "http://ex-1.ecs.us-east-1.localhost:4566/"
