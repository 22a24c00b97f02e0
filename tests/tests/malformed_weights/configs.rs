//! Sound archives with a configuration that is wrong, or that does not fit the arrays.

use crate::forge::{Member, npy, zip};
use crate::good::{Case, config, config_member, good, with, with_text};

pub(crate) fn config_cases() -> Vec<Case> {
    let replaced = |m: Member| with("config", |c| *c = m);
    let text = config().to_json().expect("text");
    let mut wide = Vec::new();
    text.bytes().for_each(|b| wide.extend([b, 0, 0, 0]));
    vec![
        (
            "no config",
            zip(&{
                let mut l = good();
                l.remove(0);
                l
            }),
            "config: expected the configuration's JSON text",
        ),
        (
            "config of i4",
            replaced(Member::stored("config.npy", npy("'<i4'", &format!("({},)", text.len()), &wide))),
            "config: expected bytes (uint8), found type <i4",
        ),
        (
            "config in two dimensions",
            replaced(Member::stored("config.npy", npy("'|u1'", "(1, 2)", b"{}"))),
            "config: expected shape [bytes], found shape [1, 2]",
        ),
        ("empty config", replaced(config_member(b"")), "config: expected JSON text, found EOF"),
        ("config is no JSON", replaced(config_member(b"format = 1")), "config: expected JSON text"),
        ("config is a list", replaced(config_member(b"[]")), "config: expected an object, found a list of 0"),
        (
            "config not UTF-8",
            replaced(config_member(&[b'"', 0xff, b'"'])),
            "config: expected UTF-8 text, found other bytes at 1",
        ),
        (
            "config nests deeply",
            replaced(config_member("[".repeat(60_000).as_bytes())),
            "config: expected JSON text",
        ),
        (
            "config too long",
            replaced(config_member(&vec![b' '; 5 << 20])),
            "config: expected at most 4194304 bytes",
        ),
        (
            "unknown format",
            with_text("efficientecg/1", "efficientecg/9"),
            "format: expected \"efficientecg/1\", found \"efficientecg/9\"",
        ),
        ("unknown key", with_text("\"samples\"", "\"window\": 3, \"samples\""), "window: expected only"),
        (
            "duplicate key",
            with_text("\"samples\"", "\"samples\": 3, \"samples\""),
            "samples: expected the key once",
        ),
        ("even kernel", with_text("\"kernel\": 3", "\"kernel\": 4"), "stem.kernel: expected an odd number"),
        (
            "4,000,000,000 repeats",
            with_text("\"repeats\": 1", "\"repeats\": 4000000000"),
            "stages[0].repeats: expected 1 to 10000",
        ),
        (
            "heads do not divide",
            with_text("\"heads\": 2", "\"heads\": 3"),
            "fusion.heads: expected a divisor of fusion.dim = 4",
        ),
        (
            "scale 0",
            with_text("\"scale\": 20.0", "\"scale\": 0"),
            "fusion.features[0].scale: expected a number other than 0",
        ),
        (
            "other channels than the arrays",
            with_text("\"head_channels\": 8", "\"head_channels\": 16777216"),
            "head.conv.weight: expected shape [16777216, 4, 1], found shape [8, 4, 1]",
        ),
    ]
}
