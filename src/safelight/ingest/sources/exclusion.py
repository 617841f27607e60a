"""Names that a folder source passes over: patterns of the user's, bins, packages, ``.nomedia``."""

from __future__ import annotations

import fnmatch
import os
import unicodedata
from typing import TYPE_CHECKING

from safelight.files.names import folded
from safelight.files.packages import is_package, is_recycle_bin

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A file that tells programs to leave its folder alone, as Android has it.
NOMEDIA = ".nomedia"


class Exclusion:
    """The rules of one folder source.

    A pattern is a shell pattern of names; one with a slash is compared with the path relative to
    the folder, an absolute one with the whole path. Case counts where it does on the folder's disk.

    Parameters
    ----------
    patterns : sequence of str
    folder : str, optional
        On this machine; without one, absolute patterns mean nothing and case counts.
    """

    def __init__(self, patterns: Sequence[str], folder: str | None = None) -> None:
        self._folder = folder.rstrip("/" + os.sep) if folder is not None else None
        self._is_blind = bool(patterns) and folder is not None and is_case_blind(folder)
        # Patterns as they are compared, each with the one that was given.
        self._names: list[tuple[str, str]] = []
        self._paths: list[tuple[str, str]] = []
        self._unmatched = dict.fromkeys(pattern.strip() for pattern in patterns)
        self._almost: dict[str, str] = {}
        for pattern in self._unmatched:
            self._add(pattern)

    def unmatched(self, patterns: Sequence[str]) -> dict[str, str | None]:
        """Return those of some patterns that matched nothing, with a name but for its case."""
        stripped = dict.fromkeys(pattern.strip() for pattern in patterns)
        return {each: self._almost.get(each) for each in stripped if each in self._unmatched}

    def _add(self, given: str) -> None:
        pattern = given
        if os.sep == "\\":
            pattern = pattern.replace("\\", "/")
        root = self._folder
        if root is not None and os.sep == "\\":
            root = root.replace("\\", "/")
        if root is not None and pattern.startswith(f"{root}/"):
            pattern = pattern.removeprefix(f"{root}/")
            pattern = pattern if "/" in pattern else f"./{pattern}"
        pattern = self._plain(pattern.rstrip("/"))
        if not pattern:
            return
        if "/" not in pattern:
            self._names.append((pattern, given))
            return
        self._paths.append((pattern.removeprefix("./"), given))
        if pattern.startswith("**/"):  # also at the top
            self._paths.append((pattern.removeprefix("**/"), given))

    def why(self, name: str, inside: str, *, is_folder: bool) -> str | None:
        """Return why an entry of a folder is passed over, or None.

        Parameters
        ----------
        name : str
        inside : str
            Its path relative to the source's folder, with forward slashes.
        is_folder : bool

        Returns
        -------
        str or None
            ``recycle bin``, ``package`` or ``excluded``.
        """
        if is_folder and is_recycle_bin(name):
            return "recycle bin"
        if is_folder and is_package(name):
            return "package"
        by_name = bool(self._names) and self._matches(name, self._names)
        by_path = bool(self._paths) and self._matches(inside, self._paths)
        return "excluded" if by_name or by_path else None

    def _matches(self, text: str, patterns: Sequence[tuple[str, str]]) -> bool:
        plain, is_excluded = self._plain(text), False
        for pattern, given in patterns:
            if fnmatch.fnmatchcase(plain, pattern):
                is_excluded = True
                self._unmatched.pop(given, None)
            elif (
                given in self._unmatched
                and given not in self._almost
                and fnmatch.fnmatchcase(plain.casefold(), pattern.casefold())
            ):
                self._almost[given] = text
        return is_excluded

    def _plain(self, text: str) -> str:
        return folded(text) if self._is_blind else unicodedata.normalize("NFC", text)


def is_case_blind(folder: str) -> bool:
    """Tell whether the disk of a folder takes ``a`` and ``A`` for the same name.

    It does if it finds a name that its listing does not have. Inodes do not tell: some FUSE file
    systems give each spelling one of its own.
    """
    try:
        names = set(os.listdir(folder))
    except OSError:
        return False
    for name in names:
        if (other := name.swapcase()) != name and other.swapcase() == name and name.isascii():
            return other not in names and os.path.lexists(os.path.join(folder, other))
    head, name = os.path.split(folder.rstrip(os.sep))
    try:
        is_same_disk = os.lstat(head).st_dev == os.stat(folder).st_dev
        others = os.listdir(head)
    except OSError:
        return False
    other = name.swapcase()
    return (
        is_same_disk
        and other != name
        and other not in others
        and os.path.lexists(os.path.join(head, other))
    )
