//! How long a dispatch takes at best, by what the compiler made of it and a card's data sheet.
//!
//! The longest of three counts: vector instructions at one a lane and cycle, on the unit with the most workgroups; bytes of
//! workgroup memory; bytes of operands, results and weights from memory, each once. Latency is taken for hidden, other units'
//! instructions for issued beside, caches for useless between dispatches. The instructions are those for AMD, on all cards.

use crate::assembly::{CodeProfile, InstructionCounts};
use crate::card::Card;

/// A dispatch, as far as time goes.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// What the compiler made.
    pub profile: CodeProfile,
    /// Runs of the inner loop.
    pub trips: f64,
    /// Runs of the loop around it.
    pub around_trips: f64,
    /// Runs of the other loops.
    pub other_trips: f64,
    /// Threads of a workgroup.
    pub threads: usize,
    /// Workgroups.
    pub groups: usize,
    /// Bytes from memory and to it.
    pub bytes: f64,
}

/// From the start of one dispatch to that of the next, at least: a guess.
pub const GAP: f64 = 2e-6;

/// What bounds a dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundBy {
    /// Instructions.
    Vector,
    /// Workgroup memory.
    Workgroup,
    /// Memory.
    Memory,
}

/// Seconds, and what they are spent on.
pub fn time(work: &Work, card: &Card) -> (f64, BoundBy) {
    let CodeProfile { whole, inner, around, others } = work.profile;
    let executed = |of: fn(&InstructionCounts) -> usize| {
        let extra = |counts: &InstructionCounts, trips: f64| (trips - 1.0) * of(counts) as f64;
        of(&whole) as f64
            + extra(&inner, work.trips)
            + extra(&around, work.around_trips)
            + extra(&others, work.other_trips)
    };
    // Of the unit that has the most.
    let threads = (work.groups.div_ceil(card.units) * work.threads) as f64;
    let vector = threads * executed(|c| c.vector) / (card.lanes as f64 * card.clock);
    let workgroup = threads * executed(|c| c.workgroup_bytes) / (card.workgroup_bytes as f64 * card.clock);
    let all = [
        (vector, BoundBy::Vector),
        (workgroup, BoundBy::Workgroup),
        (work.bytes / card.memory, BoundBy::Memory),
    ];
    let most = all.into_iter().fold(all[0], |most, one| if one.0 > most.0 { one } else { most });
    (most.0 + GAP, most.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_count_is_the_time() {
        let card = Card { name: "", units: 2, lanes: 10, clock: 1e6, memory: 1e6, workgroup_bytes: 20 };
        let counts = |vector, workgroup_bytes| InstructionCounts {
            all: vector,
            multiply_adds: 0,
            vector,
            workgroup_bytes,
        };
        let profile = CodeProfile {
            whole: counts(30, 40),
            inner: counts(20, 20),
            around: counts(5, 10),
            others: counts(5, 5),
        };
        let mut work = Work {
            profile,
            trips: 2.0,
            around_trips: 1.0,
            other_trips: 1.0,
            threads: 10,
            groups: 3,
            bytes: 10.0,
        };
        // Two groups on one unit, each thread 50 instructions and 60 bytes.
        assert_eq!(time(&work, &card), (100e-6 + GAP, BoundBy::Vector));
        work.profile.inner.workgroup_bytes = 200;
        work.profile.whole.workgroup_bytes = 220;
        assert_eq!(time(&work, &card).1, BoundBy::Workgroup);
        work.bytes = 1e9;
        assert_eq!(time(&work, &card), (1000.0 + GAP, BoundBy::Memory));
    }
}
