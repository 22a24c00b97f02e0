//! The published sizes: `b0` to `b3` (EfficientNet's table in one dimension and its compound scaling) and `lite`.
//!
//! Channels scale by the width to the nearest multiple of 8, but never below 90 % of the exact width; repeats scale
//! by the depth, rounded up. Factors are kept in tenths: with integers the roundings are exact.

use super::{Config, FORMAT, Fusion, Normalize, Stage, Stem, Task};

/// What a preset leaves open: the data it is for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Setup {
    /// The model's name.
    pub name: String,
    /// Lead names.
    pub leads: Vec<String>,
    /// Samples a second.
    pub sample_rate: f64,
    /// Samples a record in training.
    pub samples: usize,
    /// Normalisation of a record.
    pub normalize: Normalize,
    /// What the logits mean.
    pub task: Task,
    /// Class names.
    pub classes: Vec<String>,
    /// Patient features.
    pub fusion: Option<Fusion>,
}

impl Setup {
    /// A network of this name, for `samples` samples of these leads at `sample_rate` a second, z-scored, to one of these classes
    /// from the signal alone.
    pub fn new(
        name: impl Into<String>,
        leads: impl IntoIterator<Item = impl Into<String>>,
        sample_rate: f64,
        samples: usize,
        classes: impl IntoIterator<Item = impl Into<String>>,
    ) -> Setup {
        Setup {
            name: name.into(),
            leads: leads.into_iter().map(Into::into).collect(),
            sample_rate,
            samples,
            normalize: Normalize::Zscore,
            task: Task::Multiclass,
            classes: classes.into_iter().map(Into::into).collect(),
            fusion: None,
        }
    }

    /// With another normalisation.
    pub fn normalize(mut self, normalize: Normalize) -> Setup {
        self.normalize = normalize;
        self
    }

    /// With another task.
    pub fn task(mut self, task: Task) -> Setup {
        self.task = task;
        self
    }

    /// With patient features.
    pub fn fusion(mut self, fusion: Fusion) -> Setup {
        self.fusion = Some(fusion);
        self
    }
}

/// `b0`'s stages: expand, kernel, stride, channels, repeats.
const B0: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
];

/// The published sizes. Check them before use where the setup is not known to be sound: [`Config::check`].
impl Config {
    /// EfficientNet-B0's table in one dimension.
    pub fn b0(setup: Setup) -> Config {
        scaled(setup, 10, 10)
    }

    /// Width 1, depth 1.1.
    pub fn b1(setup: Setup) -> Config {
        scaled(setup, 10, 11)
    }

    /// Width 1.1, depth 1.2.
    pub fn b2(setup: Setup) -> Config {
        scaled(setup, 11, 12)
    }

    /// Width 1.2, depth 1.4.
    pub fn b3(setup: Setup) -> Config {
        scaled(setup, 12, 14)
    }

    /// `b0` with every channel count halved and a head of 256 channels.
    pub fn lite(setup: Setup) -> Config {
        build(setup, |channels| channels / 2, |repeats| repeats, 256)
    }
}

fn scaled(setup: Setup, width: usize, depth: usize) -> Config {
    let channels = |c: usize| scale_channels(c, width);
    build(setup, channels, |repeats| (repeats * depth).div_ceil(10), channels(1280))
}

/// `channels * tenths / 10` to the nearest multiple of 8 (halves up), at least 90 % of the exact value.
fn scale_channels(channels: usize, tenths: usize) -> usize {
    let exact = channels * tenths;
    let rounded = ((exact + 40) / 80 * 8).max(8);
    // rounded < 0.9 * exact / 10, in hundredths
    if rounded * 100 < exact * 9 { rounded + 8 } else { rounded }
}

fn build(
    setup: Setup,
    channels: impl Fn(usize) -> usize,
    repeats: impl Fn(usize) -> usize,
    head_channels: usize,
) -> Config {
    Config {
        format: FORMAT.to_owned(),
        name: setup.name,
        leads: setup.leads,
        sample_rate: setup.sample_rate,
        samples: setup.samples,
        normalize: setup.normalize,
        task: setup.task,
        classes: setup.classes,
        bn_eps: 1e-3,
        se_ratio: 0.25,
        stem: Stem { channels: channels(32), kernel: 3, stride: 2 },
        stages: B0
            .iter()
            .map(|&(expand, kernel, stride, c, n)| Stage {
                expand,
                kernel,
                stride,
                channels: channels(c),
                repeats: repeats(n),
            })
            .collect(),
        head_channels,
        fusion: setup.fusion,
    }
}
