import pytest

from bakeoff.errors import DataError
from bakeoff.harness.find import find_task, find_tasks


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize("line", ["task: mine", '"task": "mine"', "task:   'mine'  # ours", "task: mine\r"])
def test_a_task_is_found_by_its_name_however_it_is_quoted(line, tmp_path):
    folder = write(
        tmp_path, {"deep/er/x.yaml": f"dataset_path: json\n{line}\nnum: 1\n", "y.yaml": "task: mine2\n"}
    )
    assert find_task("mine", [folder]) == tmp_path / "deep/er/x.yaml"


def test_own_tasks_go_before_lm_evals(tmp_path):
    theirs, ours = (write(tmp_path / name, {"t.yaml": "task: a\n"}) for name in ("theirs", "ours"))
    assert find_task("a", [theirs, ours]) == ours / "t.yaml"


def test_the_first_of_two_in_one_folder_counts_as_for_lm_eval(tmp_path):
    folder = write(
        tmp_path, {"b.yaml": "task: a\n", "a/z.yaml": "task: a\n", "__pycache__/a.yaml": "task: a\n"}
    )
    assert find_task("a", [folder]) == tmp_path / "a/z.yaml"


def test_a_list_of_tasks_is_not_a_task_of_that_name(tmp_path):
    folder = write(tmp_path, {"group.yaml": "group: g\ntask:\n  - mine\n  - task: other\n"})
    with pytest.raises(DataError, match="no task `mine`"):
        find_task("mine", [folder])


def test_a_group_is_no_single_task(tmp_path):
    folder = write(tmp_path, {"group.yaml": "group: g\ntask:\n  - mine\n", "t.yaml": "tag: t\ntask: mine\n"})
    for name in ("g", "t"):
        with pytest.raises(DataError, match=r"is several tasks\n.*name one of them: mine$"):
            find_task(name, [folder])


NESTED = {
    "g.yaml": "group: g\ntask: [inner, t, {task: d}, {group: here, task: [a, e]}]\nx: !function u.f\n",
    "inner.yaml": '"group": "inner"\ntask:\n  - b\n  - a\n',
    **{f"{name}.yaml": f"task: {name}\n" for name in "abde"},
    "z.yaml": "task: z\ntag: [s, t]\n".replace("[s, t]", "\n  - s\n  - t"),
    "y.yaml": "include: _common\ntask: y\n",
    "_common": "include: deep/_more\n",
    "deep/_more": "tag: t\n",
    "other.yaml": "include: _common\ntag: other\ntask: other\n",
    "group_of_tag.yaml": "include: _common\ngroup: not_me\ntask: [a]\n",
}


def test_a_group_is_its_tasks_in_order_and_a_tag_its_tasks_by_name(tmp_path):
    folder = write(tmp_path, NESTED)
    assert find_tasks("g", [folder]) == ["b", "a", "y", "z", "d", "e"]
    assert find_tasks("t", [folder]) == ["y", "z"]
    assert find_tasks("a", [folder]) == ["a"]


def test_tasks_of_a_group_are_looked_for_everywhere(tmp_path):
    theirs = write(tmp_path / "theirs", {"a.yaml": "task: a\n", "g.yaml": "group: g\ntask: [zzz]\n"})
    ours = write(tmp_path / "ours", {"b.yaml": "task: b\n", "g.yaml": "group: g\ntask: [b, a]\n"})
    assert find_tasks("g", [theirs, ours]) == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("group: g\ntask: [{task: a, num_fewshot: 3}]\n", "changes the options of a task"),
        ("group: g\ntask: [b, {task: a, num_fewshot: 3}, {x: 1}]\n", "with the options in it: b, a$"),
        ("group: g\ntask: [nowhere]\n", "no task `nowhere`"),
        ("group: g\ntask: [h]\n", "holds itself"),
        ("group: g\n", "changes the options"),
        ("group: g\ntask: [\n", "cannot be read"),
    ],
)
def test_a_group_that_cannot_be_asked_says_why(text, message, tmp_path):
    files = {"a.yaml": "task: a\n", "b.yaml": "task: b\n", "h.yaml": "group: h\ntask: g\n", "g.yaml": text}
    with pytest.raises(DataError, match=message):
        find_tasks("g", [write(tmp_path, files)])


def test_an_unknown_name_is_told_with_the_nearest(tmp_path):
    folder = write(tmp_path, {"a.yaml": "task: arc_easy\n"})
    with pytest.raises(DataError, match="Did you mean `arc_easy`"):
        find_task("arc_eazy", [folder])
