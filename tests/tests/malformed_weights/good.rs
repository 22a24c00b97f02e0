//! A good weight file, and the same with one thing changed.

use crate::forge::{END, Member, npy, zip};
use efficientecg::config::presets::Setup;
use efficientecg::config::{Config, Feature, Fusion, Normalize, Stage};
use efficientecg::weights::Weights;

pub(crate) fn config() -> Config {
    let features = vec![Feature::continuous("age", 60.0, 20.0), Feature::categorical("sex", ["f", "m"])];
    let setup = Setup::new("small", ["I", "II"], 100.0, 50, ["a", "b"]);
    let mut config = Config::lite(setup.normalize(Normalize::None).fusion(Fusion::new(4, 2, features)));
    config.stages = vec![Stage::new(2, 3, 1, 4, 1)];
    config.head_channels = 8;
    config
}

pub(crate) fn shape_text(shape: &[usize]) -> String {
    let sizes: String = shape.iter().map(|n| format!("{n}, ")).collect();
    format!("({sizes})")
}

pub(crate) fn config_member(text: &[u8]) -> Member {
    Member::stored("config.npy", npy("'|u1'", &format!("({},)", text.len()), text))
}

/// The members of a good file.
pub(crate) fn good() -> Vec<Member> {
    let weights = Weights::generate(config(), |name, shape| {
        let n = shape.iter().product();
        let value = |i: usize| (i % 17) as f64 / 16.0 + f64::from(name.len() as u32) / 64.0;
        (0..n).map(value).collect()
    })
    .expect("valid");
    let text = weights.config().to_json().expect("text");
    let mut members = vec![config_member(text.as_bytes())];
    for (name, array) in weights.arrays() {
        let bytes: Vec<u8> = array.data.to_f64().iter().flat_map(|&v| (v as f32).to_le_bytes()).collect();
        let file = npy("'<f4'", &shape_text(&array.shape), &bytes);
        members.push(Member::stored(&format!("{name}.npy"), file));
    }
    members
}

/// The array that most cases change: `[8, 4, 1]`, 32 elements.
pub(crate) const HEAD: &str = "head.conv.weight";

/// A good archive with one member changed.
pub(crate) fn with(name: &str, change: impl FnOnce(&mut Member)) -> Vec<u8> {
    let mut members = good();
    let member = members.iter_mut().find(|m| m.is(name));
    change(member.expect("a member of this name"));
    zip(&members)
}

/// A good archive with one array's file replaced.
pub(crate) fn with_file(name: &str, file: Vec<u8>) -> Vec<u8> {
    with(name, |m| *m = Member::stored(&format!("{name}.npy"), file))
}

/// A good archive with one element of `head.conv.weight` (or another array of 32-bit floats) replaced.
pub(crate) fn with_value(name: &str, value: f32) -> Vec<u8> {
    with(name, |m| {
        let at = m.data.len() - 4;
        m.data[at..].copy_from_slice(&value.to_le_bytes());
        m.crc = crc32fast::hash(&m.data);
    })
}

/// A good archive with the configuration's text changed.
pub(crate) fn with_text(from: &str, to: &str) -> Vec<u8> {
    let text = config().to_json().expect("text");
    assert!(text.contains(from), "the configuration lacks {from}");
    with("config", |m| {
        *m = config_member(text.replacen(from, to, 1).as_bytes());
    })
}

/// A good archive with the two bytes at `at` of its end record replaced.
pub(crate) fn with_end(at: usize, value: [u8; 2]) -> Vec<u8> {
    let mut bytes = zip(&good());
    let start = bytes.len() - END + at;
    bytes[start..start + 2].copy_from_slice(&value);
    bytes
}

pub(crate) fn floats(n: usize) -> Vec<u8> {
    vec![0; 4 * n]
}

pub(crate) fn position(members: &[Member], name: &str) -> usize {
    let at = members.iter().position(|m| m.is(name));
    at.expect("a member of this name")
}

/// What is wrong with the archive, its bytes, and a part of the message.
pub(crate) type Case = (&'static str, Vec<u8>, &'static str);
