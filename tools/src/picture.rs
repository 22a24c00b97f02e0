//! A picture of a record: its first lead in rows of time, each beat marked with its class. SVG, one file, no scripts.

use crate::findings::RecordReport;
use efficientecg::classify::Settings;
use efficientecg::config::Config;
use efficientecg::ecg::{self, Record, leads};

const WIDTH: f64 = 1080.0;
const ROW: f64 = 84.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 40.0;
/// Rows at most; longer records get longer rows.
const ROWS: f64 = 30.0;
/// Seconds a row, the first that fits.
const SPANS: [f64; 7] = [10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// The first class is drawn quietly, the others stand out.
const COLOURS: [&str; 6] = ["#5f6b7a", "#0072b2", "#d55e00", "#8a3ffc", "#9a6700", "#007d79"];

/// Draws a record with its findings.
pub(crate) fn svg(
    record: &Record,
    config: &Config,
    settings: &Settings,
    report: &RecordReport,
) -> Result<String, ecg::Error> {
    let lead = &record.leads[leads::select(record, &config.leads, &settings.leads)?[0]];
    let span = SPANS.into_iter().find(|s| record.seconds() / s <= ROWS).unwrap_or(record.seconds() / ROWS);
    let rows = (record.seconds() / span).ceil().max(1.0);
    let height = TOP + rows * ROW + 12.0;
    let (low, high) = range(&lead.samples);

    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    out += &legend(report, &lead.name);
    let x = |seconds: f64| LEFT + seconds / span * (WIDTH - LEFT - 12.0);
    for row in 0..rows as usize {
        let start = row as f64 * span;
        let base = TOP + row as f64 * ROW;
        let y = |v: f32| base + 24.0 + f64::from((high - v) / (high - low)) * (ROW - 32.0);
        out += &format!("<text x=\"8\" y=\"{:.0}\" fill=\"#5f6b7a\">{}</text>\n", base + 52.0, clock(start));
        for part in report.not_assessed.iter().filter(|p| p.onset < start + span && p.end > start) {
            let (from, to) = (x((part.onset - start).max(0.0)), x((part.end - start).min(span)));
            out += &format!(
                "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#f0d9d9\"><title>not assessed: {}</title></rect>\n",
                base + 18.0,
                to - from,
                ROW - 24.0,
                part.reason
            );
        }
        out += &trace(&lead.samples, lead.sample_rate, start, span, &x, &y);
        for f in report.findings.iter().filter(|f| f.seconds >= start && f.seconds < start + span) {
            if report.unit != "beat" {
                continue;
            }
            let Some(told) = &f.class else { continue };
            let class = report.classes.iter().position(|c| c == told).unwrap_or(0);
            let weight = if class == 0 { "normal" } else { "bold" };
            out += &format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{}\" font-weight=\"{weight}\" text-anchor=\"middle\">{}</text>\n",
                x(f.seconds - start),
                base + 14.0,
                COLOURS[class.min(COLOURS.len() - 1)],
                escape(told)
            );
        }
    }
    Ok(out + "</svg>\n")
}

fn legend(report: &RecordReport, lead: &str) -> String {
    let mut text = format!("{} · lead {}", report.record, lead);
    for class in &report.classes {
        text += &format!(" · {class} {}", report.counts.get(class).copied().unwrap_or(0));
    }
    format!("<text x=\"8\" y=\"22\" font-size=\"15\" fill=\"#1f2933\">{}</text>\n", escape(&text))
}

/// One row of the signal: the least and the greatest sample of each unit of width, gaps left open.
fn trace(
    samples: &[f32],
    rate: f64,
    start: f64,
    span: f64,
    x: &impl Fn(f64) -> f64,
    y: &impl Fn(f32) -> f64,
) -> String {
    let first = (start * rate) as usize;
    let last = (((start + span) * rate) as usize).min(samples.len());
    let step = ((span * rate / WIDTH).ceil() as usize).max(1);
    let mut path = String::new();
    let mut pen_up = true;
    let mut at = first;
    while at < last {
        let part = &samples[at..(at + step).min(last)];
        let low = part.iter().copied().fold(f32::INFINITY, f32::min);
        let high = part.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if low.is_finite() && high.is_finite() {
            let at = x(at as f64 / rate - start);
            path += &format!("{}{at:.1} {:.1}", if pen_up { "M" } else { "L" }, y(high));
            if low < high {
                path += &format!("V{:.1}", y(low));
            }
            pen_up = false;
        } else {
            pen_up = true;
        }
        at += step;
    }
    format!("<path d=\"{path}\" fill=\"none\" stroke=\"#1f2933\" stroke-width=\"1\"/>\n")
}

/// What to draw between: all but the outermost thousandth of the samples.
fn range(samples: &[f32]) -> (f32, f32) {
    let mut sorted: Vec<f32> = samples.iter().copied().filter(|s| s.is_finite()).collect();
    sorted.sort_by(f32::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return (0.0, 1.0) };
    let (low, high) = (sorted[last / 1000], sorted[last - last / 1000]);
    if low < high { (low, high) } else { (low - 1.0, low + 1.0) }
}

fn clock(seconds: f64) -> String {
    let s = seconds as u64;
    format!("{}:{:02}", s / 60, s % 60)
}

fn escape(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    clean.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
