//! Packing: a graph is built, and each layer that it takes is written.

use super::hash::Xxh64;
use super::{ALIGNMENT, Encoding, HEADER, MAGIC, VERSION, configuration};
use crate::config::Config;
use crate::graph;
use crate::layers::fold_bn::Folder;
use crate::layers::{Affine, Layers};
use crate::overflow::Overflow;
use crate::weights::{Weights, WeightsError};
use efficientecg_engine::Precision;
use efficientecg_kernels::half;
use efficientecg_kernels::half_blocks::HalfBlocks;
use efficientecg_kernels::tensor::BLOCK;
use efficientecg_kernels::weight_rows::WeightRows;
use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

/// The bytes of a packed file, which [`Options::from_bytes`](crate::Options::from_bytes) and
/// [`Options::load`](crate::Options::load) take. With [`Precision::F16`] or [`Precision::Bf16`] the weights of pointwise and
/// expand layers are stored in 16 bits, rounded as a model of that precision rounds them. What a model then runs in is a
/// matter of its options.
///
/// # Errors
/// A value overflows once batch norm is folded in, or overflows the precision.
pub fn pack(weights: &Weights, precision: Precision) -> Result<Vec<u8>, WeightsError> {
    let folder = Folder::new(weights);
    folder.set_limit(Overflow::of(precision));
    let config = configuration::to_bytes(weights.config());
    let mut start = vec![0; HEADER];
    start.extend(&config);
    let packer = Packer { folder, precision, bytes: RefCell::new(start) };
    graph::build(weights.config(), &packer, drop)?;
    let mut bytes = packer.bytes.into_inner();
    let (length, hash) = (bytes.len() as u64, Xxh64::of(&bytes[HEADER..]));
    let mut header = Vec::from(MAGIC);
    header.extend(VERSION.to_le_bytes());
    header.extend((config.len() as u32).to_le_bytes());
    header.extend(length.to_le_bytes());
    header.extend(hash.to_le_bytes());
    bytes[..HEADER].copy_from_slice(&header);
    Ok(bytes)
}

/// Layers that are written as they are taken.
struct Packer<'a> {
    folder: Folder<'a>,
    precision: Precision,
    bytes: RefCell<Vec<u8>>,
}

impl Packer<'_> {
    /// Adds an array.
    fn add(&self, name: &str, encoding: Encoding, count: usize, data: impl Iterator<Item = u8>) {
        let mut bytes = self.bytes.borrow_mut();
        let pad = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        pad(&mut bytes);
        bytes.extend((count as u64).to_le_bytes());
        bytes.extend(Xxh64::of(name.as_bytes()).to_le_bytes());
        bytes.extend((encoding as u32).to_le_bytes());
        pad(&mut bytes);
        bytes.extend(data);
    }

    /// Adds an array in f32.
    fn add_f32(&self, name: &str, values: &[f64]) {
        self.add(name, Encoding::F32, values.len(), values.iter().flat_map(|v| (*v as f32).to_le_bytes()));
    }
}

impl Layers for Packer<'_> {
    fn config(&self) -> &Config {
        self.folder.config()
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn set_limit(&self, limit: Overflow) {
        self.folder.set_limit(limit);
    }

    fn conv_bn(&self, layer: &str) -> Result<Affine<WeightRows>, WeightsError> {
        let taken = self.folder.conv_bn(layer)?;
        let name = format!("{layer}.conv.weight");
        let weight = taken.weight.exact();
        let rows = weight.chunks_exact((weight.len() / taken.bias.len().max(1)).max(1));
        match self.precision {
            Precision::F16 => {
                let rows: Vec<Vec<u16>> = rows.map(half::round_row).collect();
                if rows.len() < BLOCK {
                    // A block would be zeros for the most part.
                    let halves = rows.into_iter().flatten().flat_map(u16::to_le_bytes);
                    self.add(&name, Encoding::F16, weight.len(), halves);
                } else {
                    let bytes = HalfBlocks::bytes_of(&rows);
                    self.add(&name, Encoding::F16Blocks, bytes.len() / 2, bytes.into_iter());
                }
            }
            Precision::Bf16 => {
                let halves = weight.iter().flat_map(|w| half::bf16(*w as f32).to_le_bytes());
                self.add(&name, Encoding::Bf16, weight.len(), halves);
            }
            _ => self.add_f32(&name, &weight),
        }
        self.add_f32(&format!("{layer}.bn.bias"), &taken.bias);
        drop(weight);
        Ok(taken)
    }

    fn conv_bn_exact(&self, layer: &str) -> Result<Affine, WeightsError> {
        let taken = self.folder.conv_bn_exact(layer)?;
        self.add_f32(&format!("{layer}.conv.weight"), &taken.weight);
        self.add_f32(&format!("{layer}.bn.bias"), &taken.bias);
        Ok(taken)
    }

    fn values(&self, name: &str) -> Result<Vec<f64>, WeightsError> {
        let taken = self.folder.values(name)?;
        self.add_f32(name, &taken);
        Ok(taken)
    }

    fn sum(&self, name: &str, other: &str) -> Result<Vec<f64>, WeightsError> {
        let taken = self.folder.sum(name, other)?;
        self.add_f32(name, &taken);
        Ok(taken)
    }

    fn finish(&self) -> Result<(), WeightsError> {
        Ok(())
    }

    fn taken(&self) -> Duration {
        self.folder.taken()
    }

    fn reading(&self) -> Duration {
        self.folder.reading()
    }
}
