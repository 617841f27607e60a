"""The features service."""

from __future__ import annotations

import copy
import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from loguru import logger
from referencing import Registry, Resource

from safelight.errors import ModelUnavailable, UsageError
from safelight.pipeline.messages.artifacts import artifacts_of, with_artifacts
from safelight.pipeline.messages.schemas import NAMES, read_schema
from safelight.pipeline.services.feature_json import merge
from safelight.pipeline.services.features import FeaturesService
from safelight.quality import score
from safelight.settings import Settings
from safelight.types import FAILURE_CODES
from tests.fakes import ColourEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from safelight.library.database import Database

TECH = ["sharpness", "exposure", "noise", "clip_iqa", "brisque"]


def assert_valid(name: str, batch: dict[str, Any]) -> None:
    schemas = {name: read_schema(name) for name in NAMES}
    registry = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()
    )
    Draft202012Validator.check_schema(schemas[name])
    Draft202012Validator(schemas[name], registry=registry).validate(json.loads(json.dumps(batch)))


def without_features(batch: dict[str, Any]) -> dict[str, Any]:
    kept = copy.deepcopy(batch)
    for artifact in kept["artifacts"]:
        artifact.pop("features", None)
    return kept


def test_the_example_comes_back_with_features_added(
    example: dict[str, Any], make_service: Callable[..., FeaturesService]
) -> None:
    before = copy.deepcopy(example)
    assert_valid("features-input", example)
    output = make_service().process(example)
    assert example == before
    assert_valid("features-output", output)
    assert without_features(output) == before
    assert list(output) == ["batch_id", "artifacts"]
    assert list(output["artifacts"][0]) == [*before["artifacts"][0], "features"]
    features = output["artifacts"][0]["features"]
    assert list(features) == ["tech", "clip_labels"]
    assert list(features["tech"]) == TECH
    assert all(type(value) is float for value in features["tech"].values())
    assert len(features["clip_labels"]) == 5
    for label in features["clip_labels"]:
        assert list(label) == ["label", "confidence", "cosine_score"]
        assert [type(value) for value in label.values()] == [str, float, float]
    confidences = [label["confidence"] for label in features["clip_labels"]]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) <= 1
    assert json.loads(json.dumps(output, allow_nan=False)) == output


def test_the_numbers_are_those_of_the_quality_module(
    example: dict[str, Any], make_service: Callable[..., FeaturesService], tmp_path: Path
) -> None:
    output = make_service().process(example)
    report = score(tmp_path / example["artifacts"][0]["std_uri"])
    for name in ("sharpness", "exposure", "noise", "brisque"):
        assert output["artifacts"][0]["features"]["tech"][name] == report.score(name)


def test_a_batch_of_ingest_has_no_standard_copies_yet(
    example: dict[str, Any], make_service: Callable[..., FeaturesService], tmp_path: Path
) -> None:
    index = copy.deepcopy(example)
    index["photo_index"] = index.pop("artifacts")
    for photo in index["photo_index"]:
        del photo["std_uri"], photo["processing_metadata"]
        (tmp_path / photo["ranking_uri"]).unlink()
    assert_valid("features-input", index)
    output = make_service().process(index)
    assert_valid("features-output", output)
    assert "photo_index" not in output
    assert [list(artifact) for artifact in output["artifacts"]] == [
        [*photo, "features"] for photo in index["photo_index"]
    ]
    assert "status" not in output["artifacts"][0]["features"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
_OTHERS = st.dictionaries(
    st.text(max_size=6).filter(lambda name: name not in ("artifacts", "photo_index")),
    _JSON,
    max_size=3,
)


@given(
    batch=_OTHERS,
    artifacts=st.lists(_OTHERS, max_size=3),
    name=st.sampled_from(["artifacts", "photo_index"]),
)
def test_nothing_of_a_batch_is_lost(
    batch: dict[str, Any], artifacts: list[dict[str, Any]], name: str
) -> None:
    given_batch = {**batch, name: artifacts}
    found = with_artifacts(given_batch, artifacts_of(given_batch))
    assert {**found, name: found["artifacts"]} == {**given_batch, "artifacts": found["artifacts"]}


@given(before=_JSON)
def test_what_others_put_into_features_stays(before: object) -> None:
    new = {"tech": {"noise": 1.0}, "clip_labels": []}
    merged = merge(before, new)
    assert merged["clip_labels"] == []
    assert merged["tech"]["noise"] == 1.0
    if isinstance(before, dict):
        assert all(
            merged[name] == value
            for name, value in before.items()
            if name not in ("tech", "clip_labels", "status")
        )


def test_unknown_fields_stay_at_every_level(
    example: dict[str, Any], make_service: Callable[..., FeaturesService]
) -> None:
    example["trace"] = {"by": ["us", {"deep": None}]}
    artifact = example["artifacts"][0]
    artifact["exif"]["maker_note"] = "x"
    artifact["processing_metadata"]["tool"] = {"version": 3}
    artifact["rating"] = 5
    artifact["features"] = {
        "faces": [1],
        "status": {"noise": "old"},
        "tech": {"skew": 0.1, "noise": 9},
    }
    output = make_service().process(example)
    found = output["artifacts"][0].pop("features")
    kept = copy.deepcopy(example)
    del kept["artifacts"][0]["features"]
    assert output == kept
    assert found["faces"] == [1]
    assert found["tech"]["skew"] == 0.1
    assert found["tech"]["noise"] != 9
    assert "status" not in found


def broken(example: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Return a batch of one good artifact and six that fail each in its own way."""
    good = example["artifacts"][0]
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_bytes(b"no photo at all, but words")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / good["std_uri"]).read_bytes()[:3000])
    bad = {
        "missing": "./nowhere.jpg",
        "empty": "./empty.jpg",
        "not-an-image": "./text.jpg",
        "truncated": "./cut.jpg",
        "bad-uri": "https://example.org/photo.jpg",
        "not-a-file": "./data",
    }
    artifacts = [
        {**good, "photo_id": code, "std_uri": uri, "kept": code} for code, uri in bad.items()
    ]
    return {**example, "artifacts": [*artifacts[:3], good, *artifacts[3:]]}


def test_a_broken_image_fails_alone(
    example: dict[str, Any], make_service: Callable[..., FeaturesService], tmp_path: Path
) -> None:
    batch = broken(example, tmp_path)
    service = make_service()
    output = service.process(batch)
    assert_valid("features-output", output)
    assert without_features(output) == batch
    for artifact in output["artifacts"]:
        features, code = artifact["features"], artifact.get("kept")
        if code is None:
            assert "status" not in features
            continue
        assert features["tech"] == dict.fromkeys(TECH)
        assert features["clip_labels"] is None
        assert list(features["status"]) == [*TECH, "clip_labels"]
        for each in features["status"].values():
            assert each["status"] == "failed"
            assert each["code"] == code
            assert each["code"] in {*FAILURE_CODES, "bad-uri"}
            assert len(each["reason"]) > 10
    # A failure is not cached: what is mended is found.
    shutil.copy(tmp_path / batch["artifacts"][3]["std_uri"], tmp_path / "empty.jpg")
    again = service.process(batch)
    assert "status" not in again["artifacts"][1]["features"]
    assert "status" in again["artifacts"][0]["features"]


def test_an_artifact_that_preprocess_failed_on_says_why(
    example: dict[str, Any], make_service: Callable[..., FeaturesService]
) -> None:
    artifact = example["artifacts"][0]
    artifact["std_uri"] = None
    artifact["processing_metadata"] = {"processing_method": "failed", "reason": "too dark to see"}
    features = make_service().process(example)["artifacts"][0]["features"]
    assert features["status"]["noise"]["code"] == "missing"
    assert "too dark to see" in features["status"]["noise"]["reason"]


class Moody(ColourEmbedder):
    """Refuses photos that are mostly red."""

    def encode_prepared(self, inputs: Any) -> Any:
        from safelight.errors import ModelError

        if any(colour[0] > 0.6 and colour[1] < 0.4 for colour in inputs):
            raise ModelError("too red for me")
        return super().encode_prepared(inputs)


def test_a_photo_that_the_model_refuses_keeps_its_measurements(
    example: dict[str, Any],
    make_service: Callable[..., FeaturesService],
    make_photo: Callable[..., Path],
    tmp_path: Path,
) -> None:
    make_photo(tmp_path / "red.png", "red", size=200)
    red = {**example["artifacts"][0], "photo_id": "red", "std_uri": "red.png"}
    example["artifacts"].insert(0, red)
    output = make_service(Moody()).process(example)
    assert_valid("features-output", output)
    refused, fine = (artifact["features"] for artifact in output["artifacts"])
    assert "status" not in fine
    assert refused["status"]["clip_labels"] == {
        "status": "failed", "code": "model", "reason": "too red for me",
    }  # fmt: skip
    assert refused["status"]["clip_iqa"]["status"] == "failed"
    assert refused["status"]["noise"]["status"] == "ok"
    assert refused["tech"]["noise"] > 0


def test_a_model_that_is_not_there_is_no_failure_of_photos(
    example: dict[str, Any], make_service: Callable[..., FeaturesService]
) -> None:
    class Gone(ColourEmbedder):
        def encode_prepared(self, inputs: Any) -> Any:
            raise ModelUnavailable("its disk was unplugged")

    with pytest.raises(ModelUnavailable):
        make_service(Gone()).process(example)


def test_fallbacks_are_marked_and_never_cached(
    example: dict[str, Any], make_service: Callable[..., FeaturesService], tmp_path: Path
) -> None:
    batch = broken(example, tmp_path)
    output = make_service(compat_fallbacks=True).process(batch)
    assert_valid("features-output", output)
    for artifact in output["artifacts"]:
        features = artifact["features"]
        if "kept" not in artifact:
            assert "status" not in features
            continue
        assert features["tech"] == dict.fromkeys(TECH, 0.5)
        assert [each["label"] for each in features["clip_labels"]] == [
            "red", "green", "blue", "white", "red green",
        ]  # fmt: skip
        assert all(each["fallback"] is True for each in features["status"].values())
    strict = make_service().process(batch)
    assert strict["artifacts"][0]["features"]["tech"] == dict.fromkeys(TECH)


def test_fallbacks_for_what_is_skipped_do_not_stay(
    example: dict[str, Any], make_service: Callable[..., FeaturesService]
) -> None:
    class Starter(ColourEmbedder):
        def __init__(self) -> None:
            super().__init__("starter")

    filled = make_service(Starter(), compat_fallbacks=True).process(example)["artifacts"][0]
    assert filled["features"]["tech"]["clip_iqa"] == 0.5
    assert filled["features"]["status"]["clip_iqa"]["fallback"] is True
    embedder = Starter()
    plain = make_service(embedder).process(example)["artifacts"][0]["features"]
    assert embedder.encoded == 0  # from the cache
    assert plain["tech"]["clip_iqa"] is None
    assert plain["status"]["clip_iqa"]["status"] == "skipped"
    assert "fallback" not in plain["status"]["clip_iqa"]


def test_what_was_found_is_found_again_without_the_model(
    example: dict[str, Any], make_service: Callable[..., FeaturesService]
) -> None:
    first = make_service().process(example)
    embedder = ColourEmbedder()
    assert make_service(embedder).process(example) == first
    assert embedder.encoded == 0


@pytest.mark.parametrize("with_library", [False, True])
def test_features_are_of_the_file_that_is_there(
    example: dict[str, Any],
    make_service: Callable[..., FeaturesService],
    make_photo: Callable[..., Path],
    tmp_path: Path,
    library: Database,
    with_library: bool,
) -> None:
    options = {"library": library} if with_library else {}
    make_photo(tmp_path / "red.png", "red")
    make_photo(tmp_path / "blue.png", "blue")

    def labels(*names: str, photo_id: str = "1") -> list[str | None]:
        artifacts = [
            {**example["artifacts"][0], "photo_id": photo_id, "std_uri": f"./{name}.png"}
            for name in names
        ]
        output = make_service(**options).process({"batch_id": "b", "artifacts": artifacts})
        assert_valid("features-output", output)
        found = [each["features"]["clip_labels"] for each in output["artifacts"]]
        return [each[0]["label"] if each else None for each in found]

    assert labels("red", "blue", "red", "missing") == ["red", "blue", "red", None]
    assert labels("blue", "missing", "red") == ["blue", None, "red"]
    (tmp_path / "red.png").write_bytes((tmp_path / "blue.png").read_bytes())
    assert labels("red") == ["blue"]
    (tmp_path / "blue.png").unlink()
    assert labels("blue") == [None]
    (tmp_path / "red.png").write_bytes(b"")
    assert labels("red") == [None]


@pytest.mark.parametrize("change", ["model", "labels", "templates", "temperature"])
def test_another_model_or_other_labels_are_another_version(
    change: str,
    example: dict[str, Any],
    make_service: Callable[..., FeaturesService],
) -> None:
    from safelight.labels.label_set import LabelSet

    def service(embedder: ColourEmbedder, *, other: bool) -> FeaturesService:
        labels, templates, options = ("red", "blue"), ("{}",), {}
        if other and change == "labels":
            labels = ("red", "green")
        if other and change == "templates":
            templates = ("{} light",)
        if other and change == "temperature":
            options["temperature"] = 0.5
        return make_service(embedder, label_set=LabelSet(labels, templates), **options)

    service(ColourEmbedder(), other=False).process(example)
    same, other = ColourEmbedder(), ColourEmbedder("others" if change == "model" else "colours")
    service(same, other=False).process(example)
    service(other, other=True).process(example)
    assert (same.encoded, other.encoded) == (0, 1)


def test_a_broken_cache_file_is_made_again(
    example: dict[str, Any], make_service: Callable[..., FeaturesService], tmp_path: Path
) -> None:
    first = make_service().process(example)
    (path,) = (tmp_path / "data/cache/features").glob("*.json")
    path.write_text(path.read_text()[:40])
    embedder = ColourEmbedder()
    assert make_service(embedder).process(example) == first
    assert embedder.encoded == 1
    assert make_service(embedder).process(example) == first
    assert embedder.encoded == 1


def test_a_photo_that_is_there_twice_is_looked_at_once(
    example: dict[str, Any], make_service: Callable[..., FeaturesService]
) -> None:
    example["artifacts"] *= 3
    embedder = ColourEmbedder()
    output = make_service(embedder).process(example)
    assert embedder.encoded == 1
    first, second, third = (artifact["features"] for artifact in output["artifacts"])
    assert first == second == third
    first["tech"]["noise"] = 9
    assert second["tech"]["noise"] != 9


@pytest.mark.parametrize("photo_id", [None, "", 7, ["a"], "\ud800"])
def test_without_a_photo_id_nothing_is_cached(
    photo_id: object, example: dict[str, Any], make_service: Callable[..., FeaturesService]
) -> None:
    example["artifacts"][0]["photo_id"] = photo_id
    example["artifacts"] *= 2
    embedder = ColourEmbedder()
    output = make_service(embedder).process(example)
    assert embedder.encoded == 2
    assert all("status" not in artifact["features"] for artifact in output["artifacts"])


@pytest.mark.parametrize(
    ("batch", "why"),
    [
        ([], "a list"),
        ({"batch_id": "b"}, "neither"),
        ({"artifacts": {}}, "an object"),
        ({"artifacts": ["a.jpg"]}, r"artifacts\[0\] is a text"),
        ({"artifacts": None, "photo_index": [{}, None]}, r"photo_index\[1\] is null"),
    ],
)
def test_what_is_not_a_batch_is_refused(
    batch: Any, why: str, make_service: Callable[..., FeaturesService]
) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        make_service().process(batch)
    assert caught.value.code == "bad-batch"


def test_threads_find_what_one_finds(
    example: dict[str, Any],
    make_service: Callable[..., FeaturesService],
    demo_photos: list[Path],
    tmp_path: Path,
) -> None:
    template = example["artifacts"][0]
    batches = [
        {
            "batch_id": f"batch {number}",
            "artifacts": [
                {**template, "photo_id": f"{number} {path.name}", "std_uri": path.as_uri()}
                for path in demo_photos[number::4]
            ],
        }
        for number in range(4)
    ]
    alone = [make_service(root=tmp_path / "alone").process(batch) for batch in batches]
    service = make_service(root=tmp_path / "together")
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(service.process, batches * 4))
    assert together == alone * 4


def test_labels_beside_the_service_are_its_labels(example: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/labels.json").write_text('{"labels": ["red", "blue"]}')
    output = FeaturesService(ColourEmbedder(), root=tmp_path).process(example)
    labels = output["artifacts"][0]["features"]["clip_labels"]
    assert {each["label"] for each in labels} == {"red", "blue"}
    assert sum(each["confidence"] for each in labels) == pytest.approx(1)
    cached = sorted(path.suffix for path in (tmp_path / "data/cache/features").iterdir())
    assert cached == [".json", ".npz", ".npz"]


def test_labels_of_the_settings_come_before_those_beside_the_service(
    example: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/labels.json").write_text('{"labels": ["red", "blue"]}')
    (tmp_path / "mine.txt").write_text("green\nwhite\n")
    settings = Settings(labels=tmp_path / "mine.txt")
    service = FeaturesService(ColourEmbedder(), root=tmp_path, settings=settings)
    labels = service.process(example)["artifacts"][0]["features"]["clip_labels"]
    assert {each["label"] for each in labels} == {"green", "white"}


@pytest.fixture
def records() -> Iterator[list[Any]]:
    found: list[Any] = []
    sink = logger.add(lambda message: found.append(message.record), level="INFO")
    yield found
    logger.remove(sink)


def test_the_log_tells_which_photo_of_which_batch_and_how_long(
    example: dict[str, Any],
    make_service: Callable[..., FeaturesService],
    records: list[Any],
    tmp_path: Path,
) -> None:
    make_service().process(broken(example, tmp_path))
    texts = [record["message"] for record in records]
    photo_id = example["artifacts"][0]["photo_id"]
    assert "Loaded 6 labels and 1 templates" in texts
    assert f"Extracting features for {photo_id[:8]}..." in texts
    (done,) = (
        r for r in records if r["message"].startswith(f"✓ Features extracted for {photo_id[:8]}: [")
    )
    assert done["extra"]["batch_id"] == "batch_20251017_105804"
    assert done["extra"]["photo_id"] == photo_id
    assert {"read", "decode", "prepare", "measure", "model"} == set(done["extra"]["seconds"])
    failed = [record for record in records if record["level"].name == "ERROR"]
    assert len(failed) == 6
    assert all(record["extra"]["code"] for record in failed)


def test_a_picture_is_opened_once(
    example: dict[str, Any], make_service: Callable[..., FeaturesService], tmp_path: Path
) -> None:
    name = (tmp_path / example["artifacts"][0]["std_uri"]).name
    opened: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "open" and str(arguments[0]).endswith(name):
            opened.append(str(arguments[0]))

    sys.addaudithook(watch)  # there is no way to remove one
    make_service().process(example)
    watching = False
    assert len(opened) == 1


def test_the_starter_model_works_out_of_the_box(example: dict[str, Any], tmp_path: Path) -> None:
    service = FeaturesService(model="starter", root=tmp_path)
    output = service.process(example)
    assert_valid("features-output", output)
    features = output["artifacts"][0]["features"]
    assert len(features["clip_labels"]) == 5
    assert features["tech"]["clip_iqa"] is None
    assert features["status"]["clip_iqa"]["status"] == "skipped"
    assert np.isfinite([features["tech"][name] for name in TECH if name != "clip_iqa"]).all()
