"""A BERT encoder as a graph for onnxruntime. The models that search uses differ in their weights only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

# Seven bits: with eight, sums overflow on processors that have AVX2 and no VNNI.
LARGEST_INTEGER = 63


@dataclass(frozen=True)
class Shape:
    width: int
    layers: int
    heads: int
    epsilon: float  # of the normalisations


class Graph:
    """Nodes and constants, each under a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, values: np.ndarray) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def multiply_blocks(
        self, value: str, quants: np.ndarray, scales: np.ndarray, output: str, *, bits: int, block_size: int
    ) -> str:
        """value @ weights, which stand in blocks: (outputs, blocks, bytes of a block), and a scale for each block."""
        outputs, blocks, _ = quants.shape
        return self.node(
            "MatMulNBits",
            [
                value,
                self.constant(f"{output}.quants", quants),
                self.constant(f"{output}.scales", scales.reshape(-1)),
            ],
            f"{output}.product",
            domain="com.microsoft",
            K=blocks * block_size,
            N=outputs,
            bits=bits,
            block_size=block_size,
            accuracy_level=4,  # 8-bit activations
        )

    def multiply_integers(self, value: str, matrix: np.ndarray, bias: np.ndarray, output: str) -> str:
        """value @ matrix.T + bias in whole numbers, one scale an output and one for the value: quick, less exact."""
        scales = np.abs(matrix).max(axis=1) / LARGEST_INTEGER
        inputs = [
            value,
            self.constant(f"{output}.quants", np.round(matrix / scales[:, None]).astype(np.int8).T),
            self.constant(f"{output}.scales", scales.astype(np.float32)),
            self.constant(f"{output}.zeros", np.zeros(len(matrix), np.int8)),
            self.constant(f"{output}.bias", bias),
        ]
        return self.node("DynamicQuantizeMatMul", inputs, output, domain="com.microsoft")


# Adds to the graph: value @ weights + bias, several of these names side by side as one multiplication.
Linear = Callable[[Graph, str, list[str], str], str]


def encoder(name: str, shape: Shape, floats: Callable[[str], np.ndarray], linear: Linear) -> onnx.ModelProto:
    """Token vectors (tokens, width) in, one vector out, the mean of the last layer's.

    A layer's weights are called l0.q, .k, .v, .ao (attention's output), .fi and .fo (the two of the feed-forward
    part); its normalisations l0.aln and .oln, that of the token vectors emb.ln, each with .w and .b from `floats`.
    """
    from onnx import TensorProto, helper

    width, heads = shape.width, shape.heads
    graph = Graph()
    constant, node = graph.constant, graph.node

    def normalised(value: str, name: str) -> str:
        scale, bias = floats(f"{name}.w"), floats(f"{name}.b")
        inputs = [value, constant(f"{name}.scale", scale), constant(f"{name}.shift", bias)]
        return node("LayerNormalization", inputs, name, axis=-1, epsilon=shape.epsilon)

    by_head = constant("by_head", np.array([0, 3, heads, width // heads], np.int64))
    joined = constant("joined", np.array([0, width], np.int64))
    root = constant("root", np.array((width // heads) ** -0.5, np.float32))
    first, one, two = (constant(str(number), np.array(number, np.int64)) for number in range(3))

    value = normalised("tokens", "emb.ln")
    for layer in range(shape.layers):
        at = f"l{layer}"
        both = linear(graph, value, [f"{at}.q", f"{at}.k", f"{at}.v"], f"{at}.qkv")
        # (tokens, 3, heads, size) -> (3, heads, tokens, size)
        split = node("Reshape", [both, by_head], f"{at}.split")
        turned = node("Transpose", [split], f"{at}.turned", perm=[1, 2, 0, 3])
        query = node("Mul", [node("Gather", [turned, first], f"{at}.query.raw", axis=0), root], f"{at}.query")
        key = node("Transpose", [node("Gather", [turned, one], f"{at}.key.raw", axis=0)], f"{at}.key", perm=[0, 2, 1])
        values = node("Gather", [turned, two], f"{at}.values", axis=0)
        attention = node("Softmax", [node("MatMul", [query, key], f"{at}.scores")], f"{at}.attention", axis=-1)
        mixed = node("MatMul", [attention, values], f"{at}.mixed")
        side_by_side = node("Transpose", [mixed], f"{at}.tokens", perm=[1, 0, 2])
        attended = linear(graph, node("Reshape", [side_by_side, joined], f"{at}.joined"), [f"{at}.ao"], f"{at}.out")
        value = normalised(node("Add", [attended, value], f"{at}.sum1"), f"{at}.aln")
        inner = node("Gelu", [linear(graph, value, [f"{at}.fi"], f"{at}.inner")], f"{at}.gelu")
        outer = linear(graph, inner, [f"{at}.fo"], f"{at}.outer")
        value = normalised(node("Add", [outer, value], f"{at}.sum2"), f"{at}.oln")
    node("ReduceMean", [value, constant("token_axis", np.array([0], np.int64))], "vector", keepdims=0)

    made = helper.make_graph(
        graph.nodes,
        name,
        [helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [width])],
        graph.constants,
    )
    operators = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(made, opset_imports=operators, ir_version=9)
