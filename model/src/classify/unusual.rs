//! What is unusual about a record for a network: its classes were measured on records of another kind.

use super::{Settings, Unit, episodes, lead};
use crate::config::{Config, FeatureKind};
use crate::model::Model;
use efficientecg_ecg::Record;
use efficientecg_files::one_line;

/// How many times as long, or as short, as those that the network was made for a record may be.
const LENGTHS: f64 = 4.0;
/// Units of a feature's scale from its offset that its values seldom leave.
const FAR: f64 = 2.0;
/// The part of the network's rate that a lead's may be: of half of it the QRS complexes are still whole.
const RATES: f64 = 0.25;

impl Model {
    /// What is unusual about a record for this network, a sentence each: its length, where it is classified as a whole; the patient's age; leads
    /// that are constant or missing throughout, or of a low rate. The network takes such a record, but what is known of its classes does not hold for it.
    pub fn unusual(&self, record: &Record, settings: &Settings) -> Vec<String> {
        of(self.config(), record, settings)
    }
}

fn of(config: &Config, record: &Record, settings: &Settings) -> Vec<String> {
    let mut told = Vec::new();
    let length = config.samples as f64 / config.sample_rate;
    let seconds = record.seconds();
    let whole = settings.unit.unwrap_or_else(|| Unit::of(config)) == Unit::Record;
    if whole
        && !episodes::takes(config, record, settings)
        && !(length / LENGTHS..=length * LENGTHS).contains(&seconds)
    {
        told.push(format!(
            "the record has {seconds:.0} s, and the model was made for {length:.0} s: little is known of its classes; classify a part of such length"
        ));
    }
    let age = config.features().iter().find(|feature| feature.name == "age");
    if let (Some(FeatureKind::Continuous { offset, scale }), Some(age)) =
        (age.map(|feature| &feature.kind), settings.age.or(record.age))
        && (age - offset).abs() > FAR * scale
    {
        told.push(format!("age {age} is far from that of the patients whom the model learned from"));
    }
    for (name, index) in config.leads.iter().zip(lead::choose(config, record, settings).unwrap_or_default()) {
        let lead = &record.leads[index];
        let mut known = lead.samples.iter().filter(|x| x.is_finite());
        let first = known.next();
        let shown = one_line(&lead.name);
        if config.leads.len() > 1 && known.all(|x| Some(x) == first) {
            let word = if first.is_some() { "constant" } else { "missing" };
            told.push(format!(
                "lead {shown} is {word} throughout, and the model learned from records that have it"
            ));
        } else if lead.sample_rate < RATES * config.sample_rate {
            let (has, wants) = (lead.sample_rate, config.sample_rate);
            told.push(format!(
                "lead {shown} has {has} samples a second, and the model reads {} at {wants}",
                one_line(name)
            ));
        }
    }
    told
}

#[cfg(all(test, feature = "models"))]
mod tests {
    use super::*;
    use crate::models;
    use efficientecg_ecg::Lead;

    fn told(model: &str, seconds: usize, change: impl FnOnce(&mut Record)) -> Vec<String> {
        let config = models::find(model).expect("a model").config().expect("its configuration");
        let lead = |name: &String| {
            let samples = (0..seconds * 250).map(|i| (i % 200) as f32 / 200.0).collect();
            Lead::new(name, "mV", 250.0, samples)
        };
        let mut record = Record::new("r", 250.0, config.leads.iter().map(lead).collect());
        change(&mut record);
        of(&config, &record, &Settings::new())
    }

    #[test]
    fn what_is_far_from_a_card_is_told() {
        for (model, seconds) in
            [("ptbxl-8lead", 10), ("ptbxl-8lead", 30), ("cinc2017-rhythm", 9), ("mitbih-beats", 3600)]
        {
            assert_eq!(
                told(model, seconds, |r| r.age = Some(70.0)),
                Vec::<String>::new(),
                "{model} {seconds}"
            );
        }
        // It is cut into windows.
        assert_eq!(told("cinc2017-rhythm", 3600, |_| ()), Vec::<String>::new());
        let one = |told: Vec<String>, start: &str| {
            assert!(told.len() == 1 && told[0].starts_with(start), "{told:?}");
        };
        one(told("ptbxl-8lead", 600, |_| ()), "the record has 600 s, and the model was made for 10 s");
        one(told("cinc2017-rhythm", 5, |_| ()), "the record has 5 s, and the model was made for 30 s");
        one(told("ptbxl-8lead", 10, |r| r.age = Some(7.0)), "age 7 is far");
        assert!(told("cinc2017-rhythm", 30, |r| r.age = Some(7.0)).is_empty(), "it takes no age");
        one(told("ptbxl-8lead", 10, |r| r.leads[3].samples.fill(0.5)), "lead V2 is constant throughout");
        one(told("ptbxl-8lead", 10, |r| r.leads[3].samples.fill(f32::NAN)), "lead V2 is missing throughout");
        one(told("mitbih-beats", 60, |r| r.leads[1].sample_rate = 50.0), "lead V1 has 50 samples a second");
    }
}
