//! `--patients`: age and sex of the patients of many records, from a table.

use crate::args::{SexName, age};
use crate::error::Failure;
use efficientecg::FileError;
use efficientecg_evaluate::csv::{CsvRow, CsvTable};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Above 89 years PTB-XL gives everybody's age as 300.
const PTBXL_OLD: (f64, f64) = (300.0, 90.0);

/// What a table tells of a record's patient.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Patient {
    /// In years.
    pub(crate) age: Option<f64>,
    pub(crate) sex: Option<SexName>,
}

/// Patients by the file name of their record, without `.hea`.
#[derive(Debug)]
pub(crate) struct Patients {
    /// The table.
    path: PathBuf,
    all: HashMap<String, Patient>,
}

impl Patients {
    /// Reads a table with the columns `record`, `age` and `sex` (at least one of the two), in any order and among others; or
    /// PTB-XL's own, whose records are `filename_hr` and whose sexes are 0 male, 1 female. Empty fields are unknown.
    pub(crate) fn read(path: &Path) -> Result<Patients, Failure> {
        let table = CsvTable::read(path, &["record", "ecg_id", "age", "sex"])?;
        let header = table.header.clone().unwrap_or_default();
        let column = |name: &str| header.iter().position(|h| h.eq_ignore_ascii_case(name));
        let ptbxl = column("ecg_id").is_some() && column("filename_hr").is_some();
        let record = column(if ptbxl { "filename_hr" } else { "record" });
        let (record, places) = match (record, column("age"), column("sex")) {
            (Some(record), age, sex) if age.is_some() || sex.is_some() => (record, (age, sex)),
            _ => {
                let found = format!("{:.60}", header.join(","));
                let fix = "name the columns in the first line, as in record,age,sex";
                let expected = "the columns record and age or sex";
                return Err(FileError::new(path, "line 1", expected, found, fix).into());
            }
        };
        let mut all = HashMap::with_capacity(table.rows.len());
        for row in &table.rows {
            let patient = Patient {
                age: places.0.map_or(Ok(None), |place| years(&table, row, place, ptbxl))?,
                sex: places.1.map_or(Ok(None), |place| sex(&table, row, place, ptbxl))?,
            };
            if all.insert(name(Path::new(&row.fields[record])), patient).is_some() {
                let fix = "delete one of them";
                return Err(table.invalid(row, record, "a record that no line before it names", fix).into());
            }
        }
        Ok(Patients { path: path.to_path_buf(), all })
    }

    /// The patient of the record at `path`, who must be in the table.
    pub(crate) fn of(&self, path: &Path) -> Result<Patient, Failure> {
        let name = name(path);
        // A table names records, and may leave out the ending of their files.
        let stem = || Some(path.file_stem()?.to_string_lossy().into_owned());
        let found = self.all.get(&name).or_else(|| self.all.get(&stem()?));
        found.copied().ok_or_else(|| {
            let fix = "add it; leave its fields empty if nothing is known";
            FileError::new(&self.path, "records", format!("a row for {name}"), "none", fix).into()
        })
    }
}

/// The last part of a record's path, without `.hea`.
fn name(path: &Path) -> String {
    let last = path.file_name().unwrap_or_default().to_string_lossy();
    last.strip_suffix(".hea").unwrap_or(&last).to_owned()
}

fn years(table: &CsvTable, row: &CsvRow, place: usize, ptbxl: bool) -> Result<Option<f64>, Failure> {
    let field = row.fields[place].as_str();
    if field.is_empty() {
        return Ok(None);
    }
    if ptbxl && field.parse() == Ok(PTBXL_OLD.0) {
        return Ok(Some(PTBXL_OLD.1));
    }
    let wrong = |_| table.invalid(row, place, "years from 0 to 150, or nothing", "correct the age").into();
    age(field).map(Some).map_err(wrong)
}

fn sex(table: &CsvTable, row: &CsvRow, place: usize, ptbxl: bool) -> Result<Option<SexName>, Failure> {
    match (row.fields[place].to_ascii_lowercase().as_str(), ptbxl) {
        ("", _) => Ok(None),
        ("f" | "female", _) | ("1", true) => Ok(Some(SexName::Female)),
        ("m" | "male", _) | ("0", true) => Ok(Some(SexName::Male)),
        _ => Err(table.invalid(row, place, "F, M, female, male or nothing", "correct the sex").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Patients, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let path = folder.path().join("p.csv");
        std::fs::write(&path, text).map_err(|e| e.to_string())?;
        Patients::read(&path).map_err(|e| e.to_string())
    }

    #[test]
    fn patients_by_record() {
        let all = read("record,note,Sex,age\na/100.hea,x,F,69\n101,,,\n102,,male,0.5\n").expect("a table");
        let of = |path: &str| all.of(Path::new(path)).map_err(|e| e.to_string());
        let is = |path: &str| of(path).map(|p| (p.age, p.sex.map(|s| matches!(s, SexName::Female))));
        assert_eq!(is("elsewhere/100"), Ok((Some(69.0), Some(true))));
        assert_eq!(is("101.hea"), Ok((None, None)));
        assert_eq!(is("102"), Ok((Some(0.5), Some(false))));
        let line = of("103").expect_err("not in the table");
        assert!(line.contains("p.csv: ") && line.contains("a row for 103"), "{line}");
    }

    #[test]
    fn ptbxl_s_own_table() {
        let text =
            "ecg_id,age,sex,filename_lr,filename_hr\n1,56.0,1,r/1_lr,r/1_hr\n2,300.0,0,r/2_lr,r/2_hr\n";
        let all = read(text).expect("a table");
        let one = all.of(Path::new("x/1_hr")).expect("a row");
        assert!(one.age == Some(56.0) && matches!(one.sex, Some(SexName::Female)));
        let two = all.of(Path::new("x/2_hr.hea")).expect("a row");
        assert!(two.age == Some(90.0) && matches!(two.sex, Some(SexName::Male)));
    }

    #[test]
    fn what_is_wrong_names_the_line() {
        for (text, part) in [
            ("100,69,M\n", "line 1: expected the columns record and age or sex"),
            ("record,height\n100,2\n", "line 1: expected the columns record"),
            ("record,age\n100,old\n", "line 2 column \"age\": expected years from 0 to 150"),
            ("record,age\n100,300\n", "line 2 column \"age\""),
            ("record,sex\n100,1\n", "line 2 column \"sex\": expected F, M"),
            ("record,sex\n100,f\n/x/100.hea,m\n", "line 3 column \"record\": expected a record that no line"),
        ] {
            let line = read(text).expect_err(text);
            assert!(line.contains(part), "{line}");
        }
    }
}
