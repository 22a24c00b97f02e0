// Activations and weights in the device's f16.
enable f16;

alias Four = vec4<f16>;

fn unpack(v: Four) -> vec4<f32> {
    return vec4<f32>(v);
}

fn pack(v: vec4<f32>) -> Four {
    return vec4<f16>(v);
}
