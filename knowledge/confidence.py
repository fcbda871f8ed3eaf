"""How sure search is that an article answers the question, as a probability.

A logistic regression on two figures, fitted by `manage.py calibrate_search` (knowledge/calibration.py) on public text:
XQuAD (questions in English, Arabic, Hindi and Russian, spoken style, on English, Arabic and mixed sets of 60 passages)
and the hotels' and restaurants' questions of DSTC10 track 2 (written ones on the bare answers, and what a recogniser
made of spoken ones). Half of the questions have an answer in their set; of a quarter it was taken away, and a quarter
is about something else altogether. Chosen among ten figures by AUROC on the kind of text that was left out of the fit,
and looked at again with twelve others and pairs of them: none is better by more than .002 (docs/performance.md). Shared
words are left out on purpose, since spoken questions have few even where there is an answer. English texts that an
English question was compared with by both models have a fit of their own, on the English ones of these questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from knowledge.venue_index import Scores


@dataclass(frozen=True)
class Fit:
    coefficients: tuple[float, ...]
    intercept: float

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Of one text's features, or of rows of them."""
        return 1 / (1 + np.exp(-(features @ np.array(self.coefficients) + self.intercept)))


# For texts that were compared by one model, and by both.
BY_ONE = Fit((18.92, -13.19), -4.72)
BY_BOTH = Fit((16.21, -8.75), -4.17)

# Below this, nothing is written about the question. Chosen where a quarter of the spoken questions that have an answer
# would be refused: most questions have one, and whoever gets a passage that does not answer can still say so.
CONFIDENT = 0.30


def features(scores: Scores, position: int) -> np.ndarray:
    """How close the text at `position` is, and how close the texts of the venue are on the whole; both without what
    texts gain by being in the asker's language.
    """
    close = scores.dense - scores.bonus
    return np.array([close[position], close.mean()])


def probability(scores: Scores, position: int) -> float:
    fit = BY_BOTH if scores.by_both[position] else BY_ONE
    return float(fit.probabilities(features(scores, position)))
