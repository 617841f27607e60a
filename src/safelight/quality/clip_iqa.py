"""CLIP-IQA: similarity of a photo to a good description against a bad one.

Wang, Chan and Loy, "Exploring CLIP for assessing the look and feel of images", AAAI 2023. For a
photo's vector e and the vectors of a pair such as "Good photo." and "Bad photo."::

    score = 1 / (1 + exp(-s (e . good - e . bad)))

where s is the model's own scale. What SigLIP adds to its cosines is the same for both and drops
out. The published figures are of CLIP's RN50 without its positional embedding, at full resolution
(:mod:`safelight.embedding.torch.without_positions`). With any other model it is what embeds the
photos anyway, which sees a few hundred pixels of them.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from safelight.errors import UsageError
from safelight.quality.metric import Measurement

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from safelight.quality.picture import Picture
    from safelight.types import TextModel

#: Opposite descriptions by name, the better, or more, first.
PAIRS = {
    "quality": ("Good photo.", "Bad photo."),
    "brightness": ("Bright photo.", "Dark photo."),
    "noisiness": ("Clean photo.", "Noisy photo."),
    "sharpness": ("Sharp photo.", "Blurry photo."),
    "colourfulness": ("Colorful photo.", "Dull photo."),
    "contrast": ("High contrast photo.", "Low contrast photo."),
    "complexity": ("Complex photo.", "Simple photo."),
    "naturalness": ("Natural photo.", "Synthetic photo."),
    "happiness": ("Happy photo.", "Sad photo."),
    "warmth": ("Warm photo.", "Cold photo."),
    "beauty": ("Beautiful photo.", "Ugly photo."),
    "calm": ("Relaxing photo.", "Stressful photo."),
}

#: The pairs whose scores are averaged, unless one pair alone is asked for.
ENSEMBLE = (
    ("Good image", "bad image"),
    ("Sharp image", "blurry image"),
    ("sharp edges", "blurry edges"),
    ("High resolution image", "low resolution image"),
    ("Noise-free image", "noisy image"),
)

#: The name of all of them together, as a choice of `prompts`.
ALL_FIVE = "ensemble"

# What OpenAI's models, and most that followed them, were trained to the limit of.
_USUAL_SCALE = 100.0


class ClipIqa:
    """CLIP-IQA: a photo's similarity to good descriptions against bad ones, 0 to 1.

    Parameters
    ----------
    model : TextModel, optional
        The model that embeds the photos. Without one, and with the starter model, which was never
        shown a caption, every photo is skipped.
    prompts : str
        ``ensemble``, the mean over five pairs, or one of :data:`PAIRS`; ``quality`` is the
        published pair.
    pairs : sequence of str
        Of :data:`PAIRS`, to be told in the details.

    Raises
    ------
    UsageError
        There is no pair of that name.
    """

    name = "clip_iqa"

    def __init__(
        self,
        model: TextModel | None = None,
        *,
        prompts: str = ALL_FIVE,
        pairs: Sequence[str] = (),
    ) -> None:
        for pair in (*pairs, *(() if prompts == ALL_FIVE else (prompts,))):
            if pair not in PAIRS:
                raise UsageError(f"Unknown prompts {pair!r}. Choose from: {_names()}.")
        self._model = model
        self._prompts = prompts
        self._pairs = tuple(pairs)
        self._lock = Lock()
        self._known: npt.NDArray[np.float64] | None = None

    @property
    def version(self) -> str:
        """Another model, or other prompts, are another version."""
        if self._model is None:
            return "1"
        return f"1-{self._prompts}-{self._model.fingerprint[:12]}"

    def measure(self, picture: Picture) -> Measurement:
        """Compare the photo's vector with the descriptions."""
        model, embedding = self._model, picture.embedding
        if model is None:
            return _skipped("no CLIP model was named to look at it")
        if model.name == "starter":
            return _skipped(
                "the starter model knows things, not what a good photo is; a CLIP model does"
            )
        if embedding is None:
            return _skipped(f"it was not embedded with {model.name}")
        if picture.fingerprint != model.fingerprint:
            return _skipped(f"its vector is of another space than {model.name}'s")
        scale = model.logit_scale or _USUAL_SCALE
        with self._lock:
            differences = self._differences(model)
        scores = 1 / (1 + np.exp(-scale * (differences @ embedding.astype(np.float64))))
        count = len(scores) - len(self._pairs)
        value = float(scores[:count].mean())
        details = {
            "model": model.name,
            "prompts": self._prompts,
            "pairs": dict(zip(self._pairs, scores[count:].tolist(), strict=True)),
        }
        return Measurement(value, value, details=details)

    def _differences(self, model: TextModel) -> npt.NDArray[np.float64]:
        """Return the vector of the good less that of the bad description, of each pair."""
        if self._known is None:
            wanted = ENSEMBLE if self._prompts == ALL_FIVE else (PAIRS[self._prompts],)
            every = [*wanted, *(PAIRS[pair] for pair in self._pairs)]
            vectors = model.encode_texts([text for pair in every for text in pair])
            exact = vectors.astype(np.float64)
            self._known = exact[0::2] - exact[1::2]
        return self._known


def _skipped(reason: str) -> Measurement:
    return Measurement(None, None, "skipped", reason)


def _names() -> str:
    return ", ".join((ALL_FIVE, *PAIRS))
