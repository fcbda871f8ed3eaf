"""How sure search is that an article answers the question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from knowledge.search import Scores

CONFIDENT = 0.5
NAMES = ("sentence", "dense", "standard", "margin", "overlap")
COEFFICIENTS = np.array([20.0, 20.0, 0.5, 0.5, 0.5])
INTERCEPT = -36.0


def features(scores: Scores, position: int, following: int | None) -> np.ndarray:
    margin = float(scores.standard[position] - scores.standard[following]) if following is not None else 0.0
    return np.array(
        [scores.sentence[position], scores.dense[position], scores.standard[position], margin, scores.overlap[position]]
    )


def probability(values: np.ndarray) -> float:
    return float(1 / (1 + np.exp(-(values @ COEFFICIENTS + INTERCEPT))))
