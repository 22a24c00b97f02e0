//! Beats and their classes of a signal that is still coming.

use super::prepared::{CELLS, Prepared};
use super::{ClassifyError, Finding, Settings, Unit, found, lead};
use crate::config::{Config, Normalize};
use crate::model::{Model, OutputRow};
use efficientecg_ecg::quality::Reason;
use efficientecg_ecg::stream::{History, StreamBeat};
use efficientecg_ecg::{Lead, Record, Stream, normalize};
use efficientecg_files::ItemError;
use std::sync::Arc;

/// What a [`Monitor`] tells.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MonitorEvent {
    /// A beat and its class, or why it has none.
    Beat(Finding),
    /// From here on the signal cannot be assessed, or can again.
    Signal {
        /// Seconds from the first sample.
        seconds: f64,
        /// Why it cannot be; none if it can.
        reason: Option<Reason>,
    },
}

/// Beats and their classes of a signal that is still coming.
///
/// Samples are pushed as they come. Each beat comes out with its class 2 s after its R peak at most, in the time of the signal
/// ([`efficientecg_ecg::stream::DELAY`]). Means, deviations and what else the network is told of a whole record are of the last five minutes
/// ([`efficientecg_ecg::stream::MEMORY`]), and the beats after a beat are those of the less than two seconds that are known of by then. So classes
/// are not always those of [`Model::classify`]; `tools/README.md` has how many differ.
///
/// ```
/// # #[cfg(feature = "models")] {
/// use efficientecg::classify::{Monitor, MonitorEvent, Settings};
/// use efficientecg::{Model, ecg::Record};
///
/// let record = Record::open("../tools/demo/demo")?;
/// let model = Model::builtin("mitbih-beats")?;
/// let mut monitor = Monitor::new(model.into(), &["MLII", "V1"], record.sample_rate, &Settings::new())?;
/// let (mut events, mut count) = (Vec::new(), 0);
/// // As they come: a sample of each lead, in mV.
/// for (ii, v1) in record.leads[0].samples.iter().zip(&record.leads[1].samples) {
///     monitor.push(&[*ii, *v1], &mut events)?;
///     for event in events.drain(..) {
///         if let MonitorEvent::Beat(beat) = event {
///             println!("{beat}");
///             count += 1;
///         }
///     }
/// }
/// monitor.finish(&mut events)?;
/// # assert!(count > 90 && !events.is_empty(), "{count}");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Monitor {
    model: Arc<Model>,
    settings: Settings,
    names: Arc<[String]>,
    stream: Stream,
    /// The leads that the network takes, by their places among those that are pushed, and the values of these that wait for the others.
    chosen: Vec<usize>,
    frame: Vec<f32>,
    next: usize,
    /// The chosen leads of some frames.
    picked: Vec<f32>,
    reason: Option<Reason>,
}

/// Frames that are handed on at once.
const FRAMES: usize = 256;

impl Monitor {
    /// A monitor of leads of these names at `rate` samples a second, 50 to 4000; the settings let leads stand for others, and give age and sex.
    ///
    /// # Errors
    /// The model is none of beats; a lead that it needs is not there; a rate that cannot be used.
    pub fn new(
        model: Arc<Model>,
        leads: &[&str],
        rate: f64,
        settings: &Settings,
    ) -> Result<Monitor, ClassifyError> {
        let config = model.config();
        if settings.unit.unwrap_or_else(|| Unit::of(config)) != Unit::Beat {
            let fix = "give a model of beats";
            let found = format!("{}, a model of whole records", config.name);
            return Err(ItemError::new("model", "a model of beats", found, fix).into());
        }
        let window = config.samples.saturating_mul(config.leads.len());
        if window > CELLS {
            return Err(ClassifyError::Window { most: CELLS, found: window });
        }
        let named = leads.iter().map(|name| Lead::new(*name, "mV", rate, Vec::new()));
        let record = Record::new("stream", rate, named.collect());
        let chosen = lead::choose(config, &record, settings)?;
        let stream = Stream::new(chosen.len(), rate, config.sample_rate)?;
        Ok(Monitor {
            settings: settings.clone(),
            names: config.classes.clone().into(),
            stream,
            picked: Vec::with_capacity(FRAMES * chosen.len()),
            chosen,
            frame: vec![f32::NAN; leads.len()],
            next: 0,
            reason: None,
            model,
        })
    }

    /// Takes samples in mV, one of each lead in turn; what is not finite is missing. What they tell is added to `events`, in order.
    ///
    /// # Errors
    /// The network fails on a beat; the beat is then not told, and the samples after it are not taken.
    pub fn push(&mut self, samples: &[f32], events: &mut Vec<MonitorEvent>) -> Result<(), ClassifyError> {
        for sample in samples {
            self.frame[self.next] = *sample;
            self.next = (self.next + 1) % self.frame.len();
            if self.next == 0 {
                self.picked.extend(self.chosen.iter().map(|lead| self.frame[*lead]));
                if self.picked.len() >= FRAMES * self.chosen.len() {
                    self.hand_on(events)?;
                }
            }
        }
        self.hand_on(events)
    }

    /// Says that no more samples come: tells the beats up to there.
    ///
    /// # Errors
    /// As those of [`Monitor::push`].
    pub fn finish(&mut self, events: &mut Vec<MonitorEvent>) -> Result<(), ClassifyError> {
        self.stream.finish();
        self.tell(events)
    }

    /// Seconds of signal that were pushed.
    pub fn seconds(&self) -> f64 {
        self.stream.seconds()
    }

    /// Bytes that are held, the model aside; they do not grow.
    pub fn bytes(&self) -> usize {
        self.stream.bytes() + (self.frame.capacity() + self.picked.capacity()) * size_of::<f32>()
    }

    /// Hands the picked samples on to the stream.
    fn hand_on(&mut self, events: &mut Vec<MonitorEvent>) -> Result<(), ClassifyError> {
        let mut picked = std::mem::take(&mut self.picked);
        let mut done = 0;
        let mut told = Ok(());
        while done < picked.len() && told.is_ok() {
            done += self.stream.push(&picked[done..]);
            told = self.tell(events);
        }
        picked.clear();
        self.picked = picked;
        told
    }

    /// Tells what the stream has to tell by now.
    fn tell(&mut self, events: &mut Vec<MonitorEvent>) -> Result<(), ClassifyError> {
        let beats: Vec<StreamBeat> = std::iter::from_fn(|| self.stream.beat()).collect();
        if self.stream.reason() != self.reason {
            self.reason = self.stream.reason();
            events.push(MonitorEvent::Signal { seconds: self.stream.seconds(), reason: self.reason });
        }
        if beats.is_empty() {
            return Ok(());
        }
        let mut prepared = None;
        for beat in beats {
            let refused = beat.reason.filter(|_| !self.settings.any_quality);
            if let Some(reason) = refused {
                let found = Finding::refused(Unit::Beat, beat.time, beat.seconds, reason, &self.names);
                events.push(MonitorEvent::Beat(found));
                continue;
            }
            let history = self.stream.history();
            let Some(index) = history.index(beat.time) else { continue };
            let prepared = match &mut prepared {
                Some(prepared) => prepared,
                none => none.insert(self.prepared(history)?),
            };
            let out = self.model.run(&prepared.inputs(index, 1))?;
            if let Some(row) = out.rows().next() {
                let place = (beat.time, beat.seconds);
                let found = Finding::of(self.model.config(), Unit::Beat, place, row, &self.names);
                events.push(MonitorEvent::Beat(found));
            }
        }
        Ok(())
    }

    /// What the stream keeps, as the network takes it.
    fn prepared(&self, history: History<'_>) -> Result<Prepared, ClassifyError> {
        let config = self.model.config();
        let normal = |(samples, gaps)| {
            let samples: &[f32] = samples;
            let mut signal = samples.to_vec();
            match config.normalize {
                Normalize::Zscore => normalize::z_score_without(&mut signal, gaps),
                Normalize::Median => normalize::less_median(&mut signal, gaps),
                Normalize::None => {}
            }
            signal
        };
        let signals = history.signals.iter().copied().zip(&history.gaps).map(normal).collect();
        Prepared::of_stream(config, history, signals, &self.settings)
    }
}

impl Finding {
    /// Of what the network gave for what lies at a time, in frames and in seconds.
    pub(super) fn of(
        config: &Config,
        unit: Unit,
        (time, seconds): (i64, f64),
        row: OutputRow<'_>,
        names: &Arc<[String]>,
    ) -> Finding {
        let class = row.best();
        let found = found(config.task, class, row.probabilities);
        let (logits, probabilities) = (row.logits.to_vec(), row.probabilities.to_vec());
        Finding {
            unit,
            time,
            seconds,
            class: Ok(class),
            logits,
            probabilities,
            found,
            names: Arc::clone(names),
        }
    }
}

#[cfg(all(test, feature = "models"))]
mod tests;
