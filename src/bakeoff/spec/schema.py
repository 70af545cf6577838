"""The JSON schema of `bakeoff.yaml` for editors: the records, and the options of every implementation."""

from typing import Any

from msgspec import NODEFAULT
from msgspec import inspect as mi

from bakeoff import plugins
from bakeoff.errors import PluginError
from bakeoff.records import DecideSpec, PriceBook, PromptSpec, Sampling, Spec
from bakeoff.records.spec import BenchmarkSpec
from bakeoff.spec import lm_tasks
from bakeoff.spec.reader import COMMON, PREFIXES, Catalog, marks_of, selector_of, struct_type

JsonSchema = dict[str, Any]

_NUMBER_NOTATIONS = {
    "duration": r"^\s*([0-9]+(\.[0-9]+)?|\.[0-9]+)\s*(us|ms|s|sec|m|min|h)\s*$",
    "rate": r"^\s*([0-9]+(\.[0-9]+)?|\.[0-9]+)\s*/\s*(s|sec|m|min|h)\s*$",
    "figure": r"^\s*([0-9]+(\.[0-9]+)?|\.[0-9]+)\s*((us|ms|s|sec|m|min|h)|/\s*(s|sec|m|min|h))\s*$",
}
_VARIABLE: JsonSchema = {"type": "string", "pattern": r"\$\{[A-Za-z_]\w*(:-[^}]*)?\}"}
_OR_TEXT = (PromptSpec, PriceBook)
"""Mappings that a file may give as one text: a template, or the name of a file."""
_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
}


def schema(catalog: Catalog = plugins) -> JsonSchema:
    """Return the JSON schema (draft 2020-12); implementations that cannot be imported are left out."""
    writer = _Writer(catalog)
    root = writer.write(struct_type(Spec))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "bakeoff.yaml",
        **root,
        "$defs": dict(sorted(writer.defs.items())),
    }


def policy_schema(catalog: Catalog = plugins) -> JsonSchema:
    """Return the JSON schema of a policy file: the rule alone, or below `decide`."""
    writer = _Writer(catalog)
    rule = writer.write(struct_type(DecideSpec))
    below: JsonSchema = {"type": "object", "properties": {"decide": rule}, "required": ["decide"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "policy.yaml",
        "anyOf": [rule, below],
        "$defs": dict(sorted(writer.defs.items())),
    }


class _Writer:
    """Types to JSON schema, every struct a definition of its own."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.defs: dict[str, JsonSchema] = {}

    def write(self, kind: mi.Type) -> JsonSchema:
        """Return the schema of a type, as a file may write it."""
        if isinstance(kind, mi.Metadata):
            return self._marked(kind)
        if isinstance(kind, mi.StructType):
            return self._struct(kind)
        if isinstance(kind, mi.UnionType):
            return _any_of([self.write(item) for item in kind.types])
        if isinstance(kind, mi.ListType | mi.VarTupleType):
            return {"type": "array", "items": self.write(kind.item_type)}
        if isinstance(kind, mi.DictType):
            return {"type": "object", "additionalProperties": self.write(kind.value_type)}
        return _scalar(kind)

    def _marked(self, kind: mi.Metadata) -> JsonSchema:
        marks = marks_of(kind)
        mark, family = marks.get("x-bakeoff"), marks.get("x-bakeoff-family")
        if mark in _NUMBER_NOTATIONS:
            return _any_of([self.write(kind.type), {"type": "string", "pattern": _NUMBER_NOTATIONS[mark]}])
        if mark == "sampling":
            known = {field.encode_name: self.write(field.type) for field in struct_type(Sampling).fields}
            return {"type": "object", "properties": known}
        if family and isinstance(kind.type, mi.StructType):
            return self._choice(kind.type, family)
        if family:
            return {"type": "string", "enum": self.catalog.names(family)}
        return self.write(kind.type)

    def _struct(self, kind: mi.StructType) -> JsonSchema:
        name = kind.cls.__name__
        if name not in self.defs:
            self.defs[name] = {}
            definition = self._object(kind.fields)
            self.defs[name] = _with_shorthands(kind.cls, definition, self)
        reference: JsonSchema = {"$ref": f"#/$defs/{name}"}
        return _any_of([reference, {"type": "string"}]) if kind.cls in _OR_TEXT else reference

    def _object(self, fields: tuple[mi.Field, ...]) -> JsonSchema:
        properties: dict[str, JsonSchema] = {}
        for field in fields:
            written = self.write(field.type)
            default = field.default
            if default is not NODEFAULT and isinstance(default, str | int | float | bool):
                written = {**written, "default": default}
            properties[field.encode_name] = written
        result: JsonSchema = {"type": "object", "properties": properties, "additionalProperties": False}
        required = [field.encode_name for field in fields if field.required]
        return {**result, "required": required} if required else result

    def _choice(self, kind: mi.StructType, family: str) -> JsonSchema:
        """Return a name, or a mapping with the options of one implementation."""
        if family not in self.defs:
            self.defs[family] = {}
            self.defs[family] = self._implementations(kind, family)
        return {"$ref": f"#/$defs/{family}"}

    def _implementations(self, kind: mi.StructType, family: str) -> JsonSchema:
        selector = selector_of(kind)
        own = self._object(tuple(f for f in kind.fields if f.encode_name not in ("options", selector)))
        default = next(field.default for field in kind.fields if field.encode_name == selector)
        forms: list[JsonSchema] = []
        usable: list[str] = []
        for name in self.catalog.names(family):
            try:
                options = self._object(struct_type(self.catalog.load(family, name)).fields)
            except PluginError:
                continue
            usable += [name, f"{PREFIXES[family]}{name}"] if family in PREFIXES else [name]
            required = [*([selector] if name != default else []), *options.get("required", [])]
            fields = struct_type(COMMON[family]).fields if family in COMMON else ()
            shared: JsonSchema = self._object(fields)["properties"]
            prefixed = [name, f"{PREFIXES[family]}{name}"] if family in PREFIXES else []
            called = {"enum": prefixed} if prefixed else {"const": name}
            properties = {selector: called, **own["properties"], **shared, **options["properties"]}
            form: JsonSchema = {"type": "object", "properties": properties, "additionalProperties": False}
            forms.append({**form, "required": required} if required else form)
        return _any_of([{"type": "string", **({} if family == "datasets" else {"enum": usable})}, *forms])


def _with_shorthands(cls: type[Any], definition: JsonSchema, writer: _Writer) -> JsonSchema:
    """Return the definition with the short forms that the file allows beside the record's keys."""
    if cls is not BenchmarkSpec:
        return definition
    try:
        synthetic = writer.write(struct_type(writer.catalog.load("datasets", "synthetic")))
    except PluginError:
        return definition
    required = [name for name in definition["required"] if name != "dataset"]
    one_of = [{"required": ["dataset"]}, {"required": ["synthetic"]}]
    properties = {**definition["properties"], "synthetic": synthetic}
    if lm_tasks.KEY in writer.catalog.names("datasets"):
        one_of.append({"required": [lm_tasks.KEY]})
        properties |= _task_keys(writer)
    return {**definition, "properties": properties, "required": required, "oneOf": one_of}


def _task_keys(writer: _Writer) -> JsonSchema:
    """Return the keys of a task of lm-eval, which stand beside each other."""
    task = writer.write(struct_type(writer.catalog.load("datasets", lm_tasks.KEY)))
    options: JsonSchema = writer.defs[task["$ref"].rpartition("/")[2]]["properties"]
    name: JsonSchema = {"type": ["string", "number"]}
    return {lm_tasks.KEY: _any_of([name, task]), **{key: options[key] for key in lm_tasks.OPTIONS}}


def _any_of(parts: list[JsonSchema]) -> JsonSchema:
    flat: list[JsonSchema] = []
    for part in parts:
        for item in part["anyOf"] if set(part) == {"anyOf"} else [part]:
            if item not in flat:
                flat.append(item)
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


def _scalar(kind: mi.Type) -> JsonSchema:
    """Return the schema of a value without parts; numbers may come from a variable."""
    types: dict[type[mi.Type], list[str]] = {
        mi.BoolType: ["boolean"],
        mi.IntType: ["integer"],
        mi.FloatType: ["number"],
        mi.DecimalType: ["number", "string"],
        mi.StrType: ["string", "number"],
        mi.NoneType: ["null"],
    }
    if isinstance(kind, mi.LiteralType):
        return {"enum": list(kind.values)}
    names = types.get(type(kind))
    if names is None:
        return {}
    bounds = {
        word: bound for name, word in _BOUNDS.items() if (bound := getattr(kind, name, None)) is not None
    }
    written: JsonSchema = {"type": names[0] if len(names) == 1 else names, **bounds}
    return written if "string" in names or isinstance(kind, mi.NoneType) else _any_of([written, _VARIABLE])
