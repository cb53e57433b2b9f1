"""The convention for endpoints, which clients rely on."""

from expressway_sandbox.elb import ingress


def test_endpoints_are_recognised_with_and_without_a_port() -> None:
    endpoint = ingress.new_endpoint("eu-west-1")
    assert ingress.is_sandbox_endpoint(endpoint)
    assert ingress.is_sandbox_endpoint(f"{endpoint.upper()}:4566")
    assert not ingress.is_sandbox_endpoint("127.0.0.1:4566")
    assert not ingress.is_sandbox_endpoint("bucket.localhost")
