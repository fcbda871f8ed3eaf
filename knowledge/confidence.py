"""How sure search is that an article answers the question, as a probability.

A logistic regression on three figures, fitted by `manage.py calibrate_search` (knowledge/calibration.py) on public text:
XQuAD (questions in English, Arabic, Hindi and Russian, spoken style, on English, Arabic and mixed sets of 60 passages)
and the hotels' and restaurants' questions of DSTC10 track 2 (written ones on the bare answers, and what a recogniser
made of spoken ones). Half of the questions have an answer in their set; of a quarter it was taken away, and a quarter
is about something else altogether. The three figures were chosen among ten by log loss and AUROC on the kind of text
that was left out of the fit.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from knowledge.search import Scores

COEFFICIENTS = np.array([6.93, 1.17])
INTERCEPT = -3.67

# Below this, nothing is written about the question. Chosen where as many of the spoken questions that have an answer
# are refused as others are accepted.
CONFIDENT = 0.34


def features(scores: Scores, position: int) -> np.ndarray:
    """Of the text at `position`: how close it is, without what every text of the asker's language gains; how far it
    stands out, beyond what the best of so many texts does by chance; the share of the question's words that it has.
    """
    close = scores.whole[position] - scores.bonus[position]
    chance = best_of(len(scores.texts))
    return np.array([close, scores.standard[position] - chance, scores.overlap[position]])


def probability(values: np.ndarray) -> float:
    return float(1 / (1 + np.exp(-(values @ COEFFICIENTS + INTERCEPT))))


@lru_cache(1_000)
def best_of(count: int) -> float:
    """About where the largest of `count` normally distributed numbers lies."""
    return NormalDist().inv_cdf(1 - 1 / (count + 1))
