"""Parse dates of cameras and programs to ISO 8601; None where they make no sense.

EXIF has one form (``2012:12:22 10:00:00``), and cameras and programs write a dozen: other
separators, ``T``, one or three blanks, fractions, a zone behind (Exiv2 #1180,
metadata-extractor-dotnet #284, ente #5147).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import NamedTuple

_DATE = re.compile(
    r"""\s*
    (?P<year>\d{4}) (?P<gap>[:/.\-\s]?)\s? (?P<month>\d\d?) (?:(?P=gap)|[:/.\-])\s? (?P<day>\d\d?)
    (?:
        (?:\s*T\s*|\s+|:) (?:(?P<before>[AaPp]\.?[Mm]\.?|上午|下午|午前|午後|오전|오후)\s*)?
        (?P<hour>\d\d?)
        (?: [:.]\s?(?P<minute>\d\d?) (?: [:.]\s?(?P<second>\d\d?) (?:[.,](?P<part>\d+))? )?
          | (?P<minute_>\d\d) (?: (?P<second_>\d\d) (?:[.,](?P<part_>\d+))? )? )
        \s* (?P<half>[AaPp]\.?[Mm]\.?)?
    )?
    \s* (?P<zone>Z|UTC|GMT|[+-]\d\d?(?::?\d\d)?)?
    \s*""",
    re.VERBOSE,
)
#: Day and month before the year: ``22/12/2012 10:00``, ``Sat Dec 22 10:00:00 2012`` (C's ctime),
#: ``22 Dec 2012 10:00``.
_YEAR_LAST = re.compile(r"(\d\d?)([/.\-])(\d\d?)\2(\d{4})\b(.*)", re.DOTALL)
_CTIME = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)?([A-Za-z]{3,9})\.?\s+(\d\d?),?\s+([\d:]+)(?:\s+([A-Z]{3}|[+-]\d{4}))?\s+(\d{4})"
)
_WORDED = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)?(?:(\d\d?)[\s\-]+([A-Za-z]{3,9})\.?|([A-Za-z]{3,9})\.?\s+(\d\d?))"
    r",?[\s\-]+(\d{4})\b,?(?:\s+at\b)?(.*)",
    re.DOTALL,
)
_MONTHS = {
    name: number
    for number, full in enumerate(
        "january february march april may june july august september october november "
        "december".split(),
        start=1,
    )
    for name in (full, full[:3])
} | {"sept": 9}

_ZONE = re.compile(r"([+-])(\d\d?):?(\d\d)?")

#: Clocks that were never set show where their counting begins: Unix, the Macintosh, DOS.
_EPOCHS = (datetime(1970, 1, 1), datetime(1904, 1, 1), datetime(1980, 1, 1))
_FARTHEST_ZONE = timedelta(hours=14)

#: The oldest photograph is of 1826. Scans are dated by people.
_FIRST_YEAR = 1826
#: Beyond, it is the last moment that some counter holds: 2106-02-07, 9999-12-31.
_LAST_YEAR = 2100

#: Phones write these in the language of their owner.
_AFTERNOON = frozenset({"下午", "午後", "오후"})


class Moment(NamedTuple):
    """A point in time.

    Attributes
    ----------
    text : str
        ISO 8601, in local time, whole seconds, the offset from UTC behind it if it is known.
    subsecond : float or None
        From 0 to 1.
    """

    text: str
    subsecond: float | None = None


def parse_date(
    text: str | None, *, part: str | None = None, zone: str | None = None
) -> Moment | None:
    """Return the moment that a text says; a date alone is midnight.

    Parameters
    ----------
    text : str or None
        What stands behind a NUL in it counts for nothing.
    part : str, optional
        Digits behind the second, if `text` has none itself (SubSecTime).
    zone : str, optional
        Offset from UTC, if `text` has none itself (OffsetTime).

    Examples
    --------
    >>> parse_date("2012:12:22 10:00:00.50"), parse_date("2007/06/30 10:00", zone="+2:00")
    (Moment(text='2012-12-22T10:00:00', subsecond=0.5), \
Moment(text='2007-06-30T10:00:00+02:00', subsecond=None))
    >>> parse_date("22/12/2012 10:00").text, parse_date("Sat Dec 22 10:00:00 2012").text
    ('2012-12-22T10:00:00', '2012-12-22T10:00:00')
    >>> parse_date("2012:13:22 10:00:00"), parse_date("04/05/2012")
    (None, None)
    """
    found = _DATE.fullmatch(_year_first((text or "").split("\0")[0].strip()))
    if found is None:
        return None
    year, month, day, hour = (int(found[name] or 0) for name in ("year", "month", "day", "hour"))
    minute, second = (int(found[name] or found[f"{name}_"] or 0) for name in ("minute", "second"))
    half = (found["half"] or found["before"] or "").lower()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + 12 * (half[0] == "p" or half in _AFTERNOON)
    is_end = (hour, minute, second) == (24, 0, 0)  # of the day, in ISO 8601
    try:
        moment = datetime(
            year, month, day, 0 if is_end else hour, minute, 59 if second == 60 else second
        ) + timedelta(days=is_end)
    except (ValueError, OverflowError):
        return None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR or _is_unset(moment):
        return None
    zone = found["zone"] or ("" if zone in ("Z", "UTC", "GMT") else zone)
    digits = re.sub(r"\D.*", "", (found["part"] or found["part_"] or part or "").strip())[:6]
    is_known = bool(digits) and (found["second"] or found["second_"]) is not None
    return Moment(moment.isoformat() + _offset(zone), float(f"0.{digits}") if is_known else None)


def _year_first(text: str) -> str:
    """Return a date that begins with its day or month as one that begins with its year.

    ``04/05/2012`` is a day in April to some and in May to others: it is left alone, and refused.
    """
    if match := _YEAR_LAST.fullmatch(text):
        first, _, second, year, rest = match.groups()
        numbers = int(first), int(second)
        if max(numbers) > 12 or numbers[0] == numbers[1]:
            month, day = min(numbers), max(numbers)
            return f"{year}-{month:02}-{day:02}{rest}"
    elif match := _CTIME.fullmatch(text):
        name, day_text, clock, zone, year = match.groups()
        if month := _MONTHS.get(name.lower(), 0):
            return f"{year}-{month:02}-{int(day_text):02} {clock}{_known_zone(zone)}"
    elif match := _WORDED.fullmatch(text):
        before, name_behind, name_before, behind, year, rest = match.groups()
        if month := _MONTHS.get((name_behind or name_before).lower(), 0):
            return f"{year}-{month:02}-{int(before or behind):02}{rest}"
    return text


def _known_zone(zone: str | None) -> str:
    # CET and PST name several zones; those that are left out say the time of day all the same.
    return zone if zone and (zone in ("UTC", "GMT") or zone[0] in "+-") else ""


def _is_unset(moment: datetime) -> bool:
    """Tell whether a clock shows its epoch, in whatever zone."""
    on_quarter = moment.minute % 15 == 0 and moment.second == 0
    return on_quarter and (
        any(abs(moment - epoch) <= _FARTHEST_ZONE for epoch in _EPOCHS[:2]) or moment == _EPOCHS[2]
    )


def _offset(text: str | None) -> str:
    text = (text or "").split("\0")[0].strip()
    if text in ("Z", "UTC", "GMT"):
        return "+00:00"
    found = _ZONE.fullmatch(text)
    if found is None:
        return ""
    hours, minutes = int(found[2]), int(found[3] or 0)
    if hours * 60 + minutes > 14 * 60 or minutes > 59:
        return ""
    return f"{found[1]}{hours:02}:{minutes:02}"
