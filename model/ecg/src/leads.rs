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

/// Indices into `record.leads`, one for each of `wanted`, in its order. `mapping` holds pairs (wanted lead, record lead). Several pairs of one
/// wanted lead are alternatives: the first whose lead the record has, and nothing else takes, counts.
///
/// # Errors
/// Wanted leads are missing or ambiguous, all of them in one error; two of them lead to the same lead of the record; or the mapping names a lead
/// that is not wanted or not there.
pub fn select(
    record: &Record,
    wanted: &[impl AsRef<str>],
    mapping: &[(String, String)],
) -> Result<Vec<usize>> {
    let wanted: Vec<&str> = wanted.iter().map(|w| w.as_ref().trim()).collect();
    if let Some((lead, _)) = mapping.iter().find(|(lead, _)| !wanted.contains(&lead.trim())) {
        let problem = format!("the model has no such lead, it takes {}", wanted.join(", "));
        return Err(error(record, lead.trim(), problem));
    }
    // Named and mapped leads first: they are not left for others.
    let mut chosen: Vec<Option<usize>> = vec![None; wanted.len()];
    let mut problems: Vec<(&str, String)> = Vec::new();
    for (i, lead) in wanted.iter().enumerate() {
        let places = || (0..wanted.len()).filter(|place| wanted[*place] == *lead);
        if places().next() == Some(i) {
            match named(record, lead, &wanted, mapping, &chosen, places().count()) {
                Ok(found) => places().zip(found).for_each(|(place, index)| chosen[place] = Some(index)),
                Err(problem) => problems.push((lead, problem)),
            }
        }
    }
    let taken = chosen.clone();
    let mut left = (0..record.leads.len()).filter(|i| is_ecg(record, *i) && !taken.contains(&Some(*i)));
    for (lead, chosen) in wanted.iter().zip(&mut chosen).filter(|(lead, _)| **lead == ANY) {
        *chosen = chosen.or_else(|| left.next());
        if chosen.is_none() && problems.iter().all(|(other, _)| other != lead) {
            problems.push((lead, "no ECG lead is left for it".into()));
        }
    }
    let found: Vec<usize> = chosen.into_iter().flatten().collect();
    match &problems[..] {
        [] if found.len() == wanted.len() => Ok(found),
        [] => Err(error(record, &wanted.join(", "), MISSING.into())),
        [(lead, problem)] => Err(error(record, lead, problem.clone())),
        _ => Err(several(record, &problems)),
    }
}

const MISSING: &str = "missing";

/// The leads of the record that stand for the `count` inputs of this name, by the mapping or by their name. Inputs that may be any lead and are
/// not mapped get none.
fn named(
    record: &Record,
    lead: &str,
    wanted: &[&str],
    mapping: &[(String, String)],
    chosen: &[Option<usize>],
    count: usize,
) -> std::result::Result<Vec<usize>, String> {
    let mapped: Vec<&str> =
        mapping.iter().filter(|(from, _)| from.trim() == lead).map(|(_, to)| to.trim()).collect();
    let needed = match (mapped.len(), lead == ANY) {
        (0, true) => return Ok(Vec::new()),
        (0, false) => count,
        (mapped, true) => mapped.min(count),
        (_, false) => count,
    };
    let alternatives = if mapped.is_empty() { vec![lead; count] } else { mapped.clone() };
    let mut found: Vec<usize> = Vec::new();
    let mut problem = None;
    for name in &alternatives {
        if found.len() == needed {
            break;
        }
        match find(record, name) {
            Found::One(index) if chosen.contains(&Some(index)) || found.contains(&index) => {
                let place = chosen.iter().position(|c| *c == Some(index));
                let other = place.map_or(lead, |place| wanted[place]);
                problem = Some(format!("{} already serves as {other}", quote(&record.leads[index].name)));
            }
            Found::One(index) => found.push(index),
            Found::Many(n) => problem = Some(format!("ambiguous, {n} leads are called {}", quote(name))),
            Found::None if mapped.is_empty() => problem = Some(MISSING.to_owned()),
            Found::None => {
                problem.get_or_insert_with(|| format!("mapped to {}, which is missing", quote(name)));
            }
        }
    }
    if found.len() == needed {
        return Ok(found);
    }
    if mapped.len() > 1 {
        let names: Vec<String> = mapped.iter().map(|name| quote(name)).collect();
        return Err(format!("mapped to {}, of which too few are there and free", names.join(", ")));
    }
    Err(problem.unwrap_or_else(|| MISSING.to_owned()))
}

/// Holds leads that were chosen for inputs called `wanted` to be ECGs, by name and unit. A unit that says nothing, as `adu`, is no reason against one.
///
/// # Errors
/// One is a pressure, a pulse, respiration, or another signal that is no ECG.
pub fn check_ecg(record: &Record, chosen: &[usize], wanted: &[impl AsRef<str>]) -> Result<()> {
    for (index, wanted) in chosen.iter().zip(wanted) {
        let lead = &record.leads[*index];
        let unit = lead.units.trim().to_ascii_lowercase();
        if is_other(&lead.name) || OTHER_UNITS.contains(&unit.as_str()) {
            let problem = format!("{} in {} is no ECG", quote(&lead.name), quote(&lead.units));
            let lead = wanted.as_ref().to_owned();
            let (record, available) = (record.name.clone(), names(record));
            return Err(Error::NoEcg { record, lead, problem, available });
        }
    }
    Ok(())
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
/// Units that no ECG has, in lower case.
const OTHER_UNITS: [&str; 18] = [
    "mmhg", "cmh2o", "kpa", "hpa", "mbar", "%", "bpm", "1/min", "/min", "l/s", "l/min", "ml", "l", "ohm",
    "ohms", "degc", "degf", "°c",
];

/// Whether the lead at `index` of the record is an ECG, by its unit and its name.
pub fn is_ecg(record: &Record, index: usize) -> bool {
    let lead = &record.leads[index];
    lead.millivolts().is_some() && !is_other(&lead.name)
}

/// Whether a name tells of something that is no ECG.
fn is_other(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    OTHERS.iter().any(|part| name.contains(part)) || OTHER.contains(&name.as_str())
}

fn find(record: &Record, name: &str) -> Found {
    let matching = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
        let leads = record.leads.iter().enumerate();
        leads.filter(|(_, l)| same(l.name.trim())).map(|(i, _)| i).collect()
    };
    let mut hits = matching(&|other| other == name);
    if hits.is_empty() {
        hits = matching(&|other| other.eq_ignore_ascii_case(name));
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
pub fn plain(name: &str) -> String {
    let lower = name.trim().to_ascii_lowercase();
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
    let available = names(record);
    Error::Lead { record: record.name.clone(), lead: lead.to_owned(), problem, available }
}

/// What is wrong with several leads: those that are missing come first, together.
fn several(record: &Record, problems: &[(&str, String)]) -> Error {
    let missing = problems.iter().filter(|(_, problem)| problem == MISSING).map(|(lead, _)| *lead);
    let missing: Vec<&str> = missing.collect();
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("{}: {MISSING}", missing.join(", ")));
    }
    let others = problems.iter().filter(|(_, problem)| problem != MISSING);
    parts.extend(others.map(|(lead, problem)| format!("{lead}: {problem}")));
    Error::Leads {
        record: record.name.clone(),
        leads: problems.iter().map(|(lead, _)| (*lead).to_owned()).collect(),
        problem: parts.join("; "),
        available: names(record),
    }
}

/// Names of the record's leads, in order.
fn names(record: &Record) -> String {
    let names: Vec<String> = record.leads.iter().map(|l| quote(&l.name)).collect();
    names.join(", ")
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
    }

    #[test]
    fn alternatives_in_order() {
        for (names, wanted, mapping, want) in [
            (vec!["MLII", "V5"], vec!["MLII", "V1"], vec![("V1", "V5"), ("V1", "#2")], vec![0, 1]),
            (vec!["MLII", "V2"], vec!["MLII", "V1"], vec![("V1", "V5"), ("V1", "#2")], vec![0, 1]),
            (vec!["V1", "V5", "MLII"], vec!["V1"], vec![("V1", "V5"), ("V1", "V1")], vec![1]),
            // What serves already is passed over.
            (vec!["MLII", "V4"], vec!["MLII", "V1"], vec![("V1", "#1"), ("V1", "V4")], vec![0, 1]),
            (vec!["II", "V"], vec!["MLII", "V1"], vec![("MLII", "II"), ("V1", "V")], vec![0, 1]),
            (vec!["II", "V1"], vec!["*"], vec![("*", "V5"), ("*", "V1"), ("*", "II")], vec![1]),
            (vec!["I", "II", "V1"], vec!["*", "*"], vec![("*", "V5"), ("*", "V1"), ("*", "II")], vec![2, 1]),
        ] {
            let got = select(&record(&names), &wanted, &map(&mapping));
            assert_eq!(got.expect("leads enough"), want, "{names:?} {mapping:?}");
        }
        let none = map(&[("V1", "V5"), ("V1", "V6")]);
        let error = select(&record(&["II"]), &["V1"], &none).expect_err("neither").to_string();
        assert!(error.contains("lead V1: mapped to \"V5\", \"V6\", of which too few are there"), "{error}");
    }

    #[test]
    fn all_problems_in_one_line() {
        let r = record(&["MLII", "v1", "V1", "V2", "v2 "]);
        let error = select(&r, &["I", "V2", "aVR", "MLII", "v1 "], &[]).expect_err("missing").to_string();
        let want = "record r: leads I, aVR: missing; the record has \"MLII\", \"v1\", \"V1\", \"V2\", \"v2 \"; \
                    name the record's leads that stand for them";
        assert_eq!(error, want);
        let r = record(&["x", "x"]);
        let error = select(&r, &["I", "x", "II"], &[]).expect_err("all").to_string();
        assert!(error.contains("leads I, II: missing; x: ambiguous, 2 leads are called \"x\";"), "{error}");
    }

    #[test]
    fn what_is_no_ecg_is_told() {
        let mut r = record(&["ABP", "V1", "x", "y"]);
        (r.leads[1].units, r.leads[2].units, r.leads[3].units) = ("mmHg".into(), "adu".into(), "NU".into());
        for (index, name) in [(0, "\"ABP\" in \"mV\" is no ECG"), (1, "\"V1\" in \"mmHg\" is no ECG")] {
            let error = check_ecg(&r, &[index], &["V1"]).expect_err(name).to_string();
            assert!(error.starts_with(&format!("record r: lead V1: {name}; the record has")), "{error}");
        }
        assert!(check_ecg(&r, &[2, 3], &["V1", "V2"]).is_ok());
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
