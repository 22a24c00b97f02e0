//! Batches put together.

use super::{FeatureInput, Inputs, length, mismatch};
use efficientecg_files::ItemError;

impl Inputs {
    /// One batch of several, of as many leads and samples each. Sequences are padded with zeros to the longest; a feature that a
    /// part lacks is missing for its records.
    ///
    /// ```
    /// # fn main() -> Result<(), efficientecg::ItemError> {
    /// use efficientecg::Inputs;
    ///
    /// let one = Inputs::new(vec![0.0; 2 * 720], [1, 2, 720])?.age([63.0]);
    /// let other = Inputs::new(vec![0.5; 2 * 720], [1, 2, 720])?;
    /// let both = Inputs::join(vec![one, other])?;
    /// assert_eq!(both.batch(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// There are no parts, or they differ in leads or samples, in the kind of a feature or the width of a sequence.
    pub fn join(mut parts: Vec<Inputs>) -> Result<Inputs, ItemError> {
        let Some(first) = parts.first() else {
            return Err(mismatch("batch", "at least one part", "none"));
        };
        let (leads, samples) = (first.leads, first.samples);
        for (i, part) in parts.iter().enumerate() {
            if (part.leads, part.samples) != (leads, samples) {
                let size = |leads, samples| format!("{leads} leads of {samples} samples");
                let item = format!("signal, part {i}");
                return Err(mismatch(&item, size(leads, samples), size(part.leads, part.samples)));
            }
        }
        let mut names: Vec<String> = Vec::new();
        for (name, _) in parts.iter().flat_map(|part| &part.features) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let joined = names.into_iter().map(|name| join(&parts, &name).map(|values| (name, values)));
        let features = joined.collect::<Result<_, _>>()?;
        let batch = parts.iter().map(|p| p.batch).sum();
        let mut signal = Vec::with_capacity(batch * leads * samples);
        // Each part's signal is let go once it is copied.
        parts.drain(..).for_each(|p| signal.extend_from_slice(&p.signal));
        Ok(Inputs { batch, leads, samples, signal, features })
    }
}

/// A feature of all parts.
fn join(parts: &[Inputs], name: &str) -> Result<FeatureInput, ItemError> {
    use FeatureInput::{Categorical, Continuous, Missing, Named, Sequence};
    let of = || parts.iter().map(|part| (part.batch, part.get(name)));
    let mut width = None;
    let mut joined = match of().map(|(_, values)| values).find(|values| **values != Missing) {
        Some(Continuous(_)) => Continuous(Vec::new()),
        Some(Categorical(_)) => Categorical(Vec::new()),
        Some(Named(_)) => Named(Vec::new()),
        Some(Sequence { .. }) => {
            let rows = of().map(|(batch, values)| match values {
                Sequence { steps_max, rows, .. } => (batch * steps_max, *steps_max, rows.len()),
                _ => (0, 0, 0),
            });
            width = rows.clone().find(|(n, ..)| *n > 0).map(|(n, _, numbers)| numbers / n);
            let steps_max = rows.map(|(_, steps_max, _)| steps_max).max().unwrap_or(0);
            Sequence { steps_max, rows: Vec::new(), steps: Vec::new() }
        }
        Some(Missing) | None => return Ok(Missing),
    };
    let width = width.unwrap_or(0);
    for (i, (batch, values)) in of().enumerate() {
        let item = || format!("{name}, part {i}");
        match (&mut joined, values) {
            (Continuous(all), Continuous(x)) => all.extend_from_slice(x),
            (Continuous(all), Missing) => all.resize(all.len() + batch, f64::NAN),
            (Categorical(all), Categorical(x)) => all.extend_from_slice(x),
            (Categorical(all), Missing) => all.resize(all.len() + batch, None),
            (Named(all), Named(x)) => all.extend_from_slice(x),
            (Named(all), Missing) => all.resize(all.len() + batch, None),
            (Sequence { steps_max, rows, steps }, Sequence { steps_max: own, rows: from, steps: counts }) => {
                length(&item(), &[batch, *own, width], from.len())?;
                for record in 0..batch {
                    rows.extend_from_slice(&from[record * own * width..][..own * width]);
                    rows.resize(rows.len() + (*steps_max - own) * width, 0.0);
                }
                steps.extend_from_slice(counts);
            }
            (Sequence { steps_max, rows, steps }, Missing) => {
                rows.resize(rows.len() + batch * *steps_max * width, 0.0);
                steps.resize(steps.len() + batch, 0);
            }
            _ => {
                return Err(mismatch(
                    &item(),
                    "values of the kind that parts before it have",
                    "another kind",
                ));
            }
        }
    }
    Ok(joined)
}
