// The classifier: see mod.rs. A workgroup makes the logits and probabilities of one record.

struct Dims {
    channels: u32,
    cols: u32,
    parts: u32,         // rows of sums
    sums_pitch: u32,    // in f32
    tokens: u32,        // rows of z
    token_cols: u32,    // columns of z
    token_pitch: u32,   // in f32
    classes: u32,
    classes_pitch: u32, // of both results, in f32
    width: u32,         // channels + tokens * token_cols; also the f32 of scratch a record
}

override TOKENS: bool;
override SOFTMAX: bool;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;          // [batch, parts, sums_pitch]
@group(0) @binding(2) var<storage, read_write> z: array<f32>;             // [batch, tokens, token_pitch], if TOKENS
@group(0) @binding(3) var<storage, read> weight: array<f32>;              // [ceil(classes / 4) * 4, width], zeros past the last class
@group(0) @binding(4) var<storage, read> bias: array<f32>;                // [ceil(classes / 4) * 4], likewise
@group(0) @binding(5) var<storage, read_write> logits: array<f32>;        // [batch, classes_pitch]
@group(0) @binding(6) var<storage, read_write> probabilities: array<f32>; // [batch, classes_pitch]
@group(0) @binding(7) var<storage, read_write> scratch: array<f32>;       // [batch, width]: means, then z row by row

const LOWEST: f32 = -3e38;

fn run(group: vec3<u32>, thread: u32) {
    let record = group.z;
    let x = record * dims.width;
    let row = record * dims.classes_pitch;

    for (var c = thread; c < dims.channels; c += WIDTH) {
        var total = 0.0;
        for (var part = 0u; part < dims.parts; part++) {
            total += sums[(record * dims.parts + part) * dims.sums_pitch + c];
        }
        scratch[x + c] = total / f32(dims.cols);
    }
    if TOKENS {
        for (var i = thread; i < dims.tokens * dims.token_cols; i += WIDTH) {
            let token = record * dims.tokens + i / dims.token_cols;
            scratch[x + dims.channels + i] = z[token * dims.token_pitch + i % dims.token_cols];
        }
    }
    storageBarrier();
    workgroupBarrier();

    for (var index = 0u; index < dims.classes; index += 4u) {
        var share = vec4(0.0);
        for (var i = thread; i < dims.width; i += WIDTH) {
            let at = index * dims.width + i;
            let w = vec4(
                weight[at],
                weight[at + dims.width],
                weight[at + 2u * dims.width],
                weight[at + 3u * dims.width],
            );
            share = fma(w, vec4(scratch[x + i]), share);
        }
        let total = sum_all(thread, share);
        if thread < 4u && index + thread < dims.classes {
            logits[row + index + thread] = total[thread] + bias[index + thread];
        }
    }
    storageBarrier();
    workgroupBarrier();

    if SOFTMAX {
        var highest = LOWEST;
        for (var index = thread; index < dims.classes; index += WIDTH) {
            highest = max(highest, logits[row + index]);
        }
        let top = max_all(thread, vec4(highest)).x;
        var share = 0.0;
        for (var index = thread; index < dims.classes; index += WIDTH) {
            share += exp1(logits[row + index] - top);
        }
        let total = sum_all(thread, vec4(share)).x;
        for (var index = thread; index < dims.classes; index += WIDTH) {
            probabilities[row + index] = exp1(logits[row + index] - top) / total;
        }
    } else {
        for (var index = thread; index < dims.classes; index += WIDTH) {
            probabilities[row + index] = sigmoid1(logits[row + index]);
        }
    }
}
