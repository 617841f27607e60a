"""Zero-shot labels of photos.

>>> from safelight import load_embedder
>>> from safelight.labels import Classifier, read_label_set
>>> model = load_embedder("starter")
>>> classifier = Classifier.open(read_label_set(), model, cache=None)
>>> vectors = model.encode_texts(["a beach", "a plate of food"])  # or of photos: encode_images
>>> [labelling.labels[0].label for labelling in classifier.classify(vectors)]
['beach', 'food']
"""

from __future__ import annotations

from safelight.labels.classifier import APPLIES, Classifier, Labelling, LabelScore, caveat
from safelight.labels.embeddings import CacheFiles
from safelight.labels.label_set import LabelSet, read_label_set

__all__ = [
    "APPLIES",
    "CacheFiles",
    "Classifier",
    "LabelScore",
    "LabelSet",
    "Labelling",
    "caveat",
    "read_label_set",
]
