//! Kernels that a careless hand made wrong, and a network that brings each of them out.

use crate::random;
use efficientecg::Weights;

/// A network of every operation.
pub fn network() -> Weights {
    let stages = [(1, 3, 1, 5, 1), (4, 5, 2, 9, 2), (3, 7, 3, 8, 1)];
    random::weights(random::config(3, (10, 7, 2), &stages, 18, true), 1)
}

/// A defect for every operation in turn: its kernel's text, and what a careless hand made of it.
pub const DEFECTS: [(&str, &str, &str); 13] = [
    ("conv", "silu4(product + bias[row])", "silu4(product)"),
    ("conv", "i32(dims.kernel / 2u)", "i32(dims.kernel / 2u) - 1"),
    ("pointwise", "var v = product + bias[row];", "var v = 1.001 * product + bias[row];"),
    ("pointwise", "source_gate = batch_row * dims.gate_pitch;", "source_gate = 0u;"),
    ("pointwise", "v += unpack(residual[at]);", "v += unpack(residual[at]).wzyx;"),
    ("pointwise", "var i = 0u; i < LANES; i++", "var i = 1u; i < LANES; i++"),
    ("depthwise", "weight[j * dims.channels + channel]", "weight[j * dims.channels]"),
    ("depthwise", "for (var j = 0u; j < KERNEL; j++)", "for (var j = 1u; j < KERNEL; j++)"),
    ("depthwise", "silu4(sum + bias[channel])", "(sum + bias[channel])"),
    ("squeeze_excite", "= sigmoid1(", "= 0.999 * sigmoid1("),
    ("tokens", "gates.z * tanh1(cell)", "gates.z * cell"),
    ("cross_attention", "exp4(s - vec4(next[head]))", "exp4(0.99 * (s - vec4(next[head])))"),
    ("classifier", "bias[", "0.99 * bias["),
];

/// Those that only signals longer than the self-test's bring out.
pub const LATE_DEFECTS: [(&str, &str, &str); 2] = [
    ("cross_attention", "exp4(top - next)", "0.5 * exp4(top - next)"),
    ("classifier", "part < ", "1u + part < "),
];

/// An operation's kernel with a defect in it; that of another as it is. Panics where the kernel has no such place.
pub fn planted((op, from, to): (&str, &str, &str), name: &str, text: &str) -> String {
    if name != op {
        return text.to_owned();
    }
    assert!(text.contains(from), "{op}: no {from} in its kernel");
    text.replace(from, to)
}
