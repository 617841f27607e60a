"""Periods of days as people write them: ``2024-06``, ``summer-2023``, ``last week``."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

from safelight.library.expression import Days

_MONTHS = {
    **{name.casefold(): number for number, name in enumerate(calendar.month_name) if name},
    **{name.casefold(): number for number, name in enumerate(calendar.month_abbr) if name},
    "sept": 9,
}

#: Meteorological seasons of the northern hemisphere: first month. Winter begins in its year.
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}

#: Forms to name in messages.
FORMS = (
    "2024, 2024-06, 2024-06-15, 2024-06..2024-08, >=2024-06, summer-2023, june-2024, today, "
    'yesterday, "last week", "last 30 days"'
)

_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_NAMED = re.compile(r"([a-z]+)[ _-]+(\d{4})", re.ASCII)
_NAMED_DAY = re.compile(r"(\d{1,2})[. _-]+([a-z]+)[. _-]+(\d{4})", re.ASCII)
_AGO = re.compile(r"(?:last|past)[ _-]+(\d{1,4})[ _-]+(day|week|month|year)s?", re.ASCII)
_AROUND = re.compile(r"(this|last)[ _-]+([a-z]+)", re.ASCII)


def read_days(text: str, today: date | None = None) -> Days:
    """Return the days that a text names.

    Raises
    ------
    ValueError
        With what is wrong, to follow the filter: it names none, or ends before it begins.

    Examples
    --------
    >>> read_days("summer-2023")
    Days(first='2023-06-01', last='2023-08-31')
    >>> read_days("2024-06..2024-08")
    Days(first='2024-06-01', last='2024-08-31')
    >>> read_days("<2024")
    Days(first=None, last='2023-12-31')
    """
    today = date.today() if today is None else today
    text = text.strip()
    if sign := re.match(r"(>=|<=|>|<|=)", text):
        first, last = _period(text[sign.end() :], today)
        match sign[0]:
            case ">=":
                return Days(first.isoformat(), None)
            case "<=":
                return Days(None, last.isoformat())
            case ">":
                return Days(_shifted(last, 1).isoformat(), None)
            case "<":
                return Days(None, _shifted(first, -1).isoformat())
        return Days(first.isoformat(), last.isoformat())
    if ".." in text:
        begin, _, end = text.partition("..")
        if not begin.strip() and not end.strip():
            raise ValueError("names no day on either side of '..'")
        first_day = _period(begin, today)[0] if begin.strip() else None
        last_day = _period(end, today)[1] if end.strip() else None
        if first_day and last_day and last_day < first_day:
            raise ValueError(
                f"ends on {last_day}, before it begins on {first_day}; write "
                f"{end.strip()}..{begin.strip()}"
            )
        return Days(
            first_day.isoformat() if first_day else None, last_day.isoformat() if last_day else None
        )
    first, last = _period(text, today)
    return Days(first.isoformat(), last.isoformat())


def _period(text: str, today: date) -> tuple[date, date]:
    wanted = " ".join(text.strip().casefold().split())
    if found := _DATE.fullmatch(wanted):
        return _calendar(text.strip(), int(found[1]), found[2], found[3])
    if wanted in ("today", "yesterday"):
        day = today if wanted == "today" else _shifted(today, -1)
        return day, day
    if found := _AGO.fullmatch(wanted):
        days = int(found[1]) * {"day": 1, "week": 7, "month": 30, "year": 365}[found[2]]
        return _shifted(today, 1 - max(days, 1)), today
    if found := _AROUND.fullmatch(wanted):
        return _around(found[1] == "last", found[2], today, text.strip())
    if found := _NAMED.fullmatch(wanted):
        return _named(found[1], int(found[2]), text.strip())
    if (found := _NAMED_DAY.fullmatch(wanted)) and found[2] in _MONTHS:
        return _calendar(text.strip(), int(found[3]), str(_MONTHS[found[2]]), found[1])
    if wanted in _MONTHS or wanted in _SEASONS:
        raise ValueError(f"needs a year, as in {wanted}-{today.year}")
    raise ValueError(f"{text.strip()!r} is not a date or a period; write one of {FORMS}")


def _calendar(text: str, year: int, month: str | None, day: str | None) -> tuple[date, date]:
    try:
        if month is None:
            return date(year, 1, 1), date(year, 12, 31)
        if day is None:
            return _month(year, int(month))
        return (found := date(year, int(month), int(day))), found
    except ValueError:
        pass
    if year < 1:
        raise ValueError(f"{text!r} is not a date; years begin with 0001")
    if month is not None and not 1 <= int(month) <= 12:
        raise ValueError(f"{text!r} has no such month; write {year:04}-01 to {year:04}-12")
    last = calendar.monthrange(year, int(month or 1))[1]
    raise ValueError(f"{text!r} has no such day; that month ends on {year:04}-{month}-{last}")


def _month(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


def _named(name: str, year: int, text: str) -> tuple[date, date]:
    if name not in _MONTHS and name not in _SEASONS:
        raise ValueError(f"{text!r} is not a date or a period; write one of {FORMS}")
    if not 1 <= year <= 9998:
        raise ValueError(f"{text!r} is not a date; write a year from 0001 to 9998")
    if name in _MONTHS:
        return _month(year, _MONTHS[name])
    return _season(_SEASONS[name], year)


def _season(month: int, year: int) -> tuple[date, date]:
    if month == 12:
        return date(year, 12, 1), _month(year + 1, 2)[1]
    return date(year, month, 1), _month(year, month + 2)[1]


def _around(is_last: bool, unit: str, today: date, text: str) -> tuple[date, date]:
    if unit == "week":  # from Monday to Sunday (ISO 8601)
        monday = _shifted(today, -today.weekday() - (7 if is_last else 0))
        return monday, _shifted(monday, 6)
    if unit == "weekend":
        saturday = _shifted(today, 5 - today.weekday() - (7 if is_last else 0))
        return saturday, _shifted(saturday, 1)
    if unit == "month":
        month = today.month - 1 if is_last else today.month
        return _month(today.year, month) if month else _month(today.year - 1, 12)
    if unit == "year":
        year = today.year - is_last
        return date(year, 1, 1), date(year, 12, 31)
    if unit in _MONTHS or unit in _SEASONS:
        for year in range(today.year + (not is_last), today.year - 3, -1):
            first, last = _named(unit, year, text)
            if (last < today) if is_last else (first <= today):
                return first, last
    raise ValueError(f"{text!r} is not a date or a period; write one of {FORMS}")


def _shifted(day: date, days: int) -> date:
    try:
        return day + timedelta(days)
    except OverflowError:
        return date.min if days < 0 else date.max
