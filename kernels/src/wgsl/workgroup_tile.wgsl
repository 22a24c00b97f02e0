// The matrix product by workgroup tiles: ROWS x COLS results a workgroup, THREAD_ROWS x THREAD_COLS a thread, each 4 or 8,
// operands staged in workgroup memory DEPTH at a time. A file after this one multiplies: thread_product.wgsl or
// cooperative_product.wgsl. It has the entry point, `cells`, `workgroup_product`, and where operands are staged: `keep_staged`,
// WEIGHT_PITCH, SOURCE_PITCH and SOURCE_AT. The kernel that includes both gives
//   fn run_workgroup(group: vec3<u32>, thread: u32)    what a workgroup does
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
override WEIGHT_CELLS: u32 = DEPTH * ROWS / 4u;
override SOURCE_CELLS: u32 = DEPTH * COLS / 4u;
override LANES: u32 = COLS / THREAD_COLS;    // threads side by side

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

// Fetches the operands from depth `start` on into workgroup memory: [DEPTH, WEIGHT_PITCH] of weights, then [DEPTH, SOURCE_PITCH]
// of the right operand.
fn stage(thread: u32, first_row4: u32, start: u32) {
    // Depth varies fastest among threads, as it does in memory.
    for (var j = 0u; j * THREADS < WEIGHT_CELLS; j++) {
        let k = thread % DEPTH;
        let r = thread / DEPTH + j * (THREADS / DEPTH);
        if WEIGHT_CELLS % THREADS == 0u || r < ROWS / 4u {
            keep_staged(k * WEIGHT_PITCH + r, weight_at(first_row4 + r, start + k));
        }
    }
    for (var j = 0u; j * THREADS < SOURCE_CELLS; j++) {
        let k = thread / (COLS / 4u) + j * (THREADS / (COLS / 4u));
        if SOURCE_CELLS % THREADS == 0u || k < DEPTH {
            keep_staged(SOURCE_AT + k * SOURCE_PITCH + thread % (COLS / 4u), source_at(start + k));
        }
    }
}
