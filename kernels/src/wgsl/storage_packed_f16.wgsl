// Activations and weights in f16, two in a word: runs everywhere.
alias Four = vec2<u32>;

fn unpack(v: Four) -> vec4<f32> {
    return vec4(unpack2x16float(v.x), unpack2x16float(v.y));
}

// What overflows f16 becomes infinite, as WGSL leaves it open and the host looks for it.
fn pack(v: vec4<f32>) -> Four {
    let big = abs(v) >= vec4(65520.0);
    let sign = select(vec4(0u), vec4(0x8000u), v < vec4(0.0)) | vec4(0x7c00u);
    let low = vec2(pack2x16float(v.xy), pack2x16float(v.zw));
    let inf = select(vec4(0u), sign, big);
    let keep = select(vec4(0xffffu), vec4(0u), big);
    return (low & (keep.xz | (keep.yw << vec2(16u)))) | inf.xz | (inf.yw << vec2(16u));
}
