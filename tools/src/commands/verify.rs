//! `efficientecg verify`: a network's outputs against a reference's.

use super::run_in_batches;
use crate::args::Verify;
use crate::error::Failure;
use crate::out;
use efficientecg::inputs::read_reference;
use serde::Serialize;

#[derive(Serialize)]
struct Row {
    name: String,
    /// The worst error; null where a result is not finite.
    error: Option<f64>,
    passed: bool,
}

#[derive(Serialize)]
struct Report {
    device: String,
    records: usize,
    tolerance: f64,
    passed: bool,
    arrays: Vec<Row>,
}

pub(crate) fn run(args: &Verify) -> Result<(), Failure> {
    let model = args.model.load()?;
    let (inputs, expected) = read_reference(&args.reference, model.config())?;
    let taps: Vec<&str> = expected.iter().filter_map(|e| e.name.strip_prefix("tap.")).collect();
    let size = args.model.batch(inputs.batch());
    let results = run_in_batches(&model, &inputs, &taps, size, &args.reference)?;

    let tolerance = args.model.precision().tolerance();
    let mut tapped = results.taps.iter();
    let mut rows = Vec::new();
    for e in &expected {
        let got: &[f32] = match e.name.as_str() {
            "logits" => &results.logits,
            "probabilities" => &results.probabilities,
            _ => tapped.next().map_or(&[], |t| &t.data),
        };
        let error = worst_error(got, &e.data);
        rows.push(Row { name: e.name.clone(), error, passed: error.is_some_and(|e| e <= tolerance) });
    }
    let failed = rows.iter().filter(|r| !r.passed).count();
    let report = Report {
        device: model.device(),
        records: inputs.batch(),
        tolerance,
        passed: failed == 0,
        arrays: rows,
    };
    let told = if args.json { out::json(&report) } else { out::text(&table(&report)) };
    if failed > 0 {
        let names: Vec<&str> = report.arrays.iter().filter(|r| !r.passed).map(|r| r.name.as_str()).collect();
        let line = format!("{}: above tolerance: {}", args.reference.display(), names.join(", "));
        // Whoever does not read to the end is told by the exit code.
        return Err(Failure::Check(line));
    }
    Ok(told?)
}

/// `max |got - want| / max(1, max |want|)`, or nothing where the lengths differ or a result is not finite.
fn worst_error(got: &[f32], want: &[f64]) -> Option<f64> {
    if got.len() != want.len() || got.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let size = want.iter().fold(1.0f64, |m, w| m.max(w.abs()));
    let worst = got.iter().zip(want).fold(0.0f64, |m, (g, w)| m.max((f64::from(*g) - w).abs()));
    Some(worst / size)
}

fn table(report: &Report) -> String {
    let mut text =
        format!("{} records on {}, tolerance {:.0e}\n", report.records, report.device, report.tolerance);
    for row in &report.arrays {
        let error = row.error.map_or_else(|| "not finite".to_owned(), |e| format!("{e:.2e}"));
        let verdict = if row.passed { "" } else { "  FAILED" };
        text += &format!("{:24} {error:>10}{verdict}\n", row.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::worst_error;

    #[test]
    fn errors_are_relative_to_the_largest_reference_and_never_hide_nan() {
        assert_eq!(worst_error(&[1.0, 2.0], &[1.0, 4.0]), Some(0.5));
        assert_eq!(worst_error(&[0.25], &[0.5]), Some(0.25));
        assert_eq!(worst_error(&[f32::NAN, 1.0], &[1.0, 1.0]), None);
        assert_eq!(worst_error(&[f32::INFINITY], &[1.0]), None);
        assert_eq!(worst_error(&[1.0], &[1.0, 1.0]), None);
    }
}
