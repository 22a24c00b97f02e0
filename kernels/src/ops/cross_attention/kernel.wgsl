// Cross-attention: see mod.rs. A workgroup makes the row of z of one token of one record.
//
// Four heads at a time, it goes over h in chunks of positions: their scores, their weights against the highest score
// so far, and the weighted sums of h, which shrink when a higher score comes (the online softmax of Milakov and
// Gimelshein, 2018).

struct Dims {
    tokens: u32,
    dim: u32,       // d
    dim4: u32,      // d, rounded up to four; also the pitch of f and z, in f32
    heads: u32,
    heads4: u32,    // heads, rounded up to four
    head: u32,      // columns of a head: d / heads
    head4: u32,     // the same, rounded up to four
    channels: u32,  // of h
    cols: u32,      // of h
    pitch4: u32,    // of h, in Four
    scratch: u32,   // f32 a token: 2 dim4 + heads4 * head + 20 channels
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> f: array<f32>;       // [batch, tokens, dim4]
@group(0) @binding(2) var<storage, read_write> h: array<Four>;      // [batch, channels, pitch4]
@group(0) @binding(3) var<storage, read> square: array<f32>;        // Wq / sqrt(head), Wo, both transposed: [2, dim4, dim], zeros past d
@group(0) @binding(4) var<storage, read> key: array<f32>;           // Wk: [heads4, head, channels], zeros past the last head
@group(0) @binding(5) var<storage, read> value: array<f32>;         // Wv: [heads, head4, channels], zeros past a head's columns
@group(0) @binding(6) var<storage, read> vectors: array<f32>;       // [7, dim]: see the constants
@group(0) @binding(7) var<storage, read_write> z: array<f32>;       // [batch, tokens, dim4]
@group(0) @binding(8) var<storage, read_write> scratch: array<f32>; // [batch, tokens, scratch]

// Rows of `vectors`.
const NORM_Q_WEIGHT: u32 = 0u;
const NORM_Q_BIAS: u32 = 1u;
const Q_BIAS: u32 = 2u; // over sqrt(head)
const VALUE_BIAS: u32 = 3u;
const OUT_BIAS: u32 = 4u;
const NORM_OUT_WEIGHT: u32 = 5u;
const NORM_OUT_BIAS: u32 = 6u;

const LAYER_NORM_EPS: f32 = 1e-5;
const LOWEST: f32 = -3e38;

const CHUNK: u32 = 256u;           // positions
const CHUNK4: u32 = CHUNK / 4u;
const LANES: u32 = 16u;            // threads along time, of those that score
const SLICES: u32 = WIDTH / LANES; // and along channels
const STRANDS: u32 = 4u;           // threads along time, of those that sum h
const ROWS: u32 = WIDTH / STRANDS; // and along channels
const THREAD_GROUP: u32 = 32u;             // threads that share a sum over channels
const THREAD_GROUPS: u32 = WIDTH / THREAD_GROUP;

var<workgroup> shares: array<vec4<f32>, 2u * WIDTH>; // sums of single threads; the chunk's weights, [4 heads, CHUNK4]
var<workgroup> scores: array<f32, 4u * CHUNK>;       // [4 heads, CHUNK]

var<private> record: u32;
// Parts of scratch.
var<private> row_at: u32;      // [dim4]: LN_q(f), then the heads' results
var<private> query_at: u32;    // [heads4, head]
var<private> sum_at: u32;      // [dim4]: f + o
var<private> absorbed_at: u32; // [channels, 4 heads]: absorbed queries, then as [4 heads, channels] means of h
var<private> pooled_at: u32;   // [channels, STRANDS, 4 heads]: weighted sums of h

fn vector(row: u32, j: u32) -> f32 {
    return vectors[row * dims.dim + j];
}

fn four_of_h(c: u32, at4: u32) -> vec4<f32> {
    return unpack(h[(record * dims.channels + c) * dims.pitch4 + at4]);
}

// The sum over j of a square matrix's [j, column] times the vector in scratch, whose cells past d hold zeros.
fn product(matrix: u32, column: u32, vector_at: u32) -> f32 {
    var sum = vec4(0.0);
    for (var j = 0u; j < dims.dim4; j += 4u) {
        let at = (matrix * dims.dim4 + j) * dims.dim + column;
        let w = vec4(square[at], square[at + dims.dim], square[at + 2u * dims.dim], square[at + 3u * dims.dim]);
        let x = vector_at + j;
        sum = fma(w, vec4(scratch[x], scratch[x + 1u], scratch[x + 2u], scratch[x + 3u]), sum);
    }
    return (sum.x + sum.y) + (sum.z + sum.w);
}

// The mean of a token, from the threads' sums of its cells.
fn mean_all(thread: u32, share: f32) -> f32 {
    return sum_all(thread, vec4(share)).x / f32(dims.dim);
}

// What layer norm multiplies with, from the threads' sums of squares off the mean.
fn scale_all(thread: u32, share: f32) -> f32 {
    return 1.0 / sqrt(sum_all(thread, vec4(share)).x / f32(dims.dim) + LAYER_NORM_EPS);
}

// LN_q(f) and the queries of all heads.
fn make_query(thread: u32, f_at: u32) {
    var share = 0.0;
    for (var j = thread; j < dims.dim; j += WIDTH) {
        share += f[f_at + j];
    }
    let mean = mean_all(thread, share);
    share = 0.0;
    for (var j = thread; j < dims.dim; j += WIDTH) {
        let off = f[f_at + j] - mean;
        share = fma(off, off, share);
    }
    let scale = scale_all(thread, share);
    for (var j = thread; j < dims.dim4; j += WIDTH) {
        var x = 0.0;
        if j < dims.dim {
            x = fma((f[f_at + j] - mean) * scale, vector(NORM_Q_WEIGHT, j), vector(NORM_Q_BIAS, j));
        }
        scratch[row_at + j] = x;
    }
    storageBarrier();
    workgroupBarrier();
    for (var j = thread; j < dims.heads4 * dims.head; j += WIDTH) {
        var q = 0.0;
        if j < dims.dim {
            q = vector(Q_BIAS, j) + product(0u, j, row_at);
        }
        scratch[query_at + j] = q;
    }
    storageBarrier();
    workgroupBarrier();
}

// The queries of four heads, absorbed: Wk^T q.
fn absorb(thread: u32, first_head: u32) {
    let head_stride = dims.head * dims.channels;
    for (var c = thread; c < dims.channels; c += WIDTH) {
        var sum = vec4(0.0);
        for (var j = 0u; j < dims.head; j++) {
            let at = first_head * head_stride + j * dims.channels + c;
            let q = query_at + first_head * dims.head + j;
            sum = fma(
                vec4(key[at], key[at + head_stride], key[at + 2u * head_stride], key[at + 3u * head_stride]),
                vec4(
                    scratch[q],
                    scratch[q + dims.head],
                    scratch[q + 2u * dims.head],
                    scratch[q + 3u * dims.head],
                ),
                sum,
            );
        }
        let to = absorbed_at + 4u * c;
        scratch[to] = sum.x;
        scratch[to + 1u] = sum.y;
        scratch[to + 2u] = sum.z;
        scratch[to + 3u] = sum.w;
    }
    storageBarrier();
    workgroupBarrier();
}

// The scores of LANES fours of positions, of which the first is `first4`, into the chunk's `to4` and on.
fn score(thread: u32, first4: u32, to4: u32) {
    let lane = thread % LANES;
    let slice = thread / LANES;
    let at4 = first4 + lane;
    var s0 = vec4(0.0);
    var s1 = vec4(0.0);
    var s2 = vec4(0.0);
    var s3 = vec4(0.0);
    if at4 < dims.pitch4 {
        for (var c = slice; c < dims.channels; c += SLICES) {
            let x = four_of_h(c, at4);
            let a = absorbed_at + 4u * c;
            s0 = fma(vec4(scratch[a]), x, s0);
            s1 = fma(vec4(scratch[a + 1u]), x, s1);
            s2 = fma(vec4(scratch[a + 2u]), x, s2);
            s3 = fma(vec4(scratch[a + 3u]), x, s3);
        }
    }
    gather(thread, s0, s1, to4);
    gather(thread, s2, s3, 2u * CHUNK4 + to4);
}

// Adds the slices' shares of two heads' scores, into `to4` of `scores` and on.
fn gather(thread: u32, first: vec4<f32>, second: vec4<f32>, to4: u32) {
    let lane = thread % LANES;
    let slice = thread / LANES;
    // `shares` as [SLICES, 2 heads, LANES].
    shares[2u * slice * LANES + lane] = first;
    shares[(2u * slice + 1u) * LANES + lane] = second;
    workgroupBarrier();
    if thread < 8u * LANES {
        let four = thread / 4u;
        var total = 0.0;
        for (var i = 0u; i < SLICES; i++) {
            total += shares[2u * LANES * i + four][thread % 4u];
        }
        let to = to4 + four / LANES * CHUNK4 + four % LANES;
        scores[4u * to + thread % 4u] = total;
    }
    workgroupBarrier();
}

// Adds four positions of a channel, times their weights in four heads.
fn weigh(sum: vec4<f32>, weights: mat4x4<f32>, x: vec4<f32>) -> vec4<f32> {
    let low = fma(vec4(x.y), weights[1], fma(vec4(x.x), weights[0], sum));
    return fma(vec4(x.w), weights[3], fma(vec4(x.z), weights[2], low));
}

// Adds the weighted sums of h over the chunk's `count4` fours of positions to those before, which are times `shrink`.
fn pool(thread: u32, first4: u32, count4: u32, shrink: vec4<f32>) {
    let strand = thread % STRANDS;
    // Four channels at a time share the weights that are read; past the last they repeat it, to no effect.
    for (var c = thread / STRANDS; c < dims.channels; c += 4u * ROWS) {
        let c1 = min(c + ROWS, dims.channels - 1u);
        let c2 = min(c + 2u * ROWS, dims.channels - 1u);
        let c3 = min(c + 3u * ROWS, dims.channels - 1u);
        var s0 = vec4(0.0);
        var s1 = vec4(0.0);
        var s2 = vec4(0.0);
        var s3 = vec4(0.0);
        for (var t = strand; t < count4; t += STRANDS) {
            let at4 = first4 + t;
            let inside = vec4(4u * at4) + vec4(0u, 1u, 2u, 3u) < vec4(dims.cols);
            // Four positions of each head, turned to four heads of each position.
            let weights = transpose(
                mat4x4(shares[t], shares[CHUNK4 + t], shares[2u * CHUNK4 + t], shares[3u * CHUNK4 + t]),
            );
            s0 = weigh(s0, weights, select(vec4(0.0), four_of_h(c, at4), inside));
            s1 = weigh(s1, weights, select(vec4(0.0), four_of_h(c1, at4), inside));
            s2 = weigh(s2, weights, select(vec4(0.0), four_of_h(c2, at4), inside));
            s3 = weigh(s3, weights, select(vec4(0.0), four_of_h(c3, at4), inside));
        }
        keep(c, strand, s0, first4 > 0u, shrink);
        keep(c + ROWS, strand, s1, first4 > 0u, shrink);
        keep(c + 2u * ROWS, strand, s2, first4 > 0u, shrink);
        keep(c + 3u * ROWS, strand, s3, first4 > 0u, shrink);
    }
}

// Stores a strand's weighted sum of a channel, with the one before if there is one.
fn keep(c: u32, strand: u32, sum: vec4<f32>, before: bool, shrink: vec4<f32>) {
    if c >= dims.channels {
        return;
    }
    let at = pooled_at + 4u * (STRANDS * c + strand);
    var total = sum;
    if before {
        total = fma(vec4(scratch[at], scratch[at + 1u], scratch[at + 2u], scratch[at + 3u]), shrink, sum);
    }
    scratch[at] = total.x;
    scratch[at + 1u] = total.y;
    scratch[at + 2u] = total.z;
    scratch[at + 3u] = total.w;
}

// Attention of four heads: leaves the means of h under their weights.
fn attend(thread: u32) {
    var top = vec4(LOWEST);
    var total = vec4(0.0);
    for (var first4 = 0u; first4 < dims.pitch4; first4 += CHUNK4) {
        let count4 = min(CHUNK4, dims.pitch4 - first4);
        for (var t = 0u; t < count4; t += LANES) {
            score(thread, first4 + t, t);
        }
        // From here a thread has four positions of one head.
        let head = thread / CHUNK4;
        let t = thread % CHUNK4;
        let is_head = vec4(0u, 1u, 2u, 3u) == vec4(head);
        let inside = vec4(4u * (first4 + t)) + vec4(0u, 1u, 2u, 3u) < vec4(dims.cols);
        let at = 4u * thread;
        let found = vec4(scores[at], scores[at + 1u], scores[at + 2u], scores[at + 3u]);
        let s = select(vec4(LOWEST), found, inside);
        let best = max(max(s.x, s.y), max(s.z, s.w));
        let next = max(top, max_all(thread, select(vec4(LOWEST), vec4(best), is_head)));
        let weights = select(vec4(0.0), exp4(s - vec4(next[head])), inside);
        shares[thread] = weights;
        let sum = (weights.x + weights.y) + (weights.z + weights.w);
        let shrink = exp4(top - next);
        total = fma(total, shrink, sum_all(thread, select(vec4(0.0), vec4(sum), is_head)));
        top = next;
        workgroupBarrier();
        pool(thread, first4, count4, shrink);
        workgroupBarrier();
    }
    storageBarrier();
    workgroupBarrier();
    for (var i = thread; i < 4u * dims.channels; i += WIDTH) {
        let c = i / 4u;
        let head = i % 4u;
        var sum = 0.0;
        for (var strand = 0u; strand < STRANDS; strand++) {
            sum += scratch[pooled_at + 4u * (STRANDS * c + strand) + head];
        }
        scratch[absorbed_at + head * dims.channels + c] = sum / total[head];
    }
    storageBarrier();
    workgroupBarrier();
}

// The values of the heads from `first_head` on, of which there are at most four.
fn make_values(thread: u32, first_head: u32) {
    let heads = min(4u, dims.heads - first_head);
    let rows = heads * dims.head4;
    let thread_group = thread / THREAD_GROUP;
    for (var first = 0u; first < rows; first += 4u * THREAD_GROUPS) {
        let row = first + 4u * thread_group;
        var share = vec4(0.0);
        if row < rows {
            let mean_at = absorbed_at + row / dims.head4 * dims.channels;
            for (var c = thread % THREAD_GROUP; c < dims.channels; c += THREAD_GROUP) {
                let at = (first_head * dims.head4 + row) * dims.channels + c;
                let w = vec4(
                    value[at],
                    value[at + dims.channels],
                    value[at + 2u * dims.channels],
                    value[at + 3u * dims.channels],
                );
                share = fma(w, vec4(scratch[mean_at + c]), share);
            }
        }
        shares[thread] = share;
        workgroupBarrier();
        // One thread a row adds its thread group's shares in order.
        let mine = first + thread;
        if thread < 4u * THREAD_GROUPS && mine < rows && mine % dims.head4 < dims.head {
            let j = (first_head + mine / dims.head4) * dims.head + mine % dims.head4;
            var total = vector(VALUE_BIAS, j);
            for (var i = 0u; i < THREAD_GROUP; i++) {
                total += shares[thread / 4u * THREAD_GROUP + i][thread % 4u];
            }
            scratch[row_at + j] = total;
        }
        workgroupBarrier();
    }
}

// Wo, the residual and LN_out.
fn finish(thread: u32, f_at: u32) {
    storageBarrier();
    workgroupBarrier();
    var share = 0.0;
    // A thread comes back to the same cells, so that nothing need be waited for.
    for (var j = thread; j < dims.dim; j += WIDTH) {
        let sum = f[f_at + j] + (vector(OUT_BIAS, j) + product(1u, j, row_at));
        scratch[sum_at + j] = sum;
        share += sum;
    }
    let mean = mean_all(thread, share);
    share = 0.0;
    for (var j = thread; j < dims.dim; j += WIDTH) {
        let off = scratch[sum_at + j] - mean;
        share = fma(off, off, share);
    }
    let scale = scale_all(thread, share);
    for (var j = thread; j < dims.dim; j += WIDTH) {
        let x = (scratch[sum_at + j] - mean) * scale;
        z[f_at + j] = fma(x, vector(NORM_OUT_WEIGHT, j), vector(NORM_OUT_BIAS, j));
    }
}

fn run(group: vec3<u32>, thread: u32) {
    record = group.z;
    let token = record * dims.tokens + group.x;
    let f_at = token * dims.dim4;
    row_at = token * dims.scratch;
    query_at = row_at + dims.dim4;
    sum_at = query_at + dims.heads4 * dims.head;
    absorbed_at = sum_at + dims.dim4;
    pooled_at = absorbed_at + 4u * dims.channels;

    make_query(thread, f_at);
    for (var head = 0u; head < dims.heads; head += 4u) {
        absorb(thread, head);
        attend(thread);
        make_values(thread, head);
        // The next heads' queries take the place of these heads' means: the last barrier has been passed by all readers.
    }
    finish(thread, f_at);
}
