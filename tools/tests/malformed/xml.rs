//! XML of HL7 aECG, Philips and GE MUSE that would take more memory or stack than there is. What else may be wrong is beside the
//! readers.

use super::{Case, golden, name, put};
use std::path::Path;

const AECG: &str = "<AnnotatedECG xmlns='urn:hl7-org:v3'>";
const PHILIPS: &str = "<restingecgdata xmlns='http://www3.medical.philips.com'>";
const MUSE: &str = "<RestingECG>";

pub(crate) fn xml(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    let weights = golden().0;
    let mut add = |label: &str, text: &str, parts: &[&str]| {
        let file = format!("x{}.xml", cases.len());
        let path = put(folder, &file, text);
        let args = ["classify", "--weights", name(&weights), name(&path)];
        cases.push(Case::new(label, &args, &[&[file.as_str()], parts].concat()));
    };
    // Each entity is ten of the one before.
    let laughs: String =
        (1..10).map(|i| format!("<!ENTITY e{i} '{}'>", format!("&e{};", i - 1).repeat(10))).collect();
    let laughs = format!("<!DOCTYPE a [<!ENTITY e0 'ha'>{laughs}]>");
    for root in [AECG, PHILIPS, MUSE] {
        add("entities", &format!("{laughs}{root}&e9;"), &["entities of its own"]);
        let outside = "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>";
        add("an entity of a file", &format!("{outside}{root}&e;"), &["entities of its own"]);
        add("an entity of nobody", &format!("<!DOCTYPE a SYSTEM 'a.dtd'>{root}&e;"), &["line 1", "XML"]);
        add("depth", &format!("{root}{}", "<a>".repeat(1_000_000)), &["XML"]);
        add("elements", &format!("{root}{}", "<a/>".repeat(5_000_000)), &["4194304 elements"]);
        let attributes: String = (0..100_000).map(|i| format!(" a{i}=''")).collect();
        add("attributes", &format!("{root}<a{attributes}/>"), &["256 attributes"]);
        let spaces: String = (0..50_000).map(|i| format!("<a xmlns:b{i}='c'>")).collect();
        add("namespaces", &format!("{root}{spaces}"), &["4096 namespaces"]);
        add(
            "empty",
            &format!("{root}</{}>", &root[1..root.find([' ', '>']).expect("an end")]),
            &["expected", "found"],
        );
        add("cut", &format!("{root}<a"), &["line 1", "XML"]);
    }
    add("another root", "<?xml version='1.0'?><svg/>", &["format", "HL7 aECG, Philips XML, GE MUSE XML"]);
    add("no root", "<?xml version='1.0'?>", &["format"]);
    cases
}
