"""A text where a list belongs is a list of one, or refused by name: in every public function.

The walk finds each parameter that takes several values by its annotation. A function added without
the guard fails here, and so does one whose annotation would let a checker pass a text for a list.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import inspect
import pkgutil
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import safelight
from safelight import api
from safelight.errors import SafelightError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Looks like several values to a program, and is one to a person.
TEXT = "zqx"

SEVERAL = re.compile(r"\b(Sequence|Iterable|Collection|list|tuple|Mapping|dict|ndarray)\[")

#: Their alternative in the annotation makes a text a valid argument.
OF_TEXTS = re.compile(r"\b(Sequence|Iterable|Collection|list)\[(str|Path|PathLike|os\.PathLike)\b")

MODULES = [
    "safelight.client.calls",
    "safelight.retrieval",
    *(f"safelight.api.{module.name}" for module in pkgutil.iter_modules(api.__path__)),
]

#: What the library makes and hands out; nobody calls these with arguments.
MADE = re.compile(
    r"(Call|Diagnosis|Duplicates|Photos|Hits|PhotoLabels|FileLabels|FileScores|SpaceList|Columns|"
    r"LibraryStatus|Frame|Picture|Hit|ModelInfo|Page)$"
)

#: The guard stands in what these call.
ELSEWHERE: set[str] = set()

#: They go on for ever, and connect again if nothing answers. Both clients take the fields of such a
#: call through one function, which is called instead.
ENDLESS = {"Client.follow_changes", "AsyncClient.follow_changes"}

#: Embedders are tested in test_arguments; a protocol has no code.
PROTOCOLS = {"Embedder"}


def functions() -> Iterator[tuple[str, Callable[..., Any], type | None]]:
    """Yield every public function and method, with the class that it belongs to."""
    found: list[tuple[str, Any]] = [(name, getattr(safelight, name)) for name in safelight.__all__]
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        found += [
            (f"{module_name.removeprefix('safelight.')}.{name}", each)
            for name, each in vars(module).items()
            if not name.startswith("_") and getattr(each, "__module__", "") == module_name
        ]
    from safelight.client.asynchronous import AsyncClient
    from safelight.client.synchronous import Client

    found += [("Client", Client), ("AsyncClient", AsyncClient)]
    # Of several names, the first one.
    for each, name in {each: name for name, each in reversed(found)}.items():
        if inspect.isfunction(each):
            yield name, each, None
        elif inspect.isclass(each) and not MADE.search(name) and name not in PROTOCOLS:
            for member, function in inspect.getmembers(each, inspect.isfunction):
                if member == "__init__" or not member.startswith("_"):
                    yield f"{name}.{member}", function, each


def several() -> Iterator[tuple[str, str]]:
    for name, function, _ in functions():
        for each in inspect.signature(function).parameters.values():
            if SEVERAL.search(str(each.annotation)) and not _is_callable(str(each.annotation)):
                yield name, each.name


def _is_callable(annotation: str) -> bool:
    return annotation.startswith("Callable")


FOUND = sorted({each for each in several() if each[0] not in ENDLESS})


def test_the_walk_finds_them() -> None:
    names = {name for name, _ in FOUND}
    assert {
        "Library.search", "CLIPEmbedder.generate_embeddings_batch", "Deduplicator.groups",
        "FeaturesService.process", "parse_source", "retrieve_local", "client.calls.upload",
        "Client.upload", "AsyncClient.images_search", "Filter.__init__", "Settings.__init__",
        "api.ingest.IngestOptions.__init__", "api.score.score_files",
    } <= names  # fmt: skip
    assert len(FOUND) > 100


def test_checkers_see_where_one_text_is_taken() -> None:
    """``Sequence[str]`` alone lets a checker pass a text, which is a sequence of texts."""
    for name, function, owner in functions():
        if owner is not None and dataclasses.is_dataclass(owner) and name.endswith("__init__"):
            continue  # fields: tuples, which a text is not
        for each in inspect.signature(function).parameters.values():
            annotation = str(each.annotation)
            if OF_TEXTS.search(annotation) and not _is_callable(annotation):
                alone = re.sub(r"\[[^\[\]]*(\[[^\[\]]*\][^\[\]]*)*\]", "", annotation)
                assert re.search(r"\b(str|Path|PathLike|SourceName|GivenFile)\b", alone), (
                    name, annotation,
                )  # fmt: skip


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> dict[str, Any]:
    """Return something possible for each parameter by name."""
    from safelight import CLIPEmbedder, Deduplicator, Library, Settings, load_embedder
    from safelight.api.ingest import IngestOptions
    from safelight.api.sheet import SheetOptions
    from safelight.client import AsyncClient, Client
    from safelight.cluster.options import ClusterOptions
    from safelight.ingest import ingest
    from safelight.labels.label_set import LabelSet
    from safelight.pipeline.paths import PipelinePaths

    def told(_: object, call: object) -> None:
        raise SafelightError(repr(call))

    async def told_later(_: object, call: object) -> None:
        told(_, call)

    folder = tmp_path_factory.mktemp("given")
    library = Library(folder / "given.db", model="starter", create=True)
    embedder = load_embedder("starter")
    (folder / "photos").mkdir()
    for name in ("red.png", "red again.png"):
        Image.new("RGB", (64, 64), (200, 30, 30)).save(folder / "photos" / name)
    ingest(library.database, str(folder / "photos"), embedder, model="starter")
    settings = Settings(library=folder / "given.db")
    paths = PipelinePaths(folder / "data")
    with pytest.warns(DeprecationWarning, match="CLIPEmbedder"):
        legacy = safelight.CLIPModel(model_name="starter")
    group = Deduplicator(library).groups()[0].group.id
    nowhere = "http://127.0.0.1:9"
    return {
        "Library": library,
        "AsyncLibrary": safelight.AsyncLibrary(folder / "given.db", model="starter"),
        "CLIPEmbedder": CLIPEmbedder("starter"),
        "CLIPModel": legacy,
        "Deduplicator": Deduplicator(library),
        "FeaturesService": safelight.FeaturesService(embedder, settings=settings),
        "Client": type("Client", (Client,), {"send": told})(nowhere),
        "AsyncClient": type("AsyncClient", (AsyncClient,), {"send": told_later})(nowhere),
        "library": library,
        "settings": settings,
        "embedder": embedder,
        "paths": paths,
        "Settings": settings,
        "embedding": [1.0],
        "output": str(folder / "sheet.html"),
        "options": IngestOptions(),
        "api.cluster.ingest_on_cluster.options": ClusterOptions(output=str(folder / "set")),
        "api.sheet.make_sheet.options": SheetOptions(),
        "label_set": LabelSet(("cat", "dog"), ("a photo of a {}",)),
        "group": group,
        "beginning": group,
        "query": "red",
        "text": "red",
        "embeddings": np.eye(1, 512, dtype=np.float32),
        "url": "no-address",
    }


def made(given: dict[str, Any], name: str, changed: dict[str, Any]) -> Any:
    """Call a function with what is possible, except for one argument."""
    owner, function = next(
        (owner, function) for each, function, owner in functions() if each == name
    )
    parameters = list(inspect.signature(function).parameters.values())
    arguments = dict(changed)
    for each in parameters:
        needed = each.default is each.empty and each.kind not in (
            each.VAR_KEYWORD, each.VAR_POSITIONAL,
        )  # fmt: skip
        if needed and each.name != "self" and each.name not in arguments:
            arguments[each.name] = given.get(f"{name}.{each.name}", given.get(each.name, "x"))
    if owner is not None and name.endswith("__init__"):
        return owner(**arguments)
    if owner is not None:
        receiver = given.get(owner.__name__)
        assert receiver is not None, f"{name}: say how a {owner.__name__} is made"
        function = getattr(receiver, function.__name__)
    found = function(**arguments)
    if inspect.iscoroutine(found):
        return asyncio.run(found)
    if inspect.isgenerator(found):
        return list(found)
    if inspect.isasyncgen(found):
        return asyncio.run(_drained(found))
    return found


async def _drained(found: Any) -> list[Any]:
    return [each async for each in found]


def outcome(given: dict[str, Any], name: str, changed: dict[str, Any]) -> Any:
    try:
        found = made(given, name, changed)
    except SafelightError as error:
        return type(error), re.sub(r"0x[0-9a-f]+", "", str(error))
    except (OSError, RuntimeError, SystemExit) as error:
        return type(error)
    found = np.squeeze(found) if isinstance(found, np.ndarray) else found  # encode_text's one row
    return re.sub(r"0x[0-9a-f]+", "", repr(found))


@pytest.mark.parametrize(("name", "parameter"), FOUND, ids=lambda each: str(each))
def test_one_text_is_one_value_or_refused_by_name(given, name, parameter) -> None:
    alone = outcome(given, name, {parameter: TEXT})
    if isinstance(alone, tuple) and issubclass(alone[0], UsageError) and parameter in alone[1]:
        return  # refused, by name
    assert alone == outcome(given, name, {parameter: [TEXT]})
    if alone == outcome(given, name, {parameter: list(TEXT)}):
        # It ended before it came to the argument, or does not say what it made of it.
        source = inspect.getsource(next(each for n, each, _ in functions() if n == name))
        assert f"as_list({parameter}" in source or name in ELSEWHERE, alone
