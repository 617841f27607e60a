from __future__ import annotations

import asyncio
import os
import shutil
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from skimage import data

from safelight.client import Client
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.state.tokens import create_token
from safelight.server.duplicates import Duplicates
from tests.fakes import ColourEmbedder
from tests.server.conftest import running
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.library.database import Database


class Apart(ColourEmbedder):
    """Sees nothing in common between any two photos, so that no group is of similar ones."""

    def __init__(self) -> None:
        super().__init__("apart", 64)

    def encode_prepared(self, inputs):
        seeds = [int.from_bytes(np.float32(each).tobytes(), "little") for each in inputs]
        drawn = np.stack([np.random.default_rng(seed).normal(size=64) for seed in seeds])
        return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def embedder() -> Apart:
    return Apart()


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A cat in three files, two of them the same bytes; coffee in two sizes; and an astronaut."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    cat, coffee = Image.fromarray(data.chelsea()), Image.fromarray(data.coffee())
    cat.save(folder / "cat.jpg", quality=95)
    cat.save(folder / "cat small.jpg", quality=60)
    shutil.copy(folder / "cat.jpg", folder / "cat copy.jpg")
    coffee.save(folder / "coffee.png")
    coffee.resize((300, 200)).save(folder / "coffee small.jpg", quality=90)
    Image.fromarray(data.astronaut()).save(folder / "astronaut.jpg")
    return folder


@pytest.fixture
def shelved(library: Database, shelf: Path, embedder) -> Database:
    ingest(library, [parse_source(str(shelf))], embedder, model="apart")
    return library


@pytest.fixture
def server(shelved, embedder):
    with running(shelved, embedder) as found:
        yield found


def groups(server, **params) -> list[dict]:
    """Return the groups, when they are found."""
    found = until(lambda: _compared(server, params=params))
    assert found["total"] >= len(found["groups"])
    return found["groups"]


def _compared(server, **options) -> dict | None:
    found = server.get("/api/v1/duplicates", **options).json()
    return found if found["comparing"] is None else None


def test_groups_say_what_to_keep_and_why(server, shelf) -> None:
    found = {len(each["photos"]): each for each in groups(server)}
    assert set(found) == {2, 3}
    cats = found[3]
    keeper, *others = cats["photos"]
    assert keeper["keeper"]
    assert not any(each["keeper"] for each in others)
    assert all(each["reasons"] for each in cats["photos"])
    assert {os.path.basename(each["path"]) for each in cats["photos"]} == {
        "cat.jpg", "cat copy.jpg", "cat small.jpg",
    }  # fmt: skip
    assert (keeper["width"], keeper["format"]) == (451, "JPEG")
    assert cats["bytes_to_save"] == sum(each["size"] for each in others)
    assert {edge["relation"] for edge in cats["edges"]} == {"identical", "re-encoded"}
    coffee = groups(server, relation="resized")
    assert [len(each["photos"]) for each in coffee] == [2]
    assert coffee[0]["photos"][0]["path"].endswith("coffee.png")
    first = server.get("/api/v1/duplicates", params={"limit": 1}).json()
    second = server.get("/api/v1/duplicates", params={"limit": 1, "cursor": first["next"]}).json()
    assert first["total"] == second["total"] == 2
    assert first["groups"] != second["groups"]


@pytest.mark.parametrize("decision", ["not-duplicates", "keep-both", "resolved"])
def test_what_was_decided_is_not_suggested_until_it_is_taken_back(server, decision) -> None:
    first, second = groups(server)
    path = f"/api/v1/duplicates/{first['group']}/decision"
    decided = server.client.put(path, json={"decision": decision}).json()
    assert (decided["group"], decided["decision"]) == (first["group"], decision)
    assert decided["photos"] == sorted({each["photo_id"] for each in first["photos"]})
    assert [each["group"] for each in groups(server)] == [second["group"]]
    # Once more, it is the same.
    assert server.client.put(path, json={"decision": decision}).json() == decided
    listed = server.get("/api/v1/duplicates/decisions").json()
    assert listed == {"decisions": [decided], "next": None}
    for _ in range(2):
        withdrawn = server.client.delete(path).json()
        assert (withdrawn["group"], withdrawn["decision"]) == (first["group"], None)
        assert len(groups(server)) == 2
    assert server.get("/api/v1/duplicates/decisions").json()["decisions"] == []
    nobody = path.replace(first["group"], "0" * 12)
    for answer in (
        server.client.delete(nobody),
        server.client.put(nobody, json={"decision": decision}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "no-group")


def test_a_decision_replaces_another_and_decisions_are_paged(server) -> None:
    paths = [f"/api/v1/duplicates/{each['group']}/decision" for each in groups(server)]
    for path in paths:
        server.client.put(path, json={"decision": "keep-both"})
    server.client.put(paths[0], json={"decision": "not-duplicates"})
    path = "/api/v1/duplicates/decisions"
    first = server.get(path, params={"limit": 1}).json()
    second = server.get(path, params={"limit": 1, "cursor": first["next"]}).json()
    assert [each["decision"] for each in first["decisions"]] == ["not-duplicates"]
    assert [each["decision"] for each in second["decisions"]] == ["keep-both"]
    assert second["next"] is None
    assert server.get(path, params={"cursor": "x"}).json()["code"] == "cursor"
    assert [each["decision"] for each in server.get(path).json()["decisions"]] == [
        "not-duplicates", "keep-both",
    ]  # fmt: skip


class Held:
    """Threads for comparisons that wait for a sign."""

    def __init__(self, pool) -> None:
        self.pool = pool
        self.sign = threading.Event()

    async def run(self, work, *given):
        await asyncio.to_thread(self.sign.wait, 60)
        return await self.pool.run(work, *given)


def test_a_list_that_is_not_compared_yet_says_so(shelved, embedder) -> None:
    with running(shelved, embedder) as server:
        served, held = server.service, Held(server.service.comparing)
        served.duplicates = Duplicates(
            shelved, served.settings, reading=served.reading, writing=served.writing,
            comparing=held, stopping=served.stopping, patience=0.1,
        )  # fmt: skip
        found = server.get("/api/v1/duplicates")
        assert (found.status_code, found.headers["retry-after"]) == (202, "1")
        assert found.json()["state"] == "comparing"
        assert (found.json()["groups"], found.json()["total"]) == ([], None)
        wanted = {"groups": [{"group": "0" * 12}]}
        for refused in (
            server.get(f"/api/v1/duplicates/{'0' * 12}"),
            server.post("/api/v1/plans", wanted),
        ):
            assert (refused.status_code, refused.json()["code"]) == (503, "comparing")
        with Client(server.url) as client:
            assert client.duplicates_page(wait=0).state == "comparing"
            held.sign.set()
            found = client.duplicates_page()
        assert (found.state, found.total, len(found.groups)) == ("ready", 2, 2)


def test_decisions_of_an_earlier_server_are_known_and_can_be_taken_back(shelved, embedder) -> None:
    with running(shelved, embedder) as server:
        first, _ = groups(server)
        path = f"/api/v1/duplicates/{first['group']}/decision"
        server.client.put(path, json={"decision": "keep-both"})
    with running(shelved, embedder) as server:
        assert len(groups(server)) == 1
        assert server.client.delete(path).status_code == 200
        assert len(groups(server)) == 2


def test_a_plan_is_seen_then_applied_then_undone(server, shelf) -> None:
    before = {path.name: path.read_bytes() for path in shelf.iterdir()}
    wanted = [{"group": each["group"]} for each in groups(server)]
    answer = server.post("/api/v1/plans", {"groups": wanted, "action": "quarantine"})
    assert answer.status_code == 201
    plan = answer.json()
    assert (plan["state"], len(plan["actions"])) == ("planned", 3)
    assert all(each["why"] and each["to"] for each in plan["actions"])
    assert plan["bytes_saved"] == sum(each["bytes"] for each in plan["actions"])
    assert {path.name: path.read_bytes() for path in shelf.iterdir()} == before
    assert server.get(answer.headers["location"]).json() == plan

    applied = server.post(f"/api/v1/plans/{plan['id']}/apply").json()
    assert (applied["state"], applied["counts"]["done"]) == ("applied", 3)
    assert server.get(f"/api/v1/plans/{plan['id']}").json() == applied
    assert sorted(path.name for path in shelf.glob("*.*") if path.is_file()) == [
        "astronaut.jpg",
        *sorted({os.path.basename(each["keeper"]) for each in plan["actions"]}),
    ]
    assert groups(server) == []
    assert server.client.delete(f"/api/v1/plans/{plan['id']}").status_code == 409

    undone = server.post(f"/api/v1/plans/{plan['id']}/undo").json()
    assert (undone["state"], undone["counts"]["undone"]) == ("undone", 3)
    after = {path.name: path.read_bytes() for path in shelf.iterdir() if path.is_file()}
    assert after == before
    assert len(groups(server)) == 2
    assert [each["state"] for each in server.get("/api/v1/plans").json()["plans"]] == ["undone"]


def test_another_photo_can_be_chosen_to_be_kept(server) -> None:
    (coffee,) = groups(server, relation="resized")
    big, small = coffee["photos"]
    wanted = [{"group": coffee["group"], "keeper": small["photo_id"]}]
    plan = server.post("/api/v1/plans", {"groups": wanted}).json()
    assert [each["photo_id"] for each in plan["actions"]] == [big["photo_id"]]
    assert plan["actions"][0]["keeper"] == small["path"]
    wanted = [{"group": coffee["group"], "keeper": "0" * 64}]
    assert server.post("/api/v1/plans", {"groups": wanted}).json()["code"] == "keeper"


def test_reasons_fit_the_photo_that_is_chosen(server) -> None:
    (coffee,) = groups(server, relation="resized")
    big, small = coffee["photos"]
    path = f"/api/v1/duplicates/{coffee['group']}"
    assert server.get(path).json()["photos"] == coffee["photos"]
    again = server.get(path, params={"keeper": small["photo_id"]}).json()["photos"]
    assert [each["path"] for each in again] == [small["path"], big["path"]]
    assert [each["keeper"] for each in again] == [True, False]
    assert again[0]["reasons"][0] == "chosen by you"
    assert "most pixels" not in " ".join(again[1]["reasons"])
    wanted = [{"group": coffee["group"], "path": small["path"]}]
    (action,) = server.post("/api/v1/plans", {"groups": wanted}).json()["actions"]
    assert (action["keeper"], action["keeper_id"]) == (small["path"], small["photo_id"])
    assert "most pixels" not in action["why"]
    assert action["why"].count("resized") == 1
    assert server.get(path, params={"path": "/elsewhere.jpg"}).json()["code"] == "keeper"
    assert server.get("/api/v1/duplicates/0123456789ab").status_code == 404


def test_folders_are_preferred_and_protected(server, shelf) -> None:
    deep = shelf / "deep"
    deep.mkdir()
    (cats,) = (each for each in groups(server) if len(each["photos"]) == 3)
    params = {"protect": str(shelf)}
    found = server.get("/api/v1/duplicates", params=params).json()["groups"]
    assert len(found) == 2
    wanted = {"groups": [{"group": cats["group"]}], "protect": [str(shelf)]}
    plan = server.post("/api/v1/plans", wanted).json()
    assert plan["actions"] == []
    assert all("protected" in each["why"] for each in plan["left"])


def test_what_only_looks_alike_is_not_a_duplicate(library, tmp_path, make_photo) -> None:
    for name, seed in (("a", 0), ("b", 1), ("c", 2)):
        make_photo(tmp_path / "alike" / f"{name}.png", seed=seed, size=120)
    embedder = ColourEmbedder()
    ingest(library, [parse_source(str(tmp_path / "alike"))], embedder, model="colours")
    with running(library, embedder) as server:
        assert [each for each in groups(server) if each["relation"] == "similar"] == []
        found = groups(server, relation="similar")
        if not found:
            pytest.skip("these are related in closer ways")
        assert not any(photo["keeper"] for photo in found[0]["photos"])
        assert found[0]["bytes_to_save"] == 0
        wanted = [{"group": found[0]["group"]}]
        assert server.post("/api/v1/plans", {"groups": wanted}).json()["code"] == "keeper"
        wanted[0]["keeper"] = found[0]["photos"][0]["photo_id"]
        assert server.post("/api/v1/plans", {"groups": wanted}).status_code == 201


def test_one_of_several_files_of_a_photo_can_be_chosen(server, shelf) -> None:
    (cats,) = (each for each in groups(server) if len(each["photos"]) == 3)
    chosen = next(each for each in cats["photos"] if each["path"].endswith("cat copy.jpg"))
    wanted = [{"group": cats["group"], "keeper": chosen["photo_id"], "path": chosen["path"]}]
    plan = server.post("/api/v1/plans", {"groups": wanted}).json()
    assert {os.path.basename(each["path"]) for each in plan["actions"]} == {
        "cat.jpg", "cat small.jpg",
    }  # fmt: skip


def test_a_file_that_has_changed_is_left_and_told(server, shelf) -> None:
    wanted = [{"group": each["group"]} for each in groups(server, relation="resized")]
    plan = server.post("/api/v1/plans", {"groups": wanted}).json()
    (shelf / "coffee small.jpg").write_bytes(b"something new")
    applied = server.post(f"/api/v1/plans/{plan['id']}/apply").json()
    (left,) = (each for each in applied["actions"] if each["state"] == "left")
    assert left["path"] == str(shelf / "coffee small.jpg")
    assert "changed" in left["reason"]
    assert (applied["state"], applied["bytes_held"]) == ("applied-in-part", 0)
    assert server.get(f"/api/v1/plans/{plan['id']}").json() == applied
    assert (shelf / "coffee small.jpg").read_bytes() == b"something new"


def test_drafts_can_be_forgotten(server) -> None:
    wanted = [{"group": each["group"]} for each in groups(server)]
    plan = server.post("/api/v1/plans", {"groups": wanted}).json()
    assert server.client.delete(f"/api/v1/plans/{plan['id']}").status_code == 204
    assert server.get(f"/api/v1/plans/{plan['id']}").json()["code"] == "no-plan"
    assert server.post(f"/api/v1/plans/{plan['id']}/apply").status_code == 404
    undo = server.post("/api/v1/plans", {"groups": wanted}).json()["id"]
    assert server.post(f"/api/v1/plans/{undo}/undo").status_code == 409


@pytest.mark.parametrize("plan", ["..", "..%2f..%2fetc", "x", "a" * 50, "A-B-C-D"])
def test_a_plans_id_is_not_a_path(server, plan) -> None:
    assert server.get(f"/api/v1/plans/{plan}").status_code in (404, 422)


def test_a_token_sees_the_groups_and_plans_of_its_namespaces(
    shelved, embedder, make_photo, tmp_path
) -> None:
    make_photo(tmp_path / "other" / "a.png", "red", size=100)
    shutil.copy(tmp_path / "other" / "a.png", tmp_path / "other" / "b.png")
    source = parse_source(str(tmp_path / "other"))
    ingest(shelved, [source], embedder, model="apart", namespace="other")
    text, _ = create_token(shelved, "guest", may_write=True, namespaces=["other"])
    with running(shelved, embedder) as server:
        everything = groups(server)
        guest = {"headers": {"Authorization": f"Bearer {text}"}}
        (own,) = groups_of(server, guest)
        assert {os.path.dirname(each["path"]) for each in own["photos"]} == {
            str(tmp_path / "other")
        }
        others = [each["group"] for each in everything if each["group"] != own["group"]]
        assert len(others) == 2
        path = f"/api/v1/duplicates/{others[0]}/decision"
        decision = {"decision": "keep-both"}
        assert server.client.put(path, json=decision, **guest).status_code == 404
        server.client.put(path, json=decision)
        assert server.client.delete(path, **guest).status_code == 404
        wanted = [{"group": others[1]}]
        assert server.post("/api/v1/plans", {"groups": wanted}, **guest).status_code == 404
        plan = server.post("/api/v1/plans", {"groups": wanted}).json()["id"]
        assert server.get(f"/api/v1/plans/{plan}", **guest).status_code == 404
        assert server.post(f"/api/v1/plans/{plan}/apply", **guest).status_code == 404
        assert server.get("/api/v1/plans", **guest).json() == {"plans": [], "next": None}


def groups_of(server, options) -> list[dict]:
    return until(lambda: _compared(server, **options))["groups"]


def test_two_plans_for_one_group_are_applied_once(server, shelf) -> None:
    wanted = {"groups": [{"group": each["group"]} for each in groups(server)]}
    first, second = (server.post("/api/v1/plans", wanted).json() for _ in range(2))
    applied = server.post(f"/api/v1/plans/{first['id']}/apply").json()
    assert (applied["last"]["changed"], applied["last"]["before"]) == (3, 0)
    assert (applied["bytes_freed"], applied["bytes_held"]) == (0, applied["bytes_saved"])
    for plan in (first, second):
        again = server.post(f"/api/v1/plans/{plan['id']}/apply").json()
        assert (again["last"]["changed"], again["last"]["before"]) == (0, 3)
        assert (again["state"], again["counts"]["done"]) == ("applied", 3)
    assert {each["done_by"] for each in again["actions"]} == {first["id"]}
    assert (again["bytes_freed"], again["bytes_held"]) == (0, 0)
    assert server.get(f"/api/v1/plans/{second['id']}").json() == again


def test_an_undo_that_could_not_restore_everything_says_so(server, shelf) -> None:
    wanted = {"groups": [{"group": each["group"]} for each in groups(server)]}
    plan = server.post("/api/v1/plans", wanted).json()
    path = f"/api/v1/plans/{plan['id']}"
    applied = server.post(f"{path}/apply").json()
    os.unlink(applied["actions"][0]["now"])
    undone = server.post(f"{path}/undo").json()
    assert undone["state"] == "applied-in-part"
    assert [each["state"] for each in undone["actions"]] == ["done", "undone", "undone"]
    assert undone["actions"][0]["reason"]
    assert (undone["last"]["command"], undone["last"]["changed"]) == ("undo", 2)
    assert server.get(path).json() == undone
