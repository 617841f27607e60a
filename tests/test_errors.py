from __future__ import annotations

import pickle

from safelight import errors


def _all(kind: type[errors.SafelightError]) -> list[type[errors.SafelightError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _all(child))]


def test_errors_survive_pickling() -> None:
    error = errors.DecodeError("no", code="empty", size=0)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is errors.DecodeError
    assert (str(again), again.code, again.context) == ("no", "empty", {"size": 0})


def test_the_drawing_shows_every_error() -> None:
    for kind in _all(errors.SafelightError):
        assert kind.__name__ in (errors.__doc__ or "")
