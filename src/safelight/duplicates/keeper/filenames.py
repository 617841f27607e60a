"""Order of files with the same bytes, by folder and name, for choosing which to keep.

People do not delete from a folder that they made; they delete what a phone, a backup or a browser
left behind. Folders and names of these kinds are known in the languages that the systems speak.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from safelight.files.names import expanded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.library.photo_facts import Copy

# Names that file managers and browsers give to copies.
_COPY_NAME = re.compile(
    r"(?i)(^copy[ _](\(?\d+\)?[ _])?of|^(kopie|kopia) (von|van|av|af)\b"
    r"|^(copia|cópia|copie) (de|di)\b"
    r"|^копия\b|[ _-]*の?コピー|[ _-]*副本|[ _-]*사본"
    r"|[ _-]copy[ _-]?(\(?\d+\)?)?$|\(\d{1,3}\)$|[ _-](kopie|kopia|kopi|copie|c[oó]pia|копия)"
    r"[ _-]?(\(?\d+\)?)?$|~\d*$|^conflict|\bconflicted copy\b|\.sync-conflict-)"
)

# Names that programs and services give to what they made of a photo.
_MADE_NAME = re.compile(
    r"(?i)(^IMG_E\d{4}$|[ _-](edited|edit|bearbeitet|modifi[eé]e?|editad[ao]|modificat[ao]|bewerkt"
    r"|export(ed|iert)?|resized?|small|klein|web|thumb(nail)?|compressed|optimi[sz]ed|shop)"
    r"[ _-]?\d*$|^FullSizeRender|^(IMG|VID)-\d{8}-WA\d+|^WhatsApp Image|^photo_\d{4}-\d\d-\d\d_"
    r"|^signal-\d{4}-|^thumb(nail)?[_-]|^FB_IMG_|^received_\d+)"
)

_SCREENSHOT_NAME = re.compile(
    r"(?i)(screen[ _-]?(shot|cap|grab)|bildschirmfoto|bildschirmaufnahme|capture d.?[eé]cran"
    r"|captura de (pantalla|tela|ecr)|schermata|schermafbeelding|sk[aä]rmavbild|sk[aä]rmbild"
    r"|zrzut ekranu|снимок экрана|ekran g[oö]r[uü]nt|スクリーンショット|屏幕截图|截屏|截图"
    r"|스크린샷)"
)

# Folders to whose names nobody gives another meaning: anywhere in the name.
_PARTS = (
    "backup", "sicherung", "sauvegarde", "respaldo", "copia de seguridad", "copia di sicurezza",
    "copia de seguranca", "reservekopi", "sakerhetskopi", "sikkerhedskopi", "varmuuskopi",
    "kopia zapasowa", "резервн", "бэкап", "yedek", "バックアップ", "备份", "備份", "백업",
    "whatsapp", "telegram", "wechat", "weixin", "viber", "messenger", "snapchat",
    "thumbnail", "miniatur", "vignette", "vorschaubild", "iphoto previews",
    "telechargement", "herunterladen", "загрузки", "ダウンロード", "下载", "下載", "다운로드",
)  # fmt: skip

# Names that are parts of others: as a word of their own.
_WORDS = frozenset(
    "bak export exports exported exportiert exportierte exporte exportes exportado exportados "
    "esportati esportazioni geexporteerd экспорт copy copies kopie kopien kopia kopier copia "
    "copie copies copias copie kopi kopiert копии копия duplicates duplikate doublons duplicados "
    "download downloads descargas descarga transferencias scaricati scaricamenti nedladdningar "
    "pobrane ladattu hentet gesendet sent empfangen received "
    "thumb thumbs vorschau cache caches caché tmp temp temporary temporar "
    "temporaire resized verkleinert lowres".split()
)

# Names that mean this only where they are all of the name: "Small" is not "Small Town".
_NAMES = frozenset(
    "web small klein signal inbox outbox previews preview signal line temporal".split()
)

# Of a recycle bin, in whatever case a disk gives it back.
_BINS = frozenset(
    "$recycle.bin recycler recycled #recycle @recycle .recycle .trash .trashes trash .trash-0 "
    "papierkorb corbeille papelera cestino lixeira lixo prullenbak papperskorg papirkurv roskakori "
    "kosz корзина koš geridönüşümkutusu ゴミ箱 回收站 垃圾桶 휴지통 .local-trash deleted geloescht "
    "gelöscht zuletztgelöscht recentlydeleted .bin".split()
)
_USER_BIN = re.compile(r"^\.trash-\d+$")

_WORD = re.compile(r"[^\W_]+")

# A file system that keeps no time says 1970 or 1980; nobody has photos that old as files.
_FIRST_DAY = 10 * 366 * 86_400 * 10**9

# FAT keeps the time in steps of two seconds.
_TICK = 2 * 10**9


@dataclass(frozen=True, slots=True)
class Preferences:
    """Folders that the user prefers or protects.

    Attributes
    ----------
    prefer : tuple of str
        Folders whose files are kept, where nothing of the picture says otherwise; the first most.
    protect : tuple of str
        Folders of which nothing ever goes.
    """

    prefer: tuple[str, ...] = ()
    protect: tuple[str, ...] = ()

    def protecting(self, path: str) -> str | None:
        """Return the protected folder that a file lies in."""
        return next((folder for folder in self.protect if is_inside(path, folder)), None)

    def preference(self, path: str) -> int:
        """Return the place of the preferred folder that a file lies in; their number if none."""
        places = (place for place, folder in enumerate(self.prefer) if is_inside(path, folder))
        return next(places, len(self.prefer))


def preferences(prefer: Sequence[str] = (), protect: Sequence[str] = ()) -> Preferences:
    """Return preferences for folders, whole and without ``~``."""

    def whole(folders: Sequence[str]) -> tuple[str, ...]:
        return tuple(os.path.abspath(expanded(folder)) for folder in folders)

    return Preferences(whole(prefer), whole(protect))


def is_inside(path: str, folder: str) -> bool:
    """Tell whether a file lies in a folder, however either is reached."""
    if _below(path, folder):
        return True
    return _below(_real(os.path.dirname(path)) + os.sep, _real(folder))


def _below(path: str, folder: str) -> bool:
    path, folder = os.path.normcase(path), os.path.normcase(folder).rstrip(os.sep)
    return path.startswith(folder + os.sep) or path == folder


@lru_cache(maxsize=4096)
def _real(folder: str) -> str:
    return os.path.realpath(folder)


def in_order(
    copies: Sequence[Copy],
    wishes: Preferences = Preferences(),
    companion: Callable[[str], object] = lambda _: None,
) -> list[Copy]:
    """Return the files of one photo, the one to keep first.

    Parameters
    ----------
    copies : sequence of Copy
    wishes : Preferences
    companion : callable
        Given a path, what lies beside it and belongs to it, if anything does.

    Notes
    -----
    In this order: not in a recycle bin; in a protected folder; in a preferred one; not a link to
    another file; with companion files; not in a folder of backups, exports, downloads, messages or
    thumbnails; not named a copy; the oldest; in the least deep folder; by its path.
    """
    return sorted(copies, key=lambda copy: [value for _, value in _keys(copy, wishes, companion)])


def why_first(
    copies: Sequence[Copy],
    wishes: Preferences = Preferences(),
    companion: Callable[[str], object] = lambda _: None,
) -> list[str]:
    """Return for each file after the first what sets that one before it, in words."""
    first = _keys(copies[0], wishes, companion)
    told = []
    for copy in copies[1:]:
        other = _keys(copy, wishes, companion)
        name = next(
            (name for (name, own), (_, its) in zip(first, other, strict=True) if own != its), "path"
        )
        told.append(_TEXTS[name])
    return told


_TEXTS = {
    "bin": "is not in a recycle bin",
    "protected": "is in a protected folder",
    "preferred": "is in a preferred folder",
    "link": "is not a link",
    "companion": "has its companion files",
    "folder": "is not in a folder of backups, exports, downloads, messages or thumbnails",
    "name": "is not named a copy",
    "age": "is the oldest",
    "depth": "is in the least deep folder",
    "path": "comes first by its path",
}


def is_plain_copy(kept: str, path: str, companion: Callable[[str], object]) -> bool:
    """Tell whether a file with the bytes of a kept one lacks the companion files which that has.

    A photo that is only whole with others stays whole where they lie; a copy that somebody made of
    the photo alone is none of that.
    """
    return bool(companion(kept)) and not companion(path)


def _keys(
    copy: Copy, wishes: Preferences, companion: Callable[[str], object]
) -> list[tuple[str, Any]]:
    path = copy.path
    return [
        ("bin", is_binned(path)),
        ("protected", wishes.protecting(path) is None),
        ("preferred", wishes.preference(path)),
        ("link", os.path.islink(path)),
        ("companion", not companion(path)),
        ("folder", secondary_depth(path)),
        ("name", is_copy_name(path)),
        ("age", age_of(copy) // _TICK),
        ("depth", path.count(os.sep)),
        ("path", path),
    ]


def age_of(copy: Copy) -> int:
    """Return when a file was last changed, in nanoseconds; the end of time if nobody knows."""
    return copy.mtime_ns if copy.mtime_ns > _FIRST_DAY else 2**63 - 1


def is_binned(path: str) -> bool:
    """Tell whether a file lies in a recycle bin."""
    return any(_is_bin(part) for part in _folders(path))


def secondary_folder(path: str) -> str | None:
    """Return the folder above a file whose name is that of backups, exports, messages ..."""
    return next((part for part in reversed(_folders(path)) if _is_secondary(part)), None)


def secondary_depth(path: str) -> int:
    """Return how many folders above a file have such names; all may lie in one that has."""
    return sum(_is_secondary(part) for part in _folders(path))


def is_copy_name(path: str) -> bool:
    """Tell whether a file is named as file managers and browsers name copies."""
    return _COPY_NAME.search(_stem(path)) is not None


def is_made_name(path: str) -> bool:
    """Tell whether a file is named as programs name what they made of a photo."""
    return is_copy_name(path) or _MADE_NAME.search(_stem(path)) is not None


def is_screenshot_name(path: str) -> bool:
    """Tell whether a file is named as systems name pictures of the screen."""
    return _SCREENSHOT_NAME.search(os.path.basename(path)) is not None


def _stem(path: str) -> str:
    return unicodedata.normalize("NFC", os.path.splitext(os.path.basename(path))[0])


def _folders(path: str) -> list[str]:
    return [part for part in re.split(r"[\\/]+", os.path.dirname(path)) if part]


@lru_cache(maxsize=65536)
def _is_bin(name: str) -> bool:
    plain = "".join(name.casefold().split())
    return plain in _BINS or _USER_BIN.match(plain) is not None


@lru_cache(maxsize=65536)
def _is_secondary(name: str) -> bool:
    plain = _plain(name)
    if plain in _NAMES or any(part in plain for part in _PARTS):
        return True
    # "oldExports" is two words, as people write names of folders.
    apart = _plain(re.sub(r"([a-zà-ÿ])([A-Z])", r"\1 \2", name))
    return not _WORDS.isdisjoint(_WORD.findall(apart))


def _plain(name: str) -> str:
    apart = unicodedata.normalize("NFKD", name.casefold())
    return unicodedata.normalize(
        "NFC", "".join(letter for letter in apart if not "\u0300" <= letter <= "\u036f")
    )
