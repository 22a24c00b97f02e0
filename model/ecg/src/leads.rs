//! Which lead of a record feeds which input of the network.
//!
//! By name: exactly, or ignoring case, or ignoring words such as `ECG` and `Lead` before it too, if only one lead of the record then
//! fits. Anything else needs the user's word: a mapping from the configuration's lead to the record's, as `--lead V1=V5` gives it. The record's lead may be given as
//! `#2`, the second in the file, for files that name two leads alike or none.
//!
//! A named lead is never taken by its place in the file. Only a configuration's lead [`ANY`] says that any ECG lead does: those that
//! nothing else takes, in the record's order. Its first mapping is for the first such input, the next for the next. ECG leads are those
//! whose unit is a voltage and whose name does not tell of something else: a pressure, a pulse, respiration, or another organ's
//! potentials.

use super::Record;
use super::error::{Error, Result, quote};

/// The configuration's lead that is any ECG lead.
pub const ANY: &str = "*";

/// Indices into `record.leads`, one for each of `wanted`, in its order. `mapping` holds pairs (wanted lead, record lead).
///
/// # Errors
/// A wanted lead is missing or ambiguous, two of them lead to the same lead of the record, or the mapping names a lead
/// that is not wanted or not there.
pub fn select(
    record: &Record,
    wanted: &[impl AsRef<str>],
    mapping: &[(String, String)],
) -> Result<Vec<usize>> {
    let wanted: Vec<&str> = wanted.iter().map(|w| w.as_ref().trim()).collect();
    let count = |lead: &str| wanted.iter().filter(|wanted| **wanted == lead).count();
    for (i, (lead, _)) in mapping.iter().enumerate() {
        let lead = lead.trim();
        if count(lead) == 0 {
            let problem = format!("the model has no such lead, it takes {}", wanted.join(", "));
            return Err(error(record, lead, problem));
        }
        if mapping[..i].iter().filter(|(other, _)| other.trim() == lead).count() >= count(lead) {
            return Err(error(record, lead, "it is mapped too often".into()));
        }
    }
    // Named and mapped leads first: they are not left for others.
    let mut chosen: Vec<Option<usize>> = Vec::with_capacity(wanted.len());
    for (i, lead) in wanted.iter().enumerate() {
        let before = wanted[..i].iter().filter(|other| *other == lead).count();
        let mapped = mapping.iter().filter(|(from, _)| from.trim() == *lead).nth(before);
        let name = mapped.map_or(*lead, |(_, to)| to.trim());
        let index = match find(record, name) {
            _ if mapped.is_none() && *lead == ANY => None,
            Found::One(index) => Some(index),
            Found::None if mapped.is_some() => {
                return Err(error(record, lead, format!("mapped to {}, which is missing", quote(name))));
            }
            Found::None => return Err(error(record, lead, "missing".into())),
            Found::Many(n) => {
                let problem = format!("ambiguous, {n} leads are called {}", quote(name));
                return Err(error(record, lead, problem));
            }
        };
        if let Some(before) = chosen.iter().position(|&c| c.is_some() && c == index) {
            let taken = index.map_or("", |index| &record.leads[index].name);
            let problem = format!("{} already serves as {}", quote(taken), wanted[before]);
            return Err(error(record, lead, problem));
        }
        chosen.push(index);
    }
    let taken = chosen.clone();
    let mut left = (0..record.leads.len()).filter(|i| is_ecg(record, *i) && !taken.contains(&Some(*i)));
    let any = |index: Option<usize>| {
        index.or_else(|| left.next()).ok_or_else(|| error(record, ANY, "no ECG lead is left for it".into()))
    };
    chosen.into_iter().map(any).collect()
}

enum Found {
    None,
    One(usize),
    Many(usize),
}

/// Parts of names of signals that are no ECG, in lower case.
const OTHERS: [&str; 9] = ["resp", "pleth", "ppg", "abp", "spo2", "eeg", "emg", "eog", "press"];
/// The same, as whole names.
const OTHER: [&str; 10] = ["art", "bp", "pap", "cvp", "icp", "co2", "sao2", "pulse", "sv", "imp"];
/// Whether a lead of the record is an ECG.
fn is_ecg(record: &Record, index: usize) -> bool {
    let lead = &record.leads[index];
    let name = lead.name.trim().to_lowercase();
    let other = OTHERS.iter().any(|part| name.contains(part)) || OTHER.contains(&name.as_str());
    lead.millivolts().is_some() && !other
}

fn find(record: &Record, name: &str) -> Found {
    let matching = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
        let leads = record.leads.iter().enumerate();
        leads.filter(|(_, l)| same(l.name.trim())).map(|(i, _)| i).collect()
    };
    let mut hits = matching(&|other| other == name);
    if hits.is_empty() {
        hits = matching(&|other| other.to_lowercase() == name.to_lowercase());
    }
    if hits.is_empty() {
        hits = matching(&|other| plain(other) == plain(name));
    }
    match hits[..] {
        [one] => Found::One(one),
        [] => name
            .strip_prefix('#')
            .and_then(|n| n.parse::<usize>().ok())
            .and_then(|n| n.checked_sub(1))
            .filter(|&i| i < record.leads.len())
            .map_or(Found::None, Found::One),
        _ => Found::Many(hits.len()),
    }
}

/// A lead's name in lower case, without words before it that say that it is one: `ECG II`, `Lead V1`.
fn plain(name: &str) -> String {
    let lower = name.trim().to_lowercase();
    let mut rest = lower.as_str();
    while let Some((word, name)) = rest.split_once([' ', '_', '-', ':'])
        && matches!(word, "ecg" | "ekg" | "lead")
        && !name.trim().is_empty()
    {
        rest = name.trim_start();
    }
    rest.to_owned()
}

fn error(record: &Record, lead: &str, problem: String) -> Error {
    let names: Vec<String> = record.leads.iter().map(|l| quote(&l.name)).collect();
    Error::Lead { record: record.name.clone(), lead: lead.to_owned(), problem, available: names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lead;

    fn record(names: &[&str]) -> Record {
        let lead = |name: &&str| Lead {
            name: (*name).to_owned(),
            units: "mV".into(),
            sample_rate: 360.0,
            samples: vec![0.0],
        };
        Record::new("r", 360.0, names.iter().map(lead).collect())
    }

    fn map(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = |p: &(&str, &str)| (p.0.to_owned(), p.1.to_owned());
        pairs.iter().map(own).collect()
    }

    #[test]
    fn by_name_in_any_order() {
        let r = record(&["V1", " mlii ", "resp"]);
        assert_eq!(select(&r, &["MLII", "V1"], &[]).expect("both are there"), [1, 0]);
        // An exact name wins over one that differs in case.
        let r = record(&["v1", "V1"]);
        assert_eq!(select(&r, &["V1"], &[]).expect("exact"), [1]);
    }

    #[test]
    fn words_before_the_name_do_not_count() {
        let r = record(&["ECG II", "Lead v1", "EKG Lead aVR", "ecg_V5", "ECG"]);
        assert_eq!(
            select(&r, &["V1", "aVR", "II", "V5", "ECG"], &[]).expect("all are there"),
            [1, 2, 0, 3, 4]
        );
        // The record's name as it stands wins.
        let r = record(&["ECG II", "ii"]);
        assert_eq!(select(&r, &["II"], &[]).expect("by case"), [1]);
        let r = record(&["ECG II", "Lead II"]);
        assert!(select(&r, &["II"], &[]).is_err(), "two fit");
        let r = record(&["MLII", "Resp V1"]);
        assert!(select(&r, &["V1"], &[]).is_err(), "another word");
    }

    #[test]
    fn mapped_by_the_user() {
        let r = record(&["MLII", "V5", "V5"]);
        let wanted = ["MLII", "V1"];
        assert_eq!(select(&r, &wanted, &map(&[("V1", "#2")])).expect("mapped"), [0, 1]);
        let r = record(&["V5", "MLII"]);
        assert_eq!(select(&r, &wanted, &map(&[("V1", "v5")])).expect("mapped"), [1, 0]);
    }

    #[test]
    fn any_lead_takes_what_is_left() {
        for (names, wanted, mapping, want) in [
            (vec!["V1", "V5", "II"], vec!["*", "*"], vec![], vec![0, 1]),
            (vec!["ABP", "RESP", "PLETH", "ECG", "ART", "V"], vec!["*", "*"], vec![], vec![3, 5]),
            // Leads of one name, or of none.
            (vec!["", ""], vec!["*", "*"], vec![], vec![0, 1]),
            // What is named or mapped is not left for others, whichever comes first.
            (vec!["V5", "V1"], vec!["*", "V5"], vec![], vec![1, 0]),
            (vec!["MLII", "V5"], vec!["*", "*"], vec![("*", "V5")], vec![1, 0]),
            (vec!["MLII", "V5", "V1"], vec!["*", "*"], vec![("*", "#3"), ("*", "MLII")], vec![2, 0]),
        ] {
            let got = select(&record(&names), &wanted, &map(&mapping));
            assert_eq!(got.expect("leads enough"), want, "{names:?} {mapping:?}");
        }
        let mut pressure = record(&["P1", "V5"]);
        pressure.leads[0].units = "mmHg".into();
        assert_eq!(select(&pressure, &["*"], &[]).expect("V5"), [1]);
        let error = select(&pressure, &["*", "*"], &[]).expect_err("one ECG").to_string();
        assert!(error.contains("lead *: no ECG lead is left for it"), "{error}");
        let twice = map(&[("*", "#2"), ("*", "#1")]);
        assert!(select(&pressure, &["*"], &twice).is_err());
    }

    #[test]
    fn never_guessed() {
        for (names, wanted, mapping, want) in [
            (vec!["MLII", "V5"], "V1", vec![], "lead V1: missing; the record has \"MLII\", \"V5\""),
            (vec!["a", "A"], "á", vec![], "missing"),
            (vec!["v1", "v1"], "V1", vec![], "ambiguous, 2 leads"),
            (vec!["II"], "MLII", vec![], "missing"),
            (vec!["V5"], "V1", vec![("V1", "V6")], "mapped to \"V6\", which is missing"),
            (vec!["V5"], "V1", vec![("V1", "#2")], "missing"),
            (vec!["V5"], "V1", vec![("V1", "#0")], "missing"),
            (vec!["V5"], "V5", vec![("V2", "V5")], "the model has no such lead"),
            (vec!["V5"], "V5", vec![("V5", "V5"), ("V5", "#1")], "mapped too often"),
        ] {
            let r = record(&names);
            let error = select(&r, &[wanted], &map(&mapping)).expect_err(want).to_string();
            assert!(error.contains(want) && error.contains("name the record's lead"), "{error}");
            assert_eq!(error.lines().count(), 1);
        }
        let r = record(&["V5", "MLII"]);
        let twice = select(&r, &["V1", "V5"], &map(&[("V1", "V5")])).expect_err("one lead for two");
        assert!(twice.to_string().contains("already serves as V1"), "{twice}");
    }
}
