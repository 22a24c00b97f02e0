// Products by each thread's own multiply-adds in f32. See workgroup_tile.wgsl.

override WEIGHT_PITCH: u32 = ROWS / 4u + 1u; // one more, so that threads of neighbouring depths write to other banks
override SOURCE_PITCH: u32 = COLS / 4u;
override SOURCE_AT: u32 = DEPTH * WEIGHT_PITCH;

// During a product what is staged; the kernel's otherwise.
var<workgroup> cells: array<vec4<f32>, CELLS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    run_workgroup(group, thread);
}

fn keep_staged(at: u32, v: vec4<f32>) {
    cells[at] = v;
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
            let source = SOURCE_AT + k * SOURCE_PITCH + col4;
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
