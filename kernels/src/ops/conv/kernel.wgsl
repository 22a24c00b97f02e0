// Convolution over leads and time: see mod.rs. A product over depth k = (lead, tap), whose right operand is gathered
// from shifted samples. A workgroup makes ROWS x COLS of y for one record.

struct Dims {
    leads: u32,
    kernel: u32,
    stride: u32,
    c_out: u32,
    samples: u32,
    x_pitch: u32, // in f32
    y_pitch4: u32, // in Four
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;  // [batch, leads, x_pitch]
@group(0) @binding(2) var<storage, read> weight: array<Four>;  // [ceil(c_out / 4), leads * kernel] of 4 rows
@group(0) @binding(3) var<storage, read> bias: array<f32>;     // [c_out]
@group(0) @binding(4) var<storage, read_write> y: array<Four>; // [batch, c_out, y_pitch4]

var<private> record: u32;
var<private> start_col4: u32;
var<private> source_sample: i32; // the first of the columns' windows starts here

fn weight_at(row4: u32, k: u32) -> vec4<f32> {
    let depth = dims.leads * dims.kernel;
    let row = min(row4, (dims.c_out - 1u) / 4u);
    let w = unpack(weight[row * depth + min(k, depth - 1u)]);
    return select(vec4(0.0), w, k < depth);
}

fn sample(row: u32, at: i32) -> f32 {
    let inside = at >= 0 && at < i32(dims.samples);
    return select(0.0, x[row + u32(clamp(at, 0, i32(dims.samples) - 1))], inside);
}

fn source_column(col4: u32) {
    let at = min(start_col4 + col4, dims.y_pitch4 - 1u);
    source_sample = i32(4u * at * dims.stride) - i32(dims.kernel / 2u);
}

fn source_at(k: u32) -> vec4<f32> {
    let lead = min(k / dims.kernel, dims.leads - 1u);
    let row = (record * dims.leads + lead) * dims.x_pitch;
    let stride = i32(dims.stride);
    let at = source_sample + i32(k % dims.kernel);
    return vec4(sample(row, at), sample(row, at + stride), sample(row, at + 2 * stride), sample(row, at + 3 * stride));
}

fn finish(row: u32, at: u32, product: vec4<f32>) {
    if row < dims.c_out && at < dims.y_pitch4 {
        y[(record * dims.c_out + row) * dims.y_pitch4 + at] = pack(silu4(product + bias[row]));
    }
}

// Four columns of a thread's rows.
fn finish_column(row: u32, at: u32, t: Column4) {
    finish(row, at, t.r0);
    finish(row + 1u, at, t.r1);
    finish(row + 2u, at, t.r2);
    finish(row + 3u, at, t.r3);
    if THREAD_ROWS == 8u {
        let below = row + ROWS / 2u;
        finish(below, at, t.r4);
        finish(below + 1u, at, t.r5);
        finish(below + 2u, at, t.r6);
        finish(below + 3u, at, t.r7);
    }
}

fn run_workgroup(group: vec3<u32>, thread: u32) {
    record = group.z;
    start_col4 = group.x * (COLS / 4u);
    let t = workgroup_product(thread, group.y * (ROWS / 4u), dims.leads * dims.kernel);
    let at = start_col4 + thread_col4(thread);
    let row = group.y * ROWS + 4u * thread_row4(thread);
    finish_column(row, at, t.left);
    if THREAD_COLS == 8u {
        finish_column(row, at + COLS / 8u, t.right);
    }
}
