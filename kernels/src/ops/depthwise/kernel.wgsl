// Depthwise convolution, fused with the expand layer before it: see mod.rs. A workgroup makes ROWS channels of
// `outputs4` times four positions of y for one record. It goes over the positions of h that they reach COLS at a
// time: makes them in workgroup memory (a product with x, or x itself), then adds what each tap finds there. One
// strip of COLS is enough but for very long kernels.

struct Dims {
    c_in: u32,
    channels: u32,
    kernel: u32,
    stride: u32,
    samples: u32,    // of x and h
    cols: u32,       // of y
    x_pitch4: u32,   // in Four
    y_pitch4: u32,   // in Four
    outputs4: u32,   // of y, in Four: at most COLS / 4
    sums_pitch: u32, // in f32
    parts: u32,      // rows of sums
}

override EXPAND: bool;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> x: array<Four>;       // [batch, c_in, x_pitch4]
@group(0) @binding(2) var<storage, read> expand_weight: array<Four>; // [ceil(channels / 4), c_in] of 4 rows, if EXPAND
@group(0) @binding(3) var<storage, read> expand_bias: array<f32>;    // [channels], if EXPAND
@group(0) @binding(4) var<storage, read> weight: array<f32>;         // [kernel, channels]
@group(0) @binding(5) var<storage, read> bias: array<f32>;           // [channels]
@group(0) @binding(6) var<storage, read_write> y: array<Four>;       // [batch, channels, y_pitch4]
@group(0) @binding(7) var<storage, read_write> sums: array<f32>;     // [batch, parts, sums_pitch]

// A thread makes four positions of each of so many channels: as THREADS is ROWS * COLS / 16.
const ITEMS: u32 = 4u;

override H_CELLS: u32 = ROWS * COLS;
override PART_CELLS: u32 = ROWS * COLS / 4u;
var<workgroup> h: array<f32, H_CELLS>;                // [ROWS, COLS]
var<workgroup> parts_of_rows: array<f32, PART_CELLS>; // [ROWS, outputs4]

var<private> record: u32;
var<private> strip4: i32; // the first of the COLS positions of h, in fours; negative in the left padding

fn weight_at(row4: u32, k: u32) -> vec4<f32> {
    if 4u * row4 >= dims.channels || k >= dims.c_in {
        return vec4(0.0);
    }
    return unpack(expand_weight[row4 * dims.c_in + k]);
}

// Four positions of a row of x; zeros where there is no such row or position.
fn source_at(k: u32, col4: u32) -> vec4<f32> {
    let at = strip4 + i32(col4);
    if k >= dims.c_in || at < 0 || at >= i32(dims.x_pitch4) {
        return vec4(0.0);
    }
    let v = unpack(x[(record * dims.c_in + k) * dims.x_pitch4 + u32(at)]);
    return select(vec4(0.0), v, inside(col4));
}

// Which of four positions of the strip are positions of h.
fn inside(col4: u32) -> vec4<bool> {
    let at = vec4(4 * (strip4 + i32(col4))) + vec4(0, 1, 2, 3);
    return (at >= vec4(0)) & (at < vec4(i32(dims.samples)));
}

fn keep(row: u32, col4: u32, v: vec4<f32>) {
    let at = row * COLS + 4u * col4;
    h[at] = v.x;
    h[at + 1u] = v.y;
    h[at + 2u] = v.z;
    h[at + 3u] = v.w;
}

fn keep_expanded(channel: u32, row: u32, col4: u32, product: vec4<f32>) {
    var v = vec4(0.0);
    if channel < dims.channels {
        v = select(v, silu4(product + expand_bias[channel]), inside(col4));
    }
    keep(row, col4, v);
}

// Fills h with the strip of COLS positions from `strip4` on.
fn make_h(thread: u32, first: u32) {
    if EXPAND {
        let t = workgroup_product(thread, first / 4u, dims.c_in);
        let col4 = thread_col4(thread);
        let row = 4u * thread_row4(thread);
        keep_expanded(first + row, row, col4, t.r0);
        keep_expanded(first + row + 1u, row + 1u, col4, t.r1);
        keep_expanded(first + row + 2u, row + 2u, col4, t.r2);
        keep_expanded(first + row + 3u, row + 3u, col4, t.r3);
    } else {
        for (var i = thread; i < ROWS * COLS / 4u; i += THREADS) {
            keep(i / (COLS / 4u), i % (COLS / 4u), source_at(first + i / (COLS / 4u), i % (COLS / 4u)));
        }
    }
}

// The taps of output `at` of a channel that fall into the strip.
fn taps(channel: u32, row: u32, at: u32) -> f32 {
    // Where the window starts and ends, counted from the start of the strip.
    let start = i32(at * dims.stride) - i32(dims.kernel / 2u) - 4 * strip4;
    let first = u32(max(0, -start));
    let last = u32(clamp(i32(COLS) - start, 0, i32(dims.kernel)));
    var sum = 0.0;
    for (var j = first; j < last; j++) {
        sum = fma(weight[j * dims.channels + channel], h[row * COLS + u32(start + i32(j))], sum);
    }
    return sum;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    record = group.z;
    let first = group.y * ROWS;
    let first4 = group.x * dims.outputs4;
    // Rounds to the four below, in the left padding too.
    let start = i32(4u * first4 * dims.stride) - i32(dims.kernel / 2u);
    let start4 = (start + 4 * i32(dims.kernel)) / 4 - i32(dims.kernel);
    let end = min(start + i32((4u * dims.outputs4 - 1u) * dims.stride + dims.kernel), i32(dims.samples));

    var acc = array<vec4<f32>, ITEMS>(vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
    for (var from4 = start4; 4 * from4 < end; from4 += i32(COLS / 4u)) {
        strip4 = from4;
        make_h(thread, first);
        workgroupBarrier();
        for (var i = 0u; i < ITEMS; i++) {
            let item = thread + i * THREADS;
            let row = item / dims.outputs4;
            if row < ROWS && first + row < dims.channels {
                let at = 4u * (first4 + item % dims.outputs4);
                acc[i] += vec4(
                    taps(first + row, row, at),
                    taps(first + row, row, at + 1u),
                    taps(first + row, row, at + 2u),
                    taps(first + row, row, at + 3u),
                );
            }
        }
        workgroupBarrier();
    }

    for (var i = 0u; i < ITEMS; i++) {
        let item = thread + i * THREADS;
        let row = item / dims.outputs4;
        let at4 = first4 + item % dims.outputs4;
        if row < ROWS && first + row < dims.channels {
            var total = 0.0;
            if at4 < dims.y_pitch4 {
                let v = silu4(acc[i] + bias[first + row]);
                y[(record * dims.channels + first + row) * dims.y_pitch4 + at4] = pack(v);
                let kept = select(vec4(0.0), v, vec4(4u * at4) + vec4(0u, 1u, 2u, 3u) < vec4(dims.cols));
                total = kept.x + kept.y + kept.z + kept.w;
            }
            parts_of_rows[item] = total;
        }
    }
    workgroupBarrier();
    for (var row = thread; row < ROWS; row += THREADS) {
        if first + row < dims.channels {
            var total = 0.0;
            for (var i = 0u; i < dims.outputs4; i++) {
                total += parts_of_rows[row * dims.outputs4 + i];
            }
            sums[(record * dims.parts + group.x) * dims.sums_pitch + first + row] = total;
        }
    }
}
