// Sums and maxima over a workgroup of WIDTH threads: within subgroups of any size, then over those in order.
// The kernel that includes this gives fn run(group: vec3<u32>, thread: u32).

const WIDTH: u32 = 256u;

var<workgroup> reduced: array<vec4<f32>, WIDTH>; // a cell for each subgroup, of which a device may have as many as threads
var<private> subgroup: u32;
var<private> subgroups: u32;
var<private> lane: u32;

@compute @workgroup_size(WIDTH)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
    @builtin(subgroup_id) subgroup_id: u32,
    @builtin(num_subgroups) num_subgroups: u32,
    @builtin(subgroup_invocation_id) subgroup_invocation_id: u32,
) {
    subgroup = subgroup_id;
    subgroups = num_subgroups;
    lane = subgroup_invocation_id;
    run(group, thread);
}

// The sum of every thread's value, on every thread. All threads of the workgroup must call it.
fn sum_all(thread: u32, value: vec4<f32>) -> vec4<f32> {
    let part = subgroupAdd(value);
    if lane == 0u {
        reduced[subgroup] = part;
    }
    workgroupBarrier();
    var total = reduced[0];
    for (var i = 1u; i < subgroups; i++) {
        total += reduced[i];
    }
    workgroupBarrier();
    return total;
}

// The largest of every thread's values, on every thread. All threads of the workgroup must call it.
fn max_all(thread: u32, value: vec4<f32>) -> vec4<f32> {
    let part = subgroupMax(value);
    if lane == 0u {
        reduced[subgroup] = part;
    }
    workgroupBarrier();
    var top = reduced[0];
    for (var i = 1u; i < subgroups; i++) {
        top = max(top, reduced[i]);
    }
    workgroupBarrier();
    return top;
}
