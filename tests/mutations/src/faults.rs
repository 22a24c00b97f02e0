//! The faults: small, such as people make, over the readers, the engine and the kernels of every operation.
//!
//! They were chosen before anybody knew which would be caught. In the order of what has to be built again.

/// One fault.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// What is wrong, for people.
    pub(crate) what: &'static str,
    /// From the root of the repository.
    pub(crate) file: &'static str,
    /// Text that stands in the file once.
    pub(crate) old: &'static str,
    /// What it becomes.
    pub(crate) new: &'static str,
    /// The arguments of the `cargo test` that is to fail; `cargo test --workspace` does all that it does.
    pub(crate) test: &'static str,
}

const ARRAYS: &str = "-p efficientecg-npz --lib";
const ECG: &str = "-p efficientecg-ecg --lib";
const WEIGHTS: &str = "-p efficientecg --lib";
const ENGINE: &str = "-p efficientecg-engine --lib cpu::";
const RECORDS: &str = "-p efficientecg-tests --test ecg_wfdb --test malformed_weights";
const KERNELS: &str = "-p efficientecg-kernels --test operations";
const LANES: &str = "-p efficientecg-kernels --lib";
const GPU: &str = "-p efficientecg-engine --features gpu --lib gpu::tests";
const NETWORKS: &str = "-p efficientecg-tests --test networks --test invariants";

/// All of them.
pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "fortran-order",
        what: "an axis that is done steps back one stride too few",
        file: "model/npz/src/npy.rs",
        old: "at -= strides[axis] * index[axis];",
        new: "at -= strides[axis] * (index[axis] - 1);",
        test: ARRAYS,
    },
    Fault {
        name: "byte-order",
        what: "big-endian weights of four bytes are taken for little-endian ones",
        file: "model/npz/src/npy.rs",
        old: "if big {",
        new: "if big && N != 4 {",
        test: ARRAYS,
    },
    Fault {
        name: "zip64-fields",
        what: "fields before the zip64 one are stepped over without their heads",
        file: "model/files/src/zip.rs",
        old: "extra = &extra[4 + len..];",
        new: "extra = &extra[len..];",
        test: RECORDS,
    },
    Fault {
        name: "wfdb-310",
        what: "the third sample's high bits one place off",
        file: "model/ecg/src/wfdb/format.rs",
        old: "high >> 11 << 5",
        new: "high >> 12 << 5",
        test: ECG,
    },
    Fault {
        name: "wfdb-8-start",
        what: "differences without an initial value start from 0, not from the zero of the converter",
        file: "model/ecg/src/wfdb/signal.rs",
        old: "s.initial_value.unwrap_or(s.adc_zero)",
        new: "s.initial_value.unwrap_or(0)",
        test: RECORDS,
    },
    Fault {
        name: "wfdb-skew",
        what: "a skew counts samples where it counts frames",
        file: "model/ecg/src/wfdb/signal.rs",
        old: "(spec.skew as usize).saturating_mul(per_frame)",
        new: "spec.skew as usize",
        test: RECORDS,
    },
    Fault {
        name: "annotation-skip",
        what: "a skip back in time is taken for one far ahead",
        file: "model/ecg/src/wfdb/annotation.rs",
        old: "time += i64::from(skip as i32);",
        new: "time += i64::from(skip);",
        test: ECG,
    },
    Fault {
        name: "resample-carry",
        what: "a phase that rounds up to a whole sample does not carry",
        file: "model/ecg/src/resample.rs",
        old: "(at as usize + phase / phases, phase % phases)",
        new: "(at as usize, phase % phases)",
        test: ECG,
    },
    Fault {
        name: "batch-norm-eps",
        what: "epsilon outside of the root",
        file: "model/src/layers/fold_bn.rs",
        old: "(var + eps).sqrt()",
        new: "(var.sqrt() + eps)",
        test: WEIGHTS,
    },
    Fault {
        name: "z-score-variance",
        what: "the sample's variance, not the population's",
        file: "model/ecg/src/normalize.rs",
        old: "|v, _| (v - mean) * (v - mean)) / count;",
        new: "|v, _| (v - mean) * (v - mean)) / (count - 1.0).max(1.0);",
        test: ECG,
    },
    Fault {
        name: "arena-lives",
        what: "an operand's cells are free for the results of the node that reads it",
        file: "engine/src/plan.rs",
        old: "lifetimes[v.0].1 = at;",
        new: "lifetimes[v.0].1 = at.saturating_sub(1).max(lifetimes[v.0].0);",
        test: ENGINE,
    },
    Fault {
        name: "plan-for-outputs",
        what: "a plan is used again for other results than it keeps",
        file: "engine/src/cpu.rs",
        old: "self.inputs.iter().eq(batch.inputs.iter().map(|(s, _)| s))\n            && self.kept.iter().eq(batch.outputs.iter().map(|(v, _)| v))",
        new: "self.inputs.iter().eq(batch.inputs.iter().map(|(s, _)| s))\n            && self.kept.len() == batch.outputs.len()",
        test: ENGINE,
    },
    Fault {
        name: "shared-scratch",
        what: "all threads of a record work in the first one's scratch",
        file: "engine/src/cpu/batch_run.rs",
        old: "std::slice::from_raw_parts_mut(self.scratch[thread].0.get(), self.plan.scratch)",
        new: "std::slice::from_raw_parts_mut(self.scratch[0].0.get(), self.plan.scratch)",
        test: NETWORKS,
    },
    Fault {
        name: "layer-norm-eps",
        what: "1e-6, in the kernel and in its reference",
        file: "kernels/src/norm.rs",
        old: "const LAYER_NORM_EPS: f64 = 1e-5;",
        new: "const LAYER_NORM_EPS: f64 = 1e-6;",
        test: NETWORKS,
    },
    Fault {
        name: "bf16-odd-depth",
        what: "bf16 weights lose the last input channel where their number is odd",
        file: "kernels/src/gemm/pack.rs",
        old: "depth.div_ceil(2)",
        new: "depth / 2",
        test: KERNELS,
    },
    Fault {
        name: "conv-end",
        what: "no zeros after the last sample",
        file: "kernels/src/ops/conv/simd.rs",
        old: "    row[before + n..].fill(0.0);\n",
        new: "",
        test: KERNELS,
    },
    Fault {
        name: "depthwise-last-outputs",
        what: "the outputs after the last four at once forget the stride",
        file: "kernels/src/ops/depthwise/simd.rs",
        old: "(t * window.stride + j)",
        new: "(t + j)",
        test: KERNELS,
    },
    Fault {
        name: "depthwise-stale-chunk",
        what: "in bf16 the samples of the first time chunk of a run of tasks serve the next",
        file: "kernels/src/ops/depthwise/simd.rs",
        old: "Some(of) if of.0 == time_chunk => of,",
        new: "Some(of) => of,",
        test: KERNELS,
    },
    Fault {
        name: "pointwise-residual",
        what: "the residual of the first chunk in place of this one's",
        file: "kernels/src/ops/pointwise/simd.rs",
        old: "residual.block_ptr(first + b).add(col * BLOCK)",
        new: "residual.block_ptr(first + b).add((col - columns.start) * BLOCK)",
        test: KERNELS,
    },
    Fault {
        name: "pointwise-stale-section",
        what: "in bf16 the samples of a section serve the next, in records beyond a section",
        file: "kernels/src/ops/pointwise/simd.rs",
        old: "if prepared != section * cut.chunks + chunk {\n                        prepared = section * cut.chunks + chunk;",
        new: "if prepared != chunk {\n                        prepared = chunk;",
        test: KERNELS,
    },
    Fault {
        name: "squeeze-mean",
        what: "the mean over the length in whole vectors",
        file: "kernels/src/time_chunk.rs",
        old: "let scale = 1.0 / cols as f64;",
        new: "let scale = 1.0 / cols.next_multiple_of(crate::simd::MAX_LANES) as f64;",
        test: KERNELS,
    },
    Fault {
        name: "lstm-gates",
        what: "the input gate and the forget gate swapped",
        file: "kernels/src/ops/tokens/lstm.rs",
        old: "s.mul(math::sigmoid(s, gate(1)), s.load(c.as_ptr().add(j)));\n                        let next = s.mul_add(math::sigmoid(s, gate(0)),",
        new: "s.mul(math::sigmoid(s, gate(0)), s.load(c.as_ptr().add(j)));\n                        let next = s.mul_add(math::sigmoid(s, gate(1)),",
        test: KERNELS,
    },
    Fault {
        name: "attention-total",
        what: "the sum of weights is not rescaled where a larger score turns up",
        file: "kernels/src/ops/cross_attention/simd.rs",
        old: "                    totals[q] *= scale[0];\n",
        new: "",
        test: KERNELS,
    },
    Fault {
        name: "softmax-top",
        what: "softmax without taking off the largest logit",
        file: "kernels/src/softmax.rs",
        old: "    x.iter_mut().for_each(|x| *x -= top);\n",
        new: "    let _ = top;\n",
        test: KERNELS,
    },
    Fault {
        name: "silu-clamp",
        what: "SiLU does not clamp what is far below zero",
        file: "kernels/src/math.rs",
        old: "    let x = s.max(s.splat(EXP_MIN), x);\n    over_one_plus_exp(s, x, x)",
        new: "    over_one_plus_exp(s, x, x)",
        test: LANES,
    },
    Fault {
        name: "avx2-bf16-ties",
        what: "AVX2 rounds to bf16 with ties away from even",
        file: "kernels/src/simd/avx2.rs",
        old: "_mm256_set1_epi32(0x7fff)",
        new: "_mm256_set1_epi32(0x8000)",
        test: LANES,
    },
    Fault {
        name: "gpu-conv-end",
        what: "the sample after the last is read",
        file: "kernels/src/ops/conv/kernel.wgsl",
        old: "at < i32(dims.samples);",
        new: "at <= i32(dims.samples);",
        test: GPU,
    },
    Fault {
        name: "gpu-depthwise-sums",
        what: "the sums take in a position past the last",
        file: "kernels/src/ops/depthwise/kernel.wgsl",
        old: "let kept = select(vec4(0.0), v, vec4(4u * at4) + vec4(0u, 1u, 2u, 3u) < vec4(dims.cols));",
        new: "let kept = select(vec4(0.0), v, vec4(4u * at4) + vec4(0u, 1u, 2u, 3u) <= vec4(dims.cols));",
        test: GPU,
    },
    Fault {
        name: "gpu-attention-total",
        what: "the sum of weights is not rescaled where a larger score turns up",
        file: "kernels/src/ops/cross_attention/kernel.wgsl",
        old: "total = fma(total, shrink, sum_all(thread, select(vec4(0.0), vec4(sum), is_head)));",
        new: "total += sum_all(thread, select(vec4(0.0), vec4(sum), is_head));",
        test: GPU,
    },
    Fault {
        name: "gpu-packed-overflow",
        what: "the largest f16 counts as infinite",
        file: "kernels/src/wgsl/storage_packed_f16.wgsl",
        old: "vec4(65520.0)",
        new: "vec4(65504.0)",
        test: GPU,
    },
];
