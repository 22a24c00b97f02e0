// Products by cooperative matrices: operands in f16, sums in f32. See workgroup_tile.wgsl. A subgroup makes blocks of
// 2 SIDE x 2 SIDE results; ROWS and COLS are multiples of 2 SIDE, DEPTH of SIDE. What a file before names:
//   Left, Right, Sums, SIDE   the matrices of SIDE x SIDE that the device multiplies and adds up

// In cells of 8 bytes. Even, because a matrix must begin on 16 bytes; two to spare, so that neighbouring depths lie in other banks.
override WEIGHT_PITCH: u32 = ROWS / 4u + 2u;
override SOURCE_PITCH: u32 = COLS / 4u + 2u;
override SOURCE_AT: u32 = DEPTH * WEIGHT_PITCH;
override STAGED_CELLS: u32 = DEPTH * (WEIGHT_PITCH + SOURCE_PITCH);
override RESULT_PITCH: u32 = COLS / 4u + 1u;
override ACROSS: u32 = COLS / (2u * SIDE); // blocks
override BLOCKS: u32 = ROWS / (2u * SIDE) * ACROSS;

var<workgroup> staged: array<vec4<f16>, STAGED_CELLS>;
// During a product its results, [ROWS, RESULT_PITCH]; the kernel's otherwise.
var<workgroup> cells: array<vec4<f32>, CELLS>;

var<private> own_subgroup: u32;
var<private> subgroups: u32;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) count: u32,
) {
    own_subgroup = subgroup;
    subgroups = count;
    run_workgroup(group, thread);
}

fn keep_staged(at: u32, v: vec4<f32>) {
    staged[at] = vec4<f16>(v);
}

// What the thread has of the results, in columns from 4 * col4 on.
fn results(row4: u32, col4: u32) -> Column4 {
    var t = no_sums();
    let low = 4u * row4 * RESULT_PITCH + col4;
    t.r0 = cells[low];
    t.r1 = cells[low + RESULT_PITCH];
    t.r2 = cells[low + 2u * RESULT_PITCH];
    t.r3 = cells[low + 3u * RESULT_PITCH];
    if THREAD_ROWS == 8u {
        let high = low + ROWS / 2u * RESULT_PITCH;
        t.r4 = cells[high];
        t.r5 = cells[high + RESULT_PITCH];
        t.r6 = cells[high + 2u * RESULT_PITCH];
        t.r7 = cells[high + 3u * RESULT_PITCH];
    }
    return t;
}

// The sums over `depth` products for this thread's part of the workgroup tile whose rows start at `4 * first_row4`.
// All threads of the workgroup must call it. When it returns, nobody reads `cells` any more.
fn workgroup_product(thread: u32, first_row4: u32, depth: u32) -> Accumulators {
    source_column(thread % (COLS / 4u));
    // One round, unless subgroups are larger than the tile was made for. Each fetches the operands again.
    for (var round = 0u; round < BLOCKS; round += subgroups) {
        let block = min(round + own_subgroup, BLOCKS - 1u);
        let row = block / ACROSS * 2u * SIDE;
        let col = block % ACROSS * 2u * SIDE;
        var upper_left = Sums();
        var upper_right = Sums();
        var lower_left = Sums();
        var lower_right = Sums();
        for (var start = 0u; start < depth; start += DEPTH) {
            stage(thread, first_row4, start);
            workgroupBarrier();
            for (var k = 0u; k < DEPTH; k += SIDE) {
                // Weights lie column by column, the right operand row by row.
                let weight = k * WEIGHT_PITCH + row / 4u;
                let source = SOURCE_AT + k * SOURCE_PITCH + col / 4u;
                let upper = coopLoad<Left>(&staged[weight], WEIGHT_PITCH);
                let lower = coopLoad<Left>(&staged[weight + SIDE / 4u], WEIGHT_PITCH);
                let left = coopLoadT<Right>(&staged[source], SOURCE_PITCH);
                let right = coopLoadT<Right>(&staged[source + SIDE / 4u], SOURCE_PITCH);
                upper_left = coopMultiplyAdd(upper, left, upper_left);
                upper_right = coopMultiplyAdd(upper, right, upper_right);
                lower_left = coopMultiplyAdd(lower, left, lower_left);
                lower_right = coopMultiplyAdd(lower, right, lower_right);
            }
            workgroupBarrier();
        }
        if round + own_subgroup < BLOCKS {
            let at = row * RESULT_PITCH + col / 4u;
            let below = at + SIDE * RESULT_PITCH;
            coopStoreT(upper_left, &cells[at], RESULT_PITCH);
            coopStoreT(upper_right, &cells[at + SIDE / 4u], RESULT_PITCH);
            coopStoreT(lower_left, &cells[below], RESULT_PITCH);
            coopStoreT(lower_right, &cells[below + SIDE / 4u], RESULT_PITCH);
        }
    }
    workgroupBarrier();
    let row4 = thread_row4(thread);
    let col4 = thread_col4(thread);
    var sums = Accumulators(results(row4, col4), no_sums());
    if THREAD_COLS == 8u {
        sums.right = results(row4, col4 + COLS / 8u);
    }
    workgroupBarrier();
    return sums;
}
