// Squeeze-excite: see mod.rs. A workgroup makes the gates of one record.

struct Dims {
    channels: u32,
    cols: u32,
    parts: u32,      // rows of sums
    sums_pitch: u32, // in f32
    hidden4: u32,    // hidden units, rounded up to four
    gate_pitch: u32, // in f32
    scratch: u32,    // f32 a record: channels + hidden4
}

const THREADS: u32 = 256u;
const THREAD_GROUP: u32 = 32u; // threads that share a sum over channels
const THREAD_GROUPS: u32 = THREADS / THREAD_GROUP;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;    // [batch, parts, sums_pitch]
@group(0) @binding(2) var<storage, read> squeeze: array<f32>;       // W1: [hidden4, channels], zeros past the last unit
@group(0) @binding(3) var<storage, read> squeeze_bias: array<f32>;  // [hidden4], likewise
@group(0) @binding(4) var<storage, read> excite: array<f32>;        // W2, transposed: [hidden4, channels], likewise
@group(0) @binding(5) var<storage, read> excite_bias: array<f32>;   // [channels]
@group(0) @binding(6) var<storage, read_write> gate: array<f32>;    // [batch, gate_pitch]
@group(0) @binding(7) var<storage, read_write> scratch: array<f32>; // [batch, scratch]: means, then hidden units

var<workgroup> shares: array<vec4<f32>, THREADS>; // each thread's, of four hidden units

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let record = group.z;
    let means = record * dims.scratch;
    let units = means + dims.channels;

    for (var c = thread; c < dims.channels; c += THREADS) {
        var total = 0.0;
        for (var part = 0u; part < dims.parts; part++) {
            total += sums[(record * dims.parts + part) * dims.sums_pitch + c];
        }
        scratch[means + c] = total / f32(dims.cols);
    }
    storageBarrier();
    workgroupBarrier();

    let thread_group = thread / THREAD_GROUP;
    for (var first = 0u; first < dims.hidden4; first += 4u * THREAD_GROUPS) {
        let unit = first + 4u * thread_group;
        var share = vec4(0.0);
        if unit < dims.hidden4 {
            for (var c = thread % THREAD_GROUP; c < dims.channels; c += THREAD_GROUP) {
                let at = unit * dims.channels + c;
                let w = vec4(
                    squeeze[at],
                    squeeze[at + dims.channels],
                    squeeze[at + 2u * dims.channels],
                    squeeze[at + 3u * dims.channels],
                );
                share = fma(w, vec4(scratch[means + c]), share);
            }
        }
        shares[thread] = share;
        workgroupBarrier();
        // One thread a unit adds its thread group's shares in order.
        let mine = first + thread;
        if thread < 4u * THREAD_GROUPS && mine < dims.hidden4 {
            var total = squeeze_bias[mine];
            for (var i = 0u; i < THREAD_GROUP; i++) {
                total += shares[thread / 4u * THREAD_GROUP + i][thread % 4u];
            }
            scratch[units + mine] = silu1(total);
        }
        workgroupBarrier();
    }
    storageBarrier();
    workgroupBarrier();

    for (var c = thread; c < dims.channels; c += THREADS) {
        var sum = vec4(0.0);
        for (var unit = 0u; unit < dims.hidden4; unit += 4u) {
            let at = unit * dims.channels + c;
            let w = vec4(
                excite[at],
                excite[at + dims.channels],
                excite[at + 2u * dims.channels],
                excite[at + 3u * dims.channels],
            );
            let h = units + unit;
            sum = fma(w, vec4(scratch[h], scratch[h + 1u], scratch[h + 2u], scratch[h + 3u]), sum);
        }
        let total = (sum.x + sum.y) + (sum.z + sum.w);
        gate[record * dims.gate_pitch + c] = sigmoid1(excite_bias[c] + total);
    }
}
