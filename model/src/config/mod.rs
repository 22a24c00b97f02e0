//! The configuration of a network: the JSON text that travels with the weights.
//!
//! EfficientECG (arXiv 2512.03804) is EfficientNet (arXiv 1905.11946) in one dimension: a stem, stages of MBConv
//! blocks, a 1×1 head, and optionally the fusion of patient features by cross-attention. [`Config::from_json`] reads
//! and checks the text; [`Config::blocks`] unrolls the stages; [`presets`] builds the published sizes.
//!
//! Every size is at most [`MAX_SIZE`] and every product is checked, so nothing that is built from a checked
//! configuration overflows.

mod check;
mod json;
pub mod presets;

use crate::fault::Fault;
use json::{Object, Value};
use serde::Serialize;

/// The only format that this version reads.
pub const FORMAT: &str = "efficientecg/1";

/// Largest count (channels, kernel, classes …) that a configuration may hold.
pub const MAX_SIZE: usize = 1 << 24;

/// Largest `samples`.
pub const MAX_SAMPLES: usize = 1 << 31;

/// Most MBConv blocks that the stages may unroll to.
pub const MAX_BLOCKS: usize = 10_000;

/// The whole configuration. A value from [`Config::from_json`] is valid; check one made or changed in memory with
/// [`Config::check`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// The format's name and version, [`FORMAT`].
    pub format: String,
    /// The model's name, for people.
    pub name: String,
    /// Names of the leads, in the order of the network's input channels.
    pub leads: Vec<String>,
    /// Samples a second that the network expects.
    pub sample_rate: f64,
    /// Length in samples that the model was trained on; it runs on any length from 1.
    pub samples: usize,
    /// How a record is normalised before the network.
    pub normalize: Normalize,
    /// How logits become probabilities.
    pub task: Task,
    /// Names of the classes, in the order of the logits.
    pub classes: Vec<String>,
    /// Added to every batch norm's variance.
    pub bn_eps: f64,
    /// Width of the squeeze-excite bottleneck relative to the block's input channels.
    pub se_ratio: f64,
    /// The first convolution.
    pub stem: Stem,
    /// The stages of MBConv blocks.
    pub stages: Vec<Stage>,
    /// Channels after the 1×1 head.
    pub head_channels: usize,
    /// Fusion of patient features; `None` classifies from the signal alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fusion: Option<Fusion>,
}

/// Normalisation of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    /// Per lead over the record: minus the mean, over the population standard deviation plus 1e-6.
    Zscore,
    /// As it is.
    None,
}

/// What the logits mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// One class a record: softmax.
    Multiclass,
    /// Each class by itself: sigmoid.
    Multilabel,
}

/// The stem's convolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stem {
    /// Output channels.
    pub channels: usize,
    /// Kernel length in samples, odd.
    pub kernel: usize,
    /// Stride in samples.
    pub stride: usize,
}

/// A stage: `repeats` MBConv blocks, of which the first has the stride and changes the channel count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Ratio of hidden to input channels; 1 leaves out the expanding convolution.
    pub expand: usize,
    /// Depthwise kernel length in positions, odd.
    pub kernel: usize,
    /// Stride of the first block.
    pub stride: usize,
    /// Output channels.
    pub channels: usize,
    /// Number of blocks.
    pub repeats: usize,
}

/// Cross-attention over patient features.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fusion {
    /// Width `d` of a token.
    pub dim: usize,
    /// Attention heads; divides `dim`.
    pub heads: usize,
    /// The features, one token each, in order.
    pub features: Vec<Feature>,
}

/// One patient feature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Feature {
    /// Its name: part of array names, so neither empty nor with a dot.
    pub name: String,
    /// What its values are.
    #[serde(flatten)]
    pub kind: FeatureKind,
}

/// The kinds of feature.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum FeatureKind {
    /// One number a record.
    Continuous {
        /// Subtracted from the value.
        offset: f64,
        /// Divides the difference; not 0.
        scale: f64,
    },
    /// One of `categories`.
    Categorical {
        /// Names of the categories, in the order of the embedding's rows.
        categories: Vec<String>,
    },
    /// Rows of `inputs` numbers, one row a beat, through a one-layer LSTM.
    Sequence {
        /// Numbers a row.
        inputs: usize,
        /// Width of the LSTM's state.
        hidden: usize,
    },
}

/// One unrolled MBConv block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockShape {
    /// Input channels.
    pub c_in: usize,
    /// Output channels.
    pub c_out: usize,
    /// Expansion ratio; 1 means no expanding convolution.
    pub expand: usize,
    /// Hidden channels, `c_in * expand`.
    pub e: usize,
    /// Depthwise kernel, odd.
    pub kernel: usize,
    /// Depthwise stride.
    pub stride: usize,
    /// Squeeze-excite bottleneck, `max(1, floor(c_in * se_ratio))`.
    pub r: usize,
    /// Whether the block's input is added to its output.
    pub residual: bool,
}

impl BlockShape {
    /// Output positions for `len` input positions.
    pub fn out_len(&self, len: usize) -> usize {
        out_len(len, self.kernel, self.stride)
    }
}

/// Outputs of a convolution over `len` positions with `kernel / 2` zeros on both sides:
/// `floor((len + 2*(kernel/2) - kernel) / stride) + 1`. 0 if `len` or `stride` is 0.
pub fn out_len(len: usize, kernel: usize, stride: usize) -> usize {
    // For an odd kernel the padding makes up for all of it but one position.
    let lost = kernel - 2 * (kernel / 2);
    match len.checked_sub(lost) {
        Some(span) if len > 0 && stride > 0 => span / stride + 1,
        _ => 0,
    }
}

impl Config {
    /// Reads and checks a configuration's JSON text. Errors name the key.
    pub fn from_json(text: &str) -> Result<Config, Fault> {
        let mut o = Value::parse(text)?.object()?;
        // The format first: the other keys of an unknown format mean nothing.
        let format = o.take("format")?.text()?;
        check::format(&format)?;
        let config = Config {
            format,
            name: o.take("name")?.text()?,
            leads: o.take("leads")?.texts()?,
            sample_rate: o.take("sample_rate")?.number()?,
            samples: o.take("samples")?.size()?,
            normalize: word(
                &mut o,
                "normalize",
                &[("zscore", Normalize::Zscore), ("none", Normalize::None)],
            )?,
            task: word(
                &mut o,
                "task",
                &[("multiclass", Task::Multiclass), ("multilabel", Task::Multilabel)],
            )?,
            classes: o.take("classes")?.texts()?,
            bn_eps: o.take("bn_eps")?.number()?,
            se_ratio: o.take("se_ratio")?.number()?,
            stem: {
                let mut s = o.take("stem")?.object()?;
                let stem = Stem {
                    channels: s.take("channels")?.size()?,
                    kernel: s.take("kernel")?.size()?,
                    stride: s.take("stride")?.size()?,
                };
                s.finish()?;
                stem
            },
            stages: o.take("stages")?.list()?.into_iter().map(stage).collect::<Result<_, _>>()?,
            head_channels: o.take("head_channels")?.size()?,
            fusion: match o.optional("fusion") {
                Some(value) if !value.is_null() => Some(fusion(value)?),
                _ => None,
            },
        };
        o.finish()?;
        config.check()?;
        Ok(config)
    }

    /// The configuration as JSON text.
    pub fn to_json(&self) -> Result<String, Fault> {
        serde_json::to_string_pretty(self).map_err(|e| {
            Fault::new("config", "a configuration that can be written", e.to_string(), "check it first")
        })
    }

    /// Checks everything that the format asks for. Errors name the key.
    pub fn check(&self) -> Result<(), Fault> {
        check::config(self)
    }

    /// Unrolls the stages. Fails where a count is out of range, so that nothing is built from one.
    pub fn blocks(&self) -> Result<Vec<BlockShape>, Fault> {
        check::blocks(self)
    }

    /// Positions after the stem and every block for `len` input samples: `T'` of the head.
    pub fn head_len(&self, len: usize) -> Result<usize, Fault> {
        let stem = out_len(len, self.stem.kernel, self.stem.stride);
        Ok(self.blocks()?.iter().fold(stem, |t, b| b.out_len(t)))
    }

    /// The fusion's features; none without fusion.
    pub fn features(&self) -> &[Feature] {
        self.fusion.as_ref().map_or(&[], |f| &f.features)
    }
}

fn stage(value: Value) -> Result<Stage, Fault> {
    let mut o = value.object()?;
    let stage = Stage {
        expand: o.take("expand")?.size()?,
        kernel: o.take("kernel")?.size()?,
        stride: o.take("stride")?.size()?,
        channels: o.take("channels")?.size()?,
        repeats: o.take("repeats")?.size()?,
    };
    o.finish()?;
    Ok(stage)
}

fn fusion(value: Value) -> Result<Fusion, Fault> {
    let mut o = value.object()?;
    let fusion = Fusion {
        dim: o.take("dim")?.size()?,
        heads: o.take("heads")?.size()?,
        features: o.take("features")?.list()?.into_iter().map(feature).collect::<Result<_, _>>()?,
    };
    o.finish()?;
    Ok(fusion)
}

fn feature(value: Value) -> Result<Feature, Fault> {
    let mut o = value.object()?;
    let name = o.take("name")?.text()?;
    let kind = match word(&mut o, "kind", &[("continuous", 0), ("categorical", 1), ("sequence", 2)])? {
        0 => {
            FeatureKind::Continuous { offset: o.take("offset")?.number()?, scale: o.take("scale")?.number()? }
        }
        1 => FeatureKind::Categorical { categories: o.take("categories")?.texts()? },
        _ => FeatureKind::Sequence { inputs: o.take("inputs")?.size()?, hidden: o.take("hidden")?.size()? },
    };
    o.finish()?;
    Ok(Feature { name, kind })
}

/// One of a closed set of words.
fn word<T: Copy>(o: &mut Object, key: &'static str, words: &[(&str, T)]) -> Result<T, Fault> {
    let path = o.path(key);
    let text = o.take(key)?.text()?;
    match words.iter().find(|(w, _)| *w == text) {
        Some((_, value)) => Ok(*value),
        None => {
            let known: Vec<String> = words.iter().map(|(w, _)| format!("{w:?}")).collect();
            Err(Fault::new(path, known.join(" or "), format!("{text:?}"), "use one of these words"))
        }
    }
}

#[cfg(test)]
mod tests;
