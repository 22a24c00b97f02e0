// Pointwise convolution: see mod.rs. A workgroup makes ROWS x COLS of y: of one record or, if FLAT, of the columns of all
// records side by side.

struct Dims {
    c_in: u32,
    c_out: u32,
    cols: u32,
    pitch4: u32,     // of x, residual and y, in Four
    gate_pitch: u32, // in f32
    sums_pitch: u32, // in f32
    parts: u32,      // rows of sums
    batch: u32,
}

override SILU: bool;
override GATE: bool;
override RESIDUAL: bool;
override SUMS: bool; // not with FLAT
override FLAT: bool;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> x: array<Four>;        // [batch, c_in, pitch4]
@group(0) @binding(2) var<storage, read> weight: array<Four>;         // [ceil(c_out / 4), c_in] of 4 rows
@group(0) @binding(3) var<storage, read> bias: array<f32>;            // [c_out]
@group(0) @binding(4) var<storage, read_write> gate: array<f32>;      // [batch, gate_pitch], if GATE
@group(0) @binding(5) var<storage, read_write> residual: array<Four>; // [batch, c_out, pitch4], if RESIDUAL
@group(0) @binding(6) var<storage, read_write> y: array<Four>;        // [batch, c_out, pitch4]
@group(0) @binding(7) var<storage, read_write> sums: array<f32>;      // [batch, parts, sums_pitch], if SUMS

var<private> start_col4: u32;
// Where the columns lie that the thread fetches.
var<private> source_x: u32;
var<private> source_gate: u32;

// A record, and four of its columns.
struct Place {
    record: u32,
    at4: u32,
    inside: bool,
}

fn place_of(col4: u32, group_record: u32) -> Place {
    let at = start_col4 + col4;
    if FLAT {
        return Place(at / dims.pitch4, at % dims.pitch4, at < dims.batch * dims.pitch4);
    }
    return Place(group_record, at, at < dims.pitch4);
}

var<private> record: u32; // the workgroup's, unless FLAT

fn weight_at(row4: u32, k: u32) -> vec4<f32> {
    let row = min(row4, (dims.c_out - 1u) / 4u);
    let w = unpack(weight[row * dims.c_in + min(k, dims.c_in - 1u)]);
    return select(vec4(0.0), w, k < dims.c_in);
}

fn source_column(col4: u32) {
    let place = place_of(col4, record);
    let batch_row = min(place.record, dims.batch - 1u);
    source_x = batch_row * dims.c_in * dims.pitch4 + min(place.at4, dims.pitch4 - 1u);
    source_gate = batch_row * dims.gate_pitch;
}

fn source_at(k: u32) -> vec4<f32> {
    let row = min(k, dims.c_in - 1u);
    var v = unpack(x[source_x + row * dims.pitch4]);
    if GATE {
        v *= gate[source_gate + row];
    }
    return v;
}

// Finishes four columns of a row and returns their sum.
fn finish(row: u32, place: Place, product: vec4<f32>) -> f32 {
    if row >= dims.c_out || !place.inside {
        return 0.0;
    }
    var v = product + bias[row];
    if SILU {
        v = silu4(v);
    }
    let at = (place.record * dims.c_out + row) * dims.pitch4 + place.at4;
    if RESIDUAL {
        v += unpack(residual[at]);
    }
    y[at] = pack(v);
    let inside = vec4(4u * place.at4) + vec4(0u, 1u, 2u, 3u) < vec4(dims.cols);
    let kept = select(vec4(0.0), v, inside);
    return kept.x + kept.y + kept.z + kept.w;
}

// Finishes four columns of four rows.
fn finish4(row: u32, place: Place, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> vec4<f32> {
    return vec4(
        finish(row, place, a),
        finish(row + 1u, place, b),
        finish(row + 2u, place, c),
        finish(row + 3u, place, d),
    );
}

fn run_workgroup(group: vec3<u32>, thread: u32) {
    record = group.z;
    start_col4 = group.x * (COLS / 4u);
    let t = workgroup_product(thread, group.y * (ROWS / 4u), dims.c_in);
    let row4 = thread_row4(thread);
    let first = group.y * ROWS;
    let row = first + 4u * row4;
    let below = row + ROWS / 2u;
    let place = place_of(thread_col4(thread), group.z);
    var low = finish4(row, place, t.left.r0, t.left.r1, t.left.r2, t.left.r3);
    var high = vec4(0.0);
    if THREAD_ROWS == 8u {
        high = finish4(below, place, t.left.r4, t.left.r5, t.left.r6, t.left.r7);
    }
    if THREAD_COLS == 8u {
        let further = place_of(thread_col4(thread) + COLS / 8u, group.z);
        low += finish4(row, further, t.right.r0, t.right.r1, t.right.r2, t.right.r3);
        if THREAD_ROWS == 8u {
            high += finish4(below, further, t.right.r4, t.right.r5, t.right.r6, t.right.r7);
        }
    }
    if SUMS {
        // `cells` as [ROWS / 4, LANES]: each thread's sums of four rows.
        cells[row4 * LANES + thread_col4(thread)] = low;
        if THREAD_ROWS == 8u {
            cells[(row4 + ROWS / 8u) * LANES + thread_col4(thread)] = high;
        }
        workgroupBarrier();
        for (var r = thread; r < ROWS; r += THREADS) {
            var total = 0.0;
            for (var i = 0u; i < LANES; i++) {
                total += cells[r / 4u * LANES + i][r % 4u];
            }
            if first + r < dims.c_out {
                sums[(record * dims.parts + group.x) * dims.sums_pitch + first + r] = total;
            }
        }
    }
}
