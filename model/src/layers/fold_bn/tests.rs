use super::{Affine, Folder, Layers};
use crate::overflow::Overflow;
use crate::weights::tests::{generate, small};
use crate::weights::{Values, Weights};
use efficientecg_kernels::weight_rows::WeightRows;

/// Batch norm after a convolution at one output, by the definition; `x` is the window `[c_in, kernel]`.
fn direct(weights: &Weights, layer: &str, o: usize, x: &[f64]) -> f64 {
    let get = |part: &str| weights.arrays()[&format!("{layer}.{part}")].data.to_f64();
    let w = get("conv.weight");
    let dot: f64 = w[o * x.len()..(o + 1) * x.len()].iter().zip(x).map(|(w, x)| w * x).sum();
    let (mean, var) = (get("bn.running_mean")[o], get("bn.running_var")[o]);
    (dot - mean) / (var + weights.config().bn_eps).sqrt() * get("bn.weight")[o] + get("bn.bias")[o]
}

#[test]
fn folding_gives_what_batch_norm_gives() {
    let weights = generate(small());
    let folder = Folder::new(&weights);
    let layers =
        weights.arrays().iter().filter_map(|(name, a)| Some((name.strip_suffix(".conv.weight")?, a)));
    let mut count = 0;
    for (name, array) in layers {
        let Affine { weight, bias } = folder.conv_bn(name).expect("folded").exact();
        let (outputs, window) = (array.shape[0], array.shape[1] * array.shape[2]);
        assert_eq!((weight.len(), bias.len()), (outputs * window, outputs));
        let x: Vec<f64> = (0..window).map(|i| (i as f64 * 0.7).sin()).collect();
        for o in 0..outputs {
            let row = &weight[o * window..(o + 1) * window];
            let folded: f64 = row.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>() + bias[o];
            let want = direct(&weights, name, o, &x);
            assert!(folded.is_finite() && want.is_finite());
            let error = (folded - want).abs() / want.abs().max(1.0);
            assert!(error <= 1e-12, "{name} channel {o}: {folded} {want}");
        }
        count += 1;
    }
    assert_eq!(count, 10);
}

#[test]
fn other_layers_pass_through() {
    let weights = generate(small());
    let folder = Folder::new(&weights);
    let get = |name: &str| weights.arrays()[name].data.to_f64();
    let Affine { weight, bias } = folder.linear("fusion.k").expect("as it is");
    assert_eq!((weight, bias), (get("fusion.k.weight"), get("fusion.k.bias")));
    let [a, b] = ["ih", "hh"].map(|part| format!("fusion.features.rhythm.lstm.bias_{part}_l0"));
    let sum: Vec<f64> = get(&a).iter().zip(get(&b)).map(|(a, b)| a + b).collect();
    assert_eq!(folder.sum(&a, &b).expect("a sum"), sum);
}

/// Layers that must stay within a limit.
fn at(weights: &Weights, limit: Overflow) -> Folder<'_> {
    let folder = Folder::new(weights);
    folder.set_limit(limit);
    folder
}

/// The weights of `small` with the first element of some arrays changed.
fn changed(changes: &[(&str, f64)]) -> Weights {
    let mut arrays = generate(small()).arrays().clone();
    for (name, value) in changes {
        if let Some(Values::F64(v)) = arrays.get_mut(*name).map(|a| &mut a.data) {
            v[0] = *value;
        }
    }
    Weights::from_arrays(small(), arrays).expect("each fits")
}

#[test]
fn overflow_after_folding_names_the_layer() {
    let weights = changed(&[("head.bn.weight", 1e30), ("head.conv.weight", 1e30)]);
    let error = Folder::new(&weights).conv_bn("head").expect_err("the product").to_string();
    assert!(
        error.contains("head.bn: expected a weight that is finite") && error.contains("overflows f32"),
        "{error}"
    );
    let [a, b] = ["ih", "hh"].map(|part| format!("fusion.features.rhythm.lstm.bias_{part}_l0"));
    let weights = changed(&[(&a, 3e38), (&b, 3e38)]);
    let error = Folder::new(&weights).sum(&a, &b).expect_err("the sum").to_string();
    assert!(error.contains("bias_ih_l0: expected a sum with"), "{error}");
}

#[test]
fn products_of_weights_in_f32_are_checked_too() {
    let weights = |gamma: f64, weight: f32| {
        let mut arrays = changed(&[("head.bn.weight", gamma)]).arrays().clone();
        let of = &mut arrays.get_mut("head.conv.weight").expect("an array").data;
        let mut narrow: Vec<f32> = of.to_f64().iter().map(|w| *w as f32).collect();
        narrow[0] = weight;
        *of = Values::F32(narrow);
        Weights::from_arrays(small(), arrays).expect("each fits")
    };
    let folded =
        |gamma, weight, limit| at(&weights(gamma, weight), limit).conv_bn("head").map_err(|e| e.to_string());
    let within = folded(1e4, 1e3, Overflow::F32).expect("in range");
    assert!(matches!(within.weight, WeightRows::Scaled { .. }), "apart from their factors");
    assert!(within.weight.exact().iter().all(|w| w.is_finite()));
    let error = folded(1e30, 1e30, Overflow::F32).expect_err("the product");
    assert!(error.contains("head.bn: expected a weight that is finite"), "{error}");
    let error = folded(1e4, 1e4, Overflow::F16).expect_err("the product");
    assert!(error.contains("head.weight: expected values that are finite in f16"), "{error}");
    folded(1e4, 1e4, Overflow::BF16).expect("in range");
}

#[test]
fn narrower_types_are_checked_on_request() {
    let read = |value: f64, limit| {
        let weights = changed(&[("classifier.weight", value)]);
        at(&weights, limit).linear("classifier").map(drop).map_err(|e| e.to_string())
    };
    read(65_519.0, Overflow::F16).expect("rounds to 65504");
    let error = read(-65_520.0, Overflow::F16).expect_err("overflow");
    assert!(error.contains("classifier.weight: expected values that are finite in f16"), "{error}");
    read(-65_520.0, Overflow::BF16).expect("in range");
    read(f64::from(f32::MAX), Overflow::F32).expect("in range");
    let error = read(f64::from(f32::MAX), Overflow::BF16).expect_err("overflow");
    assert!(error.contains("overflows bf16"), "{error}");
    let weights = changed(&[("head.bn.weight", 1e4), ("head.conv.weight", 1e4)]);
    let error = at(&weights, Overflow::F16).conv_bn("head").expect_err("overflow").to_string();
    assert!(error.contains("head.weight: expected values that are finite in f16"), "{error}");
    // The thresholds against the conversion itself.
    let below = Overflow::F32.from.next_down();
    assert!((below as f32).is_finite() && (Overflow::F32.from as f32).is_infinite());
}
