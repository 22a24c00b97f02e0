//! The report as tables of at most 100 columns.

use super::profile::{Line, Report as Profile, Source};
use super::{Report, Row};

const WIDTH: usize = 100;

/// Words in lines of at most [`WIDTH`] columns, each after `indent`.
pub(super) fn wrapped(words: &str, indent: &str) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for word in words.split_whitespace() {
        if !line.is_empty() && indent.len() + line.chars().count() + 1 + word.chars().count() > WIDTH {
            text += &format!("{indent}{line}\n");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    text + &format!("{indent}{line}\n")
}

/// Four digits or so, at most nine columns.
pub(super) fn number(x: f64) -> String {
    match x.abs() {
        m if !m.is_finite() => "-".to_owned(),
        m if m >= 1e7 => format!("{x:.2e}"),
        m if m >= 1000.0 => format!("{x:.0}"),
        m if m >= 100.0 => format!("{x:.1}"),
        m if m >= 10.0 => format!("{x:.2}"),
        m if m >= 1.0 => format!("{x:.3}"),
        _ => format!("{x:.4}"),
    }
}

pub(super) fn maybe(x: Option<f64>) -> String {
    x.map_or_else(|| "-".to_owned(), number)
}

pub(super) fn percent(x: Option<f64>) -> String {
    x.map_or_else(|| "-".to_owned(), |x| format!("{:.1} %", 100.0 * x))
}

impl Report {
    pub(super) fn text(&self) -> String {
        let (build, machine) = (&self.build, &self.machine);
        let commit = build.commit.map_or(String::new(), |c| format!(", commit {c}"));
        let mut text = wrapped(
            &format!(
                "efficientecg {} ({}{commit}) on {}, {} cores, {} {}",
                build.version,
                build.profile,
                machine.cpu.as_deref().unwrap_or("an unknown processor"),
                machine.cores,
                machine.system,
                machine.architecture
            ),
            "",
        );
        text +=
            &wrapped(&format!("{}: {} leads, {} parameters", self.network, self.leads, self.parameters), "");
        text += &wrapped(
            "Whole runs of a loaded network on synthetic signals; reading and preprocessing of records is not in them (see --record).",
            "",
        );
        text += "\nCold start, in milliseconds, the file in the system's cache\n";
        for row in &self.rows {
            if let Some(start) = &row.cold_start {
                let phases = start.phases.iter().map(|p| format!("{} {}", p.name, number(1e3 * p.seconds)));
                let phases = phases.collect::<Vec<_>>().join(", ");
                let total = number(1e3 * start.seconds);
                text += &wrapped(&format!("{}: {phases}; together {total}", row.device), "  ");
            }
        }
        text += &format!(
            "\n{:>3}{:>7}{:>8}{:>8}{:>11}{:>5}{:>6}{:>11}{:>10}{:>9}{:>10}{:>10}\n",
            "#",
            "batch",
            "samples",
            "threads",
            "level",
            "prec",
            "runs",
            "ms/record",
            "records/s",
            "GFLOP/s",
            "arena MB",
            "peak MB"
        );
        for row in &self.rows {
            text += &row.summary();
        }
        text += &wrapped(
            "ms/record: the mean; GFLOP/s: two for each multiply-add; arena: a batch's activations; peak: the process's memory so far.",
            "  ",
        );
        text += &format!("\n{:>3}", "#");
        for name in ["minimum", "mean", "P50", "P90", "P95", "P99", "P99.9"] {
            text += &format!("{name:>11}");
        }
        text += "  ms a run\n";
        for row in &self.rows {
            let t = &row.milliseconds;
            text += &format!("{:>3}{:>11}{:>11}", row.number, number(t.minimum), number(t.mean));
            for p in [t.p50, t.p90, t.p95, t.p99, t.p99_9] {
                text += &format!("{:>11}", maybe(p));
            }
            text += "\n";
        }
        self.records.iter().for_each(|r| text += &r.text());
        for row in &self.rows {
            if let Some(profile) = &row.profile {
                text += &format!("\n#{}: batch {} on {}\n", row.number, row.batch, row.device);
                text += &profile.text();
            }
        }
        text
    }
}

impl Row {
    fn summary(&self) -> String {
        let mb = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), |b| number(b as f64 / 1e6));
        format!(
            "{:>3}{:>7}{:>8}{:>8}{:>11}{:>5}{:>6}{:>11}{:>10}{:>9}{:>10}{:>10}\n",
            self.number,
            self.batch,
            self.samples,
            self.threads,
            self.level,
            self.precision,
            self.runs,
            number(self.milliseconds_a_record),
            number(self.records_a_second),
            number(self.flops / 1e9),
            mb(self.arena_bytes),
            mb(self.peak_bytes)
        )
    }
}

impl Profile {
    fn text(&self) -> String {
        let roofline = &self.roofline;
        let mut text = wrapped(
            &format!(
                "Mean of the faster {} of {} profiled runs, {} ms each; outside of nodes {} ms, {}.",
                self.runs,
                self.profiled,
                number(1e3 * self.seconds),
                number(1e3 * self.outside.seconds),
                percent(Some(self.outside.share))
            ),
            "",
        );
        if let Some(note) = &self.note {
            text += &wrapped(&format!("Note: {note}."), "");
        }
        if self.nodes.is_empty() {
            return text;
        }
        let giga = |x: Option<f64>| maybe(x.map(|x| x / 1e9));
        text += &match roofline.source {
            Source::MeasuredPeak => wrapped(
                &format!(
                    "Measured peaks of {} thread{}: {} GFLOP/s; memory {} GB/s read, {} GB/s copied. Bytes beyond the memory's rate come from caches; multiply-adds are those of the formula, of which a kernel may save some.",
                    roofline.threads,
                    if roofline.threads == 1 { "" } else { "s" },
                    giga(roofline.flops),
                    giga(roofline.bytes_read),
                    giga(roofline.bytes_copied)
                ),
                "",
            ),
            Source::BestStep => wrapped(
                &format!(
                    "The GPU's peaks are unknown: shares are of the best node's {} GFLOP/s and {} GB/s.",
                    giga(roofline.flops),
                    giga(roofline.bytes)
                ),
                "",
            ),
        };
        for (title, lines) in
            [("operation", &self.operations), ("block", &self.blocks), ("node", &self.nodes)]
        {
            text += &format!(
                "\n{title:24}{:>7}{:>11}{:>9}{:>11}{:>10}{:>11}{:>10}\n",
                "calls", "ms", "share", "GFLOP/s", "of best", "GB/s", "of best"
            );
            lines.iter().for_each(|l| text += &l.text());
        }
        if roofline.source == Source::MeasuredPeak { text.replace("of best", "of peak") } else { text }
    }
}

impl Line {
    fn text(&self) -> String {
        let giga = |x: Option<f64>| maybe(x.map(|x| x / 1e9));
        // An operation of one variant is told without.
        let variant = self.variant.as_deref().filter(|name| *name != "only");
        format!(
            "{:24}{:>7}{:>11}{:>9}{:>11}{:>10}{:>11}{:>10}{}\n",
            self.name,
            self.calls,
            number(1e3 * self.seconds),
            percent(Some(self.share)),
            giga(self.flops),
            percent(self.share_of_flops),
            giga(self.bytes_per_second),
            percent(self.share_of_bytes),
            variant.map_or_else(String::new, |name| format!("  {name}"))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit() {
        let text = wrapped(&"word ".repeat(60), "  ");
        assert!(text.lines().all(|l| l.len() <= WIDTH && l.starts_with("  word")), "{text}");
        assert_eq!(text.matches("word").count(), 60);
        for x in [0.0, 1e-9, 0.5, 9.9999, 99.999, 999.99, 9_999_999.4, 1e12, f64::NAN, f64::INFINITY] {
            assert!(number(x).len() <= 9, "{}", number(x));
        }
    }
}
