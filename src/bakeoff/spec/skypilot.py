"""SkyPilot's example configurations, read as they stand.

`models_config.yaml` lists models with hub or bucket sources and accelerators; `eval_config.yaml` adds
cluster settings and a promptfoo block. Both have no `version`; that and their sources tell them apart.
"""

from bakeoff.errors import SpecError
from bakeoff.spec.foreign import Converted, Source, seq, slug, text_of
from bakeoff.spec.promptfoo import Benchmarks
from bakeoff.spec.shape import is_cloud
from bakeoff.spec.tree import Leaf, Map, Node, Seq, is_null, leaf, text_leaf

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


def convert(root: Map, source: Source) -> Converted:
    """Return our form of the document; a promptfoo block becomes its benchmarks."""
    models = root.entries["models"]
    assert isinstance(models, Seq)
    cluster = {key: root.entries[key] for key in _CLUSTER if key in root.entries}
    items: list[Node] = [_model(item, cluster) if isinstance(item, Map) else item for item in models.items]
    block = root.entries.get("promptfoo")
    root = root.drop("promptfoo", *_CLUSTER).put("models", seq(items, models.place), root.place)
    if block is None or is_null(block):
        return Converted(root=root)
    place = root.key_place("promptfoo")
    if not isinstance(block, Map):
        wrong = SpecError("promptfoo: expected a mapping", where=place, hint="with `prompts` and `tests`")
        return Converted(root=root, errors=(wrong,))
    benchmarks, errors = Benchmarks(block, source, "promptfoo").read(None)
    root = root.put("benchmarks", seq(benchmarks, place), place)
    name = slug(text_of(block.entries.get("description")), "promptfoo")
    return Converted(root=root.put("name", text_leaf(name, place), place), errors=tuple(errors))


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
