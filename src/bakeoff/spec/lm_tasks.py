"""The short form of a task of lm-eval, `lm_eval: NAME`, to a data set and the scorer that belongs to it."""

from bakeoff.spec.tree import Leaf, Map, Node, Seq, is_null, leaf, text_leaf

KEY = "lm_eval"
OPTIONS = (
    "include_path",
    "allow_code",
    "num_fewshot",
    "fewshot_seed",
    "fewshot_as_multiturn",
    "system_instruction",
    "gen_kwargs",
)
"""Options of the data set that may stand beside `lm_eval`, as on lm-eval's own command line."""
_SHARED = ("task", "include_path", "allow_code")


def dataset_of(benchmark: Map) -> Map | None:
    """Return the data set that `lm_eval` and the options beside it say; None for anything else."""
    node = benchmark.entries[KEY]
    place = benchmark.key_place(KEY)
    if isinstance(node, Leaf) and node.value is not None:
        node = Map(entries={"task": text_leaf(node.text, node.place)}, place=node.place)
    if not isinstance(node, Map):
        return None
    for key in OPTIONS:
        if key in benchmark.entries:
            node = node.put(key, benchmark.entries[key], benchmark.key_place(key))
    return node.put("type", text_leaf(KEY, place), place)


def with_scorer(benchmark: Map, dataset: Map) -> Map:
    """Return the benchmark with the task's own scorer first, unless it names that one itself."""
    given = benchmark.entries.get("scorers")
    items = given.items if isinstance(given, Seq) else ()
    if any(_type(item) == KEY for item in items) or not (
        given is None or is_null(given) or isinstance(given, Seq)
    ):
        return benchmark
    place = dataset.place
    entries: dict[str, Node] = {"type": leaf(KEY, place, origin="default")}
    entries |= {key: dataset.entries[key] for key in _SHARED if key in dataset.entries}
    scorer = Map(entries=entries, place=place)
    return benchmark.put("scorers", Seq(items=(scorer, *items), place=place), place)


def _type(item: Node) -> str:
    node = item.entries.get("type") if isinstance(item, Map) else item
    return node.text if isinstance(node, Leaf) else ""
