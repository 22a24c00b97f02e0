//! A long record part by part ([`efficientecg_ecg::parts`]): what is found in a part, at its times in the whole record.

use super::{BATCH, ClassifyError, FibrillationWindow, Finding, Settings, Unit, lead};
use crate::model::Model;
use efficientecg_ecg::parts::Part;
use efficientecg_ecg::quality::Episode;
use std::ops::Range;

/// What a part of a long record holds. All times are frames of the whole record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PartFindings {
    /// The beats of the core, in order of time.
    pub items: Vec<Finding>,
    /// The beats of the core and of both margins.
    pub beats: Vec<i64>,
    /// Frames of the core of which nothing is known: samples are missing, or the signal cannot be assessed. In order, none touches the next.
    pub unknown: Vec<Range<i64>>,
    /// Features that the network takes and the record does not give.
    pub missing: Vec<String>,
}

impl Model {
    /// Classifies the beats of a part. They are those that the record has as a whole, but where a decision stands on all of it: its mean
    /// interval, its usual QRS and its amplitude are those of the part.
    ///
    /// ```
    /// # #[cfg(feature = "models")] {
    /// use efficientecg::classify::Settings;
    /// use efficientecg::ecg::{Record, parts::Parts};
    /// use efficientecg::Model;
    ///
    /// let model = Model::builtin("beats")?;
    /// // A record of 90 s in parts of 30 s, with margins of 10 s.
    /// let parts = Parts::of(Record::open("../tools/demo/demo")?).lasting(30.0, 10.0);
    /// let mut beats = 0;
    /// for index in 0..parts.count() {
    ///     beats += model.classify_part(&parts.part(index)?, &Settings::new())?.items.len();
    /// }
    /// # assert!(beats > 100, "{beats}");
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As those of [`Model::classify_with`].
    pub fn classify_part(&self, part: &Part, settings: &Settings) -> Result<PartFindings, ClassifyError> {
        let settings = of_part(part, settings).unit(Unit::Beat);
        let found = self.classify_with(&part.record, &settings)?;
        let rate = part.record.sample_rate;
        let frame = |seconds: f64| (seconds * rate).round() as i64;
        let refused =
            found.not_assessed().into_iter().map(|Episode { onset, end, .. }| frame(onset)..frame(end));
        let mut unknown: Vec<Range<i64>> = refused.chain(found.gaps).collect();
        unknown.sort_unstable_by_key(|span| span.start);
        let mut merged: Vec<Range<i64>> = Vec::new();
        for span in unknown {
            let span = span.start + part.start..span.end + part.start;
            let span = span.start.max(part.core.start)..span.end.min(part.core.end);
            match merged.last_mut() {
                _ if span.is_empty() => {}
                Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
                _ => merged.push(span),
            }
        }
        let beats = found.items.iter().map(|item| item.time + part.start).collect();
        let mut items = found.items;
        items.iter_mut().for_each(|item| {
            item.time += part.start;
            item.seconds = item.time as f64 / rate;
        });
        items.retain(|item| part.core.contains(&item.time));
        Ok(PartFindings { items, beats, unknown: merged, missing: found.missing })
    }

    /// Runs the windows of 30 s of a network of rhythms that begin in the core of a part, for [`super::Fibrillation::of_windows`]. None of a network that tells no fibrillation, nor
    /// of a part that is not long for it. Of those that begin 5 s apart, ones
    /// between two that are 30 s apart and both clearly in fibrillation, or both clearly not, are not run: they are taken to be as the nearer. Nor are those whose intervals are regular.
    ///
    /// # Errors
    /// As those of [`Model::classify_with`].
    pub fn rhythm_of_part(
        &self,
        part: &Part,
        settings: &Settings,
    ) -> Result<Vec<FibrillationWindow>, ClassifyError> {
        let settings = of_part(part, settings);
        // Also of a part that is not long enough: its leads do not fit either.
        lead::choose(self.config(), &part.record, &settings)?;
        let batch = settings.batch.unwrap_or(BATCH / 4);
        let run = self.windows(&part.record, &settings, batch, &mut |_, _| {}, true)?;
        let mut windows = run.map_or_else(Vec::new, |run| run.made);
        windows.iter_mut().for_each(|window| window.time += part.start);
        windows.retain(|window| part.core.contains(&window.time));
        Ok(windows)
    }
}

/// Settings of a record for one of its parts.
fn of_part(part: &Part, settings: &Settings) -> Settings {
    let mut own = settings.clone();
    let end = part.start + (part.record.seconds() * part.record.sample_rate).round() as i64;
    let within = |beat: &&i64| (part.start..end).contains(*beat);
    own.beats = settings
        .beats
        .as_ref()
        .map(|beats| beats.iter().filter(within).map(|beat| beat - part.start).collect());
    own
}
