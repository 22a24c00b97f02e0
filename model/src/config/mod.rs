//! The configuration of a network: the JSON text that travels with the weights.
//!
//! EfficientECG (arXiv 2512.03804) is EfficientNet (arXiv 1905.11946) in one dimension: a stem, stages of MBConv
//! blocks, a 1×1 head, and optionally the fusion of patient features by cross-attention. `Config::from_json` (feature
//! `npz`) reads and checks the text; [`Config::blocks`] unrolls the stages; [`presets`] builds the published sizes.
//!
//! Every size is at most [`MAX_SIZE`] and every product is checked, so nothing that is built from a checked
//! configuration overflows.

mod check;
#[cfg(feature = "npz")]
mod json;
pub mod presets;
#[cfg(feature = "npz")]
mod text;

use efficientecg_files::ItemError;

/// The only format that this version reads.
pub const FORMAT: &str = "efficientecg/1";

/// A name in [`Config::leads`] that may come more than once: any ECG lead that no other name takes, in the record's order.
pub const ANY_LEAD: &str = "*";

/// Largest count (channels, kernel, classes …) that a configuration may hold.
pub const MAX_SIZE: usize = 1 << 24;

/// Largest `samples`.
pub const MAX_SAMPLES: usize = 1 << 31;

/// Most MBConv blocks that the stages may unroll to.
pub const MAX_BLOCKS: usize = 10_000;

/// The whole configuration. One that was read is valid; check one made or changed in memory with
/// [`Config::check`].
///
/// One is made of a published size, and changed where it is to differ:
///
/// ```
/// use efficientecg::config::{Config, Feature, Fusion, Stage};
/// use efficientecg::config::presets::Setup;
///
/// let fusion = Fusion::new(64, 4, vec![Feature::continuous("age", 60.0, 20.0)]);
/// let setup = Setup::new("rhythm", ["I"], 300.0, 9000, ["normal", "fibrillation"]).fusion(fusion);
/// let mut config = Config::lite(setup);
/// config.stages[0] = Stage::new(1, 5, 1, 8, 2);
/// config.check()?;
/// # Ok::<(), efficientecg::ItemError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "npz", derive(serde::Serialize))]
pub struct Config {
    /// The format's name and version, [`FORMAT`].
    pub format: String,
    /// The model's name, for people.
    pub name: String,
    /// Names of the leads, in the order of the network's input channels; [`ANY_LEAD`] is any.
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
    #[cfg_attr(feature = "npz", serde(skip_serializing_if = "Option::is_none"))]
    pub fusion: Option<Fusion>,
}

/// Normalisation of a record. Missing samples take no part in mean, deviation and median.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "npz", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Normalize {
    /// Per lead over the record: minus the mean, over the population standard deviation plus 1e-6.
    Zscore,
    /// Per lead over the record, in mV: minus the median.
    Median,
    /// In mV, as it is.
    None,
}

/// What the logits mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "npz", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Task {
    /// One class a record: softmax.
    Multiclass,
    /// Each class by itself: sigmoid.
    Multilabel,
}

/// The stem's convolution.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "npz", derive(serde::Serialize))]
pub struct Stem {
    /// Output channels.
    pub channels: usize,
    /// Kernel length in samples, odd.
    pub kernel: usize,
    /// Stride in samples.
    pub stride: usize,
}

impl Stem {
    /// A convolution to `channels` channels, its kernel and stride in samples; the kernel is odd.
    pub fn new(channels: usize, kernel: usize, stride: usize) -> Stem {
        Stem { channels, kernel, stride }
    }
}

/// A stage: `repeats` MBConv blocks, of which the first has the stride and changes the channel count.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "npz", derive(serde::Serialize))]
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

impl Stage {
    /// A stage in the order of EfficientNet's table: the ratio of hidden to input channels, the depthwise kernel (odd), the stride
    /// of the first block, output channels, and the number of blocks.
    pub fn new(expand: usize, kernel: usize, stride: usize, channels: usize, repeats: usize) -> Stage {
        Stage { expand, kernel, stride, channels, repeats }
    }
}

/// Cross-attention over patient features.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "npz", derive(serde::Serialize))]
pub struct Fusion {
    /// Width `d` of a token.
    pub dim: usize,
    /// Attention heads; divides `dim`.
    pub heads: usize,
    /// The features, one token each, in order.
    pub features: Vec<Feature>,
}

impl Fusion {
    /// Tokens of width `dim`, in `heads` heads, which divide it.
    pub fn new(dim: usize, heads: usize, features: Vec<Feature>) -> Fusion {
        Fusion { dim, heads, features }
    }
}

/// One patient feature.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "npz", derive(serde::Serialize))]
pub struct Feature {
    /// Its name: part of array names, so neither empty nor with a dot.
    pub name: String,
    /// What its values are.
    #[cfg_attr(feature = "npz", serde(flatten))]
    pub kind: FeatureKind,
}

impl Feature {
    /// One number a record: `(x - offset) / scale` enters the network; `scale` is not 0.
    pub fn continuous(name: impl Into<String>, offset: f64, scale: f64) -> Feature {
        Feature { name: name.into(), kind: FeatureKind::Continuous { offset, scale } }
    }

    /// One of `categories`.
    pub fn categorical(
        name: impl Into<String>,
        categories: impl IntoIterator<Item = impl Into<String>>,
    ) -> Feature {
        let categories = categories.into_iter().map(Into::into).collect();
        Feature { name: name.into(), kind: FeatureKind::Categorical { categories } }
    }

    /// Rows of `inputs` numbers, through an LSTM whose state is `hidden` wide.
    pub fn sequence(name: impl Into<String>, inputs: usize, hidden: usize) -> Feature {
        Feature { name: name.into(), kind: FeatureKind::Sequence { inputs, hidden } }
    }

    /// The place of a category by its name.
    pub(crate) fn category(&self, name: &str) -> Option<usize> {
        match &self.kind {
            FeatureKind::Categorical { categories } => categories.iter().position(|c| c == name),
            _ => None,
        }
    }
}

/// The kinds of feature.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "npz", derive(serde::Serialize), serde(tag = "kind", rename_all = "lowercase"))]
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
#[non_exhaustive]
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
    /// Checks everything that the format asks for. Errors name the key.
    pub fn check(&self) -> Result<(), ItemError> {
        check::config(self)
    }

    /// Unrolls the stages. Fails where a count is out of range, so that nothing is built from one.
    pub fn blocks(&self) -> Result<Vec<BlockShape>, ItemError> {
        check::blocks(self)
    }

    /// Positions after the stem and after each block for `len` input samples; the last are the head's.
    ///
    /// # Errors
    /// As those of [`Config::blocks`].
    pub fn lengths(&self, len: usize) -> Result<Vec<usize>, ItemError> {
        let mut lengths = vec![out_len(len, self.stem.kernel, self.stem.stride)];
        for block in self.blocks()? {
            lengths.push(block.out_len(lengths[lengths.len() - 1]));
        }
        Ok(lengths)
    }

    /// The fusion's features; none without fusion.
    pub fn features(&self) -> &[Feature] {
        self.fusion.as_ref().map_or(&[], |f| &f.features)
    }
}

#[cfg(all(test, feature = "npz"))]
mod tests;
