// Pointwise convolution: see mod.rs. A workgroup makes ROWS x COLS of y for one record.

struct Dims {
    c_in: u32,
    c_out: u32,
    cols: u32,
    pitch4: u32,     // of x, residual and y, in Four
    gate_pitch: u32, // in f32
    sums_pitch: u32, // in f32
    parts: u32,      // rows of sums
}

override SILU: bool;
override GATE: bool;
override RESIDUAL: bool;
override SUMS: bool;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> x: array<Four>;        // [batch, c_in, pitch4]
@group(0) @binding(2) var<storage, read> weight: array<Four>;         // [ceil(c_out / 4), c_in] of 4 rows
@group(0) @binding(3) var<storage, read> bias: array<f32>;            // [c_out]
@group(0) @binding(4) var<storage, read_write> gate: array<f32>;      // [batch, gate_pitch], if GATE
@group(0) @binding(5) var<storage, read_write> residual: array<Four>; // [batch, c_out, pitch4], if RESIDUAL
@group(0) @binding(6) var<storage, read_write> y: array<Four>;        // [batch, c_out, pitch4]
@group(0) @binding(7) var<storage, read_write> sums: array<f32>;      // [batch, parts, sums_pitch], if SUMS

// A sum over each thread's columns, for each of the workgroup tile's rows.
override PART_CELLS: u32 = ROWS * COLS / 4u;
var<workgroup> parts_of_rows: array<f32, PART_CELLS>;

var<private> record: u32;
var<private> start_col4: u32;

fn weight_at(row4: u32, k: u32) -> vec4<f32> {
    if 4u * row4 >= dims.c_out || k >= dims.c_in {
        return vec4(0.0);
    }
    return unpack(weight[row4 * dims.c_in + k]);
}

fn source_at(k: u32, col4: u32) -> vec4<f32> {
    let at = start_col4 + col4;
    if k >= dims.c_in || at >= dims.pitch4 {
        return vec4(0.0);
    }
    var v = unpack(x[(record * dims.c_in + k) * dims.pitch4 + at]);
    if GATE {
        v *= gate[record * dims.gate_pitch + k];
    }
    return v;
}

// Finishes four columns of a row and returns their sum.
fn finish(row: u32, col4: u32, product: vec4<f32>) -> f32 {
    let at = start_col4 + col4;
    if row >= dims.c_out || at >= dims.pitch4 {
        return 0.0;
    }
    var v = product + bias[row];
    if SILU {
        v = silu4(v);
    }
    let place = (record * dims.c_out + row) * dims.pitch4 + at;
    if RESIDUAL {
        v += unpack(residual[place]);
    }
    y[place] = pack(v);
    let inside = vec4(4u * at) + vec4(0u, 1u, 2u, 3u) < vec4(dims.cols);
    let kept = select(vec4(0.0), v, inside);
    return kept.x + kept.y + kept.z + kept.w;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    record = group.z;
    start_col4 = group.x * (COLS / 4u);
    let t = workgroup_product(thread, group.y * (ROWS / 4u), dims.c_in);
    let col4 = thread_col4(thread);
    let row = 4u * thread_row4(thread);
    let first = group.y * ROWS;
    let s0 = finish(first + row, col4, t.r0);
    let s1 = finish(first + row + 1u, col4, t.r1);
    let s2 = finish(first + row + 2u, col4, t.r2);
    let s3 = finish(first + row + 3u, col4, t.r3);
    if SUMS {
        parts_of_rows[row * (COLS / 4u) + col4] = s0;
        parts_of_rows[(row + 1u) * (COLS / 4u) + col4] = s1;
        parts_of_rows[(row + 2u) * (COLS / 4u) + col4] = s2;
        parts_of_rows[(row + 3u) * (COLS / 4u) + col4] = s3;
        workgroupBarrier();
        for (var r = thread; r < ROWS; r += THREADS) {
            var total = 0.0;
            for (var i = 0u; i < COLS / 4u; i++) {
                total += parts_of_rows[r * (COLS / 4u) + i];
            }
            if first + r < dims.c_out {
                sums[(record * dims.parts + group.x) * dims.sums_pitch + first + r] = total;
            }
        }
    }
}
