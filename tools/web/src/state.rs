//! What is loaded, by number, and what the last call made. A module has one thread, and one state.

use crate::calls::{Classified, Refused};
use efficientecg::Model;
use efficientecg::ecg::Record;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// All that a module holds.
#[derive(Default)]
pub(crate) struct State {
    next: u32,
    models: BTreeMap<u32, Model>,
    records: BTreeMap<u32, Record>,
    /// Of a model and a record.
    classified: BTreeMap<(u32, u32), Classified>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
    /// What the last call made: its result, or why it has none.
    static MADE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Calls with the state.
pub(crate) fn with<T>(call: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(call)
}

/// Keeps what a call made until the next.
pub(crate) fn keep(bytes: Vec<u8>) {
    MADE.set(bytes);
}

/// Where it lies, and its length.
pub(crate) fn made() -> (*const u8, usize) {
    MADE.with_borrow(|bytes| (bytes.as_ptr(), bytes.len()))
}

impl State {
    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    pub(crate) fn add_model(&mut self, model: Model) -> u32 {
        let number = self.number();
        self.models.insert(number, model);
        number
    }

    pub(crate) fn add_record(&mut self, record: Record) -> u32 {
        let number = self.number();
        self.records.insert(number, record);
        number
    }

    pub(crate) fn add_classified(&mut self, model: u32, record: u32, found: Classified) {
        self.classified.insert((model, record), found);
    }

    /// Frees a model or a record, and what was made with it.
    pub(crate) fn remove(&mut self, number: u32) {
        self.models.remove(&number);
        self.records.remove(&number);
        self.classified.retain(|(model, record), _| *model != number && *record != number);
    }

    pub(crate) fn model(&self, number: u32) -> Result<&Model, Refused> {
        self.models.get(&number).ok_or(Refused::Gone { what: "model", number })
    }

    pub(crate) fn record(&self, number: u32) -> Result<&Record, Refused> {
        self.records.get(&number).ok_or(Refused::Gone { what: "record", number })
    }

    pub(crate) fn classified(&self, model: u32, record: u32) -> Result<&Classified, Refused> {
        self.classified.get(&(model, record)).ok_or(Refused::NotClassified { what: "record" })
    }
}
