//! Which variant each node runs: the default of the device's class, unless one was measured to be faster.

use efficientecg_kernels::gpu::{DeviceClass, Launch, Shader, Traits};
use efficientecg_kernels::tensor::Shape;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The choice among variants on a device.
#[derive(Clone, Debug)]
pub(super) struct Variants {
    class: DeviceClass,
    traits: Traits,
    /// Those that were measured, by [`key`], with the names of the winners.
    tuned: HashMap<String, String>,
    /// The variant of this number everywhere, counted round: for tests and for measurements.
    pub(super) forced: Option<usize>,
}

impl Variants {
    /// The defaults of a device, but for what was measured.
    pub(super) fn new(class: DeviceClass, traits: Traits, tuned: HashMap<String, String>) -> Variants {
        Variants { class, traits, tuned, forced: None }
    }

    /// The variant for such operands.
    pub(super) fn choose(&self, shader: &dyn Shader, operands: &[Shape], batch: usize) -> usize {
        let names = shader.variants(self.traits);
        if let Some(forced) = self.forced {
            return forced % names.len();
        }
        // One variant needs no key.
        let tuned = (names.len() > 1 && !self.tuned.is_empty())
            .then(|| self.tuned.get(&key(shader, operands, self.traits)));
        let tuned = tuned.flatten().and_then(|winner| names.iter().position(|name| name == winner));
        tuned.unwrap_or_else(|| shader.choose(operands, batch, self.class, self.traits))
    }
}

/// What a measurement holds for: the texts of its variants' programs, all that its variants share, and the operands of one record. The batch is not in
/// it, because the bits of sums may not depend on it.
pub(super) fn key(shader: &dyn Shader, operands: &[Shape], traits: Traits) -> String {
    let variants = 0..shader.variants(traits).len();
    let launches: Vec<Launch> = variants.clone().map(|variant| shader.launch(operands, 1, variant)).collect();
    let before = variants.filter_map(|variant| shader.before(operands, 1, variant));
    let (program, overrides) = (shader.program(), &launches[0].overrides);
    let result = shader.outputs(operands, 0).first().copied().unwrap_or(Shape::new(0, 0));
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    let mut text = DefaultHasher::new();
    let mut programs: Vec<_> = launches.iter().map(|launch| launch.program).collect();
    programs.extend(before.map(|before| before.launch.program));
    programs.dedup_by(|a, b| std::ptr::eq(*a, *b));
    programs.iter().for_each(|program| program.text(traits).hash(&mut text));
    // The first operand is no sums, whose rows depend on the variant of the node before.
    let (overrides, text) = (overrides.join(","), text.finish());
    format!("{} {overrides} {} {result} {text:016x}", program.name, operands[0])
}
