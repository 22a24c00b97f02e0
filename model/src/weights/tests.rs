use super::*;
use crate::config::presets::Setup;
use crate::config::{Feature, Fusion, Normalize, Stage, Stem, Task};

/// A small network with every kind of feature and an `expand` of 1.
pub(crate) fn small() -> Config {
    let names = |list: &[&str]| list.iter().map(|s| s.to_string()).collect();
    let feature = |name: &str, kind| Feature { name: name.to_owned(), kind };
    let setup = Setup {
        name: "small".to_owned(),
        leads: names(&["I", "II"]),
        sample_rate: 100.0,
        samples: 50,
        normalize: Normalize::None,
        task: Task::Multiclass,
        classes: names(&["a", "b", "c"]),
        fusion: Some(Fusion {
            dim: 6,
            heads: 3,
            features: vec![
                feature("age", FeatureKind::Continuous { offset: 60.0, scale: 20.0 }),
                feature("sex", FeatureKind::Categorical { categories: names(&["f", "m"]) }),
                feature("rhythm", FeatureKind::Sequence { inputs: 2, hidden: 5 }),
            ],
        }),
    };
    let stage =
        |expand, kernel, stride, channels, repeats| Stage { expand, kernel, stride, channels, repeats };
    Config {
        stem: Stem { channels: 4, kernel: 5, stride: 2 },
        stages: vec![stage(1, 3, 1, 3, 1), stage(2, 7, 3, 5, 2)],
        head_channels: 8,
        ..Config::b0(setup)
    }
}

/// Distinct values, variances positive.
pub(crate) fn generate(config: Config) -> Weights {
    let mut next = 0u32;
    Weights::generate(config, |name, shape| {
        (0..shape.iter().product())
            .map(|_| {
                next += 1;
                let v = f64::from(next % 977) / 64.0 - 7.0;
                if name.ends_with("running_var") { v.abs() } else { v }
            })
            .collect()
    })
    .expect("valid weights")
}

#[test]
fn the_table_is_the_state_dict() {
    // The layers of `small`, worked by hand from the specification's table of names and shapes.
    let layers = [
        ("stem", vec![4, 2, 5]),
        ("blocks.0.depthwise", vec![4, 1, 3]),
        ("blocks.0.project", vec![3, 4, 1]),
        ("blocks.1.expand", vec![6, 3, 1]),
        ("blocks.1.depthwise", vec![6, 1, 7]),
        ("blocks.1.project", vec![5, 6, 1]),
        ("blocks.2.expand", vec![10, 5, 1]),
        ("blocks.2.depthwise", vec![10, 1, 7]),
        ("blocks.2.project", vec![5, 10, 1]),
        ("head", vec![8, 5, 1]),
    ];
    let mut want = BTreeMap::new();
    for (layer, shape) in layers {
        for part in ["weight", "bias", "running_mean", "running_var"] {
            want.insert(format!("{layer}.bn.{part}"), vec![shape[0]]);
        }
        want.insert(format!("{layer}.conv.weight"), shape);
    }
    let features = "fusion.features";
    for (name, shape) in [
        ("blocks.0.se.reduce.weight", vec![1, 4]),
        ("blocks.0.se.reduce.bias", vec![1]),
        ("blocks.0.se.expand.weight", vec![4, 1]),
        ("blocks.0.se.expand.bias", vec![4]),
        ("blocks.1.se.reduce.weight", vec![1, 6]),
        ("blocks.1.se.reduce.bias", vec![1]),
        ("blocks.1.se.expand.weight", vec![6, 1]),
        ("blocks.1.se.expand.bias", vec![6]),
        ("blocks.2.se.reduce.weight", vec![1, 10]),
        ("blocks.2.se.reduce.bias", vec![1]),
        ("blocks.2.se.expand.weight", vec![10, 1]),
        ("blocks.2.se.expand.bias", vec![10]),
        ("fusion.norm_q.weight", vec![6]),
        ("fusion.norm_q.bias", vec![6]),
        ("fusion.norm_out.weight", vec![6]),
        ("fusion.norm_out.bias", vec![6]),
        ("fusion.q.weight", vec![6, 6]),
        ("fusion.q.bias", vec![6]),
        ("fusion.k.weight", vec![6, 8]),
        ("fusion.k.bias", vec![6]),
        ("fusion.v.weight", vec![6, 8]),
        ("fusion.v.bias", vec![6]),
        ("fusion.out.weight", vec![6, 6]),
        ("fusion.out.bias", vec![6]),
        ("classifier.weight", vec![3, 8 + 3 * 6]),
        ("classifier.bias", vec![3]),
    ] {
        want.insert(name.to_owned(), shape);
    }
    for (name, shape) in [
        ("age.weight", vec![6]),
        ("age.bias", vec![6]),
        ("age.missing", vec![6]),
        ("sex.embedding", vec![3, 6]),
        ("rhythm.lstm.weight_ih_l0", vec![20, 2]),
        ("rhythm.lstm.weight_hh_l0", vec![20, 5]),
        ("rhythm.lstm.bias_ih_l0", vec![20]),
        ("rhythm.lstm.bias_hh_l0", vec![20]),
        ("rhythm.proj.weight", vec![6, 5]),
        ("rhythm.proj.bias", vec![6]),
        ("rhythm.missing", vec![6]),
    ] {
        want.insert(format!("{features}.{name}"), shape);
    }
    let got: BTreeMap<String, Vec<usize>> =
        table(&small()).expect("table").into_iter().map(|e| (e.name, e.shape)).collect();
    assert_eq!(got, want);
}

#[test]
fn parameters_leave_out_running_statistics() {
    let weights = generate(small());
    let all: usize = weights.arrays().values().map(|a| a.data.len()).sum();
    let bn_channels = 4 + 4 + 3 + 6 + 6 + 5 + 10 + 10 + 5 + 8;
    assert_eq!(parameters(weights.config()), Ok(all - 2 * bn_channels));
}

#[test]
fn memory_is_checked_like_a_file() {
    let weights = generate(small());
    let change = |f: &dyn Fn(&mut BTreeMap<String, Tensor>)| {
        let mut arrays = weights.arrays().clone();
        f(&mut arrays);
        Weights::from_arrays(small(), arrays).expect_err("changed").to_string()
    };
    let set = |name: &'static str, value: f64| {
        change(&move |arrays| {
            if let Some(Values::F64(v)) = arrays.get_mut(name).map(|a| &mut a.data) {
                v[1] = value;
            }
        })
    };
    for (message, part) in [
        (
            change(&|a| drop(a.remove("fusion.q.bias"))),
            "fusion.q.bias: expected an array of shape [6], found none",
        ),
        (
            set("head.conv.weight", f64::NAN),
            "head.conv.weight: expected finite values, found NaN at element 1 of 40",
        ),
        (set("head.conv.weight", f64::NEG_INFINITY), "found -inf at element 1 of 40"),
        (set("head.conv.weight", 3.5e38), "which overflows f32"),
        (set("stem.bn.running_var", -0.001), "stem.bn.running_var: expected variances above -bn_eps"),
    ] {
        assert!(message.contains(part), "{message}");
    }
    // The greatest f64 that still rounds into f32 is no overflow.
    let mut arrays = weights.arrays().clone();
    if let Some(Values::F64(v)) = arrays.get_mut("head.conv.weight").map(|a| &mut a.data) {
        v[1] = f64::from(f32::MAX);
    }
    Weights::from_arrays(small(), arrays).expect("valid");
}

#[test]
fn sizes_that_overflow_name_the_array() {
    let mut config = small();
    config.stem.kernel = (1 << 24) - 1;
    config.stem.channels = 1 << 24;
    config.stages[0].channels = 1 << 24;
    config.leads = (0..1 << 17).map(|i| i.to_string()).collect();
    let error = table(&config).expect_err("overflow").to_string();
    assert!(error.contains("stem.conv.weight: expected a size that fits"), "{error}");
}
