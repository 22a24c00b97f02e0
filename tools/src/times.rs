//! Times for people: hours, minutes and seconds.

/// Hours, minutes, seconds and tenths: `1:01:40.0`.
pub(crate) fn clock(seconds: f64) -> String {
    let tenths = (10.0 * seconds).round() as u64;
    let (hours, minutes, rest) = (tenths / 36_000, tenths / 600 % 60, tenths % 600);
    format!("{hours}:{minutes:02}:{:02}.{}", rest / 10, rest % 10)
}

/// How long something is: `9.5 s`, and from a minute on `24:00:00`, with tenths if there are any.
pub(crate) fn length(seconds: f64) -> String {
    if (10.0 * seconds).round() < 600.0 {
        return format!("{seconds:.1} s");
    }
    let clock = clock(seconds);
    clock.strip_suffix(".0").unwrap_or(&clock).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_minutes_hours() {
        let of = [9.96, 59.94, 59.96, 61.5, 90.0, 86_400.0, 3_599.99].map(length);
        assert_eq!(of, ["10.0 s", "59.9 s", "0:01:00", "0:01:01.5", "0:01:30", "24:00:00", "1:00:00"]);
        assert_eq!([12.34, 3_700.0].map(clock), ["0:00:12.3", "1:01:40.0"]);
    }
}
