"""bakeoff.yaml to records: parse, defaults, errors with lines, JSON schema."""

from bakeoff.spec.checks import load_at_base
from bakeoff.spec.load import (
    LoadedSpec,
    Setting,
    at_base,
    dump,
    explain,
    load_spec,
    load_stored_spec,
    variables_at,
)
from bakeoff.spec.named import NamedSpec, load_named
from bakeoff.spec.reader import Catalog
from bakeoff.spec.schema import policy_schema, schema

__all__ = [
    "Catalog",
    "LoadedSpec",
    "NamedSpec",
    "Setting",
    "at_base",
    "dump",
    "explain",
    "load_at_base",
    "load_named",
    "load_spec",
    "load_stored_spec",
    "policy_schema",
    "schema",
    "variables_at",
]
