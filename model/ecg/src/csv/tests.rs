use super::*;

fn open(text: &str, options: &ReadOptions) -> Result<Record> {
    read(Source::of_bytes(Path::new("a/t.csv"), text.as_bytes(), options))
}

fn good(text: &str, options: &ReadOptions) -> Record {
    assert!(recognises(text.as_bytes()), "{text:?}");
    open(text, options).unwrap_or_else(|e| panic!("{text:?}: {e}"))
}

fn leads(record: &Record) -> Vec<(&str, &str, Vec<u32>)> {
    let bits = |lead: &Lead| lead.samples.iter().map(|v| v.to_bits()).collect();
    record.leads.iter().map(|l| (l.name.as_str(), l.units.as_str(), bits(l))).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn separators_decimals_and_columns() {
    let nan = f32::NAN;
    let want = [("II", "mV", bits(&[0.5, nan, -1e-3])), ("V1", "mV", bits(&[1.25, 2.0, nan]))];
    let plain = ReadOptions::new();
    for text in [
        "time,II,V1\n0,.5,1.25\n0.01,,2\n0.02,-1e-3,NaN\n",
        "time,II,V1\r\n0,.5,1.25\r\n0.01,,2\r\n\r\n0.02,-1e-3,NaN",
        "\u{feff}Time,\"II\", V1 \n0,0.5,1.25\n0.01,NA,2.000\n0.02,-0.001,\n",
        "Time (s);II;V1\n0;0,5;1,25\n0,01;;2\n0,02;-0,001;nan\n",
        "seconds\tII\tV1\n0\t0.5\t1.25\n0.01\t\t2\n0.02\t-0,001\t-\n",
        "# made by hand\ntime_ms,II,V1\n0,0.5,1.25\n# here\n10,null,2\n20,-1e-3,n/a\n",
        "time,II,V1,\n0,.5,1.25,\n0.01,,2,\n0.02,-1e-3,NaN,\n",
        "'Elapsed time','II','V1'\n'seconds','mV','mV'\n0,0.5,1.25\n0.01,,2\n0.02,-0.001,-\n",
        "time,II [mV],V1 (mV)\n0,.5,1.25\n0.01,,2\n0.02,-1e-3,NaN\n",
    ] {
        let record = good(text, &plain);
        assert_eq!((record.sample_rate, record.name.as_str()), (100.0, "t"), "{text:?}");
        assert_eq!(leads(&record), want, "{text:?}");
    }
    let rate = ReadOptions::new().rate(100.0);
    for text in [
        "II,V1\n.5,1.25\n,2\n-1e-3,\n",
        ",II,V1\n0,.5,1.25\n1,,2\n2,-1e-3,\n",
        "sample #;II;V1\n0;0,5;1,25\n1;;2\n2;-,001;\n",
    ] {
        assert_eq!(leads(&good(text, &rate)), want, "{text:?}");
    }
}

#[test]
fn what_the_user_says() {
    let said = ReadOptions::new().rate(50.0).unit("uV").leads(["I", "aVF"]);
    for text in ["1,2\n3,4\n", "a,b\n1,2\n3,4\n", "time,a,b\n0,1,2\n1,3,4\n"] {
        let record = good(text, &said);
        assert_eq!(
            leads(&record),
            [("I", "uV", bits(&[1.0, 3.0])), ("aVF", "uV", bits(&[2.0, 4.0]))],
            "{text:?}"
        );
        assert_eq!(record.leads[0].sample_rate, 50.0);
    }
    let timed = ReadOptions::new().leads(["time", "I"]);
    let record = good("0,1\n0.5,2\n", &timed);
    assert_eq!((record.sample_rate, leads(&record)), (2.0, vec![("I", "mV", bits(&[1.0, 2.0]))]));
    let units = good("time,I,Resp\ns,uV,%\n0,1,2\n1,3,4\n", &ReadOptions::new());
    assert_eq!(units.leads.iter().map(|l| l.units.as_str()).collect::<Vec<_>>(), ["uV", "%"]);
    let numbered = good("time,1,2\n0,1,2\n1,3,4\n", &ReadOptions::new());
    assert_eq!(leads(&numbered), [("1", "mV", bits(&[1.0, 3.0])), ("2", "mV", bits(&[2.0, 4.0]))]);
    let one = good("ECG\n1\n2\n", &ReadOptions::new().rate(1.0));
    assert_eq!(leads(&one), [("ECG", "mV", bits(&[1.0, 2.0]))]);
}

#[test]
fn malformed_tables_name_line_and_column() {
    let plain = ReadOptions::new();
    for (text, part) in [
        ("time,II\n0,1\n0.01,x\n", "line 3: column 2 (II): expected a number, found \"x\""),
        ("time,II\n0,1\n0.01,inf\n", "line 3: column 2 (II)"),
        ("time,II\n0,1\n0.01,1e99\n", "line 3: column 2 (II)"),
        ("time,II\n0,1\nx,1\n", "line 3: column 1 (time): expected seconds"),
        ("time,II\n0,1\n0.01,1,2\n", "line 3: number of cells: expected 2 cells, found \"3\""),
        ("time,II\n0,1\n0.01\n", "line 3: number of cells"),
        ("time,II\n0,1\n0.01,1\n0.05,1\n", "column 1 (time)"),
        ("time\n0\n1\n", "at least 1 lead"),
        ("time,II\n", "at least 1 line of samples"),
        ("II,V1\n1,2\n", "say the rate"),
        ("1,2\n3,4\n", "name the leads"),
        ("time,II\n0,1,5\n", "line 2: number of cells"),
        ("time,II\n0,1.2.3\n", "line 2: column 2"),
        ("time,II\n0,1,2\n", "number of cells"),
        ("time;II\n0;1,2,3\n", "line 2: column 2"),
    ] {
        let error = open(text, &plain).expect_err(text).to_string();
        assert!(
            error.contains(part) && error.starts_with("a/t.csv") && error.lines().count() == 1,
            "{text:?}: {error}"
        );
    }
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(open("II,V1\n1,2\n", &ReadOptions::new().rate(rate)).is_err(), "{rate}");
    }
    for text in [
        "",
        "<xml a=\"1,2\">",
        "{\"a\": 1, \"b\": 2}",
        "100 2 360 650000\n",
        "words\nand words\n",
        "a,b\u{1}c\n",
    ] {
        assert!(!recognises(text.as_bytes()), "{text:?}");
    }
}

#[test]
fn what_is_written_is_read_back_to_the_bit() {
    let folder = std::env::temp_dir().join(format!("efficientecg-csv-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for rate in [360.0, 1000.0 / 3.0, 128.125] {
        let values: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.37).sin() * 1e-3 * i as f32).collect();
        let mut other = values.clone();
        other[7] = f32::NAN;
        other[8] = -0.0;
        other[9] = f32::MIN_POSITIVE;
        let record = Record::new(
            "t",
            rate,
            vec![Lead::new("II", "mV", rate, values), Lead::new("a (b)", "%", rate, other)],
        );
        for name in ["t.csv", "t.tsv"] {
            let path = folder.join(name);
            write(&path, &record).unwrap_or_else(|e| panic!("{e}"));
            let back = Record::open(&path).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(leads(&back), leads(&record), "{rate}");
            assert!((back.sample_rate - rate).abs() <= 1e-15 * rate, "{rate}: {}", back.sample_rate);
            assert!(rate.fract() > 0.0 || back.sample_rate == rate);
        }
    }
    let rates = vec![Lead::new("a", "mV", 1.0, vec![0.0]), Lead::new("b", "mV", 2.0, vec![0.0; 2])];
    let bad = Record::new("t", 1.0, rates);
    assert!(write(&folder.join("bad.csv"), &bad).is_err());
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn names_with_separators_come_back() {
    let lead = |name: &str| Lead::new(name, "uV", 100.0, vec![1.0, -2.5]);
    for names in [["V1, modified", "II; \"old\""], ["a\"b", "it's"], ["I (mV)", "x,"], [";", ","]] {
        let record = Record::new("r", 100.0, names.map(lead).to_vec());
        for separator in [',', '\t'] {
            let bytes = bytes(Path::new("r.csv"), &record, separator).expect("a table");
            assert!(recognises(&bytes));
            let options = ReadOptions::new();
            let back = read(Source::of_bytes(Path::new("r.csv"), &bytes, &options)).expect("reads");
            assert_eq!(back.leads, record.leads, "{}", String::from_utf8_lossy(&bytes));
        }
    }
    for name in ["'I'", "a\nb", "", "b'", "c\td"] {
        let record = Record::new("r", 100.0, vec![lead(name)]);
        assert!(bytes(Path::new("r.csv"), &record, ',').is_err(), "{name:?}");
    }
}

#[test]
fn units_come_back_or_are_refused() {
    for (name, unit, fits) in [
        ("I", "", true),
        ("I", "%", true),
        ("I", "a]", true),
        ("I (uV)", "mV", true),
        ("I", "[", false),
        ("I", "a[b", false),
    ] {
        let record = Record::new("r", 100.0, vec![Lead::new(name, unit, 100.0, vec![1.0, -2.5])]);
        let bytes = match bytes(Path::new("r.csv"), &record, '\t') {
            Ok(bytes) => bytes,
            Err(error) => {
                assert!(!fits && error.to_string().contains("a unit without square brackets"), "{error}");
                continue;
            }
        };
        let options = ReadOptions::new();
        let back = read(Source::of_bytes(Path::new("r.csv"), &bytes, &options)).expect("reads");
        assert_eq!(back.leads, record.leads);
        assert!(fits, "{unit:?}");
    }
}

#[test]
fn columns_without_a_unit() {
    // In a line of units an empty cell says nothing; empty brackets say that there is none.
    let text = b"time\tII\tV1\tx []\ns\tuV\t\t\n0\t1\t2\t3\n1\t4\t5\t6\n";
    let read = |bytes: &[u8]| {
        let options = ReadOptions::new();
        super::read(Source::of_bytes(Path::new("t.tsv"), bytes, &options)).unwrap_or_else(|e| panic!("{e}"))
    };
    let record = read(text);
    let units = |r: &Record| r.leads.iter().map(|l| (l.name.clone(), l.units.clone())).collect::<Vec<_>>();
    let pair = |name: &str, unit: &str| (name.to_owned(), unit.to_owned());
    assert_eq!(units(&record), [pair("II", "uV"), pair("V1", "mV"), pair("x", "")]);
    let again = bytes(Path::new("t.tsv"), &record, '\t').unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(units(&read(&again)), units(&record));
}
