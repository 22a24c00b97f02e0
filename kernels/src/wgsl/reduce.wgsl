// Sums and maxima over a workgroup of WIDTH threads, through workgroup memory, in a fixed order.
// The kernel that includes this gives fn run(group: vec3<u32>, thread: u32).

const WIDTH: u32 = 256u;

var<workgroup> reduced: array<vec4<f32>, WIDTH>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    run(group, thread);
}

// The sum of every thread's value, on every thread. All threads of the workgroup must call it.
fn sum_all(thread: u32, value: vec4<f32>) -> vec4<f32> {
    reduced[thread] = value;
    for (var half = WIDTH / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if thread < half {
            reduced[thread] += reduced[thread + half];
        }
    }
    workgroupBarrier();
    let total = reduced[0];
    workgroupBarrier();
    return total;
}

// The largest of every thread's values, on every thread. All threads of the workgroup must call it.
fn max_all(thread: u32, value: vec4<f32>) -> vec4<f32> {
    reduced[thread] = value;
    for (var half = WIDTH / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if thread < half {
            reduced[thread] = max(reduced[thread], reduced[thread + half]);
        }
    }
    workgroupBarrier();
    let top = reduced[0];
    workgroupBarrier();
    return top;
}
