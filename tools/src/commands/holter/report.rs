//! What is told of a record of hours or days: as text, JSON and a table.

use crate::times::clock;
use efficientecg::ecg::Start;
use efficientecg::ecg::holter::{Ectopy, HolterEvent, HolterReport, Hour};
use serde::Serialize;

/// Stretches not assessed that the text lists.
const LISTED: usize = 5;

/// What is known of the record beside its beats.
pub(super) struct Whole<'a> {
    pub(super) name: &'a str,
    pub(super) start: Option<Start>,
    pub(super) pause: f64,
    pub(super) model: &'a str,
    pub(super) rhythm_model: Option<&'a str>,
    /// Episodes of fibrillation, where it was assessed.
    pub(super) episodes: Option<usize>,
}

#[derive(Serialize)]
pub(super) struct Report {
    pub(super) record: String,
    /// Seconds since midnight at the start, where the record says.
    start_of_day: Option<f64>,
    seconds: f64,
    model: String,
    rhythm_model: Option<String>,
    pause_seconds: f64,
    total: Row,
    longest_rr: Option<LongestRr>,
    fastest_ventricular_run: Option<Event>,
    longest_ventricular_run: Option<Event>,
    fastest_supraventricular_run: Option<Event>,
    fibrillation_episodes: Option<usize>,
    hrv: Hrv,
    hours: Vec<Row>,
    /// The severest first.
    events: Vec<Event>,
    not_assessed: Vec<Span>,
}

#[derive(Serialize)]
struct Row {
    start: f64,
    end: f64,
    assessed_seconds: f64,
    /// From 0 to 1.
    not_assessed: f64,
    beats: usize,
    normal: usize,
    fusion: usize,
    other: usize,
    rate_min: Option<f64>,
    rate_min_at: Option<f64>,
    rate_mean: Option<f64>,
    rate_max: Option<f64>,
    rate_max_at: Option<f64>,
    ventricular: Beats,
    supraventricular: Beats,
    pauses: usize,
    longest_rr: Option<f64>,
    /// From 0 to 1, of what was assessed.
    af_burden: Option<f64>,
}

#[derive(Serialize)]
struct Beats {
    beats: usize,
    couplets: usize,
    runs: usize,
    bigeminy: usize,
    trigeminy: usize,
}

#[derive(Serialize)]
struct LongestRr {
    onset: f64,
    seconds: f64,
}

#[derive(Serialize)]
struct Event {
    kind: &'static str,
    onset: f64,
    end: f64,
    beats: usize,
    rate: Option<f64>,
    strip_onset: f64,
    strip_seconds: f64,
}

#[derive(Serialize)]
struct Span {
    onset: f64,
    end: f64,
}

/// In milliseconds, shares from 0 to 1, powers in ms².
#[derive(Serialize)]
struct Hrv {
    nn_intervals: usize,
    mean_nn: Option<f64>,
    sdnn: Option<f64>,
    sdann: Option<f64>,
    sdnn_index: Option<f64>,
    rmssd: Option<f64>,
    pnn50: Option<f64>,
    vlf: Option<f64>,
    lf: Option<f64>,
    hf: Option<f64>,
    lf_hf: Option<f64>,
    windows: usize,
    windows_in_all: usize,
}

impl Row {
    fn new(hour: &Hour) -> Row {
        let beats = |e: &Ectopy| Beats {
            beats: e.beats,
            couplets: e.couplets,
            runs: e.runs,
            bigeminy: e.bigeminy,
            trigeminy: e.trigeminy,
        };
        Row {
            start: hour.start,
            end: hour.end,
            assessed_seconds: hour.assessed,
            not_assessed: hour.not_assessed(),
            beats: hour.beats,
            normal: hour.normal,
            fusion: hour.fusion,
            other: hour.other,
            rate_min: hour.rate.map(|r| r.min),
            rate_min_at: hour.rate.map(|r| r.min_at),
            rate_mean: hour.mean_rate(),
            rate_max: hour.rate.map(|r| r.max),
            rate_max_at: hour.rate.map(|r| r.max_at),
            ventricular: beats(&hour.ventricular),
            supraventricular: beats(&hour.supraventricular),
            pauses: hour.pauses,
            longest_rr: hour.longest,
            af_burden: hour.burden(),
        }
    }
}

impl Event {
    fn new(event: &HolterEvent) -> Event {
        let (strip_onset, strip_seconds) = event.strip();
        let HolterEvent { kind, onset, end, beats, rate, .. } = *event;
        Event { kind: kind.name(), onset, end, beats, rate, strip_onset, strip_seconds }
    }
}

impl Report {
    pub(super) fn new(found: &HolterReport, whole: &Whole<'_>) -> Report {
        let (time, bands) = (found.time, found.bands);
        Report {
            record: whole.name.to_owned(),
            start_of_day: whole.start.and_then(|start| start.time),
            seconds: found.total.end,
            model: whole.model.to_owned(),
            rhythm_model: whole.rhythm_model.map(str::to_owned),
            pause_seconds: whole.pause,
            total: Row::new(&found.total),
            longest_rr: found.longest.map(|l| LongestRr { onset: l.onset, seconds: l.seconds }),
            fastest_ventricular_run: found.fastest_run.as_ref().map(Event::new),
            longest_ventricular_run: found.longest_run.as_ref().map(Event::new),
            fastest_supraventricular_run: found.fastest_supraventricular_run.as_ref().map(Event::new),
            fibrillation_episodes: whole.episodes,
            hrv: Hrv {
                nn_intervals: time.map_or(0, |t| t.count),
                mean_nn: time.map(|t| t.mean),
                sdnn: time.and_then(|t| t.sdnn),
                sdann: time.and_then(|t| t.sdann),
                sdnn_index: time.and_then(|t| t.sdnn_index),
                rmssd: time.and_then(|t| t.rmssd),
                pnn50: time.and_then(|t| t.pnn50),
                vlf: bands.map(|b| b.vlf),
                lf: bands.map(|b| b.lf),
                hf: bands.map(|b| b.hf),
                lf_hf: bands.and_then(|b| b.ratio()),
                windows: found.windows.0,
                windows_in_all: found.windows.1,
            },
            hours: found.hours.iter().map(Row::new).collect(),
            events: found.events.iter().map(Event::new).collect(),
            not_assessed: found.unknown.iter().map(|s| Span { onset: s.start, end: s.end }).collect(),
        }
    }

    /// The table of hours as comma-separated values.
    pub(super) fn csv(&self) -> String {
        let mut text = String::from(
            "start,end,assessed_seconds,not_assessed,beats,normal,fusion,other,rate_min,rate_mean,rate_max,\
             v_beats,v_couplets,v_runs,bigeminy,trigeminy,s_beats,s_couplets,s_runs,pauses,longest_rr,af_burden\n",
        );
        let cell = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v:.4}"));
        for r in &self.hours {
            let (v, s) = (&r.ventricular, &r.supraventricular);
            let cells = [
                format!("{:.3},{:.3},{:.3},{:.5}", r.start, r.end, r.assessed_seconds, r.not_assessed),
                format!("{},{},{},{}", r.beats, r.normal, r.fusion, r.other),
                [r.rate_min, r.rate_mean, r.rate_max].map(cell).join(","),
                format!("{},{},{},{},{}", v.beats, v.couplets, v.runs, v.bigeminy, v.trigeminy),
                format!("{},{},{},{}", s.beats, s.couplets, s.runs, r.pauses),
                [r.longest_rr, r.af_burden].map(cell).join(","),
            ];
            text += &cells.join(",");
            text.push('\n');
        }
        text
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let t = &self.total;
        let mut text = format!("{}: {}, {} beats", self.record, clock(self.seconds), t.beats);
        if let Some(start) = self.start_of_day {
            text += &format!(", from {}", time_of_day(start));
        }
        text += &format!(
            "\n  {:.1} % of the time was not assessed and is left out of all that follows\n",
            100.0 * t.not_assessed
        );
        for span in self.longest_spans() {
            text += &format!("  - {} to {}\n", clock(span.onset), clock(span.end));
        }
        if self.not_assessed.len() > LISTED {
            text += &format!("  and {} shorter ones\n", self.not_assessed.len() - LISTED);
        }
        text += &self.figures();
        text += &self.hrv_text();
        text += &self.table();
        if !self.events.is_empty() {
            text += "\n  the severest events        onset  beats  a minute seconds  strip\n";
        }
        for e in &self.events {
            let beats = if e.beats > 0 { e.beats.to_string() } else { "-".to_owned() };
            text += &format!(
                "  {:<21} {:>10} {beats:>6} {:>9} {:>7.1}  {} + {:.0} s\n",
                e.kind,
                clock(e.onset),
                number(e.rate, 0),
                e.end - e.onset,
                clock(e.strip_onset),
                e.strip_seconds
            );
        }
        text += &format!("\n  Model of beats: {}", self.model);
        if let Some(rhythm) = &self.rhythm_model {
            text += &format!("; of rhythms: {rhythm}");
        }
        text + "\n  Research only: no device, and not for diagnosis.\n"
    }

    /// The longest of what was not assessed.
    fn longest_spans(&self) -> Vec<&Span> {
        let mut spans: Vec<&Span> = self.not_assessed.iter().collect();
        spans.sort_by(|a, b| (b.end - b.onset).total_cmp(&(a.end - a.onset)));
        spans.truncate(LISTED);
        spans.sort_by(|a, b| a.onset.total_cmp(&b.onset));
        spans
    }

    fn figures(&self) -> String {
        let t = &self.total;
        let share = |beats: usize| 100.0 * beats as f64 / t.beats.max(1) as f64;
        let at = |time: Option<f64>| time.map_or_else(String::new, |time| format!(" at {}", clock(time)));
        let mut text = format!(
            "  heart rate        mean {}, {}{} to {}{}\n",
            number(t.rate_mean, 0),
            number(t.rate_min, 0),
            at(t.rate_min_at),
            number(t.rate_max, 0),
            at(t.rate_max_at)
        );
        let (v, s) = (&t.ventricular, &t.supraventricular);
        text += &format!(
            "  ventricular       {} beats ({:.2} %), {} couplets, {} runs\n{:20}bigeminy {}, trigeminy {}\n",
            v.beats,
            share(v.beats),
            v.couplets,
            v.runs,
            "",
            v.bigeminy,
            v.trigeminy
        );
        text += &format!(
            "  supraventricular  {} beats ({:.2} %), {} couplets, {} runs\n",
            s.beats,
            share(s.beats),
            s.couplets,
            s.runs
        );
        for (what, run) in [
            ("fastest V run", &self.fastest_ventricular_run),
            ("longest V run", &self.longest_ventricular_run),
            ("fastest S run", &self.fastest_supraventricular_run),
        ] {
            if let Some(run) = run {
                let rate = number(run.rate, 0);
                text +=
                    &format!("  {what:<17} {} beats, {rate} a minute at {}\n", run.beats, clock(run.onset));
            }
        }
        text += &format!("  pauses of {} s     {}", self.pause_seconds, t.pauses);
        if let Some(longest) = &self.longest_rr {
            text += &format!(", longest R-R {:.2} s at {}", longest.seconds, clock(longest.onset));
        }
        text.push('\n');
        match (&self.rhythm_model, t.af_burden, self.fibrillation_episodes) {
            (Some(_), Some(burden), Some(episodes)) => {
                let plural = if episodes == 1 { "episode" } else { "episodes" };
                text += &format!("  AF burden         {:.1} %, {episodes} {plural}\n", 100.0 * burden);
            }
            (Some(_), ..) => text += "  AF burden         not assessed, the record is too short\n",
            (None, ..) => {}
        }
        text
    }

    fn hrv_text(&self) -> String {
        let h = &self.hrv;
        let mut text = format!(
            "  HRV, time         {} NN intervals, mean {} ms, pNN50 {} %\n{:20}SDNN {}, SDANN {}, SDNN index {}, RMSSD {} ms\n",
            h.nn_intervals,
            number(h.mean_nn, 0),
            number(h.pnn50.map(|p| 100.0 * p), 1),
            "",
            number(h.sdnn, 1),
            number(h.sdann, 1),
            number(h.sdnn_index, 1),
            number(h.rmssd, 1)
        );
        text += &format!(
            "  HRV, frequency    VLF {}, LF {}, HF {} ms², LF/HF {}\n{:20}{} of {} windows of 5 min\n",
            number(h.vlf, 0),
            number(h.lf, 0),
            number(h.hf, 0),
            number(h.lf_hf, 2),
            "",
            h.windows,
            h.windows_in_all
        );
        text
    }

    fn table(&self) -> String {
        // 80 columns.
        let mut text = String::from(
            "\n       not   heart rate           V                        S         pau-  R-R\n\
             \x20 hour  %  min mean max beats coup runs  big  tri beats coup runs  ses  max   AF\n",
        );
        for r in &self.hours {
            let hour = match self.start_of_day {
                Some(start) => hour_of_day(start + r.start),
                None => clock(r.start).trim_end_matches(":00.0").to_owned(),
            };
            let (v, s) = (&r.ventricular, &r.supraventricular);
            text += &format!(
                "{hour:>6}{:>4.0}{:>4}{:>5}{:>4}{:>6}{:>5}{:>5}{:>5}{:>5}{:>6}{:>5}{:>5}{:>5}{:>5}{:>5}\n",
                100.0 * r.not_assessed,
                number(r.rate_min, 0),
                number(r.rate_mean, 0),
                number(r.rate_max, 0),
                v.beats,
                v.couplets,
                v.runs,
                v.bigeminy,
                v.trigeminy,
                s.beats,
                s.couplets,
                s.runs,
                r.pauses,
                number(r.longest_rr, 2),
                number(r.af_burden.map(|b| 100.0 * b), 1)
            );
        }
        text
    }
}

/// A number with so many decimals, `-` for none.
fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

/// Hours and minutes of the day.
fn hour_of_day(seconds: f64) -> String {
    time_of_day(seconds)[..5].to_owned()
}

/// A time of the day, by its seconds since the midnight before the record's start.
fn time_of_day(seconds: f64) -> String {
    let whole = seconds.round() as u64 % 86_400;
    format!("{:02}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
}
