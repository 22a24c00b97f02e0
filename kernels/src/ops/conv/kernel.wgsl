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

fn weight_at(row4: u32, k: u32) -> vec4<f32> {
    let depth = dims.leads * dims.kernel;
    if 4u * row4 >= dims.c_out || k >= depth {
        return vec4(0.0);
    }
    return unpack(weight[row4 * depth + k]);
}

fn sample(lead: u32, at: i32) -> f32 {
    if at < 0 || at >= i32(dims.samples) {
        return 0.0;
    }
    return x[(record * dims.leads + lead) * dims.x_pitch + u32(at)];
}

fn source_at(k: u32, col4: u32) -> vec4<f32> {
    let col = 4u * (start_col4 + col4);
    let lead = k / dims.kernel;
    if lead >= dims.leads || start_col4 + col4 >= dims.y_pitch4 {
        return vec4(0.0);
    }
    let stride = i32(dims.stride);
    let at = i32(col) * stride + i32(k % dims.kernel) - i32(dims.kernel / 2u);
    return vec4(sample(lead, at), sample(lead, at + stride), sample(lead, at + 2 * stride), sample(lead, at + 3 * stride));
}

fn finish(row: u32, col4: u32, product: vec4<f32>) {
    let at = start_col4 + col4;
    if row < dims.c_out && at < dims.y_pitch4 {
        y[(record * dims.c_out + row) * dims.y_pitch4 + at] = pack(silu4(product + bias[row]));
    }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    record = group.z;
    start_col4 = group.x * (COLS / 4u);
    let t = workgroup_product(thread, group.y * (ROWS / 4u), dims.leads * dims.kernel);
    let col4 = thread_col4(thread);
    let row = group.y * ROWS + 4u * thread_row4(thread);
    finish(row, col4, t.r0);
    finish(row + 1u, col4, t.r1);
    finish(row + 2u, col4, t.r2);
    finish(row + 3u, col4, t.r3);
}
