"""Forms of texts in requests: regular expressions for programs, words for people."""

from __future__ import annotations

from safelight.library.ordering import PATTERN as _ORDER

PHOTO = "^[0-9a-f]{64}$"
PHOTO_START = "^[0-9a-f]{6,64}$"
LIKE = r"^[0-9a-f]{6,64}(:[0-9]{1,4}(\.[0-9]{1,6})?)?$"
GROUP = "^[0-9a-f]{12}$"
JOB = "^[0-9a-f]{32}$"
PLAN = "^[0-9a-z][0-9a-z-]{3,40}$"
SNAPSHOT = "^[0-9a-f]{16}$"
DAY = r"^\d{4}-\d\d-\d\d$"
ORDER = f"^{_ORDER}$"

#: What each form asks for, to follow the name of a field.
WORDS = {
    PHOTO: "should be the id of a photo: 64 digits from 0 to 9 and a to f",
    PHOTO_START: "should be the id of a photo, or its first 6 digits or more, of 0 to 9 and a to f",
    LIKE: "should be the id of a photo, or its first 6 digits or more, with a weight behind a "
    "colon if not 1",
    GROUP: "should be the id of a group: 12 digits from 0 to 9 and a to f",
    JOB: "should be the id of a job: 32 digits from 0 to 9 and a to f",
    PLAN: "should be the id of a plan, as `GET /api/v1/plans` lists them",
    SNAPSHOT: "should be the `snapshot` of an earlier answer",
    DAY: "should be a day, as in 2024-07-31",
    ORDER: "should be `taken`, `added` or `score:` and a metric, with a minus to reverse it",
}
