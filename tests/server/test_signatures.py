"""Signed addresses: what they open, and what they do not."""

from __future__ import annotations

import os
import stat
import time
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from safelight.errors import UsageError
from safelight.library.state.signing_key import key_path, signing_key
from safelight.library.state.tokens import create_token, revoke_token
from safelight.server.errors import Problem
from safelight.server.signatures import sign, verify
from tests.server.conftest import running

API = "/api/v1"
PAGE = "https://photos.example"
PICTURE = f"{API}/photos/{'0' * 64}/thumbnail"
#: What a browser sends for an <img> in a page of elsewhere.
IMG = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture
def guarded(filled, embedder):
    with running(filled, embedder, needs_token=True, allowed_origins=(PAGE,)) as server:
        yield server


def signed(server, headers, *urls: str, **options) -> list[str]:
    answer = server.post(f"{API}/signatures", {"urls": urls, **options}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["urls"]


def a_photo(server, headers, **params) -> str:
    return server.get(f"{API}/photos", headers=headers, params=params).json()["photos"][0][
        "photo_id"
    ]


def test_a_signed_address_opens_what_it_names(guarded, filled) -> None:
    text, _ = create_token(filled, "page")
    photo = f"{API}/photos/{a_photo(guarded, bearer(text))}"
    paths = [f"{photo}/{kind}" for kind in ("thumbnail?side=160", "image", "focus", "original")]
    urls = signed(guarded, bearer(text), *paths, seconds=60)
    for path, url in zip(paths, urls, strict=True):
        assert guarded.get(path, headers=IMG).status_code == 403
        answer = guarded.get(url, headers=IMG)
        assert answer.status_code == 200, url
        assert answer.content == guarded.get(path, headers=bearer(text)).content
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["cache-control"] == "private, no-cache"
        again = guarded.get(url, headers={**IMG, "If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        assert guarded.client.head(url).status_code == 200
        assert guarded.get(path).headers["cross-origin-resource-policy"] == "same-origin"


def test_a_signature_covers_all_of_the_address(guarded, filled) -> None:
    text, token = create_token(filled, "page")
    other, other_token = create_token(filled, "other")
    photo = a_photo(guarded, bearer(text))
    (url,) = signed(guarded, bearer(text), f"{API}/photos/{photo}/thumbnail?side=160")
    path, _, query = url.partition("?")
    fields = dict(parse_qsl(query))
    for changed in (
        f"{path.replace('thumbnail', 'original')}?{query}",
        f"{path}?{query}&side=320",
        f"{path}?side=320&{query}",
        f"{path}?{urlencode({**fields, 'side': '320'})}",
        f"{path}?{urlencode({**fields, 'expires': str(int(fields['expires']) + 1)})}",
        f"{path}?{urlencode({**fields, 'token': other_token.id})}",
        f"{path}?{urlencode({**fields, 'token': 'none'})}",
        f"{path}?{urlencode({**fields, 'signature': 'A' * 43})}",
        f"{path}?{urlencode({**fields, 'signature': ''})}",
        f"{path}?signature=x",
        f"{path}?{query}&signature={fields['signature']}",
        f"{API}/photos?{query}",
        f"{API}/photos/{'0' * 64}/thumbnail?{query}",
    ):
        answer = guarded.get(changed)
        assert (answer.status_code, answer.json()["code"]) == (403, "signature"), changed
    for method in ("POST", "PUT", "DELETE"):
        assert guarded.client.request(method, url).status_code == 403
    # It stands for its own token, whatever else is brought.
    revoke_token(filled, token.id)
    assert guarded.get(url, headers=bearer(other)).json()["code"] == "signature"


def test_a_signature_ends(guarded, filled) -> None:
    text, token = create_token(filled, "page")
    photo = a_photo(guarded, bearer(text))
    path = f"{API}/photos/{photo}/thumbnail"
    key, now = guarded.service.signing_key, int(time.time())
    assert guarded.get(sign(key, path, token.id, now + 60)).status_code == 200
    for seconds in (-60, -1, 0):
        expired = sign(key, path, token.id, now + seconds)
        assert guarded.get(expired).json()["code"] == "signature-expired"
    (url,) = signed(guarded, bearer(text), path, seconds=1)
    for seconds in (0, -1, 86_401, 1e9):
        body = {"urls": [url], "seconds": seconds}
        assert guarded.post(f"{API}/signatures", body, headers=bearer(text)).status_code == 422


def test_a_revoked_token_takes_its_addresses_with_it_at_once(guarded, filled) -> None:
    text, token = create_token(filled, "page")
    photo = a_photo(guarded, bearer(text))
    (url,) = signed(guarded, bearer(text), f"{API}/photos/{photo}/thumbnail")
    first = guarded.get(url)
    assert first.status_code == 200
    revoke_token(filled, token.id)
    for headers in ({}, {"If-None-Match": first.headers["etag"]}):
        assert guarded.get(url, headers=headers).status_code == 403


def test_an_address_never_gives_more_than_its_token(guarded, filled) -> None:
    everything, _ = create_token(filled, "all", may_write=True)
    red, _ = create_token(filled, "red", namespaces=["red"])
    mine = a_photo(guarded, bearer(everything), namespace="red")
    others = a_photo(guarded, bearer(everything), namespace="blue")
    paths = [f"{API}/photos/{photo}/thumbnail" for photo in (mine, others)]
    assert [guarded.get(url).status_code for url in signed(guarded, bearer(red), *paths)] == [
        200, 404,
    ]  # fmt: skip
    assert guarded.post(f"{API}/signatures", {"urls": paths}).status_code == 401
    assert (
        guarded.post(f"{API}/signatures", {"urls": paths}, headers=bearer("wrong")).status_code
        == 401
    )


@pytest.mark.parametrize(
    "url",
    ["", "/", f"{API}/photos", f"{API}/sources", f"{API}/photos/x/thumbnail", "https://evil.example/",
     f"//evil.example{PICTURE}", f"http://[{PICTURE}", f"{PICTURE}#x", f"{PICTURE}?signature=x",
     f"{API}/photos/../../metrics", f"{PICTURE}/../original", "photos", f"{PICTURE}?{'x' * 2000}"],
)  # fmt: skip
def test_only_pictures_and_events_are_signed(url) -> None:
    with pytest.raises(UsageError):
        sign(b"key", url, None, 0)


@pytest.mark.parametrize("query", ["", "?side=320", "?a=1&a=2", "?a=%26b%3D1&c=", "?x=%C3%A4+y"])
def test_the_query_comes_back_as_it_was(query) -> None:
    url = urlsplit(sign(b"key", PICTURE + query, "0123abcd", int(time.time()) + 60))
    found = verify(b"key", "GET", url.path, url.query.encode())
    assert found.token == "0123abcd"
    assert parse_qsl(found.query.decode(), keep_blank_values=True) == parse_qsl(
        query[1:], keep_blank_values=True
    )
    with pytest.raises(Problem):
        verify(b"other", "GET", url.path, url.query.encode())


def test_a_server_without_tokens_signs_too(filled, embedder) -> None:
    with running(filled, embedder, allowed_origins=(PAGE,)) as server:
        (url,) = signed(server, {}, f"{API}/photos/{a_photo(server, {})}/thumbnail")
        assert server.get(url, headers=IMG).status_code == 200
    with running(filled, embedder, needs_token=True) as server:
        assert server.get(url).json()["code"] == "signature"


def test_without_an_allowed_page_no_page_shows_it(filled, embedder) -> None:
    with running(filled, embedder) as server:
        (url,) = signed(server, {}, f"{API}/photos/{a_photo(server, {})}/thumbnail")
        assert server.get(url, headers=IMG).json()["code"] == "origin"
        answer = server.get(url)
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_page_that_is_not_allowed_gets_nothing_by_it(guarded, filled) -> None:
    text, _ = create_token(filled, "page")
    (url,) = signed(
        guarded, bearer(text), f"{API}/photos/{a_photo(guarded, bearer(text))}/thumbnail"
    )
    for origin, status in ((PAGE, 200), ("https://evil.example", 403)):
        answer = guarded.get(url, headers={**IMG, "Origin": origin})
        assert answer.status_code == status
        assert answer.headers.get("access-control-allow-origin") == (
            PAGE if status == 200 else None
        )
        assert "Origin" in answer.headers["vary"]


def test_a_preflight_tells_what_pages_may_send(guarded) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization, range, idempotency-key",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = guarded.client.options(f"{API}/photos", headers=asked)
    assert answer.status_code == 204
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "range", "idempotency-key", "content-type"} <= set(allowed)
    assert answer.headers["access-control-allow-private-network"] == "true"
    assert "Origin" in answer.headers["vary"]
    asked["Origin"] = "https://evil.example"
    assert guarded.client.options(f"{API}/photos", headers=asked).status_code == 403


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps rights elsewhere")
def test_the_key_is_only_for_this_user(library) -> None:
    key, path = signing_key(library), key_path(library)
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signing_key(library) == key
    # A key that others could read is not used any more; nor is half of one.
    path.chmod(0o644)
    another = signing_key(library)
    assert another != key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"half")
    assert len(signing_key(library)) == 32
    path.unlink()
    path.mkdir()
    assert len(signing_key(library)) == 32  # good until the process ends
