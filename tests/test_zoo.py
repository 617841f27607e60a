"""No input ends a run or a server: every entry, fed with all odd files at once.

Each test asks for three things: nothing is raised but what is documented, every file gets an
answer, and the plain photo among them gets the right one.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight import CLIPEmbedder, Deduplicator, parse_source
from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.undo import undo_plan
from safelight.errors import DecodeError, FileError, QueryError, SafelightError
from safelight.ingest import ingest
from safelight.ingest.label import label_files
from safelight.ingest.score import usual_scoring
from safelight.labels import Classifier
from safelight.labels.label_set import LabelSet
from safelight.library.database import Database
from safelight.library.files import failures
from safelight.quality import choose
from safelight.quality.files import score_files
from safelight.search import search
from safelight.settings import Settings
from safelight.sheet.card import Listed, cards
from safelight.types import FAILURE_CODES
from tests import zoo
from tests.fakes import ColourEmbedder
from tests.server.conftest import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server.conftest import Running

LABELS = LabelSet(("red", "green", "blue"), ("{}",))


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Every odd file by name."""
    folder = tmp_path_factory.mktemp("zoo")
    with zoo.odd_paths(folder / "paths") as odd:
        yield zoo.write(folder / "contents") | odd


@pytest.fixture(scope="module")
def everything(paths: dict[str, str]) -> list[str]:
    """Paths of every odd file, and values that are not a path."""
    return [*paths.values(), *zoo.NO_PATHS]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, paths: dict[str, str]) -> Iterator[Database]:
    """A library of the zoo; photos are copied, so that plans may move them."""
    folder = tmp_path_factory.mktemp("filled")
    embedder = ColourEmbedder()
    with zoo.odd_paths(folder / "photos" / "paths"), Database(folder / "library.db") as library:
        zoo.write(folder / "photos" / "a")
        zoo.write(folder / "photos" / "b", step=4)
        summary = ingest(
            library,
            [parse_source(str(folder / "photos"))],
            embedder,
            model="colours",
            scoring=usual_scoring(embedder),
            classifier=Classifier.open(LABELS, embedder, cache=None),
        )
        assert summary.new > 60
        assert summary.failed > 60
        yield library


@pytest.fixture(scope="module")
def server(filled: Database) -> Iterator[Running]:
    """A server of that library, which may read its folder."""
    root = str(filled.path.parent / "photos")
    with running(filled, ColourEmbedder(), Settings(library=filled.path), roots=(root,)) as found:
        yield found


def test_ingest_of_a_folder(filled: Database) -> None:
    failed = failures(filled, None)
    assert {each.code for each in failed} <= FAILURE_CODES
    said = {os.path.basename(each.path): each.code for each in failed}
    if sys.platform != "win32":
        assert {said[f"{name}.jpg"] for name in ("pipe", "zero", "tty", "socket")} <= {
            "not-a-file",
            "io",
        }
        assert (said["dangling.jpg"], said["loop.jpg"]) == ("missing", "symlink-loop")
    assert said["empty.jpg"] == "empty"
    assert not [each for each in failed if os.path.basename(each.path) == zoo.GOOD]
    hits = search(filled, "red", embedder=ColourEmbedder(), top=1000)
    assert any(hit.path.endswith(zoo.GOOD) for hit in hits)
    assert all(np.isfinite(hit.score) for hit in hits)


def test_ingest_of_a_list(library: Database, everything: list[str], tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    lines = [os.fsencode(each) for each in everything if "\n" not in each and each != "\ud800.jpg"]
    listed.write_bytes(b"\n".join(lines))
    summary = ingest(
        library, [parse_source(f"image-list:{listed}")], ColourEmbedder(), model="colours"
    )
    assert summary.new > 30
    assert {each.code for each in failures(library, None)} <= FAILURE_CODES


def test_upload_and_search_by_picture(server: Running) -> None:
    """Uploads, pictures of searches, thumbnails and maps of what was taken."""
    files = [(name, data) for name, data in zoo.contents().items() if len(data) < 1_000_000]
    taken = []
    for start in range(0, len(files), 40):
        answer = server.upload(*files[start : start + 40])
        assert answer.status_code in (200, 201, 207), answer.text
        taken += answer.json()["photos"]
    assert len(taken) == len(files)
    for name, data in files:
        answer = server.client.post(
            "/api/v1/images/search", files={"image": (name, data)}, data={"request": "{}"}
        )
        assert answer.status_code in (200, 400, 413, 415, 422), (name, answer.text)
        assert (answer.status_code == 200) or answer.json()["code"]
        if name == zoo.GOOD:
            assert answer.status_code == 200
    photos = server.get("/api/v1/photos", params={"limit": 1000}).json()["photos"]
    for photo in photos:
        for what in ("thumbnail", "focus"):
            answer = server.get(f"/api/v1/photos/{photo['photo_id']}/{what}")
            assert answer.status_code in (200, 404, 409, 410, 422), (photo, answer.text)
    assert server.get("/health").status_code == 200


def test_search_by_picture_of_a_file(filled: Database, everything: list[str]) -> None:
    found = 0
    for path in everything:
        try:
            hits = search(filled, f'image:"{path}"', embedder=ColourEmbedder(), top=3)
        except (QueryError, SafelightError):
            continue
        assert all(np.isfinite(hit.score) for hit in hits)
        found += 1
    assert found > 30


def test_features(server: Running, paths: dict[str, str]) -> None:
    root = str(server.library.path.parent / "photos")
    uris = sorted(os.listdir(f"{root}/a"))
    odd = [name for name in os.listdir(f"{root}/paths") if name.isprintable()]
    batch = {
        "batch_id": "zoo",
        "artifacts": [
            *({"photo_id": f"a{n}", "std_uri": f"./a/{name}"} for n, name in enumerate(uris)),
            *({"photo_id": f"p{n}", "std_uri": f"./paths/{name}"} for n, name in enumerate(odd)),
            *({"photo_id": f"x{n}", "std_uri": uri} for n, uri in enumerate(("", "./", "a\0b", 5))),
        ],
    }
    outside = server.post("/api/v1/features", batch)
    assert outside.status_code in (200, 403, 422)
    # What leads out of the folder is refused as a whole; the rest has features, or none.
    batch["artifacts"] = [
        each
        for each in batch["artifacts"]
        if not os.path.islink(f"{root}/{str(each['std_uri']).removeprefix('./')}".replace("\0", ""))
    ]
    answer = server.post("/api/v1/features", batch)
    assert answer.status_code == 200, answer.text
    done = {each["std_uri"]: each["features"] for each in answer.json()["artifacts"]}
    assert len(done) == len(batch["artifacts"])
    assert done[f"./a/{zoo.GOOD}"]["tech"]["exposure"] is not None
    assert server.post("/api/v1/features", batch).status_code == 200


def test_score(everything: list[str]) -> None:
    reports = list(score_files(everything, choose(("focus", "exposure", "noise")), threads=2))
    assert len(reports) == len(everything)
    good = reports[0]
    assert not isinstance(good, Exception)
    assert good.score("exposure") is not None
    for report in reports:
        if not isinstance(report, Exception):
            assert all(
                each.score is None or 0 <= each.score <= 1 for each in report.measurements.values()
            )


def test_label(everything: list[str]) -> None:
    embedder = ColourEmbedder()
    classifier = Classifier.open(LABELS, embedder, cache=None)
    found = list(label_files(everything, embedder, classifier, threads=2))
    assert len(found) == len(everything)
    assert not isinstance(found[0], Exception)


def test_sheet(everything: list[str]) -> None:
    made = list(cards([Listed(path) for path in everything], choose(("focus",)), threads=2))
    assert [card.path for card in made] == everything
    assert made[0].thumbnail is not None
    assert all(card.thumbnail is not None or card.reason for card in made)


def test_embeddings_of_a_batch(paths: dict[str, str]) -> None:
    class Closed:
        def __str__(self) -> str:
            return "closed"

    odd = [
        path
        for name, path in paths.items()
        if name in (zoo.GOOD, "pipe", "zero", "folder", "1x1.png", "1x40000.png", "white.png")
        or name.startswith(("claims", "cut 0.3"))
    ]
    batch = [*odd, *zoo.NO_PATHS, None, 3, 2.5, b"\0", object(), Closed(), ["a"], paths[zoo.GOOD]]
    with CLIPEmbedder("starter") as embedder:
        vectors = asyncio.run(embedder.generate_embeddings_batch(batch, 32, show_progress=False))
    assert len(vectors) == len(batch)
    first, last = vectors[0], vectors[-1]
    assert first is not None
    assert last is not None
    assert np.allclose(first, last)
    assert all(vector is None for vector in vectors[len(odd) : -1])


def test_duplicates_plan_apply_and_undo(filled: Database) -> None:
    finder = Deduplicator(filled)
    groups = finder.groups()
    same = {os.path.basename(photo.path) for group in groups for photo in group.photos}
    assert zoo.GOOD in same
    plan = finder.plan()
    assert plan.changes
    outcome = apply_plan(filled, plan)
    assert outcome.changed > 10
    _, undone = undo_plan(filled.path)
    assert undone.changed == outcome.changed


def test_what_a_file_is_a_duplicate_of(
    library: Database, paths: dict[str, str], tmp_path: Path
) -> None:
    """Every second file, against a few photos: each is looked at closely beside all of them."""
    zoo.write(tmp_path / "photos", step=12)
    ingest(library, [parse_source(str(tmp_path / "photos"))], ColourEmbedder(), model="colours")
    finder = Deduplicator(library)
    asked = failed = 0
    for name in [*paths][::2]:
        try:
            asked += 1
            found = finder.against(paths[name], embedder=ColourEmbedder())
        except (DecodeError, FileError, OSError, SafelightError):
            failed += 1
        else:
            assert found or name != zoo.GOOD
    assert failed < asked


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices as files")
@pytest.mark.parametrize("odd", ["pipe", "zero", "folder", "socket", "status", "empty.jpg"])
def test_files_of_settings_models_lists_and_plans(
    paths: dict[str, str], odd: str, tmp_path: Path
) -> None:
    """Whatever reads a file says that this one is not of its kind, at once."""
    from safelight.duplicates.plans.model import read_plan
    from safelight.embedding.load import load_embedder
    from safelight.labels import read_label_set
    from safelight.pipeline.paths import PipelinePaths
    from safelight.pipeline.single_step import process

    path = paths[odd]
    for read in (
        lambda: read_plan(path),
        lambda: read_label_set(path),
        lambda: load_embedder(path),
        lambda: Database(Path(path), create=False),
        lambda: list(parse_source(f"image-list:{path}").entries()),
        lambda: process(lambda: None, "features", path, None, PipelinePaths(tmp_path)),
    ):
        try:
            found = read()
        except (SafelightError, OSError):
            continue
        assert found == [] or odd == "status"
