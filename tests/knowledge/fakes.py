"""Small real implementations for tests."""

import zlib
from collections.abc import Sequence

import numpy as np

from knowledge.lexical import words


class HashingEmbedder:
    """Texts that share words are near each other. Knows no meaning, but is exact and instant."""

    name = "hashing"
    dimensions = 256

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.full((len(texts), self.dimensions), 1e-3, np.float32)
        for row, text in enumerate(texts):
            for word in words(text):
                vectors[row, zlib.crc32(word.encode()) % self.dimensions] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class HashingEnglishEmbedder(HashingEmbedder):
    """Knows in English besides that who swims wants the pool. Its second vectors have a width of their own."""

    name = "hashing English"

    def embed_english_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self.embed_english_passages(texts)

    def embed_english_passages(self, texts: Sequence[str]) -> np.ndarray:
        meant = [text.lower().replace("swim", "pool") for text in texts]
        second = self.embed_passages(meant).reshape(-1, self.dimensions // 2, 2).sum(axis=2) - 0.01
        return np.hstack([self.embed_passages(texts), second / np.linalg.norm(second, axis=1, keepdims=True)])
