use crate::arrays::Data;
use crate::network::{ConvBn, Overflow};
use crate::weights::Weights;
use crate::weights::tests::{generate, small};

/// Batch norm after a convolution at one output, by the definition; `x` is the window `[c_in, kernel]`.
fn direct(weights: &Weights, layer: &str, o: usize, x: &[f64]) -> f64 {
    let get = |part: &str| weights.arrays()[&format!("{layer}.{part}")].data.to_f64();
    let w = get("conv.weight");
    let dot: f64 = w[o * x.len()..(o + 1) * x.len()].iter().zip(x).map(|(w, x)| w * x).sum();
    let (mean, var) = (get("bn.running_mean")[o], get("bn.running_var")[o]);
    (dot - mean) / (var + weights.config().bn_eps).sqrt() * get("bn.weight")[o] + get("bn.bias")[o]
}

#[test]
fn folding_is_batch_norm_after_the_convolution() {
    let weights = generate(small());
    let network = weights.network().expect("folded");
    let mut layers: Vec<(String, &ConvBn)> =
        vec![("stem".to_owned(), &network.stem), ("head".to_owned(), &network.head)];
    for (i, block) in network.blocks.iter().enumerate() {
        if let Some(expand) = &block.expand {
            layers.push((format!("blocks.{i}.expand"), expand));
        }
        layers.push((format!("blocks.{i}.depthwise"), &block.depthwise));
        layers.push((format!("blocks.{i}.project"), &block.project));
    }
    assert_eq!(layers.len(), 10);
    for (name, conv) in layers {
        let window = conv.c_in * conv.kernel;
        assert_eq!(conv.weight.len(), conv.c_out * window);
        assert_eq!(conv.bias.len(), conv.c_out);
        let x: Vec<f64> = (0..window).map(|i| (i as f64 * 0.7).sin()).collect();
        for o in 0..conv.c_out {
            let row = &conv.weight[o * window..(o + 1) * window];
            let folded: f64 = row.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>() + conv.bias[o];
            let want = direct(&weights, &name, o, &x);
            assert!(folded.is_finite() && want.is_finite());
            let error = (folded - want).abs() / want.abs().max(1.0);
            assert!(error <= 1e-12, "{name} channel {o}: {folded} {want}");
        }
    }
    assert_eq!(network.stem.stride, 2);
    let strides: Vec<usize> = network.blocks.iter().map(|b| b.depthwise.stride).collect();
    assert_eq!(strides, [1, 3, 1]);
    let residual: Vec<bool> = network.blocks.iter().map(|b| b.residual).collect();
    assert_eq!(residual, [false, false, true]);
}

#[test]
fn linear_layers_and_features_pass_through() {
    let weights = generate(small());
    let network = weights.network().expect("folded");
    let mut seen = 0;
    network.for_each(&mut |name, values| {
        // Folded layers go by other names than the arrays that they were made of.
        if let Some(array) = weights.arrays().get(name) {
            assert_eq!(values, array.data.to_f64(), "{name}");
            seen += 1;
        }
    });
    // Everything but the ten convolutions with their batch norms.
    assert_eq!(seen, weights.arrays().len() - 10 * 5);
    let fusion = network.fusion.expect("fusion");
    assert_eq!((fusion.k.out, fusion.k.input), (6, 8));
    assert_eq!((network.classifier.out, network.classifier.input), (3, 26));
}

#[test]
fn overflow_after_folding_names_the_layer() {
    let weights = generate(small());
    let mut arrays = weights.arrays().clone();
    for (name, value) in [("head.bn.weight", 1e30), ("head.conv.weight", 1e30)] {
        if let Some(Data::F64(v)) = arrays.get_mut(name).map(|a| &mut a.data) {
            v[0] = value;
        }
    }
    let weights = Weights::from_arrays(small(), arrays).expect("each fits");
    let error = weights.network().expect_err("the product").to_string();
    assert!(
        error.contains("head.bn: expected a weight that is finite") && error.contains("overflows f32"),
        "{error}"
    );
}

#[test]
fn narrower_types_are_checked_on_request() {
    let mut weights = generate(small()).network().expect("folded");
    weights.classifier.weight[2] = 65_519.0;
    weights.check_fits(Overflow::F16).expect("rounds to 65504");
    weights.classifier.weight[2] = -65_520.0;
    let fault = weights.check_fits(Overflow::F16).expect_err("overflow");
    assert!(
        fault.to_string().starts_with("classifier.weight: expected values that are finite in f16"),
        "{fault}"
    );
    weights.check_fits(Overflow::BF16).expect("in range");
    weights.classifier.weight[2] = f64::from(f32::MAX);
    weights.check_fits(Overflow::F32).expect("in range");
    let fault = weights.check_fits(Overflow::BF16).expect_err("overflow");
    assert!(fault.to_string().contains("overflows bf16"), "{fault}");
    // The thresholds against the conversion itself.
    let below = Overflow::F32.from.next_down();
    assert!((below as f32).is_finite() && (Overflow::F32.from as f32).is_infinite());
}
