//! Rows on paper: none touches another, whatever the signals; marks keep apart.

use super::*;
use efficientecg_ecg::random::SplitMix64;

/// A lead of ten seconds with spikes of up to `most` millivolts either way.
fn lead(random: &mut SplitMix64, most: f64) -> Lead {
    let sign = |random: &mut SplitMix64| random.uniform() * 2.0 - 1.0;
    let mut samples = vec![0.0_f32; 2000];
    for _ in 0..30 {
        let (at, height) = ((random.uniform() * 1990.0) as usize, most * sign(random));
        for (i, sample) in samples[at..at + 9].iter_mut().enumerate() {
            *sample += (height * (1.0 - (i as f64 - 4.0).abs() / 5.0)) as f32;
        }
    }
    Lead::new("V1", "mV", 200.0, samples)
}

/// Of each group of a class its lowest and highest place, millimetre by millimetre along the paper.
fn extents(group: &Group) -> Vec<Option<(f64, f64)>> {
    let mut made = vec![None; 300];
    let mut put = |x: f64, top: f64, bottom: f64| {
        let cell: &mut Option<(f64, f64)> = &mut made[x as usize];
        *cell = Some(cell.map_or((top, bottom), |(a, b)| (a.min(top), b.max(bottom))));
    };
    for graphic in &group.graphics {
        match graphic {
            Graphic::Path { lines, .. } => lines.iter().flatten().for_each(|p| put(p[0], p[1], p[1])),
            Graphic::Text(text) => {
                let [left, top, right, bottom] = text.bounds();
                (left as usize..=right as usize).for_each(|x| put(x as f64, top, bottom));
            }
            Graphic::Rectangle { .. } => {}
        }
    }
    made
}

#[test]
fn no_row_touches_another() {
    let mut random = SplitMix64(3);
    for (most, gains) in
        [(0.3, 10.0..=10.0), (1.0, 10.0..=10.0), (2.5, 2.5..=10.0), (4.0, 2.5..=5.0), (50.0, 2.5..=2.5)]
    {
        for _ in 0..10 {
            let leads: Vec<Lead> = (0..13).map(|_| lead(&mut random, most)).collect();
            let mut rows: Vec<Row> = (0..3)
                .map(|row| {
                    let strip =
                        |c: usize| Strip::new(&leads[4 * row + c], 2.5 * c as f64, 2.5 * (c + 1) as f64);
                    Row::new((0..4).map(strip).collect())
                })
                .collect();
            rows.push(Row::new(vec![Strip::new(&leads[12], 0.0, 10.0)]));
            let drawn = draw(&rows, 13.5, 45.5, 135.0);
            assert!(gains.contains(&drawn.scale.gain), "{most}: {:?}", drawn.scale);
            assert_eq!(drawn.cut.is_empty(), most < 10.0, "{most}");
            // Traces and names, row by row: five groups begin with a pulse.
            let mut by_row: Vec<Vec<&Group>> = Vec::new();
            for group in &drawn.over {
                if group.class == "calibration" {
                    by_row.push(Vec::new());
                }
                by_row.last_mut().expect("a pulse first").push(group);
            }
            assert_eq!(by_row.len(), 4);
            for pair in by_row.windows(2) {
                let of = |groups: &[&Group]| -> Vec<Vec<Option<(f64, f64)>>> {
                    groups.iter().map(|group| extents(group)).collect()
                };
                for upper in of(&pair[0]) {
                    for lower in of(&pair[1]) {
                        for (above, below) in upper.iter().zip(&lower) {
                            if let (Some((_, bottom)), Some((top, _))) = (above, below) {
                                assert!(bottom < top, "{most}: {bottom} {top}");
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn what_stands_elsewhere_takes_no_room() {
    let spike = |at: usize, height: f32| {
        let mut samples = vec![0.0_f32; 2000];
        samples[at] = height;
        Lead::new("V2", "mV", 200.0, samples)
    };
    let height_of = |upper: &Lead, lower: &Lead| {
        height(
            &[Row::new(vec![Strip::new(upper, 0.0, 10.0)]), Row::new(vec![Strip::new(lower, 0.0, 10.0)])],
            10.0,
        )
    };
    let (deep, high, later) = (spike(1000, -2.0), spike(1000, 2.0), spike(1500, 2.0));
    // Of the first and the last row each has room for itself; in between 20 mm and 20 mm, or the larger of the two.
    assert!((height_of(&deep, &high) - height_of(&deep, &later) - 20.0).abs() <= 1.0);
}

#[test]
fn marks_keep_apart_and_those_that_stand_out_stay() {
    let flat = Lead::new("II", "mV", 200.0, vec![0.0; 2000]);
    let mut row = Row::new(vec![Strip::new(&flat, 0.0, 10.0)]);
    row.marks = (0..120)
        .map(|i| {
            let quiet = i % 3 > 0;
            BeatMark::new(0.5 + 0.05 * f64::from(i), if quiet { "N" } else { "V" }, quiet)
        })
        .collect();
    let drawn = draw(std::slice::from_ref(&row), 0.0, 0.0, 60.0);
    let group = drawn.over.iter().find(|group| group.class == "beats").expect("marks");
    let texts: Vec<&Text> = group
        .graphics
        .iter()
        .map(|g| match g {
            Graphic::Text(text) => text,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(texts.iter().filter(|t| t.text == "V").count(), 40);
    for pair in texts.windows(2) {
        assert!(pair[0].bounds()[2] <= pair[1].bounds()[0], "{pair:?}");
    }
    // One that stands alone is over its beat.
    row.marks = vec![BeatMark::new(4.0, "V", false)];
    let drawn = draw(&[row], 0.0, 0.0, 60.0);
    let group = drawn.over.iter().find(|group| group.class == "beats").expect("a mark");
    let Graphic::Text(text) = &group.graphics[0] else { panic!("no text") };
    assert!((text.x - (MARGIN + 100.0)).abs() < 1e-9 && text.anchor == Anchor::Middle);
}
