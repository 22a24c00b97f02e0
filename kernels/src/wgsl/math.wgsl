// exp and its kin, as math.rs has them: WGSL's own exp may err by 3 + 2|x| ULP, and overflows to anything.

const LN2_HIGH: f32 = 0.6933594;
const LN2_LOW: f32 = -2.1219444e-4;
const LOG2_E: f32 = 1.4426950408889634;

// Where v is not a number, by its bits: a compiler may take it that floats are numbers.
fn nan4(v: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(v) & vec4(0x7fffffffu)) > vec4(0x7f800000u);
}

fn nan1(v: f32) -> bool {
    return nan4(vec4(v)).x;
}

// e^x, with x clamped to -87 ..= 88; 2 ULP where the compiler keeps the order of the sums. NaN stays NaN: it tells of
// an overflow before.
fn exp4(v: vec4<f32>) -> vec4<f32> {
    let x = clamp(v, vec4(-87.0), vec4(88.0));
    let n = round(x * LOG2_E);
    let r = fma(n, vec4(-LN2_LOW), fma(n, vec4(-LN2_HIGH), x));
    var p = vec4(1.3836846e-3);
    p = fma(p, r, vec4(8.374815e-3));
    p = fma(p, r, vec4(4.1668225e-2));
    p = fma(p, r, vec4(1.666642e-1));
    p = fma(p, r, vec4(4.999999e-1));
    p = fma(p, r, vec4(1.0));
    p = fma(p, r, vec4(1.0));
    let y = p * bitcast<vec4<f32>>(vec4<u32>(vec4<i32>(n) + vec4(127)) << vec4(23u));
    return select(y, v, nan4(v));
}

fn exp1(x: f32) -> f32 {
    return exp4(vec4(x)).x;
}

fn sigmoid4(x: vec4<f32>) -> vec4<f32> {
    return vec4(1.0) / (vec4(1.0) + exp4(-x));
}

fn sigmoid1(x: f32) -> f32 {
    return sigmoid4(vec4(x)).x;
}

fn silu4(x: vec4<f32>) -> vec4<f32> {
    let clamped = select(max(x, vec4(-87.0)), x, nan4(x));
    return clamped * sigmoid4(clamped);
}

fn silu1(x: f32) -> f32 {
    return silu4(vec4(x)).x;
}

fn tanh1(x: f32) -> f32 {
    return 2.0 * sigmoid1(2.0 * x) - 1.0;
}
