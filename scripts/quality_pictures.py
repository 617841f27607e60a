"""Make the pictures of docs/quality.md and of docs/guide.md: python -m scripts.quality_pictures

What each metric sees and what it is blind to, on photos that scikit-image ships and that are in the
public domain: coffee (Rachel Michetti, CC0), chelsea (Stéfan van der Walt, CC0), rocket (SpaceX,
public domain), grass and brick (CC0),
and the Hubble deep field (NASA, public domain). A picture is made only if the scores in it bear out
what it is to show. The contact sheet is photographed by Chromium, if there is one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter
from skimage import data
from tests.quality.damage import blurred, compressed, exposed, noised

from safelight.quality import choose, score
from safelight.quality.brisque import Brisque
from safelight.quality.focus import HALF, tile_map
from safelight.quality.niqe import Niqe
from safelight.quality.picture import Picture
from safelight.sheet import Listed, Sheet, arrange, cards, page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.quality import Metric

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"

WIDTH, GAP, LINE, BAR = 200, 10, 17, 6
TEXT, FAINT, TRACK, MAIN = "#1c1c1a", "#5f5f5a", "#e3e3df", "#b35c00"
FONT = ImageFont.load_default(13)
AMBER = np.array([255, 176, 0])


@dataclass(frozen=True)
class Panel:
    """One photo, what was done to it, and its score by the metric; None: it has none."""

    pixels: np.ndarray
    caption: str
    score: float | None = None
    note: str = ""


def panel(metric: Metric, pixels: np.ndarray, caption: str) -> Panel:
    found = score(pixels, [metric]).measurements[metric.name]
    return Panel(
        pixels, caption, found.score, "" if found.score is not None else "skipped: not guessed"
    )


def save(
    name: str,
    seen: Sequence[Panel],
    unseen: Sequence[Panel],
    titles: tuple[str, str] = ("It sees", "It is blind to"),
    part: tuple[int, int] | None = None,
) -> None:
    """Write one picture: panels that the metric judges well, and panels that it does not.

    Whole photos are shown, or, pixel by pixel, the part of them that begins at a place; of those
    that are smaller than that, all that there is.
    """
    high = round(WIDTH * 2 / 3)
    shots = []
    for each in (*seen, *unseen):
        shot = Image.fromarray(each.pixels).convert("RGB")
        if part is None:
            shot = shot.resize((WIDTH, high), Image.Resampling.LANCZOS)
        else:
            x, y = (min(at, most - least) for at, most, least in
                    zip(part, shot.size, (WIDTH, high), strict=True))  # fmt: skip
            shot = shot.crop((x, y, x + WIDTH, y + high))
        shots.append(shot)
    height = 2 * LINE + shots[0].height + 3 * LINE
    image = Image.new("RGB", (len(shots) * (WIDTH + GAP) + GAP, height), "white")
    draw = ImageDraw.Draw(image)
    for place, title in zip((0, len(seen)), titles, strict=True):
        draw.text((GAP + place * (WIDTH + GAP), 6), title, TEXT, FONT)
    line = len(seen) * (WIDTH + GAP) + GAP // 2 - 1
    draw.line((line, 6, line, height - 6), TRACK, 2)
    for number, (each, shot) in enumerate(zip((*seen, *unseen), shots, strict=True)):
        left, top = GAP + number * (WIDTH + GAP), 2 * LINE - 6
        image.paste(shot, (left, top))
        top += shot.height + 4
        draw.text((left, top), each.caption, TEXT, FONT)
        top += LINE + 2
        said = each.note or ("" if each.score is None else f"{each.score:.2f}")
        if each.score is None:
            draw.text((left, top), said, FAINT, FONT)
            continue
        room = WIDTH - FONT.getlength(said) - 8
        draw.rectangle((left, top + 6, left + room, top + 6 + BAR), TRACK)
        draw.rectangle((left, top + 6, left + room * each.score, top + 6 + BAR), MAIN)
        draw.text((left + WIDTH - FONT.getlength(said), top), said, TEXT, FONT)
    image.save(PICTURES / f"{name}.jpg", quality=80, optimize=True)
    print(name, [each.score and round(each.score, 3) for each in (*seen, *unseen)])


def in_order(*panels: Panel) -> None:
    """Stop unless each panel scores at least what the next one does."""
    scores = [each.score for each in panels]
    assert scores == sorted(scores, reverse=True), [(p.caption, p.score) for p in panels]


def behind(photo: np.ndarray, sigma: float, *, subject_is_sharp: bool) -> np.ndarray:
    """Blur the background of the cup of coffee, or the cup."""
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
    cup = ((y - 190) / 150) ** 2 + ((x - 300) / 190) ** 2 < 1
    sharp = gaussian_filter((cup == subject_is_sharp).astype(float), 8)[..., None]
    return np.rint(sharp * photo + (1 - sharp) * blurred(photo, sigma)).astype(np.uint8)


def mapped(photo: np.ndarray) -> np.ndarray:
    """Lay the map of focus over a photo, as the contact sheet does."""
    tiles = tile_map(Picture.of(photo))
    share = 0.8 * tiles / (tiles + HALF)
    size = photo.shape[0] // 8, photo.shape[1] // 8
    cover = np.kron(share, np.ones(size))[..., None]
    gray = 0.6 * photo[: cover.shape[0], : cover.shape[1]].mean(axis=2, keepdims=True)
    return np.rint(gray * (1 - cover) + AMBER * cover).astype(np.uint8)


def metrics() -> None:
    coffee, cat, rocket = data.coffee(), data.chelsea(), data.rocket()
    sharpness, focus, exposure, noise = (choose([name])[0] for name in
                                         ("sharpness", "focus", "exposure", "noise"))  # fmt: skip

    seen = [panel(sharpness, coffee, "as it is"), panel(sharpness, blurred(coffee, 3), "blurred")]
    unseen = [
        panel(sharpness, blurred(coffee, 1), "blurred a little"),
        panel(sharpness, noised(blurred(coffee, 3), 20), "blurred, with noise"),
    ]
    in_order(seen[0], unseen[0], unseen[1], seen[1])
    assert min(each.score for each in unseen) > 0.9
    save("sharpness", seen, unseen, part=(300, 170))

    portrait = behind(coffee, 6, subject_is_sharp=True)
    missed = behind(coffee, 6, subject_is_sharp=False)
    seen = [
        panel(focus, portrait, "only the cup is sharp"),
        Panel(mapped(portrait), "its map", score(portrait, [focus]).score("focus")),
        panel(focus, blurred(coffee, 6), "nothing is sharp"),
    ]
    unseen = [panel(focus, missed, "only the table is sharp")]
    in_order(unseen[0], seen[0], seen[2])
    assert seen[2].score < 0.25 < 0.65 < seen[0].score
    save("focus", seen, unseen)

    seen = [
        panel(exposure, coffee, "as it is"),
        panel(exposure, exposed(coffee, 2), "two stops over"),
        panel(exposure, exposed(coffee, -2), "two stops under"),
    ]
    unseen = [panel(exposure, rocket, "a night that is meant")]
    in_order(seen[0], unseen[0], seen[2], seen[1])
    save("exposure", seen, unseen)

    grass = np.asarray(Image.fromarray(data.grass()).crop((0, 0, 510, 340)))
    seen = [
        panel(noise, coffee, "as it is"),
        panel(noise, noised(coffee, 20), "noise of 20 levels"),
        panel(noise, compressed(coffee, 30), "after JPEG"),
    ]
    unseen = [panel(noise, grass, "fine texture, no noise")]
    in_order(seen[0], unseen[0], seen[1])
    assert seen[2].score is None
    save("noise", seen, unseen, part=(300, 170))

    brisque, niqe = Brisque(), Niqe()
    seen = [
        panel(brisque, cat, "as it is"),
        panel(brisque, blurred(cat, 2), "blurred"),
        panel(brisque, compressed(cat, 8), "much compressed"),
    ]
    unseen = [panel(brisque, exposed(cat, 2), "two stops over")]
    in_order(seen[0], unseen[0], max(seen[1:], key=lambda each: each.score))
    assert seen[0].score - unseen[0].score < 0.02
    save("brisque", seen, unseen, part=(60, 70))

    wall = np.asarray(Image.fromarray(data.brick()).crop((0, 0, 510, 340)))
    seen = [
        panel(niqe, cat, "as it is"),
        panel(niqe, blurred(cat, 2), "blurred"),
        panel(niqe, noised(cat, 20), "with noise"),
    ]
    unseen = [panel(niqe, wall, "a wall, undamaged")]
    in_order(seen[0], seen[1], seen[2])
    assert unseen[0].score < 0.25
    save("niqe", seen, unseen, part=(60, 70))


def vectors() -> None:
    """Share of blur that remains at the size a search model looks at."""
    stars = data.hubble_deep_field()
    soft = blurred(stars, 1.5)
    small, small_soft = (
        np.asarray(Image.fromarray(each).resize((224, 195), Image.Resampling.BICUBIC))
        for each in (stars, soft)
    )
    change, small_change = (
        float(np.abs(one.astype(float) - other).mean())
        for one, other in ((stars, soft), (small, small_soft))
    )
    assert small_change < change / 2
    seen = [Panel(stars, "the photo (a part)"), Panel(soft, "out of focus")]
    unseen = [Panel(small, "at 224 pixels"), Panel(small_soft, "out of focus, at 224 pixels")]
    seen[1] = replace(seen[1], note=f"{change:.1f} levels apart")
    unseen[1] = replace(unseen[1], note=f"{small_change:.1f} levels apart")
    save("vectors", seen, unseen, ("What you see", "What a search model sees"), part=(420, 380))
    print("vectors", round(change, 2), round(small_change, 2))


def sheet() -> None:
    """Photograph a contact sheet, with the map of focus over its first photo."""
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if browser is None:
        print("no Chromium: sheet.png is left as it is", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, pixels in {
            "IMG_0412 coffee.png": data.coffee(),
            "IMG_0413 coffee.png": blurred(data.coffee(), 3),
            "IMG_0420 launch.png": data.rocket(),
            "IMG_0498 Chelsea.png": data.chelsea(),
            "IMG_0499 Chelsea.png": noised(exposed(data.chelsea(), 1), 20),
        }.items():
            Image.fromarray(pixels).save(folder / title)
        (folder / "IMG_0501.png").write_bytes((folder / "IMG_0420 launch.png").read_bytes()[:9999])
        listed = [Listed(str(path)) for path in sorted(folder.glob("*.png"))]
        found = arrange(cards(listed, chosen := choose()), "focus")
        made = Sheet("Holiday", found, [m.name for m in chosen], by="focus", columns=3, thumb=280)
        first = '<input type="checkbox" aria-label="Focus map'
        html = page(made).replace(first, first.replace("<input", "<input checked"), 1)
        (folder / "sheet.html").write_text(html, "utf-8")
        shot = folder / "shot.png"
        subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--window-size=1000,850", f"--screenshot={shot}", (folder / "sheet.html").as_uri(),
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
        with Image.open(shot) as image:
            few = image.convert("RGB").quantize(256, dither=Image.Dither.FLOYDSTEINBERG)
            few.save(PICTURES / "sheet.png", optimize=True)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    metrics()
    vectors()
    sheet()
    for path in sorted(PICTURES.iterdir()):
        print(f"{path.name:<16}{path.stat().st_size:>9,} bytes")


if __name__ == "__main__":
    main()
