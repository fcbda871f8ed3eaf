"""How sure search is that an article answers the question, as a probability.

A logistic regression on three figures, fitted by `manage.py calibrate_confidence` (knowledge/calibration.py) on public
text, half of it answerable: XQuAD (questions in English, Arabic, Hindi and Russian, spoken style, on English, Arabic
and mixed sets of 60 passages; the right passage there or taken away) and the hotels' and restaurants' questions of
DSTC10 track 2 (written ones on the bare answers; what a recogniser made of spoken ones, and other requests of the same
callers). The three were chosen among 17 by the mean AUROC on the kind of text that was left out. Fitted again, the
figures differ in the second digit.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from knowledge.search import Scores

FEATURES = ("sentence", "beyond", "overlap")
COEFFICIENTS = np.array([25.59, 1.22, 2.30])
INTERCEPT = -22.12

# Below this, nothing is written about the question. Chosen where a quarter of the spoken questions that have an answer
# would be refused: most questions have one, and whoever gets a passage that does not answer can still say so.
CONFIDENT = 0.28


def features(scores: Scores, position: int) -> np.ndarray:
    """Of the text at `position`: its best sentence's cosine, without what every text of the asker's language gains; how
    far it stands out, beyond what the best of so many texts does by chance; the share of the question's words it has.
    """
    chance = best_of(len(scores.texts))
    return np.array(
        [
            scores.sentence[position] - scores.bonus[position],
            scores.standard[position] - chance,
            scores.overlap[position],
        ]
    )


def probability(values: np.ndarray) -> float:
    return float(1 / (1 + np.exp(-(values @ COEFFICIENTS + INTERCEPT))))


@lru_cache(1_000)
def best_of(count: int) -> float:
    """About where the largest of `count` normally distributed numbers lies."""
    return NormalDist().inv_cdf(1 - 1 / (count + 1))
