// Activations and weights in f32.
alias Four = vec4<f32>;

fn unpack(v: Four) -> vec4<f32> {
    return v;
}

fn pack(v: vec4<f32>) -> Four {
    return v;
}
