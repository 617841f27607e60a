"""Zero-shot classifier: labels of a photo, from its vector alone.

Three numbers for each label:

- `confidence`: the share of the label in a softmax over the whole set, as CLIP is used for
  zero-shot classification (Radford et al. 2021, with the mean over templates of section 3.1.4).
  All labels share one, so it says which is the best of the set, not whether it is right.
- `cosine_score`: what that is made of.
- `calibrated`: the probability that the label applies, each for itself. SigLIP was trained to give
  it: the sigmoid of scale * cosine + bias. For other models the photo's cosines with some hundred
  unrelated prompts are the null against which the label has to stand out::

      z = (cosine - mean of null) / deviation of null,  calibrated = 1 / (1 + exp(-(a z + b)))

  with a and b as fitted on labelled photos. ``docs/labels.md`` has how good that is.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from safelight.cosine import FINE_DECIMALS, rounded
from safelight.errors import SettingsError, SpaceError
from safelight.labels.calibration import applying, sigmoid, standing_out
from safelight.labels.embeddings import CacheFiles, embed_labels, embed_unrelated

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from safelight.labels.label_set import LabelSet
    from safelight.types import TextModel

    Numbers = npt.NDArray[np.float64]

#: From this probability on a label applies.
APPLIES = 0.5

# Of how `calibrated` is made; results of another version are no longer comparable.
_CALIBRATION = "1"

# What OpenAI's models, and most that followed them, were trained to the limit of.
_USUAL_SCALE = 100.0


@dataclass(frozen=True, slots=True)
class LabelScore:
    """Scores of one label on one photo.

    Attributes
    ----------
    label : str
    confidence : float
        Share of the softmax over all labels of the set, 0 to 1.
    cosine_score : float
        Cosine of photo and label, -1 to 1.
    calibrated : float
        Probability that the label applies, 0 to 1, whatever the others do.
    applies : bool
        Whether that is at least :data:`APPLIES`.
    """

    label: str
    confidence: float
    cosine_score: float
    calibrated: float
    applies: bool


@dataclass(frozen=True, slots=True)
class Labelling:
    """The labels of one photo.

    Attributes
    ----------
    labels : tuple of LabelScore
        The first few by confidence, whether they apply or not.
    abstained : bool
        Whether no label of the whole set applies.
    applying : tuple of LabelScore
        All that apply, the most probable first.
    """

    labels: tuple[LabelScore, ...]
    abstained: bool
    applying: tuple[LabelScore, ...] = ()


class Classifier:
    """Labels for vectors of one model; safe to call from several threads.

    Parameters
    ----------
    label_set : LabelSet
    model : TextModel
        Model of the vectors to label.
    embeddings : (labels, dimension) float32
        Of unit length.
    unrelated : (prompts, dimension) float32 or None
        The null; None for a model that was trained with a sigmoid.
    temperature : float, optional
        What cosines are divided by before the softmax; the model's own if not given.

    Raises
    ------
    SettingsError
        `temperature` is not above 0.
    """

    def __init__(
        self,
        label_set: LabelSet,
        model: TextModel,
        embeddings: npt.NDArray[np.float32],
        unrelated: npt.NDArray[np.float32] | None,
        *,
        temperature: float | None = None,
    ) -> None:
        if temperature is None:
            temperature = 1 / (model.logit_scale or _USUAL_SCALE)
        elif not 0 < temperature < math.inf:
            raise SettingsError(f"The temperature must be above 0, not {temperature}.")
        self.label_set = label_set
        self.fingerprint = model.fingerprint
        self.temperature = temperature
        self._dimension = model.dimension
        self._embeddings = embeddings.astype(np.float64)
        self._unrelated = None if unrelated is None else unrelated.astype(np.float64)
        self._sigmoid = (model.logit_scale or _USUAL_SCALE, model.logit_bias or 0.0)

    @classmethod
    def open(
        cls,
        label_set: LabelSet,
        embedder: TextModel,
        *,
        cache: Path | CacheFiles | None,
        temperature: float | None = None,
    ) -> Self:
        """Return the classifier of a label set for an embedder.

        The text side of the embedder is used only if the labels' embeddings are not in `cache`,
        or were made of other labels, templates or weights.

        Parameters
        ----------
        label_set : LabelSet
        embedder : TextModel
        cache : Path, CacheFiles or None
            A folder, for ``label_embeddings.npz`` and what belongs to it; files, such as
            :meth:`CacheFiles.of_user` names; or None to keep nothing.
        temperature : float, optional
            What cosines are divided by before the softmax; ``1 / embedder.logit_scale``, or 0.01
            for a model that has none, if not given.

        Raises
        ------
        SettingsError
            `temperature` is not above 0.
        ModelError
            The model cannot be loaded.

        Warns
        -----
        UserWarning
            What was kept is damaged, and was made again.
        """
        files = CacheFiles.in_folder(cache) if isinstance(cache, Path) else cache
        embeddings = embed_labels(label_set, embedder, files.labels if files else None)
        unrelated = None
        if not has_sigmoid(embedder):
            unrelated = embed_unrelated(embedder, files.unrelated if files else None)
        return cls(label_set, embedder, embeddings, unrelated, temperature=temperature)

    @property
    def version(self) -> str:
        """Hex digest of all that decides the numbers: model, labels, templates, temperature."""
        parts = (_CALIBRATION, self.fingerprint, self.label_set.version, self.temperature)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def classify(self, vectors: npt.NDArray[np.float32], top: int = 5) -> list[Labelling]:
        """Return the labels of photos.

        Parameters
        ----------
        vectors : (n, dimension) float32
            Rows of unit length, of the model's space.
        top : int
            How many labels to rank for each; all if there are fewer.

        Raises
        ------
        SpaceError
            The vectors have another dimension.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self._dimension:
            raise SpaceError(
                f"Vectors of shape {vectors.shape} were offered to labels of {self._dimension} "
                "numbers.",
            )
        exact = vectors.astype(np.float64)
        cosines = rounded(exact @ self._embeddings.T, FINE_DECIMALS)
        confidences = _softmax(cosines / self.temperature)
        calibrated = rounded(self._calibrate(exact, cosines), FINE_DECIMALS)
        return [
            self._labelling(*rows, top)
            for rows in zip(confidences, cosines, calibrated, strict=True)
        ]

    def _calibrate(self, vectors: Numbers, cosines: Numbers) -> Numbers:
        if self._unrelated is None:
            scale, bias = self._sigmoid
            return sigmoid(scale * cosines + bias)
        return applying(standing_out(vectors, self._embeddings, self._unrelated))

    def _labelling(
        self, confidences: Numbers, cosines: Numbers, calibrated: Numbers, top: int
    ) -> Labelling:
        def scores(order: Sequence[int]) -> tuple[LabelScore, ...]:
            return tuple(
                LabelScore(
                    self.label_set.labels[each],
                    float(confidences[each]),
                    float(cosines[each]),
                    float(calibrated[each]),
                    bool(calibrated[each] >= APPLIES),
                )
                for each in order
            )

        # Stable: where two are equal, the one that stands first in the set comes first.
        first = np.argsort(-confidences, kind="stable")[:top]
        by_probability = np.argsort(-calibrated, kind="stable")
        applying = scores([each for each in by_probability if calibrated[each] >= APPLIES])
        return Labelling(scores(first.tolist()), not applying, applying)


def has_sigmoid(model: TextModel) -> bool:
    """Tell whether a model was trained to say about each pair alone whether it belongs together."""
    return model.logit_bias is not None and model.logit_scale is not None


def caveat(model: TextModel) -> str | None:
    """Return a warning about a model's labels, if there is one."""
    if model.name != "starter":
        return None
    return (
        "The starter model labels things and places by what it knows about a thousand things; of "
        "people, light, colour and style it knows little. A CLIP model labels better."
    )


def _softmax(logits: Numbers) -> Numbers:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
