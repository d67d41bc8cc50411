"""Training never makes a store that cannot be served: models of other data are moved to `previous`."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.container.seed_store import seed
from app.scoring.loading import load_registry
from app.settings import Settings
from tests.artefact_edits import rewrite_manifest
from training.artefact import ArtefactError, ArtefactMissing, Manifest, list_artefacts, open_artefact
from training.artefact.previous import restore
from training.artefact.writer import make_store, publish
from training.cli.app import app

FORMATS = Path(__file__).with_name("formats")
# Format versions 1 and 2 rate from 0 to 5, and 3 from 1 to 10.
STARS, BOOKS = 1, 3


def add(store: Path, version: int, *names: str, data: str = "tiny") -> None:
    """Copy a stored artefact to the store under these names, as trained on a data set."""
    for name in names:
        shutil.copytree(FORMATS / f"version-{version}", store / name)
        rewrite_manifest(store / name, partial(_rename, name=name, data=data))


def _rename(manifest: dict[str, dict[str, str] | str], name: str, data: str) -> None:
    manifest["name"] = name
    assert isinstance(manifest["dataset"], dict)
    manifest["dataset"]["name"] = data


def publish_again(store: Path, source: Path, name: str, *, keep_others: bool = False) -> list[str]:
    """Publish the artefact at `source` as training does; return what was moved."""
    artefact = open_artefact(source)
    manifest, moved = artefact.manifest, list[str]()

    def belongs(other: Manifest) -> bool:
        same_data = keep_others or other.dataset.name == manifest.dataset.name
        return same_data and other.scale.bounds == manifest.scale.bounds

    def save(path: Path) -> None:
        shutil.copyfile(source / "model.keras", path)

    publish(
        store,
        {**dict(manifest), "name": name},
        save,
        {},
        artefact.given,
        belongs=belongs,
        on_moved=moved.extend,
    )
    return moved


def served(store: Path) -> list[str]:
    return [folder.name for folder in list_artefacts(store)]


@pytest.fixture
def books(tmp_path: Path) -> Path:
    add(tmp_path, BOOKS, "books", data="books")
    return tmp_path / "books"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with models of movies: two of a data set, and one of another."""
    add(tmp_path / "store", STARS, "baseline", "tiny", data="ml-1m")
    add(tmp_path / "store", STARS, "own", data="ratings")
    return tmp_path / "store"


def test_models_of_another_scale_are_moved_and_restored(store: Path, books: Path) -> None:
    moved = publish_again(store, books, "baseline", keep_others=True)
    assert moved == [
        "previous/ml-1m_0_5/baseline",
        "previous/ratings_0_5/own",
        "previous/ml-1m_0_5/tiny",
    ]
    assert served(store) == ["baseline"]
    assert load_registry(Settings(store=store)).scale.high == 10
    assert restore(store, "ml-1m_0_5") == (["baseline", "tiny"], ["previous/books_1_10/baseline"])
    assert served(store) == ["baseline", "tiny"]
    assert load_registry(Settings(store=store)).scale.high == 5
    # The last set that was moved is the one of books.
    assert restore(store)[0] == ["baseline"]
    assert open_artefact(store / "baseline").manifest.dataset.name == "books"


def test_models_of_another_data_set_are_moved_unless_they_are_to_stay(store: Path, tmp_path: Path) -> None:
    add(tmp_path, STARS, "mine", data="mine")
    assert publish_again(store, tmp_path / "mine", "compact", keep_others=True) == []
    assert served(store) == ["baseline", "compact", "own", "tiny"]
    assert len(publish_again(store, tmp_path / "mine", "compact")) == 3
    assert served(store) == ["compact"]


def test_models_of_the_same_data_set_stay_when_it_has_grown(store: Path, tmp_path: Path) -> None:
    add(tmp_path, STARS, "grown", data="ml-1m")
    rewrite_manifest(tmp_path / "grown", lambda manifest: manifest["dataset"].update(sha256="f" * 64))
    assert publish_again(store, tmp_path / "grown", "tiny") == ["previous/ratings_0_5/own"]
    assert served(store) == ["baseline", "tiny"]


def test_a_served_model_of_the_restored_set_takes_its_place_there(store: Path, tmp_path: Path) -> None:
    add(tmp_path, BOOKS, "books", data="books")
    publish_again(store, tmp_path / "books", "books")
    add(store, STARS, "tiny", data="ml-1m")
    rewrite_manifest(store / "tiny", lambda manifest: manifest.update(description="newer"))
    assert restore(store, "ml-1m_0_5")[0] == ["baseline", "tiny"]
    assert open_artefact(store / "tiny").manifest.description != "newer"
    assert open_artefact(store / "previous/ml-1m_0_5/tiny").manifest.description == "newer"


def test_a_model_that_cannot_take_its_place_moves_no_other(store: Path, books: Path) -> None:
    # A folder cannot replace a link to nothing.
    (store / "books").symlink_to("nothing")
    with pytest.raises(ArtefactError, match="the store is as before"):
        publish_again(store, books, "books")
    assert served(store) == ["baseline", "own", "tiny"]


def test_a_set_that_cannot_be_restored_whole_is_not_restored(store: Path, books: Path) -> None:
    publish_again(store, books, "books")
    (store / "tiny").symlink_to("nothing")
    with pytest.raises(ArtefactError, match="cannot be written"):
        restore(store, "ml-1m_0_5")
    assert served(store) == ["books"]
    (store / "tiny").unlink()
    assert restore(store, "ml-1m_0_5")[0] == ["baseline", "tiny"]


def test_models_take_turns_where_the_system_cannot_exchange_folders(
    store: Path, books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_again(store, books, "books")
    add(store, STARS, "tiny", data="ml-1m")
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: None)
    for _ in range(2):
        assert restore(store, "ml-1m_0_5")[0][-1] == "tiny"
        assert served(store) == ["baseline", "tiny"]
    assert load_registry(Settings(store=store)).scale.high == 5


def test_a_link_to_a_model_still_leads_to_it(store: Path, books: Path) -> None:
    (store / "tiny").rename(store.parent / "tiny")
    (store / "tiny").symlink_to("../tiny")
    for _ in range(2):
        publish_again(store, books, "books")
        assert served(store) == ["books"]
        assert restore(store, "ml-1m_0_5")[0] == ["baseline", "tiny"]
        assert open_artefact(store / "tiny").manifest.dataset.name == "ml-1m"
        # An older link in `previous` gives way, as an older folder does.
        (store / "previous" / "ml-1m_0_5").mkdir()
        (store / "previous" / "ml-1m_0_5" / "tiny").symlink_to("nothing")


def test_what_cannot_be_restored_is_named(store: Path, books: Path) -> None:
    with pytest.raises(ArtefactMissing, match="there are no models to restore"):
        restore(store)
    publish_again(store, books, "books")
    with pytest.raises(ArtefactMissing, match="only ml-1m_0_5, ratings_0_5"):
        restore(store, "other")


def test_a_restored_set_leaves_no_empty_folder(store: Path, books: Path) -> None:
    publish_again(store, books, "books")
    restore(store, "ml-1m_0_5")
    assert sorted(path.name for path in (store / "previous").iterdir()) == ["books_1_10", "ratings_0_5"]


def test_a_store_whose_models_were_only_moved_says_how_to_restore_them(store: Path) -> None:
    for name in served(store):
        (store / "previous" / "ml-1m_0_5").mkdir(parents=True, exist_ok=True)
        (store / name).rename(store / "previous" / "ml-1m_0_5" / name)
    with pytest.raises(ArtefactMissing, match=f"`python -m training restore --store {store}`"):
        load_registry(Settings(store=store))
    restore(store)
    assert served(store) == ["baseline", "own", "tiny"]


def test_previous_is_no_name_of_a_model(store: Path) -> None:
    with pytest.raises(ArtefactError, match="choose another name"):
        make_store(store, ["previous"])


def test_commands_say_in_one_line_what_was_moved(tmp_path: Path) -> None:
    store, file = tmp_path / "store", tmp_path / "books.csv"
    add(store, STARS, "tiny", data="ml-1m")
    rows = [f"{user},{book},{(user + 3 * book) % 10 + 1}" for user in range(30) for book in range(20)]
    file.write_text("\n".join(["user,book,rating", *rows]))
    fit = ["fit", "baseline", "--data", str(file), "--columns", "user,book,rating", "--scale", "1:10"]
    quick = ["--epochs", "1", "--embedding-dim", "4", "--store", str(store)]
    done = CliRunner().invoke(app, [*fit, *quick], catch_exceptions=False)
    (line,) = [one for one in done.stdout.splitlines() if "previous" in one]
    assert "previous/ml-1m_0_5/tiny" in line and "python -m training restore" in line
    assert served(store) == ["baseline"]
    done = CliRunner().invoke(app, ["restore", "--store", str(store)], catch_exceptions=False)
    assert "restored: tiny" in done.stdout and "previous/books_1_10/baseline" in done.stdout
    assert served(store) == ["tiny"]


def test_an_image_does_not_bring_back_what_training_moved(tmp_path: Path) -> None:
    image, volume, source = tmp_path / "image", tmp_path / "volume", tmp_path / "source"
    volume.mkdir()
    add(image, STARS, "compact", "tiny", data="ml-1m")
    seed(image, volume)
    add(source, BOOKS, "books", data="books")
    publish_again(volume, source / "books", "books")
    assert seed(image, volume) == [
        "compact: left out, models of other data were trained here",
        "tiny: left out, models of other data were trained here",
    ]
    assert served(volume) == ["books"]
    restore(volume)
    assert seed(image, volume) == []
