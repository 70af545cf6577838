"""SkyPilot's example configurations, read as they stand.

`models_config.yaml` lists models with hub or bucket sources and accelerators; `eval_config.yaml` adds
cluster settings and a promptfoo block. Both have no `version`; that and their sources tell them apart.
"""

from bakeoff.errors import SpecError
from bakeoff.spec.shape import is_cloud
from bakeoff.spec.tree import Leaf, Map, Node, Seq, is_null, leaf

_TOP = {"models", "cleanup_on_complete", "cluster_prefix", "skip_launch", "eval_only", "promptfoo"}
_CLUSTER = ("cluster_prefix", "skip_launch", "eval_only")
_MODEL = {"name", "source", "model_id", "accelerators", "serve_template"}


def is_skypilot(root: Map) -> bool:
    """Say whether a document is one of SkyPilot's and not ours."""
    models = root.entries.get("models")
    if not set(root.entries) <= _TOP or not isinstance(models, Seq):
        return False
    entries = [item.entries for item in models.items if isinstance(item, Map)]
    sources = [entry.get("source") for entry in entries]
    cloud = [source for source in sources if isinstance(source, Leaf) and is_cloud(source.text)]
    return bool(cloud) and all(set(entry) <= _MODEL for entry in entries)


def convert(root: Map) -> tuple[Map, list[SpecError]]:
    """Return our form of the document and what of it is not available in this version."""
    refused: list[SpecError] = []
    if "promptfoo" in root.entries and not is_null(root.entries["promptfoo"]):
        place = root.key_place("promptfoo")
        refused.append(SpecError("promptfoo: `promptfoo` is not available in this version", where=place))
    models = root.entries["models"]
    assert isinstance(models, Seq)
    cluster = {key: root.entries[key] for key in _CLUSTER if key in root.entries}
    items = tuple(_model(item, cluster) if isinstance(item, Map) else item for item in models.items)
    root = root.drop("promptfoo", *_CLUSTER).put("models", Seq(items=items, place=models.place), root.place)
    return root, refused


def _model(model: Map, cluster: dict[str, Node]) -> Map:
    """Return a model whose deployer is named, with the cluster settings as its options."""
    source = model.entries.get("source")
    if not isinstance(source, Leaf) or not is_cloud(source.text):
        return model
    options = dict(cluster)
    if "serve_template" in model.entries:
        options["serve_template"] = model.entries["serve_template"]
    kind = leaf("skypilot", source.place, origin="default")
    deploy = Map(entries={"type": kind, **options}, place=source.place)
    return model.drop("serve_template").put("deploy", deploy, source.place)
