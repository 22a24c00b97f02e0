use super::*;
use std::f64::consts::TAU;
use std::path::Path;

/// Intervals of these lengths in milliseconds, one after another.
fn unbroken(lengths: impl IntoIterator<Item = f64>) -> Vec<Nn> {
    let mut end = 0.0;
    let nn = |ms: f64| {
        end += ms / 1000.0;
        Nn { end, ms }
    };
    lengths.into_iter().map(nn).collect()
}

/// A golden file: its figures, and its intervals.
fn golden(name: &str) -> (Vec<(String, f64)>, Vec<Nn>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/golden/hrv/{name}.txt"));
    let text = std::fs::read_to_string(&path).expect("the golden");
    let pair =
        |line: &str| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("two words");
    let figures = text.lines().filter_map(|line| line.strip_prefix("# ")).map(pair);
    let intervals = text.lines().filter(|line| !line.starts_with('#')).map(pair);
    let number = |text: &str| text.parse::<f64>().expect("a number");
    (
        figures.map(|(name, value)| (name, number(&value))).collect(),
        intervals.map(|(end, ms)| Nn { end: number(&end), ms: number(&ms) }).collect(),
    )
}

fn near(got: Option<f64>, want: f64, relative: f64, what: &str) {
    let got = got.unwrap_or_else(|| panic!("{what}: none"));
    assert!(got.is_finite() && (got - want).abs() <= relative * want.abs(), "{what}: {got} {want}");
}

#[test]
fn figures_are_neurokits() {
    for (name, figures) in [("whole", 10), ("ectopic", 10), ("short", 4)] {
        let (want, intervals) = golden(name);
        assert_eq!(want.len(), figures, "{name}");
        let time = time(&intervals).expect("intervals");
        let level = want.iter().find(|(figure, _)| figure == "level").map_or(0.0, |(_, level)| *level);
        let bands = bands(&intervals, BandSettings::whatever(level));
        for (figure, want) in want {
            let (got, relative) = match figure.as_str() {
                "mean" => (Some(time.mean), 1e-9),
                "sdnn" => (time.sdnn, 1e-9),
                "sdann" => (time.sdann, 1e-9),
                "sdnn_index" => (time.sdnn_index, 1e-9),
                "rmssd" => (time.rmssd, 1e-9),
                "pnn50" => (time.pnn50, 1e-9),
                "level" => continue,
                "vlf" => (bands.map(|b| b.vlf), 0.005),
                "lf" => (bands.map(|b| b.lf), 0.005),
                "hf" => (bands.map(|b| b.hf), 0.005),
                other => panic!("{other}"),
            };
            near(got, want, relative, &format!("{name} {figure}"));
        }
        let short = name == "short";
        assert_eq!([time.sdann.is_none(), time.sdnn_index.is_none(), bands.is_none()], [short; 3]);
    }
}

#[test]
fn the_time_domain_by_hand() {
    // 800, 860, 800, 850: differences 60, -60, 50.
    let time = time(&unbroken([800.0, 860.0, 800.0, 850.0])).expect("intervals");
    assert_eq!(time.count, 4);
    assert!((time.mean - 827.5).abs() < 1e-9);
    let squares = [27.5, 32.5, 27.5, 22.5].map(|d: f64| d * d).iter().sum::<f64>();
    near(time.sdnn, (squares / 3.0).sqrt(), 1e-12, "SDNN");
    near(time.rmssd, ((3600.0 + 3600.0 + 2500.0) / 3.0_f64).sqrt(), 1e-12, "RMSSD");
    // 50 ms is not more than 50 ms.
    near(time.pnn50, 2.0 / 4.0, 1e-12, "pNN50");
    assert_eq!((time.sdann, time.sdnn_index), (None, None));
    assert_eq!(super::time(&[]), None);
    let one = super::time(&unbroken([900.0])).expect("one");
    assert_eq!((one.count, one.sdnn, one.rmssd, one.pnn50), (1, None, None, None));
}

#[test]
fn differences_are_not_taken_across_what_is_left_out() {
    let mut intervals = unbroken([800.0, 810.0, 1200.0, 900.0, 930.0]);
    intervals.remove(2);
    let time = time(&intervals).expect("intervals");
    // 10 and 30, not 90.
    near(time.rmssd, 500f64.sqrt(), 1e-9, "RMSSD");
    assert_eq!(time.pnn50, Some(0.0));
}

#[test]
fn segments_are_five_minutes() {
    // Three segments of intervals of 500 ms, 750 ms and 1 s, each of two lengths in turn, then a minute that is left out.
    let turn = |mean: f64, by: f64, count: usize| {
        (0..count).map(move |i| if i % 2 == 0 { mean - by } else { mean + by })
    };
    // The first one makes no interval end on a boundary.
    let lengths = std::iter::once(777.0)
        .chain(turn(500.0, 10.0, 600))
        .chain(turn(750.0, 20.0, 400))
        .chain(turn(1000.0, 30.0, 300));
    let lengths: Vec<f64> = lengths.chain(turn(300.0, 100.0, 200)).collect();
    let time = time(&unbroken(lengths.clone())).expect("intervals");
    let ends: Vec<f64> = unbroken(lengths.clone()).iter().map(|nn| nn.end).collect();
    let mut parts = vec![Vec::new(); 4];
    for (ms, end) in lengths.iter().zip(ends) {
        parts[(end / 300.0) as usize].push(*ms);
    }
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let deviation = |x: &[f64]| {
        let m = mean(x);
        (x.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / (x.len() - 1) as f64).sqrt()
    };
    let means: Vec<f64> = parts[..3].iter().map(|p| mean(p)).collect();
    near(time.sdann, deviation(&means), 1e-9, "SDANN");
    let within: Vec<f64> = parts[..3].iter().map(|p| deviation(p)).collect();
    near(time.sdnn_index, mean(&within), 1e-9, "SDNN index");
}

/// Beats whose intervals swing by `height` ms at `hertz`, over so many seconds.
fn swinging(seconds: f64, waves: &[(f64, f64)]) -> Vec<Nn> {
    let mut end = 0.0;
    let mut all = Vec::new();
    while end < seconds {
        // The length that the wave has where the interval ends.
        let mut ms = 800.0;
        for _ in 0..50 {
            let at = end + ms / 1000.0;
            ms = 800.0 + waves.iter().map(|(height, hertz)| height * (TAU * hertz * at).sin()).sum::<f64>();
        }
        end += ms / 1000.0;
        all.push(Nn { end, ms });
    }
    all
}

#[test]
fn a_sine_has_half_its_square_in_its_band() {
    for (hertz, place) in [(0.02, 0), (0.1, 1), (0.25, 2)] {
        let bands = bands(&swinging(1800.0, &[(30.0, hertz)]), BandSettings::default()).expect("windows");
        let all = [bands.vlf, bands.lf, bands.hf];
        // A spline through a sample at each beat, 1.25 a second, holds less of what is near half of that.
        let tolerance = if place == 2 { 0.06 } else { 0.01 };
        near(Some(all[place]), 450.0, tolerance, "power");
        for other in (0..3).filter(|band| *band != place) {
            assert!(all[other] < 0.02 * 450.0, "{hertz} Hz: {all:?}");
        }
    }
    let both =
        bands(&swinging(1800.0, &[(30.0, 0.1), (15.0, 0.2)]), BandSettings::default()).expect("windows");
    near(both.ratio(), 4.0, 0.05, "LF/HF");
}

#[test]
fn windows_with_too_little_are_left_out_and_holes_are_interpolated() {
    // A few seconds more than the last window has.
    let whole = swinging(3610.0, &[(30.0, 0.1)]);
    let measure = |intervals: &[Nn]| {
        let mut all = Variability::default();
        intervals.iter().for_each(|nn| all.push(*nn));
        (all.bands(), all.windows())
    };
    let (bands, windows) = measure(&whole);
    assert_eq!(windows, (23, 23));
    // Two intervals in forty away, as by an ectopic beat: all windows count, and their power is nearly the same.
    let ectopic: Vec<Nn> = whole.iter().enumerate().filter(|(i, _)| i % 40 >= 2).map(|(_, nn)| *nn).collect();
    let (got, windows) = measure(&ectopic);
    assert_eq!(windows, (23, 23));
    near(got.map(|b| b.lf), bands.expect("bands").lf, 0.02, "LF");
    // A gap of 20 s: the windows that hold it are left out.
    let gap: Vec<Nn> = whole.iter().filter(|nn| !(1000.0..1020.0).contains(&nn.end)).copied().collect();
    let (got, windows) = measure(&gap);
    assert_eq!(windows, (21, 23));
    near(got.map(|b| b.lf), bands.expect("bands").lf, 0.01, "LF");
    // Nothing but holes, and less than a window.
    let few: Vec<Nn> = whole.iter().step_by(3).copied().collect();
    assert_eq!(measure(&few).0, None);
    assert_eq!(measure(&whole[..300]), (None, (0, 0)));
}

#[test]
fn what_is_no_interval_does_not_count() {
    let mut all = Variability::default();
    let odd = [
        Nn { end: f64::NAN, ms: 800.0 },
        Nn { end: 1.0, ms: f64::INFINITY },
        Nn { end: 1.0, ms: -5.0 },
        Nn { end: f64::INFINITY, ms: 800.0 },
        Nn { end: 1e300, ms: 800.0 },
    ];
    odd.iter().for_each(|nn| all.push(*nn));
    assert_eq!((all.time(), all.bands()), (None, None));
    all.push(Nn { end: 5.0, ms: 800.0 });
    all.push(Nn { end: 4.0, ms: 800.0 });
    assert_eq!(all.time().map(|t| t.count), Some(1));
}
