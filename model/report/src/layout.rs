//! Which leads stand in which row: the standard twelve in four columns with a rhythm strip, one or two leads in strips of ten seconds, and others
//! in as many columns and rows as fit.

use crate::rows::{Row, Strip};
use efficientecg_ecg::{Lead, Record, leads};

/// Seconds of a row.
pub(crate) const SECONDS: f64 = 10.0;
/// Rows on a page at most.
pub(crate) const ROWS: usize = 6;
/// The standard leads in their order: columns of three.
const STANDARD: [&str; 12] = ["i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6"];
/// Leads for the rhythm strip, the first that there is.
const RHYTHM: [&str; 2] = ["ii", "mlii"];

/// Leads of a record in the order in which a page has them.
pub(crate) struct Leads<'a> {
    /// ECG leads, the standard ones first.
    drawn: Vec<&'a Lead>,
    /// Whether the first twelve are the standard ones.
    has_standard: bool,
    /// Names of those that are no ECG.
    pub(crate) others: Vec<String>,
}

impl<'a> Leads<'a> {
    /// Of a record; those that a network `read` are drawn whatever their names, if they are voltages.
    pub(crate) fn of(record: &'a Record, read: &[usize]) -> Leads<'a> {
        let (mut drawn, mut others) = (Vec::new(), Vec::new());
        for (i, lead) in record.leads.iter().enumerate() {
            let is_drawn = leads::is_ecg(record, i) || (read.contains(&i) && lead.millivolts().is_some());
            if is_drawn { drawn.push(lead) } else { others.push(lead.name.clone()) }
        }
        let place = |name: &str| STANDARD.iter().position(|standard| *standard == leads::plain(name));
        let mut taken = [false; STANDARD.len()];
        // Each standard lead once; a second one of its name follows with the others.
        let mut keyed: Vec<(usize, &Lead)> = drawn
            .into_iter()
            .map(|lead| {
                let free = place(&lead.name).filter(|place| !std::mem::replace(&mut taken[*place], true));
                (free.unwrap_or(STANDARD.len()), lead)
            })
            .collect();
        // A few leads stay in the record's order.
        if keyed.len() > ROWS {
            keyed.sort_by_key(|(place, _)| *place);
        }
        Leads {
            drawn: keyed.into_iter().map(|(_, lead)| lead).collect(),
            has_standard: taken.iter().all(|t| *t),
            others,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.drawn.is_empty()
    }

    pub(crate) fn count(&self) -> usize {
        self.drawn.len()
    }

    /// Whether rows of several times may share a page.
    pub(crate) fn share_pages(&self) -> bool {
        self.count() < ROWS
    }

    /// The rows of ten seconds from `from` on, in systems that have to stand on one page. Nothing after `to` is drawn.
    pub(crate) fn rows(&self, from: f64, to: f64) -> Vec<System<'a>> {
        let mut made = Vec::new();
        let mut rest = &self.drawn[..];
        if self.has_standard {
            made.push(self.table(&rest[..STANDARD.len()], 4, from, to));
            rest = &rest[STANDARD.len()..];
        }
        while !rest.is_empty() {
            let columns = match rest.len() {
                ..=ROWS => 1,
                7..=10 => 2,
                _ => 4,
            };
            let (now, later) = rest.split_at(rest.len().min(4 * ROWS));
            made.push(self.table(now, columns, from, to));
            rest = later;
        }
        made
    }

    /// Leads in columns, and a rhythm strip if there are several columns and there is room.
    fn table(&self, leads: &[&'a Lead], columns: usize, from: f64, to: f64) -> System<'a> {
        let height = leads.len().div_ceil(columns);
        let width = SECONDS / columns as f64;
        let strip = |lead: &'a Lead, column: usize| {
            let (start, end) = (from + column as f64 * width, from + (column + 1) as f64 * width);
            Strip::new(lead, start, end.min(to))
        };
        let row = |row: usize| {
            let leads = (0..columns).filter_map(|column| Some((*leads.get(column * height + row)?, column)));
            // A record may end before a column begins.
            Row::new(leads.map(|(lead, column)| strip(lead, column)).filter(|s| s.to > s.from).collect())
        };
        let mut rows: Vec<Row> = (0..height).map(row).collect();
        let mut marked = 0;
        if columns > 1 && height < ROWS {
            let named = |name: &&str| leads.iter().find(|lead| leads::plain(&lead.name) == **name);
            let rhythm = RHYTHM.iter().find_map(named).unwrap_or(&leads[0]);
            marked = rows.len();
            rows.push(Row::new(vec![Strip::new(rhythm, from, (from + SECONDS).min(to))]));
        }
        System { rows, marked }
    }
}

/// Rows of one time that stand on one page.
pub(crate) struct System<'a> {
    pub(crate) rows: Vec<Row<'a>>,
    /// The row over which beats are marked: the rhythm strip, or the first.
    pub(crate) marked: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(names: &[&str]) -> Record {
        let lead = |name: &&str| Lead::new(*name, "mV", 100.0, vec![0.0; 1000]);
        Record::new("r", 100.0, names.iter().map(lead).collect())
    }

    fn names(names: &[&str]) -> Vec<Vec<Vec<String>>> {
        let record = record(names);
        let name = |strip: &Strip| strip.lead.name.clone();
        let row = |row: &Row| row.strips.iter().map(name).collect();
        let systems = Leads::of(&record, &[]).rows(0.0, 10.0);
        systems.iter().map(|system| system.rows.iter().map(row).collect()).collect()
    }

    #[test]
    fn twelve_leads_in_any_order_and_case() {
        let found =
            names(&["v6", "V5", "V4", "ECG V3", "V2", "V1", "AVF", "AVL", "AVR", "III", "II", "Lead I"]);
        let want = [
            &["Lead I", "AVR", "V1", "V4"][..],
            &["II", "AVL", "V2", "V5"],
            &["III", "AVF", "ECG V3", "v6"],
            &["II"],
        ];
        assert_eq!(found, [want.map(|row| row.to_vec())]);
    }

    #[test]
    fn more_than_twelve_leads_and_other_sets() {
        let twelve = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"];
        let found = names(&[&["vx", "ii", "ABP"][..], &twelve].concat());
        assert_eq!(found.len(), 2);
        // The first of two of one name is the standard one; a pressure is not drawn.
        assert_eq!(found[0][1], ["ii", "aVL", "V2", "V5"]);
        assert_eq!(found[1], [["vx"], ["II"]]);
        let eight = names(&["V6", "V5", "V4", "V3", "V2", "V1", "I", "II"]);
        assert_eq!(eight[0], [&["I", "V3"][..], &["II", "V4"], &["V1", "V5"], &["V2", "V6"], &["II"]]);
        assert_eq!(names(&["MLII", "V1"]), [[["MLII"], ["V1"]]]);
        let many: Vec<String> = (0..30).map(|i| format!("E{i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let found = names(&many);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [6, 6]);
        assert_eq!(found[0].iter().flatten().count(), 24);
    }

    #[test]
    fn a_short_record_ends_within_its_columns() {
        let twelve = record(&["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]);
        let systems = Leads::of(&twelve, &[]).rows(0.0, 6.0);
        let ends: Vec<f64> = systems[0].rows[0].strips.iter().map(|s| s.to).collect();
        assert_eq!(ends, [2.5, 5.0, 6.0]);
        assert_eq!(systems[0].rows[3].strips[0].to, 6.0);
    }
}
