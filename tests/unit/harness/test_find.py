import pytest

from bakeoff.errors import DataError
from bakeoff.harness.find import find_task


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


def test_a_group_is_refused_with_its_tasks(tmp_path):
    folder = write(tmp_path, {"group.yaml": "group: g\ntask:\n  - mine\n  - task: other\n"})
    with pytest.raises(DataError, match="group of several tasks") as caught:
        find_task("g", [folder])
    assert "mine, other" in caught.value.hint


@pytest.mark.parametrize("tag", ["tag: t", "tag:\n  - s\n  - t"])
def test_a_tag_is_refused_with_its_tasks(tag, tmp_path):
    folder = write(tmp_path, {f"{n}.yaml": f"{tag}\ntask: one_{n}\n" for n in range(12)})
    with pytest.raises(DataError, match="tag of several tasks") as caught:
        find_task("t", [folder])
    assert "one_0, one_1, one_10" in caught.value.hint
    assert caught.value.hint.endswith("…")


def test_an_unknown_name_is_told_with_the_nearest(tmp_path):
    folder = write(tmp_path, {"a.yaml": "task: arc_easy\n"})
    with pytest.raises(DataError, match="Did you mean `arc_easy`"):
        find_task("arc_eazy", [folder])
