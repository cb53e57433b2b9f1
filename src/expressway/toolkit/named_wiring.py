"""The adapters of one target that look up what a definition names; each is made when something of its kind is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expressway.operations.named_resources import NamedReads

if TYPE_CHECKING:
    from expressway.adapters.ecs import Ecs
    from expressway.adapters.iam import Iam
    from expressway.adapters.keys import Keys
    from expressway.adapters.network import Network
    from expressway.adapters.parameters import Parameters
    from expressway.adapters.secrets import Secrets
    from expressway.adapters.session import AwsSession


def named_reads(session: AwsSession) -> NamedReads:
    """Reads over one session for questions, which soon gives up an endpoint that is out of reach."""

    def clusters() -> Ecs:
        from expressway.adapters.ecs import Ecs

        return Ecs(session)

    def identities() -> Iam:
        from expressway.adapters.iam import Iam

        return Iam(session)

    def networks() -> Network:
        from expressway.adapters.network import Network

        return Network(session)

    def secrets() -> Secrets:
        from expressway.adapters.secrets import Secrets

        return Secrets(session)

    def parameters() -> Parameters:
        from expressway.adapters.parameters import Parameters

        return Parameters(session)

    def keys() -> Keys:
        from expressway.adapters.keys import Keys

        return Keys(session)

    return NamedReads(clusters, identities, networks, secrets, parameters, keys)
