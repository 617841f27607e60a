"""The real command serving a real library, and the page in a real browser."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest
from PIL import Image
from playwright.sync_api import Error, expect, sync_playwright

from tests import forked
from tests.ports import free_port
from tests.sheet.browser import CHROMIUM
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

expect.set_options(timeout=60_000)

#: name: photo of a package, camera, when it was taken
PHOTOS = {
    "cat.jpg": ("chelsea", "Canon EOS 5D", "2021:05:03 14:05:09"),
    "coffee.jpg": ("coffee", "Canon EOS 5D", "2022:02:11 08:30:00"),
    "rocket.jpg": ("rocket", "NIKON D750", "2023:09:01 20:00:00"),
    "astronaut.jpg": ("astronaut", "NIKON D750", "2023:09:02 10:00:00"),
    "coins.png": ("coins", None, None),
    "moon.png": ("moon", None, None),
}


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment that is nobody's own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SAFELIGHT_", "HF_", "XDG_"))
    }
    return {**kept, "HOME": str(tmp_path_factory.mktemp("home")), "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="session")
def command(environ: dict[str, str]) -> Callable[..., str]:
    """Run the command, and return what it printed."""

    def call(*arguments: object) -> str:
        done = forked.safelight(arguments, cwd=Path.cwd(), environ=environ)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photos; two cameras took four of them."""
    from skimage import data

    folder = tmp_path_factory.mktemp("page") / "Pictures"
    folder.mkdir()
    for name, (shown, camera, taken) in PHOTOS.items():
        image = Image.fromarray(getattr(data, shown)())
        exif = image.getexif()
        if camera and taken:
            exif[0x0110] = camera
            exif.get_ifd(0x8769).update({0x9003: taken, 0x829A: 0.004, 0x829D: 2.8, 0x8827: 200})
        image.save(folder / name, exif=exif, **({"quality": 92} if name.endswith("jpg") else {}))
    return folder


@pytest.fixture(scope="session")
def ingested(command, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of these photos, with scores and labels."""
    library = tmp_path_factory.mktemp("page-library") / "library.db"
    command("ingest", "--library", library, "--model", "starter", "--score", "--label", folder)
    return library


class Serving:
    """``safelight serve`` as a process of its own.

    Attributes
    ----------
    url : str
    library : Path
    """

    def __init__(
        self, library: Path, options: tuple[str, ...], environ: dict[str, str], folder: Path
    ) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.library = library
        self._options = options
        self._environ = environ
        self._folder = folder
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = forked.start(
            ["serve", "--library", self.library, "--port", self._port, *self._options],
            cwd=Path.cwd(),
            environ=self._environ,
            said=self._folder / "said",
        )
        until(self._answers, why=self.log)

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"safelight serve has ended: {self.log()}"
        try:
            return httpx2.get(self.url + "/health").status_code == 200
        except httpx2.TransportError:
            return False

    def log(self) -> str:
        """Return what it has said so far."""
        return self._process.err.read_text(errors="replace")

    def stop(self) -> None:
        """Stop it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="session")
def serve(environ: dict[str, str]) -> Callable[..., contextlib.AbstractContextManager[Serving]]:
    """Serve a library while a block lasts: ``with serve(path, "--root", folder) as serving:``."""

    @contextlib.contextmanager
    def call(library: Path, *options: object) -> Iterator[Serving]:
        with tempfile.TemporaryDirectory() as folder:
            serving = Serving(library, tuple(map(str, options)), environ, Path(folder))
            try:
                yield serving
            finally:
                serving.stop()

    return call


@pytest.fixture(scope="session")
def serving(serve, ingested: Path) -> Iterator[Serving]:
    """A server of the six photos. Nothing of it is to be changed."""
    with serve(ingested) as found:
        yield found


@pytest.fixture(scope="session")
def copy_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Copy a library, to be changed: ``copy_of(ingested)``."""

    def call(library: Path) -> Path:
        folder = tmp_path_factory.mktemp("copy")
        for path in library.parent.glob(library.name + "*"):
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, folder / path.name)
        return folder / library.name

    return call


# A module at a time: while it is there, nothing else can run an event loop in this thread.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


class Tab:
    """A tab that one test after another has for itself, as if it were new.

    A new one costs Chromium processes, and a second and a half of a processor's time.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._page: Page | None = None

    def take(self, width: int, height: int) -> Page:
        """Return its page, which is empty."""
        if self._page is None:
            context = self._browser.new_context(reduced_motion="reduce")
            context.set_default_timeout(60_000)
            self._page = context.new_page()
        self._page.set_viewport_size({"width": width, "height": height})
        return self._page

    def clear(self, stored_at: set[str]) -> None:
        """Forget whatever a test has left, for these addresses too."""
        page, self._page = self._page, None
        assert page
        context = page.context
        try:
            for other in context.pages:
                if other is not page:
                    other.close()
            page.unroute_all()
            context.clear_cookies()
            if page.url.startswith("http"):
                page.evaluate("sessionStorage.clear()")
            page.goto("about:blank")
            page.emulate_media(media="null", color_scheme="light", reduced_motion="reduce")
            session = context.new_cdp_session(page)
            session.send("Network.clearBrowserCache")
            for origin in stored_at:
                session.send(
                    "Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"}
                )
            session.detach()
        except Error:  # as when its test has failed
            context.close()
        else:
            self._page = page


@pytest.fixture(scope="module")
def tab(chromium: Browser) -> Tab:
    return Tab(chromium)


@pytest.fixture
def visit(
    chromium: Browser, tab: Tab, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    """Open the page: ``visit("/?q=cat")``; nothing may be complained of until the test ends.

    With ``refusals=True`` the server may refuse requests, which a browser calls errors. Options
    are those of Playwright's contexts; with some, or at a second visit, it is a browser of its own.
    """
    contexts = []
    complaints: list[str] = []
    heard = []
    stored_at: set[str] = set()

    def call(
        path: str = "/", *, at: str = "", refusals: bool = False, size=(1200, 800), **options
    ) -> Page:
        width, height = size
        url = at or request.getfixturevalue("serving").url
        if options or stored_at:
            context = chromium.new_context(
                viewport={"width": width, "height": height}, reduced_motion="reduce", **options
            )
            context.set_default_timeout(60_000)
            contexts.append(context)
            page = context.new_page()
        else:
            page = tab.take(width, height)
            stored_at.add(url)

        def complain(message) -> None:
            refused = message.text.startswith("Failed to load resource")
            if message.type in ("error", "warning") and not (refusals and refused):
                complaints.append(message.text)

        def fail(error) -> None:
            complaints.append(str(error))

        page.on("console", complain)
        page.on("pageerror", fail)
        heard.append((page, complain, fail))
        page.goto(url + path)
        return page

    yield call
    for context in contexts:
        context.close()
    if stored_at:
        tab.clear(stored_at)
    for page, complain, fail in heard:
        page.remove_listener("console", complain)
        page.remove_listener("pageerror", fail)
    assert complaints == []
