from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageFilter

from safelight.errors import LibraryError
from safelight.ingest import Summary, ingest
from safelight.ingest.score import COMBINED, Scoring, usual_scoring
from safelight.ingest.sources import parse_source
from safelight.library.attributes.scores import read_scores
from safelight.quality.combined import Weights
from safelight.quality.focus import Focus
from safelight.quality.scoring import score
from safelight.search import search

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.library.attributes.scores import ScoreRecord
    from safelight.library.database import Database
    from tests.fakes import ColourEmbedder


def _run(library: Database, embedder: ColourEmbedder, folder: Path, scoring=None) -> Summary:
    return ingest(
        library, [parse_source(str(folder))], embedder, model=embedder.name, scoring=scoring
    )


def _scores(library: Database) -> dict[str, dict[str, ScoreRecord]]:
    ids = dict(library.connection.execute("SELECT f.path, i.id FROM files f JOIN items i "
                                          "ON i.pk = f.item_pk"))  # fmt: skip
    found = read_scores(library, list(ids.values()))
    return {path.rpartition("/")[2]: found.get(item, {}) for path, item in ids.items()}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (40, 60, 3), np.uint8))
    sharp = coarse.resize((600, 400), Image.Resampling.NEAREST)
    sharp.save(folder / "sharp.png")
    sharp.filter(ImageFilter.GaussianBlur(6)).save(folder / "soft.png")
    return folder


def test_new_photos_are_measured_from_the_one_decode(
    library, embedder, photos: Path, monkeypatch
) -> None:
    decoded: list[int] = []
    from safelight.ingest import load

    def counting(data: bytes, **options):
        decoded.append(options["min_side"])
        return real(data, **options)

    real = load.decode
    monkeypatch.setattr(load, "decode", counting)
    summary = _run(library, embedder, photos, usual_scoring(embedder))
    assert (summary.new, summary.scored) == (2, 2)
    assert decoded == [1024, 1024]
    found = _scores(library)
    # The same as of the file itself.
    report = score(photos / "sharp.png")
    for name, measurement in report.measurements.items():
        kept = found["sharp.png"][name]
        assert (kept.status, kept.value, kept.score) == (
            (measurement.status, measurement.value, measurement.score)
            if name != "clip_iqa"
            else ("ok", kept.value, kept.score)
        )
    assert found["sharp.png"]["focus"].score > found["soft.png"]["focus"].score
    combined = found["sharp.png"][COMBINED]
    assert sum(combined.details["parts"].values()) == pytest.approx(1)
    assert combined.details["weights"]["focus"] == Weights().focus


def test_what_is_measured_is_not_measured_again(library, embedder, photos: Path) -> None:
    scoring = usual_scoring(embedder)
    _run(library, embedder, photos, scoring)
    assert _run(library, embedder, photos, scoring).scored == 0
    # Other weights change the combined score, and nothing is embedded for it.
    embedder.encoded = 0
    summary = _run(library, embedder, photos, usual_scoring(embedder, "focus=3"))
    assert (summary.scored, embedder.encoded) == (2, 0)
    assert _scores(library)["soft.png"][COMBINED].details["weights"]["focus"] == 3


def test_photos_that_were_embedded_before_are_measured_later(
    library, embedder, photos: Path
) -> None:
    assert _run(library, embedder, photos).scored == 0
    assert _scores(library)["sharp.png"] == {}
    assert _run(library, embedder, photos, usual_scoring(embedder)).scored == 2
    later = _scores(library)
    assert later["sharp.png"]["clip_iqa"].status == "ok"  # from the vector that is there


def test_a_new_version_of_a_metric_is_measured_again(library, embedder, photos: Path) -> None:
    class Newer(Focus):
        version = "newer"

    _run(library, embedder, photos, Scoring((Focus(),)))
    assert _run(library, embedder, photos, Scoring((Newer(),))).scored == 2
    assert _scores(library)["sharp.png"]["focus"].version == "newer"


def test_a_photo_that_changed_since_is_not_given_another_ones_scores(
    library, embedder, photos: Path
) -> None:
    _run(library, embedder, photos)
    (photos / "sharp.png").write_bytes((photos / "soft.png").read_bytes())
    from safelight.ingest.score import score_lacking

    scoring = usual_scoring(embedder)
    done, cut = score_lacking(
        library, scoring, fingerprint=embedder.fingerprint, namespace="default", threads=1,
        pixel_limit=10**9, progress=lambda _: None,
    )  # fmt: skip
    assert (done, cut) == (2, False)
    found = _scores(library)
    assert found["sharp.png"] == {}
    assert found["soft.png"]["focus"].score is not None


def test_a_failure_is_not_a_score(library, embedder, tmp_path: Path) -> None:
    Image.new("RGB", (300, 300), "red").save(tmp_path / "flat.png")
    _run(library, embedder, tmp_path, usual_scoring(embedder))
    brisque = _scores(library)["flat.png"]["brisque"]
    assert (brisque.status, brisque.value, brisque.score) == ("skipped", None, None)
    assert brisque.reason


def test_a_search_keeps_to_photos_that_are_good_enough(library, embedder, photos: Path) -> None:
    _run(library, embedder, photos)
    with pytest.raises(LibraryError, match=r"no scores called 'focus'. It has none"):
        search(library, "red", embedder, least={"focus": 0.5})
    _run(library, embedder, photos, usual_scoring(embedder))
    limit = _scores(library)["sharp.png"]["focus"].score
    (hit,) = search(library, "red", embedder, least={"focus": limit})
    assert hit.path.endswith("sharp.png")
    assert len(search(library, "red", embedder, least={"focus": 0.0, "exposure": 0.0})) == 2
    assert search(library, "red", embedder, least={"focus": 1.1}) == []
    with pytest.raises(LibraryError, match=r"no scores called 'fokus'. It has .*focus"):
        search(library, "red", embedder, least={"fokus": 0.5})
