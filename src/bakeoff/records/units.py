"""Checked numbers of the spec's fields."""

from typing import Annotated

from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0, extra_json_schema={"x-bakeoff": "duration"})]
Rate = Annotated[float, Meta(gt=0, extra_json_schema={"x-bakeoff": "rate"})]
Figure = Annotated[float, Meta(extra_json_schema={"x-bakeoff": "figure"})]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1)]
Money = Annotated[float, Meta(gt=0)]
