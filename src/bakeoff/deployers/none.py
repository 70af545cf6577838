"""`none`: the server exists already; nothing is started or stopped."""

from pathlib import Path

import msgspec

from bakeoff.deployers import served_name
from bakeoff.errors import DeployError
from bakeoff.records import Deployment, ModelSpec, Weights


class Existing(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint that someone else runs; only its name and what the spec says of it are known."""

    def prepare(self, model: ModelSpec, cache: Path) -> Weights:  # noqa: ARG002  nothing is fetched
        """Return what the spec says of the model; nothing is fetched."""
        return Weights(
            model=served_name(model),
            engine=model.engine,
            precision=model.precision,
        )

    async def start(self, model: ModelSpec, weights: Weights) -> Deployment:
        """Return the endpoint as it stands."""
        if not model.endpoint:
            raise DeployError(
                f"`{model.name}` has no `endpoint`", hint="give one, or a `source` to deploy from"
            )
        return Deployment(
            target=model.name,
            endpoint=model.endpoint.rstrip("/"),
            api_key=model.api_key,
            engine=weights.engine,
        )

    async def stop(self, deployment: Deployment) -> None:
        """Leave the endpoint alone."""
