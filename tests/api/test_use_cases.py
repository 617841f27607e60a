"""Use cases that commands, the server and programs share."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from safelight import api
from safelight.api.doctor import diagnose
from safelight.api.exchange import export_data_set, import_from_data_set
from safelight.api.models import export_model, list_models, model_info, spaces_of_model
from safelight.api.opened import Opened
from safelight.api.pipeline import FeatureOptions, pipeline_paths, run_pipeline
from safelight.api.sources import list_sources, page_of_sources
from safelight.api.spaces import check_drop, drop_space, list_spaces, use_space
from safelight.api.status import failed_files, library_status
from safelight.api.sync import feed, sync, unqueue_store
from safelight.errors import LibraryError, SourceError, SpaceError, UsageError
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.settings import Secret, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safelight.library.database import Database
    from tests.fakes import ColourEmbedder


@pytest.fixture
def settings(library: Database) -> Settings:
    return replace(Settings.load({}), library=library.path)


@pytest.fixture
def filled(
    library: Database, embedder: ColourEmbedder, tmp_path: Path, make_photo: Callable[..., Path]
) -> Database:
    for name in ("one", "two"):
        folder = tmp_path / name
        make_photo(folder / "red.png", "red")
        (folder / "broken.png").write_bytes(b"broken")
        ingest(library, [parse_source(str(folder))], embedder, namespace=name, model="colours")
    return library


def test_a_status_is_json_and_of_one_namespace(filled: Database, settings: Settings) -> None:
    whole = library_status(filled, settings)
    assert (whole.counts.photos, whole.counts.files, whole.counts.failed) == (1, 2, 2)
    assert set(whole.namespaces) == {"one", "two"}
    part = json.loads(json.dumps(library_status(filled, settings, "two").to_dict()))
    assert (part["files"], part["failed"], list(part["namespaces"])) == (1, 1, ["two"])
    assert part["spaces"][0]["index"]["kind"] == "exact"
    assert [each["namespace"] for each in part["sources"]] == ["two"]
    assert len(failed_files(filled)) == 2
    assert [each.namespace for each in failed_files(filled, "one")] == ["one"]
    with pytest.raises(LibraryError, match="three"):
        library_status(filled, settings, "three")
    with pytest.raises(LibraryError, match="three"):
        failed_files(filled, "three")


def test_sources_are_those_that_the_caller_may_see(filled: Database) -> None:
    assert [each.source.namespace for each in list_sources(filled)] == ["one", "two"]
    assert [each.source.namespace for each in list_sources(filled, "two")] == ["two"]
    assert page_of_sources(filled, ()) == ([], None)
    (one,), following = page_of_sources(filled, ("one", "elsewhere"))
    assert (one.to_dict()["files"], following) == (one.files, None)
    (first,), following = page_of_sources(filled, limit=1)
    (second,), last = page_of_sources(filled, limit=1, cursor=following)
    assert ([each.source.namespace for each in (first, second)], last) == (["one", "two"], None)
    with pytest.raises(LibraryError):
        list_sources(filled, "elsewhere")


def test_a_space_is_used_and_dropped_by_its_name(filled: Database) -> None:
    assert not list_spaces(filled).has_texts
    found = use_space(filled, "colours")
    assert (found.covered, found.lacking, found.to_dict()["name"]) == (1, 0, "colours")
    with pytest.raises(SpaceError):
        check_drop(filled, "colours")
    with pytest.raises(SpaceError, match="shapes"):
        use_space(filled, "shapes")
    found = check_drop(filled, "colours", force=True)
    drop_space(filled, found.space.fingerprint, force=True)
    assert list_spaces(filled).spaces == ()


def test_a_token_is_told_without_its_digest(library: Database) -> None:
    text, made = api.create_token(library, "page", namespaces=["one"])
    (kept,) = api.tokens(library)
    assert kept == made
    assert kept.digest not in json.dumps(kept.to_dict())
    assert text not in json.dumps(kept.to_dict())
    assert api.revoke_token(library, kept.id).id == kept.id


def test_stores_are_named_by_the_settings(filled: Database, settings: Settings) -> None:
    assert feed(Opened(filled, settings=settings)) is None
    for use_case in (sync, unqueue_store):
        with pytest.raises(UsageError):
            use_case(filled, settings)
    strange = replace(settings, store=Secret("mongodb://elsewhere"))
    with pytest.raises(UsageError):
        sync(filled, strange)


def test_a_data_set_goes_from_library_to_library(
    filled: Database, settings: Settings, tmp_path: Path
) -> None:
    target = str(tmp_path / "set")
    assert export_data_set(settings, target, namespaces=["one"]).photos == 1
    other = replace(settings, library=tmp_path / "other.db")
    with pytest.raises(SourceError):
        import_from_data_set(other, str(tmp_path / "one"))
    assert not other.library.exists()
    done = import_from_data_set(other, target, dry_run=True)
    assert (done.new, done.to_dict()["problems"]) == (1, [])
    with pytest.raises(UsageError):
        import_from_data_set(other, target, to_store="qdrant:there", dry_run=True)
    with pytest.raises(UsageError):
        export_data_set(
            replace(settings, library=tmp_path / "lost.db"), target, from_store="qdrant:there"
        )


def test_models_are_described_and_named_by_the_spaces_that_need_them(
    filled: Database, settings: Settings, tmp_path: Path
) -> None:
    names = [each.name for each in list_models()]
    assert "starter" in names
    assert {each.name for each in list_models(on_disk=True)} <= set(names)
    assert model_info("starter").to_dict()["usable"] is True
    assert spaces_of_model(settings, "colours") == ["colours"]
    assert spaces_of_model(replace(settings, library=tmp_path / "none.db"), "colours") == []
    with pytest.raises(UsageError):
        export_model("starter", tmp_path / "out", settings)
    with pytest.raises(UsageError):
        export_model("ViT-B-32/openai", tmp_path / "one", settings)


def test_a_diagnosis_reports_before_it_measures(filled: Database, settings: Settings) -> None:
    reports = []
    found = diagnose(settings, quick=True, examined=reports.append)
    assert reports == [found.report]
    assert found.speed is None
    assert found.to_dict()["library"]["spaces"][0]["name"] == "colours"
    assert found.is_broken == any(each.broken for each in found.problems)


def test_a_pipeline_needs_its_folder_before_a_model(settings: Settings, tmp_path: Path) -> None:
    paths = pipeline_paths(tmp_path / "data")
    options = FeatureOptions(model="no/such-model")
    with pytest.raises(SourceError):
        run_pipeline(settings, str(tmp_path / "gone"), paths, batch_size=1, options=options)


def test_every_name_of_the_package_is_there() -> None:
    for name in api.__all__:
        assert getattr(api, name).__module__.startswith("safelight.")
    with pytest.raises(AttributeError):
        _ = api.nothing


def test_importing_a_use_case_that_reads_loads_no_arrays() -> None:
    script = (
        "import sys, safelight.api.sources, safelight.api.spaces, safelight.api.documentation\n"
        "print(sorted({'numpy', 'cv2', 'PIL', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
