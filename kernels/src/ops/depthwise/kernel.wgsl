// Depthwise convolution, fused with the expand layer before it: see mod.rs. A workgroup makes ROWS channels of
// OUTPUTS4 times four positions of y for one record. It goes over the positions of h that they reach COLS at a
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
    sums_pitch: u32, // in f32
    parts: u32,      // rows of sums
}

override EXPAND: bool;
// Of a short window, which a thread reads into registers once for four outputs. Otherwise taps are read one by one, and the
// window may be longer than COLS.
override SLIDING: bool;
override KERNEL: u32;   // the same as in dims, if SLIDING
override STRIDE: u32;   // likewise
override OUTPUTS4: u32; // positions of y that a workgroup makes, in fours: at most COLS / 4

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> x: array<Four>;       // [batch, c_in, x_pitch4]
@group(0) @binding(2) var<storage, read> expand_weight: array<Four>; // [ceil(channels / 4), c_in] of 4 rows, if EXPAND
@group(0) @binding(3) var<storage, read> expand_bias: array<f32>;    // [channels], if EXPAND
@group(0) @binding(4) var<storage, read> weight: array<f32>;         // [kernel, channels]
@group(0) @binding(5) var<storage, read> bias: array<f32>;           // [channels]
@group(0) @binding(6) var<storage, read_write> y: array<Four>;       // [batch, channels, y_pitch4]
@group(0) @binding(7) var<storage, read_write> sums: array<f32>;     // [batch, parts, sums_pitch]

// A thread makes four positions of each of so many channels, at most, if not SLIDING.
const ITEMS: u32 = 4u;
// Fours of a window that starts up to three positions late, at most.
const WINDOW4: u32 = 5u;

// Threads that share a row of outputs.
override SHARERS: u32 = THREADS / ROWS;
override PART_CELLS: u32 = THREADS;
var<workgroup> parts_of_rows: array<f32, PART_CELLS>; // [ROWS, SHARERS]

// Outside of a product `cells` are h, [ROWS, H_PITCH]: rows that neighbouring threads read begin in other banks.
override H_PITCH: u32 = COLS / 4u + 1u;

var<private> record: u32;
var<private> strip4: i32; // the first of the COLS positions of h, in fours; negative in the left padding
var<private> source_x: u32; // where the columns lie that the thread fetches

fn weight_at(row4: u32, k: u32) -> vec4<f32> {
    let row = min(row4, (dims.channels - 1u) / 4u);
    let w = unpack(expand_weight[row * dims.c_in + min(k, dims.c_in - 1u)]);
    return select(vec4(0.0), w, k < dims.c_in);
}

fn source_column(col4: u32) {
    let at = clamp(strip4 + i32(col4), 0, i32(dims.x_pitch4) - 1);
    source_x = record * dims.c_in * dims.x_pitch4 + u32(at);
}

fn source_at(k: u32) -> vec4<f32> {
    return unpack(x[source_x + min(k, dims.c_in - 1u) * dims.x_pitch4]);
}

// Which of four positions of the strip are positions of h.
fn inside(col4: u32) -> vec4<bool> {
    let at = vec4(4 * (strip4 + i32(col4))) + vec4(0, 1, 2, 3);
    return (at >= vec4(0)) & (at < vec4(i32(dims.samples)));
}

fn keep_expanded(first: u32, row: u32, col4: u32, product: vec4<f32>) {
    let channel = min(first + row, dims.channels - 1u);
    cells[row * H_PITCH + col4] = select(vec4(0.0), silu4(product + expand_bias[channel]), inside(col4));
}

fn keep_column(first: u32, row: u32, col4: u32, t: Column4) {
    keep_expanded(first, row, col4, t.r0);
    keep_expanded(first, row + 1u, col4, t.r1);
    keep_expanded(first, row + 2u, col4, t.r2);
    keep_expanded(first, row + 3u, col4, t.r3);
    if THREAD_ROWS == 8u {
        let below = row + ROWS / 2u;
        keep_expanded(first, below, col4, t.r4);
        keep_expanded(first, below + 1u, col4, t.r5);
        keep_expanded(first, below + 2u, col4, t.r6);
        keep_expanded(first, below + 3u, col4, t.r7);
    }
}

// Makes h of the strip of COLS positions from `strip4` on. Rows past the last channel hold anything.
fn make_h(thread: u32, first: u32) {
    if EXPAND {
        let t = workgroup_product(thread, first / 4u, dims.c_in);
        let col4 = thread_col4(thread);
        let row = 4u * thread_row4(thread);
        keep_column(first, row, col4, t.left);
        if THREAD_COLS == 8u {
            keep_column(first, row, col4 + COLS / 8u, t.right);
        }
    } else {
        let col4 = thread % (COLS / 4u);
        source_column(col4);
        for (var row = thread / (COLS / 4u); row < ROWS; row += THREADS / (COLS / 4u)) {
            cells[row * H_PITCH + col4] = select(vec4(0.0), source_at(first + row), inside(col4));
        }
    }
}

// Four outputs of a channel, the `at4`th of the workgroup tile, from their window in registers.
fn sliding(channel: u32, row: u32, at4: u32) -> vec4<f32> {
    // The strip starts on the four at or before the first window.
    let late = (4u - KERNEL / 2u % 4u) % 4u;
    var window: array<vec4<f32>, WINDOW4>;
    for (var i = 0u; 4u * i < late + 3u * STRIDE + KERNEL; i++) {
        window[i] = cells[row * H_PITCH + at4 * STRIDE + i];
    }
    var sum = vec4(0.0);
    for (var j = 0u; j < KERNEL; j++) {
        let a = late + j;
        let b = a + STRIDE;
        let c = b + STRIDE;
        let d = c + STRIDE;
        let v = vec4(window[a / 4u][a % 4u], window[b / 4u][b % 4u], window[c / 4u][c % 4u], window[d / 4u][d % 4u]);
        sum = fma(vec4(weight[j * dims.channels + channel]), v, sum);
    }
    return sum;
}

// The taps of output `at` of a channel that fall into the strip.
fn taps(channel: u32, row: u32, at: u32) -> f32 {
    // Where the window starts and ends, counted from the start of the strip.
    let start = i32(at * dims.stride) - i32(dims.kernel / 2u) - 4 * strip4;
    let first = u32(max(0, -start));
    let last = u32(clamp(i32(COLS) - start, 0, i32(dims.kernel)));
    var sum = 0.0;
    for (var j = first; j < last; j++) {
        let found = u32(start + i32(j));
        sum = fma(weight[j * dims.channels + channel], cells[row * H_PITCH + found / 4u][found % 4u], sum);
    }
    return sum;
}

// Finishes four outputs of a channel and returns their sum.
fn finish(channel: u32, at4: u32, sum: vec4<f32>) -> f32 {
    if channel >= dims.channels || at4 >= dims.y_pitch4 {
        return 0.0;
    }
    let v = silu4(sum + bias[channel]);
    y[(record * dims.channels + channel) * dims.y_pitch4 + at4] = pack(v);
    let kept = select(vec4(0.0), v, vec4(4u * at4) + vec4(0u, 1u, 2u, 3u) < vec4(dims.cols));
    return kept.x + kept.y + kept.z + kept.w;
}

fn run_workgroup(group: vec3<u32>, thread: u32) {
    record = group.z;
    let first = group.y * ROWS;
    let first4 = group.x * OUTPUTS4;
    let row = thread / SHARERS;
    let sharer = thread % SHARERS;
    let channel = min(first + row, dims.channels - 1u);
    // Rounds to the four below, in the left padding too.
    let start = i32(4u * first4 * dims.stride) - i32(dims.kernel / 2u);
    let start4 = (start + 4 * i32(dims.kernel)) / 4 - i32(dims.kernel);

    var total = 0.0;
    if SLIDING {
        strip4 = start4;
        make_h(thread, first);
        workgroupBarrier();
        for (var j = sharer; j < OUTPUTS4; j += SHARERS) {
            total += finish(first + row, first4 + j, sliding(channel, row, j));
        }
    } else {
        let end = min(start + i32((4u * OUTPUTS4 - 1u) * dims.stride + dims.kernel), i32(dims.samples));
        var acc = array<vec4<f32>, ITEMS>(vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
        for (var from4 = start4; 4 * from4 < end; from4 += i32(COLS / 4u)) {
            strip4 = from4;
            make_h(thread, first);
            workgroupBarrier();
            for (var i = 0u; i < ITEMS; i++) {
                let at = 4u * (first4 + sharer + i * SHARERS);
                acc[i] += vec4(
                    taps(channel, row, at),
                    taps(channel, row, at + 1u),
                    taps(channel, row, at + 2u),
                    taps(channel, row, at + 3u),
                );
            }
            workgroupBarrier();
        }
        for (var i = 0u; i < ITEMS; i++) {
            let j = sharer + i * SHARERS;
            if j < OUTPUTS4 {
                total += finish(first + row, first4 + j, acc[i]);
            }
        }
    }
    parts_of_rows[thread] = total;
    workgroupBarrier();
    if sharer == 0u && first + row < dims.channels {
        for (var i = 1u; i < SHARERS; i++) {
            total += parts_of_rows[thread + i];
        }
        sums[(record * dims.parts + group.x) * dims.sums_pitch + first + row] = total;
    }
}
