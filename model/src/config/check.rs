//! The checks of a configuration: every rule in one place, each error naming its key.

use super::{ANY_LEAD, BlockShape, Config, FORMAT, FeatureKind, MAX_BLOCKS, MAX_SAMPLES, MAX_SIZE};
use efficientecg_files::ItemError;
use std::collections::HashSet;

/// Text of `expected` for a count.
fn counts() -> String {
    format!("1 to {MAX_SIZE}")
}

pub(super) fn format(found: &str) -> Result<(), ItemError> {
    if found == FORMAT {
        return Ok(());
    }
    Err(ItemError::new(
        "format",
        format!("{FORMAT:?}"),
        format!("{found:?}"),
        "use a version of this program that knows the format",
    ))
}

pub(super) fn config(c: &Config) -> Result<(), ItemError> {
    format(&c.format)?;
    names("leads", &c.leads, |lead| lead == ANY_LEAD)?;
    names("classes", &c.classes, |_| false)?;
    positive("sample_rate", c.sample_rate)?;
    range("samples", c.samples, MAX_SAMPLES)?;
    not_negative("bn_eps", c.bn_eps)?;
    not_negative("se_ratio", c.se_ratio)?;
    size("stem.channels", c.stem.channels)?;
    kernel("stem.kernel", c.stem.kernel)?;
    size("stem.stride", c.stem.stride)?;
    size("head_channels", c.head_channels)?;
    blocks(c)?;
    if let Some(fusion) = &c.fusion {
        size("fusion.dim", fusion.dim)?;
        size("fusion.heads", fusion.heads)?;
        if fusion.dim % fusion.heads != 0 {
            return Err(ItemError::new(
                "fusion.heads",
                format!("a divisor of fusion.dim = {}", fusion.dim),
                fusion.heads.to_string(),
                "choose heads that divide dim",
            ));
        }
        let labels: Vec<String> = fusion.features.iter().map(|f| f.name.clone()).collect();
        names("fusion.features", &labels, |_| false)?;
        for (i, feature) in fusion.features.iter().enumerate() {
            let key = |k: &str| format!("fusion.features[{i}].{k}");
            if feature.name.is_empty() || feature.name.contains('.') {
                return Err(ItemError::new(
                    key("name"),
                    "a name that is not empty and has no dot",
                    format!("{:?}", feature.name),
                    "rename the feature",
                ));
            }
            match &feature.kind {
                FeatureKind::Continuous { offset, scale } => {
                    finite(&key("offset"), *offset)?;
                    finite(&key("scale"), *scale)?;
                    if *scale == 0.0 {
                        return Err(ItemError::new(
                            key("scale"),
                            "a number other than 0",
                            "0",
                            "values are divided by it: use the feature's spread",
                        ));
                    }
                }
                FeatureKind::Categorical { categories } => names(&key("categories"), categories, |_| false)?,
                FeatureKind::Sequence { inputs, hidden } => {
                    size(&key("inputs"), *inputs)?;
                    size(&key("hidden"), *hidden)?;
                }
            }
        }
    }
    Ok(())
}

pub(super) fn blocks(c: &Config) -> Result<Vec<BlockShape>, ItemError> {
    if c.stages.is_empty() {
        return Err(ItemError::new(
            "stages",
            "at least one stage",
            "an empty list",
            "list the network's stages",
        ));
    }
    let total = c.stages.iter().try_fold(0usize, |sum, s| sum.checked_add(s.repeats));
    if let Some((i, stage)) =
        c.stages.iter().enumerate().find(|(_, s)| s.repeats == 0 || s.repeats > MAX_BLOCKS)
    {
        return Err(ItemError::new(
            format!("stages[{i}].repeats"),
            format!("1 to {MAX_BLOCKS}"),
            stage.repeats.to_string(),
            "correct the configuration",
        ));
    }
    if total.is_none_or(|n| n > MAX_BLOCKS) {
        return Err(ItemError::new(
            "stages",
            format!("at most {MAX_BLOCKS} blocks in all"),
            total.map_or("more".to_owned(), |n| n.to_string()),
            "lower the repeats",
        ));
    }
    not_negative("se_ratio", c.se_ratio)?;
    size("stem.channels", c.stem.channels)?;
    let mut blocks = Vec::with_capacity(total.unwrap_or(0));
    let mut c_in = c.stem.channels;
    for (i, stage) in c.stages.iter().enumerate() {
        let key = |k: &str| format!("stages[{i}].{k}");
        size(&key("expand"), stage.expand)?;
        kernel(&key("kernel"), stage.kernel)?;
        size(&key("stride"), stage.stride)?;
        size(&key("channels"), stage.channels)?;
        for repeat in 0..stage.repeats {
            let e = c_in.checked_mul(stage.expand).filter(|e| *e <= MAX_SIZE);
            let e = e.ok_or_else(|| {
                ItemError::new(
                    key("expand"),
                    format!("at most {MAX_SIZE} hidden channels"),
                    format!("{c_in} * {}", stage.expand),
                    "lower expand or the channels",
                )
            })?;
            // A float's cast to an integer saturates, so an absurd ratio ends in the check below.
            let r = ((c_in as f64 * c.se_ratio).floor() as usize).max(1);
            if r > MAX_SIZE {
                return Err(ItemError::new(
                    "se_ratio",
                    format!("at most {MAX_SIZE} squeeze channels"),
                    format!("{c_in} * {}", c.se_ratio),
                    "lower se_ratio",
                ));
            }
            let stride = if repeat == 0 { stage.stride } else { 1 };
            blocks.push(BlockShape {
                c_in,
                c_out: stage.channels,
                expand: stage.expand,
                e,
                kernel: stage.kernel,
                stride,
                r,
                residual: stride == 1 && c_in == stage.channels,
            });
            c_in = stage.channels;
        }
    }
    Ok(blocks)
}

/// A list of distinct names, not empty.
/// Whether names are there and used once, but for those that may be used more often.
fn names(key: &str, list: &[String], often: impl Fn(&str) -> bool) -> Result<(), ItemError> {
    if list.is_empty() {
        return Err(ItemError::new(key, "at least one entry", "an empty list", "list the names"));
    }
    range(key, list.len(), MAX_SIZE)?;
    let mut seen = HashSet::new();
    for (i, name) in list.iter().enumerate() {
        if !seen.insert(name.as_str()) && !often(name) {
            return Err(ItemError::new(
                format!("{key}[{i}]"),
                "a name used once",
                format!("{name:?} again"),
                "rename one of the two",
            ));
        }
    }
    Ok(())
}

fn range(key: &str, value: usize, max: usize) -> Result<(), ItemError> {
    if (1..=max).contains(&value) {
        return Ok(());
    }
    Err(ItemError::new(key, format!("1 to {max}"), value.to_string(), "correct the configuration"))
}

fn size(key: &str, value: usize) -> Result<(), ItemError> {
    range(key, value, MAX_SIZE)
}

fn kernel(key: &str, value: usize) -> Result<(), ItemError> {
    if value % 2 == 1 && value <= MAX_SIZE {
        return Ok(());
    }
    Err(ItemError::new(
        key,
        format!("an odd number, {}", counts()),
        value.to_string(),
        "kernels are odd so that they have a middle",
    ))
}

fn finite(key: &str, value: f64) -> Result<(), ItemError> {
    number(key, value, value.is_finite(), "a finite number")
}

fn positive(key: &str, value: f64) -> Result<(), ItemError> {
    number(key, value, value > 0.0, "a finite number above 0")
}

fn not_negative(key: &str, value: f64) -> Result<(), ItemError> {
    number(key, value, value >= 0.0, "a finite number of at least 0")
}

fn number(key: &str, value: f64, good: bool, expected: &str) -> Result<(), ItemError> {
    if good && value.is_finite() {
        return Ok(());
    }
    Err(ItemError::new(key, expected, value.to_string(), "correct the configuration"))
}
