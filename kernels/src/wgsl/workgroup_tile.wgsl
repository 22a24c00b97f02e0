// The matrix product by workgroup tiles: ROWS x COLS results a workgroup, THREAD_ROWS x THREAD_COLS a thread, each 4 or 8,
// operands staged in workgroup memory DEPTH at a time. The kernel that includes it gives
//   fn weight_at(row4: u32, k: u32) -> vec4<f32>   weights of four rows (of the whole layer) at depth k: zeros past the last depth,
//                                                  anything finite past the last row
//   fn source_column(col4: u32)                    tells which four columns of the workgroup tile the thread fetches from here on
//   fn source_at(k: u32) -> vec4<f32>              these columns of the right operand at depth k: past the last depth what the
//                                                  last has, in columns that nobody looks at anything
// Neither branches: loads go out together, from places that are always within their arrays.

override ROWS: u32;        // a multiple of 2 THREAD_ROWS
override COLS: u32;        // a multiple of 2 THREAD_COLS
override THREAD_ROWS: u32;
override THREAD_COLS: u32;
override THREADS: u32;     // ROWS * COLS / (THREAD_ROWS * THREAD_COLS): a multiple of COLS / 4 and of DEPTH
override DEPTH: u32;
override CELLS: u32;       // at least what a product takes

// Sizes have names: naga 30 confuses overrides that come after a size without one.
override WEIGHT_PITCH: u32 = ROWS / 4u + 1u; // one more, so that threads of neighbouring depths write to other banks
override WEIGHT_CELLS: u32 = DEPTH * ROWS / 4u;
override SOURCE_CELLS: u32 = DEPTH * COLS / 4u;
override SOURCE_AT: u32 = DEPTH * WEIGHT_PITCH;
override LANES: u32 = COLS / THREAD_COLS;    // threads side by side

// During a product [DEPTH, WEIGHT_PITCH] of weights, then [DEPTH, COLS / 4] of the right operand; the kernel's otherwise.
var<workgroup> cells: array<vec4<f32>, CELLS>;

// Four columns of four rows, and of four more if THREAD_ROWS is 8.
struct Column4 {
    r0: vec4<f32>,
    r1: vec4<f32>,
    r2: vec4<f32>,
    r3: vec4<f32>,
    r4: vec4<f32>,
    r5: vec4<f32>,
    r6: vec4<f32>,
    r7: vec4<f32>,
}

struct Accumulators {
    left: Column4,
    right: Column4, // if THREAD_COLS is 8
}

// Where a thread's results lie in the workgroup tile: its rows from 4 * row4 on and, of eight, from 4 * (row4 + ROWS / 8) on;
// its columns likewise.
fn thread_row4(thread: u32) -> u32 {
    return thread / LANES;
}

fn thread_col4(thread: u32) -> u32 {
    return thread % LANES;
}

fn no_sums() -> Column4 {
    let zero = vec4(0.0);
    return Column4(zero, zero, zero, zero, zero, zero, zero, zero);
}

fn accumulate(t: ptr<function, Column4>, low: vec4<f32>, high: vec4<f32>, x: vec4<f32>) {
    (*t).r0 = fma(vec4(low.x), x, (*t).r0);
    (*t).r1 = fma(vec4(low.y), x, (*t).r1);
    (*t).r2 = fma(vec4(low.z), x, (*t).r2);
    (*t).r3 = fma(vec4(low.w), x, (*t).r3);
    if THREAD_ROWS == 8u {
        (*t).r4 = fma(vec4(high.x), x, (*t).r4);
        (*t).r5 = fma(vec4(high.y), x, (*t).r5);
        (*t).r6 = fma(vec4(high.z), x, (*t).r6);
        (*t).r7 = fma(vec4(high.w), x, (*t).r7);
    }
}

// Fetches the operands from depth `start` on into workgroup memory.
fn stage(thread: u32, first_row4: u32, start: u32) {
    // Depth varies fastest among threads, as it does in memory.
    for (var j = 0u; j * THREADS < WEIGHT_CELLS; j++) {
        let k = thread % DEPTH;
        let r = thread / DEPTH + j * (THREADS / DEPTH);
        if WEIGHT_CELLS % THREADS == 0u || r < ROWS / 4u {
            cells[k * WEIGHT_PITCH + r] = weight_at(first_row4 + r, start + k);
        }
    }
    for (var j = 0u; j * THREADS < SOURCE_CELLS; j++) {
        let k = thread / (COLS / 4u) + j * (THREADS / (COLS / 4u));
        if SOURCE_CELLS % THREADS == 0u || k < DEPTH {
            cells[SOURCE_AT + k * (COLS / 4u) + thread % (COLS / 4u)] = source_at(start + k);
        }
    }
}

// The sums over `depth` products for this thread's part of the workgroup tile whose rows start at `4 * first_row4`.
// All threads of the workgroup must call it. When it returns, nobody reads `cells` any more.
fn workgroup_product(thread: u32, first_row4: u32, depth: u32) -> Accumulators {
    let row4 = thread_row4(thread);
    let col4 = thread_col4(thread);
    var left = no_sums();
    var right = no_sums();
    source_column(thread % (COLS / 4u));
    for (var start = 0u; start < depth; start += DEPTH) {
        stage(thread, first_row4, start);
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
            let weight = k * WEIGHT_PITCH + row4;
            let source = SOURCE_AT + k * (COLS / 4u) + col4;
            let low = cells[weight];
            var high = low;
            if THREAD_ROWS == 8u {
                high = cells[weight + ROWS / 8u];
            }
            accumulate(&left, low, high, cells[source]);
            if THREAD_COLS == 8u {
                accumulate(&right, low, high, cells[source + COLS / 8u]);
            }
        }
        workgroupBarrier();
    }
    return Accumulators(left, right);
}
