//! Heart rate variability of NN intervals from standard input, as `tests/golden/hrv/make.py` compares it with NeuroKit2's.
//!
//!     cargo run --release -p efficientecg-tests --example hrv -- LEVEL
//!
//! A line is `END MS`: when an interval ends, in seconds, and its length in milliseconds. Every window of the spectrum counts, whatever is missing of it,
//! and loses the level, in milliseconds: that is how other programs do it.

use efficientecg::ecg::hrv::{self, BandSettings, Nn};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let level: f64 = std::env::args().nth(1).ok_or("expected a level")?.parse()?;
    let mut intervals = Vec::new();
    for line in std::io::stdin().lines() {
        let line = line?;
        let (end, ms) = line.split_once(' ').ok_or("expected END MS")?;
        intervals.push(Nn { end: end.parse()?, ms: ms.parse()? });
    }
    let tell = |name: &str, value: Option<f64>| println!("{name} {}", value.unwrap_or(f64::NAN));
    let time = hrv::time(&intervals).ok_or("expected an interval")?;
    tell("mean", Some(time.mean));
    tell("sdnn", time.sdnn);
    tell("sdann", time.sdann);
    tell("sdnn_index", time.sdnn_index);
    tell("rmssd", time.rmssd);
    tell("pnn50", time.pnn50);
    let bands = hrv::bands(&intervals, BandSettings::whatever(level));
    tell("vlf", bands.map(|b| b.vlf));
    tell("lf", bands.map(|b| b.lf));
    tell("hf", bands.map(|b| b.hf));
    Ok(())
}
