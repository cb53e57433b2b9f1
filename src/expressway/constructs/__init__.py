"""CDK constructs for Amazon ECS Express Mode: usable in any CDK app, and the two stacks made of them.

Nothing is imported here, since loading the CDK takes half a second: import the module you need, such as
``from expressway.constructs.express_gateway_service import ExpressGatewayService``.
"""
