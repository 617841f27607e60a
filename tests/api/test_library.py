"""The library as a person uses it from Python."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

import safelight
from safelight.api.library import Library
from safelight.errors import (
    LibraryError,
    PlanError,
    QueryError,
    SafelightError,
    SourceError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def pictures(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    folder = tmp_path / "Pictures"
    for seed, name in enumerate(["red <b>&.png", "green.png", "blue.png"]):
        make_photo(folder / name, name.partition(" ")[0].partition(".")[0], seed=seed)
    (folder / "copy of red.png").write_bytes((folder / "red <b>&.png").read_bytes())
    return folder


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: Path) -> Iterator[Library]:
    monkeypatch.setenv("SAFELIGHT_MODEL", "starter")
    with safelight.open(tmp_path / "photos.db") as library:
        library.ingest(pictures)
        yield library


def test_ingest_chooses_the_model_and_search_finds(opened: Library, pictures: Path) -> None:
    again = opened.ingest(pictures)
    assert (again.new, again.unchanged, again.model) == (0, 4, "starter")
    assert [each.unchanged for each in opened.update()] == [4]
    hits = opened.search("red", top=2)
    assert len(hits) == 2
    assert hits.paths == [hit.path for hit in hits]
    assert hits[0] in hits
    assert len(hits[:1]) == 1
    assert [row["photo_id"] for row in hits.to_dicts()] == [hit.photo_id for hit in hits]
    assert len(hits.to_json().splitlines()) == 2
    assert opened.embedder() is opened.embedder()


def test_hits_become_tables_and_safe_html(opened: Library) -> None:
    hits = opened.search("red", expand=True)
    assert hits.to_pandas()["path"].tolist() == hits.paths
    assert hits.to_arrow().column("photo_id").to_pylist() == [hit.photo_id for hit in hits]
    shown = hits._repr_html_()
    assert shown.count('src="data:image/webp;base64,') == 3
    assert "<b>&" not in shown.replace("<p><b>", "")
    assert "&lt;b&gt;&amp;" in shown
    nothing = opened.search("red", min_score=1.0)
    assert (len(nothing), nothing.to_arrow().num_rows, len(nothing.to_pandas())) == (0, 0, 0)
    assert "0 hits" in nothing._repr_html_()


def test_a_photo_that_was_replaced_is_not_shown(
    opened: Library, pictures: Path, make_photo: Callable[..., Path]
) -> None:
    hits = opened.search("green", top=1)
    for each in pictures.iterdir():
        make_photo(each, "blue", seed=9)
    assert "<img" not in hits._repr_html_()


def test_the_state_of_a_library(opened: Library, pictures: Path) -> None:
    (pictures / "broken.jpg").write_bytes(b"\xff\xd8\xff junk")
    assert opened.ingest(safelight.parse_source(str(pictures))).failed == 1
    assert [failure.path for failure in opened.failures()] == [str(pictures / "broken.jpg")]
    assert opened.status().counts.photos == 3
    assert [each.source.spec for each in opened.sources()] == [f"images:{pictures}"]
    assert [each.space.name for each in opened.spaces()] == ["starter"]
    assert opened.use_space("starter").covered == 3
    with pytest.raises(LibraryError):
        opened.drop_space("starter")
    with pytest.raises(LibraryError):
        opened.status(namespace="nope")
    with pytest.raises(UsageError, match="vector store"):
        opened.sync()
    with pytest.raises(UsageError, match="vector store"):
        opened.sync("nonsense")


def test_scores_and_labels_are_kept_once(opened: Library) -> None:
    seen = []
    assert opened.score(progress=seen.append).scored == 3
    assert [(step.done, step.total) for step in seen] == [(1, 3), (2, 3), (3, 3)]
    assert opened.score().scored == 0
    made = opened.label(labels=["beach", "people"])
    assert (made.labelled, made.label_set.labels) == (3, ("beach", "people"))
    assert opened.label(labels=["beach", "people"]).labelled == 0
    facts = opened.photos().facts()
    assert all(0 <= score <= 1 for score in facts["score_focus"])
    assert all(labels is not None for labels in facts["labels"])
    assert len(opened.photos(least={"focus": 0.0})) == 3
    assert len(opened.photos("-label:beach")) == 3


def test_photos_are_rows_of_vectors_and_facts(opened: Library, pictures: Path) -> None:
    photos = opened.photos()
    matrix = photos.vectors()
    assert matrix.dtype == np.float32
    assert np.allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-3)
    facts = photos.facts()
    assert facts["photo_id"] == [photo.id for photo in photos] == list(photos.ids)
    assert facts.to_pandas().shape == (3, len(facts))
    assert facts.to_arrow().num_rows == len(photos[1:]) + 1 == 3
    assert np.array_equal(photos[1:].vectors(), matrix[1:])
    assert opened.photo(photos.ids[0][:8]) == photos[0]
    assert photos._repr_html_().count("<img") == 3
    assert len(opened.photos(folder=pictures, camera="nobody's")) == 0
    assert opened.photos(camera="nobody's").vectors().shape == (0, matrix.shape[1])


def test_files_are_measured_and_labelled_without_being_kept(
    opened: Library, pictures: Path
) -> None:
    (pictures / "broken.jpg").write_bytes(b"\xff\xd8\xff junk")
    found = opened.score_files(pictures, metrics=["focus"])
    assert len(list(found)) == 4
    assert [path for path, _ in found.failures] == [str(pictures / "broken.jpg")]
    labels = opened.label_files(pictures, labels=["beach"], top=1)
    assert [each.stored for each in labels] == [True] * 4
    assert len(labels.failures) == 1
    assert opened.sheet(pictures, pictures.parent / "sheet.html").cards
    assert opened.sheet("red", pictures.parent / "red.html", top=2).title == "red"


def test_duplicates_are_planned_applied_and_undone(opened: Library, pictures: Path) -> None:
    duplicates = opened.duplicates()
    assert [str(each.group.relation) for each in duplicates] == ["identical"]
    before = sorted(pictures.iterdir())
    plan = duplicates.plan()
    assert len(plan.changes) == 1
    assert plan.to_dict()["files"] == 1
    assert plan.apply(dry_run=True).changed == 1
    assert sorted(pictures.iterdir()) == before
    assert plan.apply().changed == 1
    assert sorted(pictures.iterdir()) != before
    assert plan.undo().changed == 1
    assert [each for each in sorted(pictures.iterdir()) if each.is_file()] == before
    plan.save(pictures.parent / "plan.json")
    assert opened.apply(pictures.parent / "plan.json").changed == 1
    assert opened.undo().changed == 1
    assert opened.plan(action="hardlink").plan.action == "hardlink"
    assert (
        opened.against(pictures / "copy of red.png")[0].photo_id
        == opened.search("red", top=1)[0].photo_id
    )
    opened.decide(duplicates[0].group.id, "keep-both")
    assert len(opened.duplicates()) == 0
    assert opened.revoke(duplicates[0].group.id) == 1


def test_older_functions_take_the_library_and_its_database(
    opened: Library, pictures: Path, tmp_path: Path
) -> None:
    from safelight.exchange.parquet import export_library, import_data_set
    from safelight.ingest import ingest
    from safelight.search import search

    model = opened.embedder()
    for each in (opened, opened.database):
        assert ingest(each, str(pictures), model).unchanged == 4
        assert len(search(each, "red", model, top=1)) == 1
        assert len(safelight.Deduplicator(each).groups()) == 1
        assert export_library(each, tmp_path / "set", overwrite=True).photos == 3
        assert import_data_set(each, tmp_path / "set", dry_run=True).new == 0
    service = safelight.FeaturesService(model, library=opened, root=tmp_path)
    batch = {
        "batch_id": "b",
        "artifacts": [{"photo_id": "r", "std_uri": str(pictures / "blue.png")}],
    }
    assert service.process(batch)["artifacts"][0]["features"]
    with safelight.Library(safelight.Database(tmp_path / "photos.db")) as same:
        assert len(same.photos()) == 3
    moved = pictures.rename(tmp_path / "Moved")
    assert opened.move_source(pictures, moved).files == 4
    assert opened.forget(moved).files == 4


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda library: library.search(3), UsageError),
        (lambda library: library.search(""), QueryError),
        (lambda library: library.search("x", top="3"), UsageError),
        (lambda library: library.search("x", namespace="nope"), LibraryError),
        (lambda library: library.search("x", taken_from=2024), UsageError),
        (lambda library: library.ingest(None), UsageError),
        (lambda library: library.ingest([]), UsageError),
        (lambda library: library.ingest("./nowhere"), SourceError),
        (lambda library: library.ingest("demo", exclude=3), UsageError),
        (lambda library: library.photos(3), UsageError),
        (lambda library: library.photos("words"), QueryError),
        (lambda library: library.photos(order="nonsense"), LibraryError),
        (lambda library: library.photos().vectors("nope"), LibraryError),
        (lambda library: library.photo("zz"), LibraryError),
        (lambda library: library.photo(3), UsageError),
        (lambda library: library.duplicates("nope"), UsageError),
        (lambda library: library.duplicates(prefer="./nowhere"), UsageError),
        (lambda library: library.plan(action="burn"), UsageError),
        (lambda library: library.label(labels=3), UsageError),
        (lambda library: library.label(labels="beach"), UsageError),
        (lambda library: library.use_space("nope"), LibraryError),
        (lambda library: library.label(labels=[]), SafelightError),
        (lambda library: library.label(labels="./nowhere.txt"), SafelightError),
        (lambda library: library.apply("./nowhere.json"), PlanError),
        (lambda library: library.undo("nope"), PlanError),
        (lambda library: library.sheet(3, "x.html"), UsageError),
        (lambda library: library.sheet("red", "x.txt"), UsageError),
        (lambda library: library.score_files(None), UsageError),
        (lambda library: library.against("./nowhere.jpg"), SourceError),
        (lambda library: library.score(progress=3), UsageError),
        (lambda library: library.search("x", model=3), UsageError),
        (lambda library: library.search("x", least=[1]), UsageError),
        (lambda library: library.ingest(["demo", 3]), UsageError),
        (lambda library: library.ingest("demo", model=""), UsageError),
        (lambda library: library.plan(quarantine=3), UsageError),
        (lambda library: library.against(None), UsageError),
        (lambda library: library.against(b"junk"), SourceError),
        (lambda library: library.decide(3, "keep-both"), UsageError),
        (lambda library: library.export(3), UsageError),
        (lambda library: library.import_("./nowhere"), SourceError),
        (lambda library: library.move_source("a", None), UsageError),
    ],
)
def test_mistakes_are_told_in_words_of_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable[[Library], object], kind: type
) -> None:
    monkeypatch.setenv("SAFELIGHT_MODEL", "starter")
    monkeypatch.chdir(tmp_path)
    with _EMPTY(tmp_path) as library, pytest.raises(kind) as caught:
        call(library)
    assert isinstance(caught.value, SafelightError)
    assert "--" not in re.sub(r"`safelight [^`]*`", "", str(caught.value))


def _EMPTY(folder: Path) -> Library:  # noqa: N802
    return safelight.open(folder / "empty.db")


@pytest.mark.parametrize("path", [3, "", None, b"\0"])
def test_other_values_for_a_path_are_refused(path: object, tmp_path: Path) -> None:
    with pytest.raises(SafelightError):
        safelight.open(path if path is not None else tmp_path / "none.db", create=False)  # type: ignore[arg-type]


def test_a_library_that_is_not_there_is_told_in_words_of_python(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"safelight\.open") as caught:
        safelight.open(tmp_path / "none.db", create=False)
    assert "--library" not in str(caught.value)


def test_the_asynchronous_twin_has_every_method(opened: Library) -> None:
    names = [
        name
        for name, _ in inspect.getmembers(Library, inspect.isfunction)
        if not name.startswith("_") and name != "transaction"
    ]
    for name in names:
        twin = getattr(safelight.AsyncLibrary, name)
        assert inspect.iscoroutinefunction(twin)
        assert inspect.signature(twin) == inspect.signature(getattr(Library, name))

    async def both() -> list[int]:
        async with safelight.AsyncLibrary(opened.path) as library:
            found = await asyncio.gather(library.search("red"), library.photos())
            return [len(each) for each in found]

    assert asyncio.run(both()) == [3, 3]


def test_json_rows_are_those_of_the_command(opened: Library, capsys) -> None:
    from safelight.cli import safelight as command

    command.main(
        ["search", "red", "--all", "--json", "--library", str(opened.path)], standalone_mode=False
    )
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert printed == (hits := opened.search("red")).to_dicts()
    assert [hit for hit in hits if hit.match] == list(hits.matches)


def test_every_hit_comes_once_and_photos_are_searched_with(opened: Library, pictures: Path) -> None:
    hits = list(opened.search_all("red", top=1))
    assert len(hits) == len({hit.photo_id for hit in hits}) == 3
    red, green = pictures / "red <b>&.png", pictures / "green.png"
    ids = {hit.photo_id for hit in hits}
    alike = opened.search(like=[red, f"{green}:0.01"], top=1)
    assert alike[0].photo_id in ids
    assert alike.paths == opened.search(like=[alike[0].photo_id, f"{green}:0.01"], top=1).paths
    assert opened.search(like=red).paths == opened.search(like=[red]).paths
    with pytest.raises(QueryError):
        opened.search(like=pictures / "nothing.png")


def test_what_changed_is_told_and_a_photo_is_forgotten(opened: Library, pictures: Path) -> None:
    changes = list(opened.changes())
    assert [each.kind for each in changes] == ["added"] * 3
    listed = opened.photos()
    forgotten = opened.forget_photo(listed.ids[1][:12])
    assert (forgotten.photos, forgotten.returning) == (1, (f"images:{pictures}",))
    assert len(list(listed)) == 2
    (change,) = opened.changes(changes[-1].cursor)
    assert (change.kind, change.photo_id) == ("removed", listed.ids[1])
    assert len(list(pictures.iterdir())) == 4
    with pytest.raises(LibraryError):
        opened.forget_photo(listed.ids[1])
    opened.ingest(pictures)
    (change,) = opened.changes(change.cursor)
    assert (change.kind, change.photo_id) == ("added", listed.ids[1])
