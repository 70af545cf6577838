"""Decide upon a run again, and take it out in other forms; nothing is sent."""

import tempfile
import zipfile
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import Field

from bakeoff.run.deciding import WhatIf, decide_again, read_traffic
from bakeoff.run.exporting import export_run
from bakeoff.server.http.asking import Ident, json_answer, refusals
from bakeoff.server.http.calls import Reader, TheService
from bakeoff.server.http.shown import Shape
from bakeoff.server.values import check_values

ROUTER = APIRouter(prefix="/api/v1/runs", tags=["runs"], responses=refusals(404, 409, 422))
_Text = Annotated[str, Field(min_length=1, max_length=100)]
_BINARY: dict[str, Any] = {
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
}


class Assumed(Shape):
    """Another rule, or what is assumed in place of what the run says."""

    policy: dict[str, Any] | None = Field(default=None, description="what stands under `decide:` in a spec")
    prices: dict[_Text, dict[_Text, _Text | float]] = Field(
        default_factory=dict, max_length=100, description="USD by target and price class"
    )
    traffic: _Text | float | None = Field(default=None, description="requests per second, or `5/s`")
    slo: dict[_Text, _Text | float] = Field(
        default_factory=dict, max_length=20, description="latency targets, such as `ttft: 300ms`"
    )


@ROUTER.post("/{run}/decide", summary="Decide again, by another rule or as if")
def decide(run: Ident, body: Assumed, service: TheService, caller: Reader) -> Response:
    """Return the results under a rule and with what is assumed; the run stays as it is."""
    folder = service.run(service.jobs.get(run, project=caller.project))
    asked = body.model_dump(exclude_none=True)
    check_values(asked)
    traffic = body.traffic
    what_if = WhatIf(
        prices={name: _texts(each) for name, each in body.prices.items()},
        traffic=None
        if traffic is None
        else read_traffic(traffic if isinstance(traffic, str) else f"{traffic}/s"),
        slo=_texts(body.slo),
    )
    if body.policy is None:
        return json_answer(decide_again(folder, {}, what_if=what_if).finished.results)
    with tempfile.TemporaryDirectory(prefix="bakeoff-draft-") as name:
        policy = Path(name) / "policy.yaml"
        policy.write_bytes(msgspec.json.format(msgspec.json.encode(body.policy), indent=1))
        return json_answer(decide_again(folder, {}, policy=policy, what_if=what_if).finished.results)


@ROUTER.get(
    "/{run}/export",
    summary="A run as files of another tool, or as unsigned evidence",
    responses={200: {"description": "the file, or several as a zip", **_BINARY}},
)
def export(
    run: Ident,
    service: TheService,
    caller: Reader,
    kind: Annotated[str, Query(alias="format", min_length=1, max_length=50, pattern=r"^[a-z_0-9]+$")],
) -> Response:
    """Return what `bakeoff export --format` writes; evidence is not signed, as keys stay with people."""
    folder = service.run(service.jobs.get(run, project=caller.project))
    options = {"unsigned": True} if kind == "evidence" else {}
    with tempfile.TemporaryDirectory(prefix="bakeoff-export-") as name:
        files = export_run(folder, kind, Path(name), options)
        if len(files) == 1:
            content, told = files[0].read_bytes(), files[0].name
        else:
            content, told = _packed(files, Path(name)), f"{run}-{kind}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{told}"', "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type="application/octet-stream", headers=headers)


def _packed(files: list[Path], folder: Path) -> bytes:
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(folder).as_posix())
    return path.read_bytes()


def _texts(given: dict[str, str | float]) -> dict[str, str]:
    return {name: f"{value}" for name, value in given.items()}
