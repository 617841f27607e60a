"""XMP: what is read is what other programs wrote; what is added loses nothing."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.errors import SidecarError
from safelight.metadata.tags import Tags
from safelight.metadata.xmp import add_to_xmp, read_xmp

EVERYTHING = Tags(
    taken_at="2019-05-01T12:30:00+02:00",
    latitude=52.5200066,
    longitude=-13.404954,
    altitude=-34.5,
    rating=4,
    keywords=("beach", "Zürich & <co>", "日本"),
)

# The forms of the usual programs: attributes, elements, lists; an own prefix; a comment.
DARKTABLE = """<?xml version="1.0" encoding="UTF-8"?>
<!-- keep me -->
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:darktable="http://darktable.sf.net/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
   xmp:Rating="0"
   darktable:xmp_version="5">
   <darktable:history><rdf:Seq><rdf:li darktable:operation="a&gt;b"/></rdf:Seq></darktable:history>
   <dc:subject>
    <rdf:Bag>
     <rdf:li>old &amp; kept</rdf:li>
    </rdf:Bag>
   </dc:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""

ELEMENTS = """<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>
<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:q="http://ns.adobe.com/xap/1.0/"
 xmlns:e="http://ns.adobe.com/exif/1.0/" xmlns:s="http://purl.org/dc/elements/1.1/">
<r:Description r:about="uuid:7"><q:Rating>3</q:Rating>
<e:GPSLatitude>10,30.0S</e:GPSLatitude><e:GPSLongitude>20,15,36E</e:GPSLongitude>
<s:subject><r:Bag><r:li>one</r:li><r:li>two</r:li></r:Bag></s:subject></r:Description>
</r:RDF>
<?xpacket end='w'?>"""


def test_a_new_packet_says_all_of_it() -> None:
    assert read_xmp(add_to_xmp(None, EVERYTHING)) == EVERYTHING


def test_what_other_programs_wrote_is_read() -> None:
    found = read_xmp(ELEMENTS.encode())
    assert (found.latitude, found.longitude) == (-10.5, 20.26)
    assert (found.rating, found.keywords) == (3, ("one", "two"))
    assert read_xmp(DARKTABLE.encode()).keywords == ("old & kept",)


@pytest.mark.parametrize("text", [DARKTABLE, ELEMENTS], ids=["darktable", "elements"])
def test_nothing_of_it_is_lost(text) -> None:
    before = text.encode()
    after = add_to_xmp(before, EVERYTHING)
    # All bytes are there, in order; only a rating of 0 is replaced.
    rest = iter(after)
    wanted = before.replace(b'Rating="0"', b'Rating="4"')
    assert all(byte in rest for byte in wanted)
    ElementTree.fromstring(after)
    found, own = read_xmp(after), read_xmp(before)
    assert found.keywords[: len(own.keywords)] == own.keywords
    assert set(EVERYTHING.keywords) <= set(found.keywords)
    assert found.rating == (own.rating or EVERYTHING.rating)
    assert found.latitude == (EVERYTHING.latitude if own.latitude is None else own.latitude)
    assert found.taken_at == EVERYTHING.taken_at
    # Once is enough: all of it is there, and no property stands there twice.
    assert add_to_xmp(after, EVERYTHING) == after
    for name in (b"Rating", b"GPSLatitude", b"subject", b"DateTimeOriginal"):
        assert len(re.findall(rb"<\w+:" + name + rb"\b|\s\w+:" + name + rb"=", after)) == 1


def test_another_encoding_stays_what_it_is() -> None:
    text = ELEMENTS.replace("<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>", "")
    before = ('<?xml version="1.0" encoding="iso-8859-1"?>' + text.replace("one", "été")).encode(
        "latin-1"
    )
    assert read_xmp(add_to_xmp(before, EVERYTHING)).keywords == (
        "été", "two", "beach", "Zürich & <co>", "日本",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not XMP"),
        (b"<a/>", "no rdf:RDF"),
        (b"{}", "not XMP"),
        ("<?xml version='1.0'?><a/>".encode("utf-16"), "UTF-8"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "DOCTYPE"),
    ],
)
def test_what_is_not_a_packet_is_refused(data, why) -> None:
    with pytest.raises(SidecarError, match=why):
        read_xmp(data)
    with pytest.raises(SidecarError, match=why):
        add_to_xmp(data, EVERYTHING)


def test_what_has_no_room_is_refused_and_not_made_worse() -> None:
    empty = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>'
    with pytest.raises(SidecarError, match="empty"):
        add_to_xmp(empty, EVERYTHING)
    plain = ELEMENTS.replace("<r:Bag><r:li>one</r:li><r:li>two</r:li></r:Bag>", "one")
    with pytest.raises(SidecarError, match="keywords"):
        add_to_xmp(plain.encode(), EVERYTHING)


@given(
    st.builds(
        Tags,
        latitude=st.none() | st.floats(-90, 90),
        longitude=st.none() | st.floats(-180, 180),
        altitude=st.none() | st.floats(-500, 9000),
        rating=st.none() | st.integers(1, 5) | st.just(-1),
        keywords=st.lists(
            st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1), unique=True
        ).map(tuple),
    ),
    st.sampled_from([None, DARKTABLE.encode(), ELEMENTS.encode()]),
)
def test_what_is_added_is_read_again(tags, before) -> None:
    after = add_to_xmp(before, tags)
    found = read_xmp(after)
    assert set(tags.keywords) <= set(found.keywords)
    if before is None:
        assert found.rating == tags.rating
        if tags.has_place:
            assert found.latitude == pytest.approx(tags.latitude, abs=1e-6)
            assert found.longitude == pytest.approx(tags.longitude, abs=1e-6)
            if tags.altitude is not None:
                assert found.altitude == pytest.approx(tags.altitude, abs=0.011)


_HEAD = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/"><rdf:Description rdf:about="" '
)
_TAIL = b"</rdf:Description></rdf:RDF></x:xmpmeta>"


def test_many_attributes_take_no_time_to_speak_of() -> None:
    attributes = b" ".join(b'xmp:a%d="%d"' % (n, n) for n in range(40_000))
    started = time.process_time()
    assert read_xmp(_HEAD + attributes + b' xmp:Rating="4">' + _TAIL).rating == 4
    assert time.process_time() - started < 5  # a search for each of them took minutes


@pytest.mark.parametrize(
    "body",
    [
        b"<xmp:a>" * 100_000,
        b"<xmp:a/>" * 600_000,
        b'<!DOCTYPE a [<!ENTITY b "b">]><xmp:a>&b;</xmp:a>',
        b"<xmp:a>&undefined;</xmp:a>",
    ],
)
def test_nesting_elements_and_entities_have_limits(body: bytes) -> None:
    with pytest.raises(SidecarError):
        read_xmp(_HEAD + b">" + body + _TAIL)
