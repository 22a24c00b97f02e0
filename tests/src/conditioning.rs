//! How far the results of a whole network move when every weight and every input moves by one unit in the last place of an
//! f32, up or down at random: what no implementation in f32 can be asked to be better than, by much.

use crate::compare::{arrays, worst_error};
use crate::random::Generator;
use efficientecg::weights::Values;
use efficientecg::{Backend, Inputs, Options, Outputs, Weights};

/// The next f32 up or down; zeros stay.
fn nudge(x: f32, random: &mut Generator) -> f32 {
    match random.below(2) {
        _ if x == 0.0 => x,
        0 => x.next_up(),
        _ => x.next_down(),
    }
}

fn nudged_weights(weights: &Weights, random: &mut Generator) -> Weights {
    let mut arrays = weights.arrays().clone();
    for array in arrays.values_mut() {
        let values = array.data.to_f64().into_iter().map(|w| nudge(w as f32, random));
        array.data = Values::F32(values.collect());
    }
    Weights::from_arrays(weights.config().clone(), arrays).unwrap_or_else(|e| panic!("{e}"))
}

fn nudged_inputs(inputs: &Inputs, random: &mut Generator) -> Inputs {
    let mut inputs = inputs.clone();
    inputs.signal_mut().iter_mut().for_each(|x| *x = nudge(*x, random));
    inputs
}

/// A run of the reference, in f64, with the arrays `taps`.
pub fn reference(weights: &Weights, inputs: &Inputs, taps: &[&str]) -> Outputs {
    let model = Options::new().backend(Backend::Reference).from_weights(weights);
    let model = model.unwrap_or_else(|e| panic!("{e}"));
    model.run_with_taps(inputs, taps).unwrap_or_else(|e| panic!("{e}"))
}

/// The largest difference of two runs' arrays whose names pass, normalised as by [`worst_error`], and the array.
pub fn movement(a: &Outputs, b: &Outputs, of: impl Fn(&str) -> bool) -> (f64, String) {
    let pairs = arrays(a).zip(arrays(b)).filter(|((name, _), _)| of(name));
    pairs.fold((0.0, String::new()), |worst, ((name, a), (_, b))| {
        let want: Vec<f64> = b.iter().map(|x| f64::from(*x)).collect();
        let error = worst_error(a, &want).unwrap_or_else(|e| panic!("{name}: {e}"));
        if error > worst.0 { (error, name.to_owned()) } else { worst }
    })
}

/// The reference's runs with everything moved, one for each of `trials`.
pub fn moved<'a>(
    weights: &'a Weights,
    inputs: &'a Inputs,
    taps: &'a [&str],
    trials: u64,
) -> impl Iterator<Item = Outputs> + 'a {
    (0..trials).map(move |trial| {
        let mut random = Generator::new(trial as usize);
        let weights = nudged_weights(weights, &mut random);
        reference(&weights, &nudged_inputs(inputs, &mut random), taps)
    })
}
