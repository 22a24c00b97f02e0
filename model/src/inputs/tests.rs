use super::*;
use crate::weights::tests::small;
use efficientecg_npz::{Array, Data, Packing, write_npz};
use std::path::Path;

fn array(shape: &[usize], data: Data) -> Array {
    Array { shape: shape.to_vec(), data }
}

/// Writes the arrays and gives the path to `use_it`.
fn with_file<T>(arrays: &[(&str, Array)], use_it: impl FnOnce(&Path) -> T) -> T {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("x.npz");
    let list: Vec<(&str, &Array)> = arrays.iter().map(|(n, a)| (*n, a)).collect();
    write_npz(&path, &list, Packing::Stored).expect("written");
    use_it(&path)
}

fn read_arrays(arrays: &[(&str, Array)]) -> Result<Inputs, String> {
    with_file(arrays, |path| read_inputs(path, &small()).map_err(|e| e.to_string()))
}

/// Three records of two leads and four samples.
fn signal() -> (&'static str, Array) {
    let values = (0..24).map(f64::from).collect();
    ("signal", array(&[3, 2, 4], Data::F64(values)))
}

fn full() -> Vec<(&'static str, Array)> {
    let mut rows: Vec<f32> = (0..12).map(|i| i as f32).collect();
    // Padding of record 1 (one step of two) and all of record 2.
    rows[6] = f32::NAN;
    rows[11] = f32::INFINITY;
    vec![
        signal(),
        ("age", array(&[3], Data::F32(vec![60.5, f32::NAN, 0.0]))),
        ("sex", array(&[3], Data::I64(vec![1, -1, 0]))),
        ("rhythm", array(&[3, 2, 2], Data::F32(rows))),
        ("rhythm_steps", array(&[3], Data::U8(vec![2, 1, 0]))),
    ]
}

#[test]
fn a_full_file_reads_in_the_configured_order() {
    let inputs = read_arrays(&full()).expect("valid");
    assert_eq!((inputs.batch, inputs.leads, inputs.samples), (3, 2, 4));
    let want: Vec<f32> = (0..24).map(|i| i as f32).collect();
    assert_eq!(inputs.signal, want);
    let [
        FeatureInput::Continuous(age),
        FeatureInput::Categorical(sex),
        FeatureInput::Sequence { steps_max, rows, steps },
    ] = ["age", "sex", "rhythm"].map(|name| inputs.get(name))
    else {
        panic!("{:?}", inputs.features);
    };
    assert!(age[0] == 60.5 && age[1].is_nan() && age[2] == 0.0);
    assert_eq!(sex, &[Some(1), None, Some(0)]);
    assert_eq!((*steps_max, &steps[..]), (2, &[2, 1, 0][..]));
    // Padding that is not a number is cleared, the rest is as it was.
    let want = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 7.0, 8.0, 9.0, 10.0, 0.0];
    assert_eq!(rows, &want);
}

#[test]
fn absent_arrays_are_missing_features() {
    let inputs = read_arrays(&[signal()]).expect("valid");
    assert_eq!(inputs.features().count(), 0);
    // Without steps every row counts; integers do for a number.
    let rows = Data::F32(vec![0.5; 12]);
    let ages = Data::I64(vec![1, 2, 3]);
    let inputs = read_arrays(&[signal(), ("rhythm", array(&[3, 2, 2], rows)), ("age", array(&[3], ages))])
        .expect("valid");
    assert_eq!(*inputs.get("age"), FeatureInput::Continuous(vec![1.0, 2.0, 3.0]));
    assert!(matches!(
        inputs.get("rhythm"),
        FeatureInput::Sequence { steps, .. } if *steps == [2, 2, 2]
    ));
    // No rows at all: every record's sequence is empty.
    let none = ("rhythm", array(&[3, 0, 2], Data::F32(vec![])));
    let inputs = read_arrays(&[signal(), none]).expect("valid");
    assert!(matches!(
        inputs.get("rhythm"),
        FeatureInput::Sequence { steps, .. } if *steps == [0, 0, 0]
    ));
}

/// The arrays of a file, and a part of the message that it brings.
type Case = (Arrays, &'static str);

type Arrays = Vec<(&'static str, Array)>;

#[test]
fn what_is_wrong_is_named_with_its_record() {
    let signals = |at: usize, value: f64| {
        let mut values = vec![0.0; 24];
        values[at] = value;
        vec![("signal", array(&[3, 2, 4], Data::F64(values)))]
    };
    let and = |name: &'static str, a: Array| vec![signal(), (name, a)];
    let shape = |s: &[usize]| vec![("signal", array(s, Data::F32(vec![0.0; s.iter().product()])))];
    let mut nan_in_row = full();
    if let Data::F32(rows) = &mut nan_in_row[3].1.data {
        rows[5] = f32::NAN;
    }
    let mut wide_row = full();
    wide_row[3].1 = array(&[3, 2, 2], Data::F64(vec![1e39; 12]));
    let mut wide_padding = wide_row.clone();
    wide_padding[4].1 = array(&[3], Data::U8(vec![0; 3]));
    read_arrays(&wide_padding).expect("padding is never read");
    let cases: Vec<Case> = vec![
        (vec![], "signal: expected an array of this name, found none"),
        (signals(13, f64::NAN), "signal, record 1: expected finite values, found NaN at lead 1, sample 1"),
        (signals(0, f64::INFINITY), "signal, record 0: expected finite values, found inf"),
        (signals(23, -1e39), "signal, record 2: expected values that fit f32, found -1e39"),
        (shape(&[0, 2, 4]), "signal: expected at least one record and one sample"),
        (shape(&[3, 2, 0]), "signal: expected at least one record and one sample"),
        (shape(&[3, 1, 4]), "signal: expected shape [B, 2, T], found shape [3, 1, 4]"),
        (shape(&[2, 4]), "signal: expected shape [B, 2, T], found shape [2, 4]"),
        (vec![("signal", array(&[3, 2, 4], Data::I64(vec![0; 24])))], "signal: expected floats"),
        (and("age", array(&[2], Data::F32(vec![0.0; 2]))), "age: expected shape [3], found shape [2]"),
        (and("age", array(&[3, 1], Data::F32(vec![0.0; 3]))), "age: expected shape [3], found shape [3, 1]"),
        (
            and("age", array(&[3], Data::F32(vec![0.0, 0.0, f32::NEG_INFINITY]))),
            "age, record 2: expected a finite number, or NaN",
        ),
        (
            and("sex", array(&[3], Data::I64(vec![0, 2, 0]))),
            "sex, record 1: expected -1 (missing) to 1, found 2",
        ),
        (
            and("sex", array(&[3], Data::I64(vec![-2, 0, 0]))),
            "sex, record 0: expected -1 (missing) to 1, found -2",
        ),
        (
            and("sex", array(&[3], Data::U64(vec![0, 0, u64::MAX]))),
            "sex, record 2: expected -1 (missing) to 1, found 18446744073709551615",
        ),
        (and("sex", array(&[3], Data::F32(vec![0.0; 3]))), "sex: expected integers"),
        (and("sex", array(&[4], Data::I64(vec![0; 4]))), "sex: expected shape [3], found shape [4]"),
        (
            and("rhythm_steps", array(&[3], Data::I64(vec![0; 3]))),
            "rhythm_steps: expected the array \"rhythm\" beside it",
        ),
        (
            and("rhythm", array(&[3, 2, 3], Data::F32(vec![0.0; 18]))),
            "rhythm: expected shape [3, S, 2], found shape [3, 2, 3]",
        ),
        (
            and("age_steps", array(&[3], Data::I64(vec![0; 3]))),
            "age_steps: expected only signal, age, sex, rhythm, rhythm_steps",
        ),
        (and("logits", array(&[3, 3], Data::F32(vec![0.0; 9]))), "logits: expected only signal"),
        (nan_in_row, "rhythm, record 1: expected finite values, found NaN in row 0"),
        (wide_row, "rhythm, record 0: expected values that fit f32, found 1e39"),
        (
            [full()[..4].to_vec(), vec![("rhythm_steps", array(&[3], Data::I64(vec![2, 1, 3])))]].concat(),
            "rhythm_steps, record 2: expected 0 to 2, found 3",
        ),
        (
            [full()[..4].to_vec(), vec![("rhythm_steps", array(&[3], Data::I64(vec![2, -1, 0])))]].concat(),
            "rhythm_steps, record 1: expected 0 to 2, found -1",
        ),
        (
            [full()[..4].to_vec(), vec![("rhythm_steps", array(&[3], Data::F32(vec![0.0; 3])))]].concat(),
            "rhythm_steps: expected integers",
        ),
    ];
    for (arrays, part) in cases {
        let message = read_arrays(&arrays).expect_err(part);
        assert!(message.contains(part), "{part}\n{message}");
    }
}

#[test]
fn batches_in_memory_meet_the_same_checks() {
    let good = read_arrays(&full()).expect("valid");
    let config = small();
    good.check(&config).expect("valid");
    let change = |f: &dyn Fn(&mut Inputs)| {
        let mut inputs = good.clone();
        f(&mut inputs);
        inputs.check(&config).expect_err("changed").to_string()
    };
    let sequence = |f: &dyn Fn(&mut Vec<f32>, &mut Vec<usize>)| {
        change(&|i| {
            if let FeatureInput::Sequence { rows, steps, .. } = &mut i.features[2].1 {
                f(rows, steps);
            }
        })
    };
    for (message, part) in [
        (change(&|i| i.batch = 0), "signal: expected at least one record"),
        (change(&|i| i.samples = usize::MAX), "signal: expected the elements of shape"),
        (change(&|i| (i.leads, i.samples) = (1, 8)), "signal: expected shape [B, 2, T]"),
        (
            change(&|i| i.signal.truncate(23)),
            "signal: expected the elements of shape [3, 2, 4], found 23 elements",
        ),
        (
            change(&|i| i.signal[8] = f32::NAN),
            "signal, record 1: expected finite values, found NaN at lead 0, sample 0",
        ),
        (
            change(&|i| i.features[2].0 = "rythm".into()),
            "rythm: expected only age, sex, rhythm, found an unknown",
        ),
        (
            change(&|i| i.features[0].1 = i.features[1].1.clone()),
            "age: expected values of the feature's configured kind",
        ),
        (
            change(&|i| *i = i.clone().sex(["f", "female", "m"])),
            "sex, record 1: expected one of f, m, found female",
        ),
        (change(&|i| *i = i.clone().sex(["f", "m"])), "sex: expected the elements of shape [3]"),
        (
            change(&|i| i.features[0].1 = FeatureInput::Continuous(vec![0.0])),
            "age: expected the elements of shape [3]",
        ),
        (
            change(&|i| i.features[0].1 = FeatureInput::Continuous(vec![0.0, f64::INFINITY, 0.0])),
            "age, record 1: expected a finite number",
        ),
        (
            change(&|i| i.features[1].1 = FeatureInput::Categorical(vec![None, None, Some(2)])),
            "sex, record 2: expected a category below 2",
        ),
        (
            change(&|i| i.features[1].1 = FeatureInput::Categorical(vec![None])),
            "sex: expected the elements of shape [3]",
        ),
        (sequence(&|_, steps| steps[1] = 3), "rhythm_steps, record 1: expected 0 to 2, found 3"),
        (sequence(&|_, steps| steps.truncate(2)), "rhythm_steps: expected the elements of shape [3]"),
        (sequence(&|rows, _| rows.truncate(11)), "rhythm: expected the elements of shape [3, 2, 2]"),
        (
            sequence(&|rows, _| rows[3] = f32::INFINITY),
            "rhythm, record 0: expected finite values, found inf in row 1",
        ),
    ] {
        assert!(message.contains(part), "{part}\n{message}");
    }
}

#[test]
fn a_reference_brings_its_expectations() {
    let config = small();
    // 4 samples → 2 after the stem, 2 after block 0, 1 after blocks 1 and 2.
    let expected = |shape: &[usize]| {
        let n = shape.iter().product::<usize>();
        array(shape, Data::F64((0..n).map(|i| i as f64 / 8.0).collect()))
    };
    let taps = [
        ("logits", vec![3, 3]),
        ("probabilities", vec![3, 3]),
        ("tap.attention", vec![3, 3, 6]),
        ("tap.blocks.0", vec![3, 3, 2]),
        ("tap.blocks.1", vec![3, 5, 1]),
        ("tap.blocks.2", vec![3, 5, 1]),
        ("tap.head", vec![3, 8, 1]),
        ("tap.stem", vec![3, 4, 2]),
        ("tap.tokens", vec![3, 3, 6]),
    ];
    let mut arrays = full();
    for (name, shape) in &taps {
        arrays.push((name, expected(shape)));
    }
    let (inputs, found) = with_file(&arrays, |p| read_reference(p, &config)).expect("valid");
    // Compared with the inputs alone; NaN (a missing age) is not equal to itself.
    let alone = read_arrays(&full()).expect("valid");
    assert_eq!(inputs.signal, alone.signal);
    assert_eq!(inputs.features[1..], alone.features[1..]);
    assert_eq!(alone.features.len(), 3);
    assert_eq!(found.len(), taps.len());
    for (got, (name, shape)) in found.iter().zip(&taps) {
        assert_eq!((got.name.as_str(), &got.shape), (*name, shape));
        assert_eq!(got.data, expected(shape).data.to_f64());
    }
    let fails = |change: &dyn Fn(&mut Arrays)| {
        let mut list = arrays.clone();
        change(&mut list);
        let result = with_file(&list, |p| read_reference(p, &config).map(drop));
        result.expect_err("changed").to_string()
    };
    let logits = 5;
    for (message, part) in [
        (fails(&|l| drop(l.remove(logits))), "logits: expected an array of this name, found none"),
        (fails(&|l| l[logits].1 = expected(&[2, 3])), "logits: expected shape [3, 3], found shape [2, 3]"),
        (
            fails(&|l| l[logits].1 = array(&[3, 3], Data::F64([vec![0.0; 4], vec![f64::NAN; 5]].concat()))),
            "logits, record 1: expected finite values, found NaN",
        ),
        (
            fails(&|l| l.push(("tap.blocks.3", expected(&[3, 5, 1])))),
            "tap.blocks.3: expected tap.stem, tap.blocks.0 to tap.blocks.2, tap.head, tap.tokens or tap.attention",
        ),
        (fails(&|l| l.push(("tap.blocks.01", expected(&[3, 5, 1])))), "tap.blocks.01: expected tap.stem"),
        (fails(&|l| l.push(("tap", expected(&[3, 5, 1])))), "tap: expected only signal"),
    ] {
        assert!(message.contains(part), "{part}\n{message}");
    }
}

#[test]
fn names_with_two_meanings_are_refused() {
    let mut config = small();
    let rename = |config: &mut Config, i: usize, name: &str| {
        if let Some(fusion) = &mut config.fusion {
            fusion.features[i].name = name.to_owned();
        }
    };
    for (i, name) in [(0, "signal"), (1, "rhythm_steps")] {
        let mut config = config.clone();
        rename(&mut config, i, name);
        config.check().expect("a valid configuration");
        let result = with_file(&[signal()], |p| read_inputs(p, &config).map(drop));
        let message = result.expect_err(name).to_string();
        assert!(message.contains("one meaning for each array name"), "{message}");
    }
    rename(&mut config, 0, "logits");
    let logits = ("logits", array(&[3, 3], Data::F32(vec![0.0; 9])));
    let result = with_file(&[signal(), logits], |p| read_reference(p, &config).map(drop));
    let message = result.expect_err("logits").to_string();
    assert!(message.contains("logits: expected one meaning"), "{message}");
}

#[test]
fn inputs_joined_and_written_read_back_the_same() {
    let whole = read_arrays(&full()).expect("valid");
    let parts: Vec<Inputs> = (0..3).map(|i| whole.slice(i, 1)).collect();
    // Of record 1 only the step that counts, of record 2 no feature at all.
    let mut parts = parts;
    if let FeatureInput::Sequence { steps_max, rows, .. } = &mut parts[1].features[2].1 {
        *steps_max = 1;
        rows.truncate(2);
    }
    parts[2].features.clear();
    let joined = Inputs::join(parts).expect("of one shape");
    assert_eq!((joined.batch, joined.leads, joined.samples), (3, 2, 4));
    assert_eq!(joined.signal, whole.signal);
    let [
        FeatureInput::Continuous(age),
        FeatureInput::Categorical(sex),
        FeatureInput::Sequence { steps_max, rows, steps },
    ] = ["age", "sex", "rhythm"].map(|name| joined.get(name))
    else {
        panic!("{:?}", joined.features);
    };
    assert!(age[0] == 60.5 && age[1].is_nan() && age[2].is_nan());
    assert_eq!(sex, &[Some(1), None, None]);
    assert_eq!((*steps_max, &steps[..]), (2, &[2, 1, 0][..]));
    assert_eq!(rows, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);

    let arrays = joined.clone().into_arrays(&small());
    let list: Vec<(&str, Array)> = arrays.iter().map(|(n, a)| (n.as_str(), a.clone())).collect();
    assert_eq!(
        list.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
        ["signal", "age", "sex", "rhythm", "rhythm_steps"]
    );
    let back = read_arrays(&list).expect("valid");
    assert_eq!(format!("{back:?}"), format!("{joined:?}"));

    let mut none = whole.slice(0, 1);
    none.features.fill(("age".to_owned(), FeatureInput::Missing));
    let joined = Inputs::join(vec![none.clone(), none]).expect("of one shape");
    let (none, signal) = (joined, whole.slice(0, 1).signal);
    assert_eq!(*none.get("age"), FeatureInput::Missing);
    let arrays = none.into_arrays(&small());
    assert_eq!(arrays.len(), 1);
    assert_eq!(arrays[0].1, array(&[2, 2, 4], Data::F32([signal.clone(), signal].concat())));
}

#[test]
fn builders_check_what_they_can_and_runs_the_rest() {
    let new = |n: usize, shape| Inputs::new(vec![0.0; n], shape).map_err(|e| e.to_string());
    for (made, part) in [
        (new(0, [0, 2, 4]), "signal: expected at least one record and one sample"),
        (new(0, [1, 2, 0]), "signal: expected at least one record and one sample"),
        (new(7, [1, 2, 4]), "signal: expected the elements of shape [1, 2, 4], found 7 elements"),
        (new(8, [usize::MAX, 2, 4]), "signal: expected the elements of shape"),
    ] {
        let message = made.expect_err(part);
        assert!(message.contains(part), "{part}\n{message}");
    }
    let inputs = new(24, [3, 2, 4]).expect("of the shape");
    assert_eq!((inputs.batch(), inputs.leads(), inputs.samples(), inputs.signal().len()), (3, 2, 4, 24));
    inputs.check(&small()).expect("features may be missing");
    // Names and indices, options and numbers are the same values.
    let named = inputs.clone().age([Some(60.5), None, Some(1.0)]).sex([Some("m"), None, Some("f")]);
    let indices = FeatureInput::Categorical(vec![Some(1), None, Some(0)]);
    let indexed = inputs.clone().age([60.5, f64::NAN, 1.0]).feature("sex", indices);
    let operands = |inputs: &Inputs| {
        inputs.check(&small()).expect("valid");
        let made = crate::operands::operands(&small(), &inputs.view()).expect("operands");
        format!("{made:?}")
    };
    assert_eq!(operands(&named), operands(&indexed));
    let arrays = |inputs: &Inputs| format!("{:?}", inputs.clone().into_arrays(&small()));
    assert_eq!(arrays(&named), arrays(&indexed));
    // The last word counts.
    let again = named.clone().sex(["f", "f", "f"]).sex([Some("m"), None, Some("f")]);
    assert_eq!(operands(&again), operands(&named));
    // A slice and what is joined of slices.
    let parts = (0..3).map(|i| named.slice(i, 1)).collect();
    assert_eq!(operands(&Inputs::join(parts).expect("joined")), operands(&named));
    let mut cleared = named.clone();
    cleared.clear(0);
    assert_eq!(*cleared.get("sex"), FeatureInput::Named(vec![None, None, Some("f".to_owned())]));

    let plain = Config { fusion: None, ..small() };
    let message = named.check(&plain).expect_err("no features").to_string();
    assert!(message.contains("age: expected no features, as the network takes none"), "{message}");
}

#[test]
fn parts_that_differ_are_not_joined() {
    let part = || Inputs::new(vec![0.0; 8], [1, 2, 4]).expect("of the shape");
    let rows = |steps_max: usize, width: usize| FeatureInput::Sequence {
        steps_max,
        rows: vec![0.0; steps_max * width],
        steps: vec![steps_max],
    };
    for (parts, text) in [
        (vec![], "batch: expected at least one part"),
        (
            vec![part(), Inputs::new(vec![0.0; 6], [1, 2, 3]).expect("of the shape")],
            "signal, part 1: expected 2 leads of 4 samples, found 2 leads of 3 samples",
        ),
        (
            vec![part(), part().sex(["f"]), part().feature("sex", FeatureInput::Categorical(vec![None]))],
            "sex, part 2: expected values of the kind",
        ),
        (
            vec![
                part().feature("rhythm", rows(0, 2)),
                part().feature("rhythm", rows(2, 2)),
                part().feature("rhythm", rows(1, 3)),
            ],
            "rhythm, part 2: expected the elements of shape [1, 1, 2], found 3 elements",
        ),
    ] {
        let message = Inputs::join(parts).expect_err(text).to_string();
        assert!(message.contains(text), "{text}\n{message}");
    }
    let empty = Inputs::join(vec![part().feature("rhythm", rows(0, 2)), part()]).expect("no rows at all");
    assert_eq!(
        *empty.get("rhythm"),
        FeatureInput::Sequence { steps_max: 0, rows: vec![], steps: vec![0, 0] }
    );
}
