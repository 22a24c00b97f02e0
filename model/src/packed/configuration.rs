//! A configuration in bytes: its fields in their order, counts and numbers in 8 bytes, choices in one, texts and lists after
//! their lengths.

use crate::config::{Config, FORMAT, Feature, FeatureKind, Fusion, Normalize, Stage, Stem, Task};
use efficientecg_files::ItemError;

/// The choices by their numbers.
const NORMALIZE: [Normalize; 3] = [Normalize::Zscore, Normalize::Median, Normalize::None];
const TASK: [Task; 2] = [Task::Multiclass, Task::Multilabel];

/// The bytes of a configuration.
pub(super) fn to_bytes(config: &Config) -> Vec<u8> {
    let mut out = Writer(Vec::new());
    out.text(&config.name);
    out.texts(&config.leads);
    out.number(config.sample_rate);
    out.count(config.samples);
    out.choice(&NORMALIZE, config.normalize);
    out.choice(&TASK, config.task);
    out.texts(&config.classes);
    out.number(config.bn_eps);
    out.number(config.se_ratio);
    [config.stem.channels, config.stem.kernel, config.stem.stride].into_iter().for_each(|n| out.count(n));
    out.count(config.stages.len());
    for stage in &config.stages {
        let sizes = [stage.expand, stage.kernel, stage.stride, stage.channels, stage.repeats];
        sizes.into_iter().for_each(|n| out.count(n));
    }
    out.count(config.head_channels);
    out.count(usize::from(config.fusion.is_some()));
    if let Some(fusion) = &config.fusion {
        [fusion.dim, fusion.heads, fusion.features.len()].into_iter().for_each(|n| out.count(n));
        for feature in &fusion.features {
            out.text(&feature.name);
            match &feature.kind {
                FeatureKind::Continuous { offset, scale } => {
                    out.0.push(0);
                    out.number(*offset);
                    out.number(*scale);
                }
                FeatureKind::Categorical { categories } => {
                    out.0.push(1);
                    out.texts(categories);
                }
                FeatureKind::Sequence { inputs, hidden } => {
                    out.0.push(2);
                    out.count(*inputs);
                    out.count(*hidden);
                }
            }
        }
    }
    out.0
}

/// The configuration of these bytes, checked.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<Config, ItemError> {
    let config = read(&mut Reader(bytes)).ok_or_else(|| {
        ItemError::new(
            "configuration",
            "the fields of a configuration",
            "other bytes",
            "pack the weights again, with this version",
        )
    })?;
    config.check()?;
    Ok(config)
}

fn read(from: &mut Reader<'_>) -> Option<Config> {
    let config = Config {
        format: FORMAT.to_owned(),
        name: from.text()?,
        leads: from.list(Reader::text)?,
        sample_rate: from.number()?,
        samples: from.count()?,
        normalize: *NORMALIZE.get(usize::from(from.byte()?))?,
        task: *TASK.get(usize::from(from.byte()?))?,
        classes: from.list(Reader::text)?,
        bn_eps: from.number()?,
        se_ratio: from.number()?,
        stem: Stem::new(from.count()?, from.count()?, from.count()?),
        stages: from.list(|from| {
            Some(Stage::new(from.count()?, from.count()?, from.count()?, from.count()?, from.count()?))
        })?,
        head_channels: from.count()?,
        fusion: match from.count()? {
            0 => None,
            1 => Some(Fusion::new(from.count()?, from.count()?, from.list(feature)?)),
            _ => return None,
        },
    };
    from.0.is_empty().then_some(config)
}

fn feature(from: &mut Reader<'_>) -> Option<Feature> {
    let name = from.text()?;
    Some(match from.byte()? {
        0 => Feature::continuous(name, from.number()?, from.number()?),
        1 => Feature::categorical(name, from.list(Reader::text)?),
        2 => Feature::sequence(name, from.count()?, from.count()?),
        _ => return None,
    })
}

struct Writer(Vec<u8>);

impl Writer {
    fn count(&mut self, n: usize) {
        self.0.extend((n as u64).to_le_bytes());
    }

    fn number(&mut self, n: f64) {
        self.0.extend(n.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend(text.as_bytes());
    }

    fn texts(&mut self, texts: &[String]) {
        self.count(texts.len());
        texts.iter().for_each(|text| self.text(text));
    }

    fn choice<T: PartialEq>(&mut self, all: &[T], one: T) {
        self.0.push(all.iter().position(|x| *x == one).unwrap_or(all.len()) as u8);
    }
}

/// What is left to read; `None` is the answer where it ends too soon, or holds what it cannot.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn word(&mut self) -> Option<[u8; 8]> {
        self.take(8)?.try_into().ok()
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(self.word()?)).ok()
    }

    fn number(&mut self) -> Option<f64> {
        Some(f64::from_le_bytes(self.word()?))
    }

    fn text(&mut self) -> Option<String> {
        let length = self.count()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    /// A list; each of its items takes at least a byte, so that a count alone takes no memory.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Reader<'a>) -> Option<T>) -> Option<Vec<T>> {
        let count = self.count()?;
        (count <= self.0.len()).then(|| (0..count).map(|_| item(self)).collect())?
    }
}
