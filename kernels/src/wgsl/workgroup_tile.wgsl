// The matrix product by workgroup tiles: ROWS x COLS results a workgroup, 4 x 4 a thread, operands staged in
// workgroup memory DEPTH at a time. The kernel that includes it gives
//   fn weight_at(row4: u32, k: u32) -> vec4<f32>   weights of four rows (of the whole layer) at depth k
//   fn source_at(k: u32, col4: u32) -> vec4<f32>   four columns (of the workgroup tile) of the right operand at depth k
// and both must return zeros, or anything finite, past the ends of rows and depth.

override ROWS: u32;
override COLS: u32;
override THREADS: u32; // ROWS * COLS / 16

const DEPTH: u32 = 16u;

// Sizes of arrays have names: naga 30 confuses overrides that come after a size without one.
override WEIGHT_CELLS: u32 = DEPTH * ROWS / 4u;
override SOURCE_CELLS: u32 = DEPTH * COLS / 4u;

var<workgroup> staged_weight: array<vec4<f32>, WEIGHT_CELLS>; // [DEPTH, ROWS]
var<workgroup> staged_source: array<vec4<f32>, SOURCE_CELLS>; // [DEPTH, COLS]

// Columns of four rows.
struct Accumulators {
    r0: vec4<f32>,
    r1: vec4<f32>,
    r2: vec4<f32>,
    r3: vec4<f32>,
}

// Which four rows and four columns of the workgroup tile are this thread's.
fn thread_row4(thread: u32) -> u32 {
    return thread / (COLS / 4u);
}

fn thread_col4(thread: u32) -> u32 {
    return thread % (COLS / 4u);
}

// The sums over `depth` products for this thread's part of the workgroup tile whose rows start at `4 * first_row4`.
// All threads of the workgroup must call it.
fn workgroup_product(thread: u32, first_row4: u32, depth: u32) -> Accumulators {
    let row4 = thread_row4(thread);
    let col4 = thread_col4(thread);
    var t = Accumulators(vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
    for (var start = 0u; start < depth; start += DEPTH) {
        for (var i = thread; i < DEPTH * ROWS / 4u; i += THREADS) {
            // Depth varies fastest among threads, as it does in memory.
            let k = i % DEPTH;
            let r = i / DEPTH;
            staged_weight[k * (ROWS / 4u) + r] = weight_at(first_row4 + r, start + k);
        }
        for (var i = thread; i < DEPTH * COLS / 4u; i += THREADS) {
            staged_source[i] = source_at(start + i / (COLS / 4u), i % (COLS / 4u));
        }
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
            let w = staged_weight[k * (ROWS / 4u) + row4];
            let x = staged_source[k * (COLS / 4u) + col4];
            t.r0 = fma(vec4(w.x), x, t.r0);
            t.r1 = fma(vec4(w.y), x, t.r1);
            t.r2 = fma(vec4(w.z), x, t.r2);
            t.r3 = fma(vec4(w.w), x, t.r3);
        }
        workgroupBarrier();
    }
    return t;
}
