//! A configuration from its JSON text, and back.

use super::json::{Object, Value};
use super::{Config, Feature, FeatureKind, Fusion, Normalize, Stage, Stem, Task, check};
use efficientecg_files::ItemError;

impl Config {
    /// Reads and checks a configuration's JSON text. Errors name the key.
    pub fn from_json(text: &str) -> Result<Config, ItemError> {
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
                &[("zscore", Normalize::Zscore), ("median", Normalize::Median), ("none", Normalize::None)],
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
    pub fn to_json(&self) -> Result<String, ItemError> {
        serde_json::to_string_pretty(self).map_err(|e| {
            ItemError::new("config", "a configuration that can be written", e.to_string(), "check it first")
        })
    }
}

fn stage(value: Value) -> Result<Stage, ItemError> {
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

fn fusion(value: Value) -> Result<Fusion, ItemError> {
    let mut o = value.object()?;
    let fusion = Fusion {
        dim: o.take("dim")?.size()?,
        heads: o.take("heads")?.size()?,
        features: o.take("features")?.list()?.into_iter().map(feature).collect::<Result<_, _>>()?,
    };
    o.finish()?;
    Ok(fusion)
}

fn feature(value: Value) -> Result<Feature, ItemError> {
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
fn word<T: Copy>(o: &mut Object, key: &'static str, words: &[(&str, T)]) -> Result<T, ItemError> {
    let path = o.path(key);
    let text = o.take(key)?.text()?;
    match words.iter().find(|(w, _)| *w == text) {
        Some((_, value)) => Ok(*value),
        None => {
            let known: Vec<String> = words.iter().map(|(w, _)| format!("{w:?}")).collect();
            Err(ItemError::new(path, known.join(" or "), format!("{text:?}"), "use one of these words"))
        }
    }
}
