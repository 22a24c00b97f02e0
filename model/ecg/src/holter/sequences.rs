//! Couplets, runs and geminies, from the classes of beats one after another.

use super::BeatType;
use super::events::{EventKind, HolterEvent, Severest};
use super::hours::Hours;

/// Beats of a run at least, and ventricular beats of bigeminy or trigeminy.
const RUN: usize = 3;
const GEMINY: usize = 3;
/// Beats of one period of trigeminy.
const LONGEST_PERIOD: usize = 3;

/// Beats of one class one after another, or at equal distances.
#[derive(Debug, Clone, Copy, Default)]
struct Chain {
    onset: f64,
    last: f64,
    beats: usize,
}

impl Chain {
    fn grow(&mut self, at: f64) {
        if self.beats == 0 {
            self.onset = at;
        }
        self.last = at;
        self.beats += 1;
    }

    fn event(self, kind: EventKind) -> HolterEvent {
        let seconds = self.last - self.onset;
        let run = !matches!(kind, EventKind::Bigeminy | EventKind::Trigeminy);
        let rate = (run && seconds > 0.0).then(|| 60.0 * (self.beats - 1) as f64 / seconds);
        HolterEvent { kind, onset: self.onset, end: self.last, beats: self.beats, rate }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Sequences {
    ventricular: Chain,
    supraventricular: Chain,
    /// Ventricular beats at equal distances, in beats.
    geminy: Chain,
    period: usize,
    /// The ventricular beat before, and the normal beats since then; none where another beat came between.
    before: Option<(f64, usize)>,
}

impl Sequences {
    /// Takes a beat that follows the one before.
    pub(super) fn push(&mut self, at: f64, class: BeatType, hours: &mut Hours, severest: &mut Severest) {
        if class != BeatType::Ventricular {
            end_ventricular(&mut self.ventricular, hours, severest);
        }
        if class != BeatType::Supraventricular {
            end_supraventricular(&mut self.supraventricular, hours, severest);
        }
        match class {
            BeatType::Ventricular => {
                self.ventricular.grow(at);
                self.ventricular_beat(at, hours, severest);
            }
            BeatType::Normal => {
                if let Some((_, since)) = &mut self.before {
                    *since += 1;
                    if *since >= self.period {
                        self.end_geminy(hours, severest);
                    }
                }
            }
            BeatType::Supraventricular | BeatType::Fusion | BeatType::Other => {
                if class == BeatType::Supraventricular {
                    self.supraventricular.grow(at);
                }
                self.end_geminy(hours, severest);
                self.before = None;
            }
        }
    }

    fn ventricular_beat(&mut self, at: f64, hours: &mut Hours, severest: &mut Severest) {
        if let Some((earlier, since)) = self.before {
            let period = since + 1;
            if self.period != period {
                self.end_geminy(hours, severest);
                if (2..=LONGEST_PERIOD).contains(&period) {
                    self.period = period;
                    self.geminy.grow(earlier);
                }
            }
            if self.period == period {
                self.geminy.grow(at);
            }
        }
        self.before = Some((at, 0));
    }

    /// Ends all that goes on.
    pub(super) fn end(&mut self, hours: &mut Hours, severest: &mut Severest) {
        end_ventricular(&mut self.ventricular, hours, severest);
        end_supraventricular(&mut self.supraventricular, hours, severest);
        self.end_geminy(hours, severest);
        self.before = None;
    }

    fn end_geminy(&mut self, hours: &mut Hours, severest: &mut Severest) {
        let chain = std::mem::take(&mut self.geminy);
        let period = std::mem::take(&mut self.period);
        if chain.beats < GEMINY {
            return;
        }
        let ectopy = &mut hours.at(chain.onset).ventricular;
        let kind = if period == 2 { EventKind::Bigeminy } else { EventKind::Trigeminy };
        *(if period == 2 { &mut ectopy.bigeminy } else { &mut ectopy.trigeminy }) += 1;
        severest.add(chain.event(kind));
    }
}

fn end_ventricular(chain: &mut Chain, hours: &mut Hours, severest: &mut Severest) {
    let chain = std::mem::take(chain);
    match chain.beats {
        RUN.. => {
            hours.at(chain.onset).ventricular.runs += 1;
            severest.add(chain.event(EventKind::VentricularRun));
        }
        2 => {
            hours.at(chain.onset).ventricular.couplets += 1;
            severest.add(chain.event(EventKind::VentricularCouplet));
        }
        _ => {}
    }
}

fn end_supraventricular(chain: &mut Chain, hours: &mut Hours, severest: &mut Severest) {
    let chain = std::mem::take(chain);
    match chain.beats {
        RUN.. => {
            hours.at(chain.onset).supraventricular.runs += 1;
            severest.add(chain.event(EventKind::SupraventricularRun));
        }
        2 => hours.at(chain.onset).supraventricular.couplets += 1,
        _ => {}
    }
}
