from safelight.cli.shared.failures import failure_lines

HEIC = "is a HEIC photo, for which pip install 'safelight[heif]' is needed"
RAW = "is a camera RAW file, for which pip install 'safelight[raw]' is needed"


def test_what_lacks_an_extra_is_one_line() -> None:
    failures = [(f"{n}.HEIC", f"{n}.HEIC: {HEIC}") for n in range(16)]
    failures += [(f"{n}.nef", f"{n}.nef: {RAW}") for n in range(8)]
    failures.insert(3, ("a.jpg", "a.jpg: is empty"))
    empty, extras = failure_lines(failures)
    assert empty == "a.jpg: is empty"
    assert "24 files" in extras
    assert "safelight[heif,raw]" in extras
    assert ".heic 16" in extras


def test_others_are_cut_and_one_alone_is_told_as_it_is() -> None:
    failures = [(f"{n}.jpg", f"{n}.jpg: is empty") for n in range(12)]
    lines = failure_lines([*failures, ("a.heic", f"a.heic: {HEIC}")], most=10, more=": there")
    assert len(lines) == 12
    assert lines[-2] == "2 more could not be read: there"
    assert lines[-1] == f"a.heic: {HEIC}"
    assert failure_lines([("a\n.jpg", "a\n.jpg: is empty")]) == ["a\\n.jpg: is empty"]
    assert failure_lines([]) == []
