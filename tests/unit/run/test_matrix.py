import pytest

from bakeoff.errors import DataError, SpecErrorGroup
from bakeoff.run.matrix import COLUMNS, models, read_matrix

HEADER = ",".join(COLUMNS)


def table(folder, *rows, header=HEADER):
    path = folder / "bundle.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def mistakes(path):
    with pytest.raises(SpecErrorGroup) as caught:
        read_matrix(path)
    return [(error.where.rpartition(":")[2], error.message) for error in caught.value.errors]


def test_row_with_concurrency_is_a_closed_loop(tmp_path):
    (row,) = read_matrix(table(tmp_path, "org/m,550,150,32,4,,,na"))
    bench = row.benchmark
    assert (row.model, row.line) == ("org/m", 2)
    assert (bench.load.kind, bench.load.options, bench.load.requests) == (
        "concurrent",
        {"concurrency": 4},
        32,
    )
    assert bench.dataset.options == {"prompt_tokens": 550, "output_tokens": 150}
    assert bench.measured
    assert bench.name == "1-in550-out150-c4"


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("constant", "constant", {"rate": 0.5}),
        ("exponential", "poisson", {"rate": 0.5}),
        ("uniform", "gamma", {"shape": 3.0, "rate": 0.5}),
        ("", "constant", {"rate": 0.5}),
    ],
)
def test_row_with_qps_is_an_open_loop(name, kind, options, tmp_path):
    (row,) = read_matrix(table(tmp_path, f"m,10,5,3,,0.5,{name},"))
    assert (row.benchmark.load.kind, row.benchmark.load.options) == (kind, options)
    assert bool(row.note) == (name == "uniform")


def test_concurrency_wins_over_qps(tmp_path):
    (row,) = read_matrix(table(tmp_path, "m,10,5,3,2,7,often,"))
    assert row.benchmark.load.kind == "concurrent"


def test_images_have_the_kits_sizes(tmp_path):
    (row,) = read_matrix(table(tmp_path, "m,10,5,3,2,,,Medium"))
    assert row.benchmark.dataset.options["images"] == {"width": 1000, "height": 1000, "count": 1}
    assert row.benchmark.name.endswith("-medium")


def test_numbers_of_a_data_frame_and_blank_lines_pass(tmp_path):
    rows = read_matrix(table(tmp_path, "m,10.0,5.0,3.0,2.0,nan,nan,nan", "", "n,20,5,3,2,,,"))
    assert [row.benchmark.name for row in rows] == ["1-in10-out5-c2", "2-in20-out5-c2"]
    assert [row.line for row in rows] == [2, 4]
    assert list(models(rows)) == ["m", "n"]


def test_every_mistake_is_told_with_its_line(tmp_path):
    path = table(
        tmp_path,
        "m,550,150,32,4,,,",
        ",550,150,32,4,,,",
        "m,many,0,2.5,4,,,",
        "m,550,150,32,,,,",
        "m,550,150,32,,3,expontial,huge",
        "m,550,150,32,,-1,,",
        "m,550,150,32,4,,,na,more",
    )
    assert mistakes(path) == [
        ("3", "`model_name` is empty"),
        ("4", "`input_tokens` is `many`, which is no number"),
        ("4", "`output_tokens` is 0: a whole number from 1"),
        ("4", "`num_requests` is 2.5: a whole number from 1"),
        ("5", "the row has neither `concurrent_requests` nor `qps`"),
        ("6", "there is no `qps_distribution` `expontial`. Did you mean `exponential`?"),
        ("6", "there is no `multimodal_img_size` `huge`"),
        ("7", "`qps` is -1: a rate is above 0"),
        ("8", "9 cells for 8 columns"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (HEADER + "\n", "no row below"),
        ("model_name,input_tokens\n", "`output_tokens` is missing"),
        ("model_nam,input_tokens\n", "Did you mean `model_name`"),
        ("model_name,model_name\n", "is there twice"),
        (HEADER + '\n"a,1\n', "is no CSV"),
    ],
)
def test_what_is_no_bundle_is_refused(text, message, tmp_path):
    path = tmp_path / "bundle.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_matrix(path)


def test_byte_order_mark_of_a_spreadsheet_is_no_part_of_a_name(tmp_path):
    assert read_matrix(table(tmp_path, "m,1,1,1,1,,,", header="\ufeff" + HEADER))
