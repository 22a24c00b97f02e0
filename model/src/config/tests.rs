use super::presets::Setup;
use super::*;

/// The specification's example.
const EXAMPLE: &str = r#"{
  "format": "efficientecg/1",
  "name": "mitbih-beats",
  "leads": ["MLII", "V1"],
  "sample_rate": 360,
  "samples": 720,
  "normalize": "zscore",
  "task": "multiclass",
  "classes": ["N", "S", "V", "F", "Q"],
  "bn_eps": 1e-3,
  "se_ratio": 0.25,
  "stem": {"channels": 32, "kernel": 3, "stride": 2},
  "stages": [
    {"expand": 1, "kernel": 3, "stride": 1, "channels": 16, "repeats": 1},
    {"expand": 6, "kernel": 3, "stride": 2, "channels": 24, "repeats": 2}
  ],
  "head_channels": 1280,
  "fusion": {
    "dim": 64, "heads": 4,
    "features": [
      {"name": "age", "kind": "continuous", "offset": 60.0, "scale": 20.0},
      {"name": "sex", "kind": "categorical", "categories": ["female", "male"]},
      {"name": "rhythm", "kind": "sequence", "inputs": 4, "hidden": 32}
    ]
  }
}"#;

fn setup() -> Setup {
    Setup {
        name: "test".to_owned(),
        leads: (0..12).map(|i| format!("L{i}")).collect(),
        sample_rate: 500.0,
        samples: 5000,
        normalize: Normalize::Zscore,
        task: Task::Multilabel,
        classes: vec!["a".to_owned(), "b".to_owned()],
        fusion: None,
    }
}

#[test]
fn the_example_reads_and_unrolls() {
    let config = Config::from_json(EXAMPLE).expect("valid");
    assert_eq!(config.sample_rate, 360.0);
    assert_eq!(config.features().len(), 3);
    let block = |c_in, c_out, expand, stride, r, residual| BlockShape {
        c_in,
        c_out,
        expand,
        e: c_in * expand,
        kernel: 3,
        stride,
        r,
        residual,
    };
    assert_eq!(
        config.blocks().expect("blocks"),
        [block(32, 16, 1, 1, 8, false), block(16, 24, 6, 2, 4, false), block(24, 24, 6, 1, 6, true),]
    );
    // 720 → 360 (stem) → 360 → 180 → 180
    assert_eq!(config.lengths(720).expect("lengths"), [360, 360, 180, 180]);
    assert_eq!(config.lengths(1).expect("lengths"), [1; 4]);
}

#[test]
fn json_written_is_json_read() {
    for config in [Config::from_json(EXAMPLE).expect("valid"), Config::b0(setup())] {
        let text = config.to_json().expect("text");
        assert_eq!(Config::from_json(&text).expect(&text), config);
    }
    let without = EXAMPLE.replace("\"fusion\"", "\"name2\"");
    assert!(Config::from_json(&without).is_err());
    let null = Config::b0(setup()).to_json().expect("text").replacen('{', "{\"fusion\": null,", 1);
    assert_eq!(Config::from_json(&null).expect("null fusion").fusion, None);
}

#[test]
fn output_length_follows_the_definition() {
    for kernel in (1..=31).step_by(2) {
        for stride in 1..=4 {
            for len in 1..100 {
                // Count the window positions that fit into the padded signal.
                let padded = len + 2 * (kernel / 2);
                let fits = (0..padded).step_by(stride).filter(|start| start + kernel <= padded).count();
                assert_eq!(out_len(len, kernel, stride), fits, "{len} {kernel} {stride}");
            }
        }
    }
    assert_eq!(out_len(0, 3, 1), 0);
}

#[test]
fn se_ratio_rounds_down_but_never_to_zero() {
    let with = |ratio: &str| {
        let text = EXAMPLE.replace("0.25", ratio);
        let blocks = Config::from_json(&text).expect("valid").blocks();
        blocks.expect("blocks").iter().map(|b| b.r).collect::<Vec<_>>()
    };
    assert_eq!(with("0.1"), [3, 1, 2]);
    assert_eq!(with("0"), [1, 1, 1]);
    assert_eq!(with("1.5"), [48, 24, 36]);
    // 0.29 * 100 is 28.999999999999996 in f64.
    let text = EXAMPLE.replace("0.25", "0.29").replace("\"channels\": 32", "\"channels\": 100");
    let blocks = Config::from_json(&text).expect("valid").blocks();
    assert_eq!(blocks.expect("blocks")[0].r, 28);
}

#[test]
fn any_lead_may_come_twice() {
    let config = Config::from_json(&EXAMPLE.replace("[\"MLII\", \"V1\"]", "[\"*\", \"*\"]")).expect("valid");
    assert_eq!(config.leads, ["*", "*"]);
}

#[test]
fn normalisations_have_their_words() {
    for (word, normalize) in
        [("zscore", Normalize::Zscore), ("median", Normalize::Median), ("none", Normalize::None)]
    {
        let text = EXAMPLE.replace("zscore", word);
        let config = Config::from_json(&text).expect("valid");
        assert_eq!(config.normalize, normalize);
        let again = Config::from_json(&config.to_json().expect("text"));
        assert_eq!(again.map(|c| c.normalize), Ok(normalize));
    }
}

#[test]
fn every_rule_names_its_key() {
    // (text, replacement, start of the message, a part of the rest)
    let cases = [
        ("efficientecg/1", "efficientecg/2", "format:", "\"efficientecg/2\""),
        ("\"zscore\"", "\"minmax\"", "normalize:", "\"zscore\" or \"median\" or \"none\""),
        ("\"multiclass\"", "\"regression\"", "task:", "\"multilabel\""),
        ("\"continuous\"", "\"number\"", "fusion.features[0].kind:", "\"sequence\""),
        ("[\"MLII\", \"V1\"]", "[]", "leads:", "an empty list"),
        ("\"V1\"", "\"MLII\"", "leads[1]:", "\"MLII\" again"),
        ("\"classes\": [\"N\", \"S\"", "\"classes\": [\"*\", \"*\"", "classes[1]:", "\"*\" again"),
        ("\"V1\"", "7", "leads[1]:", "a text, found 7"),
        ("[\"N\", \"S\", \"V\", \"F\", \"Q\"]", "[]", "classes:", "an empty list"),
        ("\"Q\"", "\"N\"", "classes[4]:", "\"N\" again"),
        ("360", "0", "sample_rate:", "above 0"),
        ("360", "-1", "sample_rate:", "above 0"),
        ("360", "1e999", "config:", "out of range"),
        ("360", "\"360\"", "sample_rate:", "a number, found the text"),
        ("720", "0", "samples:", "1 to"),
        ("720", "-5", "samples:", "an integer of at least 1, found -5"),
        ("720", "7.5", "samples:", "an integer of at least 1, found 7.5"),
        ("720", "18446744073709551615", "samples:", "1 to"),
        ("720", "18446744073709551616", "samples:", "an integer"),
        ("1e-3", "-1e-3", "bn_eps:", "at least 0"),
        ("0.25", "-0.25", "se_ratio:", "at least 0"),
        ("0.25", "1e300", "se_ratio:", "squeeze channels"),
        ("\"channels\": 32", "\"channels\": 0", "stem.channels:", "found 0"),
        ("\"kernel\": 3, \"stride\": 2}", "\"kernel\": 4, \"stride\": 2}", "stem.kernel:", "odd"),
        ("\"stride\": 2}", "\"stride\": 0}", "stem.stride:", "found 0"),
        ("\"kernel\": 3, \"stride\": 2, ", "\"kernel\": 4, \"stride\": 2, ", "stages[1].kernel:", "odd"),
        ("\"kernel\": 3, \"stride\": 2, ", "\"kernel\": 0, \"stride\": 2, ", "stages[1].kernel:", "odd"),
        ("\"kernel\": 3, \"stride\": 2, ", "\"stride\": 2, ", "stages[1].kernel:", "found none"),
        ("\"kernel\": 3, \"stride\": 2, ", "\"kernel\": 3, \"stride\": 0, ", "stages[1].stride:", "found 0"),
        ("\"channels\": 24", "\"channels\": 0", "stages[1].channels:", "found 0"),
        ("\"expand\": 6", "\"expand\": 0", "stages[1].expand:", "found 0"),
        ("\"expand\": 6", "\"expand\": 16777216", "stages[1].expand:", "hidden channels"),
        ("\"repeats\": 2", "\"repeats\": 0", "stages[1].repeats:", "found 0"),
        ("\"repeats\": 2", "\"repeats\": 4000000000", "stages[1].repeats:", "1 to 10000"),
        ("\"repeats\": 2", "\"repeats\": 10000", "stages:", "found 10001"),
        ("1280", "0", "head_channels:", "found 0"),
        ("1280", "99999999999", "head_channels:", "1 to"),
        ("\"dim\": 64", "\"dim\": 0", "fusion.dim:", "found 0"),
        ("\"heads\": 4", "\"heads\": 0", "fusion.heads:", "found 0"),
        ("\"heads\": 4", "\"heads\": 5", "fusion.heads:", "a divisor of fusion.dim = 64"),
        ("20.0", "0.0", "fusion.features[0].scale:", "other than 0"),
        ("20.0", "-0.0", "fusion.features[0].scale:", "other than 0"),
        ("\"name\": \"age\"", "\"name\": \"a.ge\"", "fusion.features[0].name:", "no dot"),
        ("\"name\": \"age\"", "\"name\": \"\"", "fusion.features[0].name:", "not empty"),
        ("\"name\": \"age\"", "\"name\": \"sex\"", "fusion.features[1]:", "\"sex\" again"),
        ("\"male\"", "\"female\"", "fusion.features[1].categories[1]:", "again"),
        ("[\"female\", \"male\"]", "[]", "fusion.features[1].categories:", "an empty list"),
        ("\"inputs\": 4", "\"inputs\": 0", "fusion.features[2].inputs:", "found 0"),
        ("\"hidden\": 32", "\"hidden\": 0", "fusion.features[2].hidden:", "found 0"),
        ("\"hidden\": 32", "\"hidden\": 32, \"layers\": 2", "fusion.features[2].layers:", "unknown key"),
        ("\"samples\"", "\"sample\": 3, \"samples\"", "sample:", "unknown key"),
        ("\"samples\"", "\"samples\": 3, \"samples\"", "samples:", "it twice"),
        ("\"dim\": 64", "\"dim\": 64, \"dim\": 64", "fusion.dim:", "it twice"),
        ("\"task\"", "\"tusk\"", "task:", "unread keys: bn_eps"),
        ("{\"channels\": 32, \"kernel\": 3, \"stride\": 2}", "[]", "stem:", "an object, found a list of 0"),
        ("]\n  }\n}", "]\n  }", "config:", "EOF"),
        ("]\n  }\n}", "]\n  }\n} x", "config:", "trailing"),
    ];
    for (from, to, start, part) in cases {
        assert!(EXAMPLE.contains(from), "the example lacks {from}");
        let text = EXAMPLE.replacen(from, to, 1);
        let error = Config::from_json(&text).expect_err(to).to_string();
        assert!(error.starts_with(start) && error.contains(part), "{from} -> {to}: {error}");
    }
    let features =
        Config { fusion: Some(Fusion { dim: 4, heads: 2, features: Vec::new() }), ..Config::b0(setup()) };
    let error = features.check().expect_err("no features").to_string();
    assert!(error.starts_with("fusion.features: expected at least one"), "{error}");
    let stages = Config { stages: Vec::new(), ..Config::b0(setup()) };
    let error = stages.check().expect_err("no stages").to_string();
    assert!(error.starts_with("stages: expected at least one"), "{error}");
    let nan = Config { bn_eps: f64::NAN, ..Config::b0(setup()) };
    assert!(nan.check().is_err() && Config::from_json(&"[".repeat(100_000)).is_err());
}

#[test]
fn presets_match_the_published_tables() {
    type Table = (usize, [usize; 7], [usize; 7], usize);
    let table = |config: Config| -> Table {
        config.check().expect("valid");
        let pick = |f: fn(&Stage) -> usize| {
            let list: Vec<usize> = config.stages.iter().map(f).collect();
            <[usize; 7]>::try_from(list).expect("seven stages")
        };
        (config.stem.channels, pick(|s| s.channels), pick(|s| s.repeats), config.head_channels)
    };
    let repeats = [1, 2, 2, 3, 3, 4, 1];
    let b0 = [16, 24, 40, 80, 112, 192, 320];
    assert_eq!(table(Config::b0(setup())), (32, b0, repeats, 1280));
    assert_eq!(table(Config::b1(setup())), (32, b0, [2, 3, 3, 4, 4, 5, 2], 1280));
    // Width 1.1: 17.6→16, 26.4→24, 44→48, 88, 123.2→120, 211.2→208, 352; 35.2→32, 1408.
    assert_eq!(
        table(Config::b2(setup())),
        (32, [16, 24, 48, 88, 120, 208, 352], [2, 3, 3, 4, 4, 5, 2], 1408)
    );
    // Width 1.2: 19.2→16, below 90 %, so 24; 28.8→32, 48, 96, 134.4→136, 230.4→232, 384; 38.4→40, 1536.
    assert_eq!(
        table(Config::b3(setup())),
        (40, [24, 32, 48, 96, 136, 232, 384], [2, 3, 3, 5, 5, 6, 2], 1536)
    );
    assert_eq!(table(Config::lite(setup())), (16, [8, 12, 20, 40, 56, 96, 160], repeats, 256));
}

#[test]
fn b0_costs_what_the_specification_says() {
    // 0.668 G multiply-adds on 12 leads × 5,000 samples with age and sex at d = 64: convolutions, squeeze-excite,
    // attention and classifier counted here from the unrolled blocks.
    let config = Config::b0(setup());
    let mut t = out_len(5000, config.stem.kernel, config.stem.stride);
    let mut macs = t * config.stem.channels * 12 * 3;
    let mut last = config.stem.channels;
    for b in config.blocks().expect("blocks") {
        if b.expand != 1 {
            macs += t * b.c_in * b.e;
        }
        t = b.out_len(t);
        macs += t * b.e * b.kernel + 2 * b.e * b.r + t * b.e * b.c_out;
        last = b.c_out;
    }
    assert_eq!(t, 157);
    macs += t * last * 1280;
    // Keys and values, queries and output, scores and their weighted sums.
    let (d, n) = (64, 2);
    macs += 2 * t * 1280 * d + 2 * n * d * d + 2 * n * t * d;
    assert_eq!((macs as f64 / 1e6).round(), 668.0, "{macs}");
}
