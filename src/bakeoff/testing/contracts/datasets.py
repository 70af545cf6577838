"""What every dataset must do.

A third party writes `def test_my_dataset(tmp_path): check_dataset(MyDataset(...), tmp_path)`.
"""

from itertools import islice
from pathlib import Path
from random import Random

import msgspec

from bakeoff.errors import DataError
from bakeoff.extend import Dataset
from bakeoff.records import Case

_ENOUGH = 200


def check_dataset(dataset: Dataset, base: Path) -> None:
    """Assert the contract of the datasets family on one dataset whose data is in place."""
    cases = _take(dataset, base)
    assert cases, "a dataset gives at least one case or raises DataError"
    if dataset.endless:
        assert len(cases) == _ENOUGH, "an endless dataset goes on"
    for case in cases:
        assert case.fields, "every case has its row"
        assert all(isinstance(name, str) for name in case.fields), "field names are text"
        assert case.line >= 0, "lines count from 1, 0 is none"
    msgspec.json.encode(cases)  # a row must fit into a record
    assert cases == _take(dataset, base), "the same seed gives the same cases, also the second time"
    given = [case.id for case in cases if case.id]
    assert len(given) == len(set(given)), "ids that a dataset gives are unique"
    lines = [case.line for case in cases if case.line]
    assert lines == sorted(lines), "rows come in the order of the file"


def check_missing_data(dataset: Dataset, base: Path) -> None:
    """Assert that a dataset whose data is not there, or holds no row, says so as a user's mistake."""
    error = _error(dataset, base)
    assert error is not None, "data that is not there raises DataError"
    assert error.where, "the error names the place"


def _error(dataset: Dataset, base: Path) -> DataError | None:
    try:
        _take(dataset, base)
    except DataError as error:
        return error
    return None


def _take(dataset: Dataset, base: Path) -> list[Case]:
    return list(islice(dataset.cases(base, Random(1)), _ENOUGH))
