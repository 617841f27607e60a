"""Words written about a photo that goes are carried to the kept one, or the plan says so."""

from __future__ import annotations

import io
import json
import struct

import pytest
from PIL import Image, PngImagePlugin

from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.model import read_plan, write_plan
from safelight.duplicates.plans.undo import undo_plan
from safelight.metadata.xmp import read_xmp

PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
 xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"
 xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/">
<rdf:Description rdf:about="" xmp:Label="Red" crs:Exposure2012="+0.50">{}</rdf:Description>
</rdf:RDF></x:xmpmeta>"""

TITLE = (
    '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Lena &amp; the sea</rdf:li></rdf:Alt>'
    "</dc:title>"
)
CREATORS = "<dc:creator><rdf:Seq><rdf:li>Ann</rdf:li><rdf:li>Ben</rdf:li></rdf:Seq></dc:creator>"
TREE = "<lr:hierarchicalSubject><rdf:Bag><rdf:li>a|b</rdf:li></rdf:Bag></lr:hierarchicalSubject>"
CITY = "<photoshop:City>Köln</photoshop:City>"
FACES = (
    '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag>'
    '<rdf:li><rdf:Description mwg-rs:Name="Lena"/></rdf:li></rdf:Bag></mwg-rs:RegionList>'
    "</mwg-rs:Regions>"
)
LANGUAGES = (
    '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">sea</rdf:li>'
    '<rdf:li xml:lang="de">Meer</rdf:li></rdf:Alt></dc:title>'
)
RIGHTS_URL = "<plus:LicensorURL>https://example.org</plus:LicensorURL>"


def packet(*properties: str) -> bytes:
    return PACKET.format("".join(properties)).encode()


def jpeg(seed: int, exif: dict[int, object] | None = None, iptc: bytes = b"") -> bytes:
    made = Image.Exif()
    made.update(exif or {})
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (seed, 0, 0)).save(out, "JPEG", exif=made)
    data = out.getvalue()
    if iptc:
        block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
        body = b"Photoshop 3.0\0" + block
        data = data[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + data[2:]
    return data


def record(number: int, text: str) -> bytes:
    data = text.encode()
    return b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(data)) + data


def png(**texts: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (9, 9, 9)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def remarked(form: str, text: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (9, 9, 9)).save(out, form, comment=text.encode())
    return out.getvalue()


@pytest.fixture
def pair(shelf):
    """A photo, and a smaller one of which something is noted."""

    def make(
        data: bytes, sidecar: bytes | None = None, kept: bytes | None = None, relation="resized"
    ):
        large = shelf.add("large.jpg", jpeg(1), width=400, height=300, format="JPEG")
        small = shelf.add("small.jpg", data, format="JPEG")
        if sidecar is not None:
            (shelf.folder / "small.xmp").write_bytes(sidecar)
        if kept is not None:
            (shelf.folder / "large.jpg.xmp").write_bytes(kept)
        shelf.relate(relation, large, small)
        return shelf.plan()

    return make


def wide(text: str) -> bytes:
    return text.encode("utf-16-le") + b"\0\0"


@pytest.mark.parametrize(
    ("data", "sidecar", "words"),
    [
        (jpeg(2), packet(TITLE), {"dc:title": ("Lena & the sea",), "xmp:Label": ("Red",)}),
        (jpeg(2), packet(CREATORS), {"dc:creator": ("Ann", "Ben")}),
        (jpeg(2), packet(TREE, CITY),
         {"lr:hierarchicalSubject": ("a|b",), "photoshop:City": ("Köln",)}),
        (jpeg(2, {0x010E: "At the sea"}), None, {"dc:description": ("At the sea",)}),
        (jpeg(2, {0x013B: "Ann", 0x8298: "(c) Ann"}), None,
         {"dc:creator": ("Ann",), "dc:rights": ("(c) Ann",)}),
        (jpeg(2, {0x9C9B: wide("Title")}), None, {"dc:title": ("Title",)}),
        (jpeg(2, iptc=record(5, "Title") + record(120, "Größe")), None,
         {"dc:title": ("Title",), "dc:description": ("Größe",)}),
        (jpeg(2, iptc=record(80, "Ann") + record(80, "Ben") + record(90, "Rome")), None,
         {"dc:creator": ("Ann", "Ben"), "photoshop:City": ("Rome",)}),
        (png(Title="A title", Author="Ann"), None,
         {"dc:title": ("A title",), "dc:creator": ("Ann",)}),
        (png(Comment="Ann's birthday"), None, {"exif:UserComment": ("Ann's birthday",)}),
        (remarked("JPEG", "Grandma, Köln 1956"), None,
         {"exif:UserComment": ("Grandma, Köln 1956",)}),
        (remarked("GIF", "At the sea"), None, {"exif:UserComment": ("At the sea",)}),
    ],
)  # fmt: skip
def test_words_come_into_the_sidecar_of_the_one_to_keep(
    pair, shelf, library, tmp_path, data, sidecar, words
) -> None:
    plan = pair(data, sidecar)
    before = shelf.state()
    write_plan(plan, tmp_path / "plan.json")
    assert apply_plan(library, read_plan(tmp_path / "plan.json")).sidecars == 1
    found = dict(read_xmp((shelf.folder / "large.jpg.xmp").read_bytes()).words)
    assert words.items() <= found.items()
    assert undo_plan(library.path)[1].left == []
    assert shelf.state() == before


@pytest.mark.parametrize(
    ("properties", "name"),
    [(FACES, "mwg-rs:Regions"), (LANGUAGES, "dc:title"), (RIGHTS_URL, "plus:LicensorURL")],
)
def test_a_photo_with_what_cannot_be_carried_over_stays(pair, properties, name) -> None:
    plan = pair(jpeg(2), packet(properties))
    assert plan.changes == []
    assert name in plan.left[0].why


@pytest.mark.parametrize("key", ["workflow", "prompt", "parameters", "invokeai_metadata"])
def test_a_png_with_text_that_cannot_be_carried_over_stays(pair, key) -> None:
    plan = pair(png(**{key: '{"seed": 5}'}))
    assert plan.changes == []
    assert key in plan.left[0].why


def test_what_programs_write_of_a_file_is_nobodys_word(pair) -> None:
    data = png(Software="GIMP", **{"date:create": "2020-01-01", "Creation Time": "2020"})
    assert pair(data).groups[0].carry is None


def test_the_remark_of_a_program_is_nobodys_word(pair) -> None:
    plan = pair(remarked("JPEG", "CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90"))
    assert plan.groups[0].carry is None


def test_it_goes_if_the_one_to_keep_has_them_too(pair) -> None:
    assert len(pair(jpeg(2), packet(FACES), packet(FACES)).changes) == 1


def test_what_is_told_otherwise_is_said(pair, shelf, library) -> None:
    kept = packet(TITLE)
    plan = pair(jpeg(2, {0x010E: "x"}), packet(TITLE.replace("Lena", "Ben")), kept)
    (change,) = plan.changes
    assert any("Ben" in reason and "Lena" in reason for reason in change.reasons)
    apply_plan(library, plan)
    after = (shelf.folder / "large.jpg.xmp").read_bytes()
    assert dict(read_xmp(after).words)["dc:title"] == ("Lena & the sea",)
    assert b"crs:Exposure2012" in after


def test_words_of_another_shot_are_not_given_but_said(pair) -> None:
    plan = pair(jpeg(2), packet(TITLE), relation="burst")
    assert plan.groups[0].carry is None
    assert any("words" in reason for reason in plan.changes[0].reasons)


@pytest.mark.parametrize("text", ["OLYMPUS DIGITAL CAMERA", "SONY DSC", "   ", "SAMSUNG"])
def test_what_cameras_write_into_every_photo_is_nobodys_word(pair, text) -> None:
    assert pair(jpeg(2, {0x010E: text})).groups[0].carry is None


def test_a_plan_cannot_smuggle_in_other_properties(pair, tmp_path) -> None:
    found = pair(jpeg(2), packet(TITLE)).to_dict()
    found["groups"][0]["carry"]["words"] = {"x:y><script": ["a"]}
    (tmp_path / "plan.json").write_text(json.dumps(found))
    with pytest.raises(Exception, match="property"):
        read_plan(tmp_path / "plan.json")
