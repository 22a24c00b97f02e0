// Feature tokens: see mod.rs. A workgroup makes one token of one record.

@group(0) @binding(0) var<storage, read> dims: array<u32>;          // the header, then each feature's fields
@group(0) @binding(1) var<storage, read_write> inputs: array<f32>;  // every operand, [batch, rows, pitch] each
@group(0) @binding(2) var<storage, read> weight: array<f32>;        // every feature's, as its kind has them below
@group(0) @binding(3) var<storage, read_write> tokens: array<f32>;  // [batch, features, pitch]
@group(0) @binding(4) var<storage, read_write> scratch: array<f32>; // [batch, scratch], of which each sequence has a part

// The header.
const DIM: u32 = 0u;      // d
const PITCH: u32 = 1u;    // of tokens, in f32
const FEATURES: u32 = 2u;
const SCRATCH: u32 = 3u;  // f32 a record
const HEADER: u32 = 4u;

// A feature's fields.
const KIND: u32 = 0u;
const OPERAND: u32 = 1u;     // where its first operand starts, in f32
const STRIDE: u32 = 2u;      // f32 of that operand a record
const WEIGHT: u32 = 3u;      // where its weights start
const LAST: u32 = 4u;        // of a categorical: the last row of the embedding
const STEPS: u32 = 5u;       // of a sequence, from here on: where its steps start, in f32
const ROWS: u32 = 6u;        // rows of numbers
const ROW_PITCH: u32 = 7u;   // in f32
const ROW: u32 = 8u;         // numbers a row
const HIDDEN: u32 = 9u;      // width of the hidden state
const SCRATCH_AT: u32 = 10u; // its part of scratch: row4, hidden4, hidden and 4 hidden cells
const FIELDS: u32 = 11u;

const CONTINUOUS: u32 = 0u;  // [3, d]: weight, bias, missing
const CATEGORICAL: u32 = 1u; // [categories + 1, d]
const SEQUENCE: u32 = 2u;    // W_ih [row4, 4 hidden], W_hh [hidden4, 4 hidden] and proj [hidden4, d], all transposed and
                             // with zeros past row and hidden; bias [4 hidden]; proj_bias [d]; missing [d]

const ONE: u32 = 4u; // the pitch of a single number
const THREADS: u32 = 256u;

var<workgroup> known_steps: u32;

fn field(feature: u32, which: u32) -> u32 {
    return dims[HEADER + feature * FIELDS + which];
}

fn continuous(thread: u32, feature: u32, record: u32, token_at: u32) {
    let at = field(feature, WEIGHT);
    let d = dims[DIM];
    let value = inputs[field(feature, OPERAND) + record * field(feature, STRIDE)];
    for (var j = thread; j < d; j += THREADS) {
        var token = weight[at + 2u * d + j];
        if !nan1(value) {
            token = fma(value, weight[at + j], weight[at + d + j]);
        }
        tokens[token_at + j] = token;
    }
}

fn categorical(thread: u32, feature: u32, record: u32, token_at: u32) {
    let value = inputs[field(feature, OPERAND) + record * field(feature, STRIDE)];
    var row = field(feature, LAST);
    if value >= 0.0 {
        row = min(u32(value), row);
    }
    for (var j = thread; j < dims[DIM]; j += THREADS) {
        tokens[token_at + j] = weight[field(feature, WEIGHT) + row * dims[DIM] + j];
    }
}

// The sum over i below depth, a multiple of four, of rows `width` long of weights times a vector in scratch.
fn product(weight_at: u32, width: u32, column: u32, vector_at: u32, depth: u32) -> f32 {
    var sum = vec4(0.0);
    for (var i = 0u; i < depth; i += 4u) {
        let at = weight_at + i * width + column;
        let w = vec4(weight[at], weight[at + width], weight[at + 2u * width], weight[at + 3u * width]);
        let x = vector_at + i;
        sum = fma(w, vec4(scratch[x], scratch[x + 1u], scratch[x + 2u], scratch[x + 3u]), sum);
    }
    return (sum.x + sum.y) + (sum.z + sum.w);
}

fn sequence(thread: u32, feature: u32, record: u32, token_at: u32) {
    let d = dims[DIM];
    let row = field(feature, ROW);
    let row4 = (row + 3u) & ~3u;
    let hidden = field(feature, HIDDEN);
    let hidden4 = (hidden + 3u) & ~3u;

    let row_weight = field(feature, WEIGHT);
    let hidden_weight = row_weight + row4 * 4u * hidden;
    let proj = hidden_weight + hidden4 * 4u * hidden;
    let bias = proj + hidden4 * d;
    let proj_bias = bias + 4u * hidden;
    let missing = proj_bias + d;

    let x_at = record * dims[SCRATCH] + field(feature, SCRATCH_AT); // the step's row, zeros to row4
    let h_at = x_at + row4;                                // h, zeros to hidden4
    let c_at = h_at + hidden4;                             // c
    let gates_at = c_at + hidden;                          // [4, hidden]
    let rows_at = field(feature, OPERAND) + record * field(feature, STRIDE);

    if thread == 0u {
        known_steps = min(u32(inputs[field(feature, STEPS) + ONE * record]), field(feature, ROWS));
    }
    let steps = workgroupUniformLoad(&known_steps);
    if steps == 0u {
        for (var j = thread; j < d; j += THREADS) {
            tokens[token_at + j] = weight[missing + j];
        }
        return;
    }

    for (var i = thread; i < row4; i += THREADS) {
        var x = 0.0;
        if i < row {
            x = inputs[rows_at + i];
        }
        scratch[x_at + i] = x;
    }
    for (var i = thread; i < hidden4; i += THREADS) {
        scratch[h_at + i] = 0.0;
    }
    for (var i = thread; i < hidden; i += THREADS) {
        scratch[c_at + i] = 0.0;
    }
    for (var step = 0u; step < steps; step++) {
        storageBarrier();
        workgroupBarrier();
        for (var i = thread; i < 4u * hidden; i += THREADS) {
            let of_x = product(row_weight, 4u * hidden, i, x_at, row4);
            let of_h = product(hidden_weight, 4u * hidden, i, h_at, hidden4);
            scratch[gates_at + i] = weight[bias + i] + (of_x + of_h);
        }
        storageBarrier();
        workgroupBarrier();
        for (var i = thread; i < hidden; i += THREADS) {
            let gate = gates_at + i;
            let g = vec3(scratch[gate], scratch[gate + hidden], scratch[gate + 3u * hidden]);
            let gates = sigmoid4(vec4(g, 0.0)); // input, forget, output
            let cell = fma(gates.y, scratch[c_at + i], gates.x * tanh1(scratch[gate + 2u * hidden]));
            scratch[c_at + i] = cell;
            scratch[h_at + i] = gates.z * tanh1(cell);
        }
        // The rows past the steps are not read.
        if step + 1u < steps {
            for (var i = thread; i < row; i += THREADS) {
                scratch[x_at + i] = inputs[rows_at + (step + 1u) * field(feature, ROW_PITCH) + i];
            }
        }
    }
    storageBarrier();
    workgroupBarrier();
    for (var j = thread; j < d; j += THREADS) {
        tokens[token_at + j] = weight[proj_bias + j] + product(proj, d, j, h_at, hidden4);
    }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    // Handed down, not kept in private variables: the control flow around barriers must be seen to be uniform.
    let feature = group.x;
    let record = group.z;
    let token_at = (record * dims[FEATURES] + feature) * dims[PITCH];
    switch field(feature, KIND) {
        case CONTINUOUS: {
            continuous(thread, feature, record, token_at);
        }
        case CATEGORICAL: {
            categorical(thread, feature, record, token_at);
        }
        default: {
            sequence(thread, feature, record, token_at);
        }
    }
}
