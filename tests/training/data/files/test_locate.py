"""Which files of a folder are the ratings."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.data.files.locate import find_files
from training.errors import DataError


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["data_1.parquet", "data_0.parquet"], ["data_0.parquet", "data_1.parquet"]),
        (["1.csv", "2.csv", "movies.txt"], ["1.csv", "2.csv"]),
        (
            ["0f3c1a5e-12ab-4c3d.parquet", "9b1d77aa-98cd-4e5f.parquet"],
            ["0f3c1a5e-12ab-4c3d.parquet", "9b1d77aa-98cd-4e5f.parquet"],
        ),
        (
            ["y=1/m=2/0.csv", "y=1/m=1/0.csv", "y=1/_tmp/0.csv", ".x=1/0.csv"],
            ["y=1/m=1/0.csv", "y=1/m=2/0.csv"],
        ),
        (["ratings.csv", "links-1.csv", "links-2.csv"], ["ratings.csv"]),
        (["below/2.csv", "below/1.csv"], ["below/1.csv", "below/2.csv"]),
    ],
)
def test_finds_the_parts_of_one_data_set(tmp_path: Path, names: list[str], found: list[str]) -> None:
    make(tmp_path, *names)
    assert [str(file.relative_to(tmp_path)) for file in find_files(tmp_path).files] == found


def test_files_with_different_names_are_not_parts(tmp_path: Path) -> None:
    make(tmp_path, "ratings.parquet", "movies.parquet")
    with pytest.raises(
        DataError, match=r"several ratings files \(movies.parquet, ratings.parquet\).*pattern"
    ):
        find_files(tmp_path)


def test_a_pattern_finds_the_files_it_matches_in_order(tmp_path: Path) -> None:
    make(tmp_path, "lake/a/2.csv", "lake/b/1.csv", "lake/b/1.txt")
    found = find_files(tmp_path / "lake" / "**" / "*.csv")
    assert found.path == tmp_path / "lake"
    assert [file.name for file in found.files] == ["2.csv", "1.csv"]
    with pytest.raises(DataError, match="matches no file"):
        find_files(tmp_path / "*.tsv")


def test_a_file_whose_name_has_wildcards_is_itself(tmp_path: Path) -> None:
    make(tmp_path, "a[1].csv", "a1.csv")
    assert find_files(tmp_path / "a[1].csv").files == (tmp_path / "a[1].csv",)
