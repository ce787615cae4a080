"""floor.py: the GEMMs that a workload cannot do without, bare: float32, the pair's shapes, the prompts' real tokens.

torch.mm on the model's own weights and random rows, and OpenBLAS's cblas_sgemm on the same numbers.
"""
import ctypes
import ctypes.util

import torch

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112


def c1_rows(tokens, prompts, layers):
    """[(rows, of how many layers the attention, the MLP)]; rows of logits."""
    return [(tokens, layers, layers)], prompts


def c3_rows(tokens, prompts, layers, layer=24, points=16):
    """base up to the attention of `layer`, a clean run, and one row a prompt and point behind the attention."""
    rest = layers - layer
    rows = [(tokens, layer + 1, layer), (tokens, layers, layers), (prompts * points, rest - 1, rest)]
    return rows, prompts * (points + 1)


def openblas(threads):
    library = ctypes.CDLL(ctypes.util.find_library("openblas"))
    library.openblas_set_num_threads(threads)
    number, pointer, real = ctypes.c_int, ctypes.c_void_p, ctypes.c_float
    sgemm = library.cblas_sgemm
    sgemm.argtypes = [number] * 6 + [real, pointer, number, pointer, number, real, pointer, number]
    sgemm.restype = None

    def product(x, w, out):
        (rows, width), columns = x.shape, w.shape[0]
        sgemm(ROW_MAJOR, PLAIN, TRANSPOSED, rows, columns, width, 1.0, x.data_ptr(), width, w.data_ptr(), width, 0.0,
              out.data_ptr(), columns)
    return product


def torch_product(x, w, out):
    torch.mm(x, w.t(), out=out)


class Floor:
    def __init__(self, net):
        attention, mlp = ("q_proj", "k_proj", "v_proj", "o_proj"), ("gate_proj", "up_proj", "down_proj")
        weights = lambda module, names: [getattr(module, n).weight.detach() for n in names]
        self.attention = [weights(layer.self_attn, attention) for layer in net.model.layers]
        self.mlp = [weights(layer.mlp, mlp) for layer in net.model.layers]
        self.head = net.lm_head.weight.detach()
        self.buffers = {}

    def buffer(self, kind, rows, width):
        """Random numbers: zeros would be multiplied faster on some machines. Made once."""
        key = kind, rows, width
        if key not in self.buffers:
            self.buffers[key] = torch.randn(rows, width)
        return self.buffers[key]

    def gemms(self, parts, logits):
        """(x, w, out) of each."""
        out = [(rows, w) for rows, attention, mlp in parts
               for ws in self.attention[:attention] + self.mlp[:mlp] for w in ws]
        return [(self.buffer("x", rows, w.shape[1]), w, self.buffer("y", rows, w.shape[0]))
                for rows, w in out + [(logits, self.head)]]

    @staticmethod
    def gflop(gemms):
        return sum(2e-9 * x.shape[0] * w.numel() for x, w, _ in gemms)

    @staticmethod
    @torch.no_grad()
    def run(gemms, product):
        for x, w, out in gemms:
            product(x, w, out)

    def check(self, product):
        """That the product is what is claimed."""
        x, w = torch.randn(7, self.head.shape[1]), self.mlp[0][0]
        out = torch.empty(7, w.shape[0])
        product(x, w, out)
        torch.testing.assert_close(out, x @ w.t(), rtol=1e-4, atol=1e-4)
