"""The adapters of one target that look up what a definition names; each is made when something of its kind is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expressway.plan.preflight.resources import NamedReads

if TYPE_CHECKING:
    from expressway.aws.ec2 import Network
    from expressway.aws.ecs.client import Ecs
    from expressway.aws.iam import Iam
    from expressway.aws.secrets import Keys, Parameters, Secrets
    from expressway.aws.session import AwsSession


def named_reads(session: AwsSession) -> NamedReads:
    """Reads over one session for questions, which soon gives up an endpoint that is out of reach."""

    def clusters() -> Ecs:
        from expressway.aws.ecs.client import Ecs

        return Ecs(session)

    def identities() -> Iam:
        from expressway.aws.iam import Iam

        return Iam(session)

    def networks() -> Network:
        from expressway.aws.ec2 import Network

        return Network(session)

    def secrets() -> Secrets:
        from expressway.aws.secrets import Secrets

        return Secrets(session)

    def parameters() -> Parameters:
        from expressway.aws.secrets import Parameters

        return Parameters(session)

    def keys() -> Keys:
        from expressway.aws.secrets import Keys

        return Keys(session)

    return NamedReads(clusters, identities, networks, secrets, parameters, keys)
