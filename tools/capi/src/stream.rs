//! Beats and their classes of a live signal.

use crate::error::{ECG_ERROR_FULL, ECG_ERROR_RUN, ECG_ERROR_STREAM, Failure, ecg_error, ecg_status, guard};
use crate::memory::{free, hand_out, reference, reference_mut, slice, slice_mut, text};
use crate::model::ecg_model;
use efficientecg::ItemError;
use efficientecg::classify::{ClassifyError, Monitor, MonitorEvent, Settings};
use efficientecg_ecg::Sex;
use efficientecg_ecg::quality::Reason;
use std::collections::VecDeque;
use std::ffi::{CStr, c_char};
use std::sync::Arc;

/// Events that may wait to be polled before a push is refused.
pub const ECG_EVENTS: usize = 4096;

/// Nothing has happened.
pub const ECG_EVENT_NONE: u32 = 0;
/// A beat, with its class or the reason why it has none.
pub const ECG_EVENT_BEAT: u32 = 1;
/// From here on the signal cannot be assessed, or (with ECG_REASON_NONE) can again.
pub const ECG_EVENT_SIGNAL: u32 = 2;

/// The signal can be assessed.
pub const ECG_REASON_NONE: u32 = 0;
/// There is too little of it.
pub const ECG_REASON_SHORT: u32 = 1;
/// Samples are missing.
pub const ECG_REASON_MISSING: u32 = 2;
/// The signal is flat.
pub const ECG_REASON_FLAT: u32 = 3;
/// The signal is hardly larger than the steps of its samples.
pub const ECG_REASON_COARSE: u32 = 4;
/// The signal is clipped, or saturated.
pub const ECG_REASON_CLIPPED: u32 = 5;
/// Nothing in it is like a QRS complex.
pub const ECG_REASON_NO_QRS: u32 = 6;
/// There are beats of a shape that no QRS complex has.
pub const ECG_REASON_SHAPE: u32 = 7;
/// Mains hum covers the signal.
pub const ECG_REASON_HUM: u32 = 8;
/// Noise covers the signal.
pub const ECG_REASON_NOISE: u32 = 9;
/// Another reason.
pub const ECG_REASON_OTHER: u32 = 10;

/// Nothing is known of the patient's sex.
pub const ECG_SEX_UNKNOWN: u32 = 0;
/// Female.
pub const ECG_SEX_FEMALE: u32 = 1;
/// Male.
pub const ECG_SEX_MALE: u32 = 2;

/// Beats and their classes of a live signal. One thread at a time.
pub struct ecg_classify_stream {
    monitor: Monitor,
    told: Vec<MonitorEvent>,
    events: VecDeque<MonitorEvent>,
}

/// What is known of the patient.
#[repr(C)]
pub struct ecg_patient {
    /// In years; NaN where it is unknown.
    pub age: f64,
    /// One of ECG_SEX_...
    pub sex: u32,
    /// Zero.
    pub reserved: u32,
}

/// What a stream tells.
#[repr(C)]
pub struct ecg_event {
    /// One of ECG_EVENT_...
    pub kind: u32,
    /// The beat's most probable class by its place; -1 where it could not be assessed, and where it is no beat.
    pub class_index: i32,
    /// One of ECG_REASON_...
    pub reason: u32,
    /// Zero.
    pub reserved: u32,
    /// The R peak's place in frames from the first sample on; of no beat, -1.
    pub frame: i64,
    /// The same in seconds; where the signal changed, when.
    pub seconds: f64,
}

fn number(reason: Reason) -> u32 {
    match reason {
        Reason::Short => ECG_REASON_SHORT,
        Reason::Missing => ECG_REASON_MISSING,
        Reason::Flat => ECG_REASON_FLAT,
        Reason::Coarse => ECG_REASON_COARSE,
        Reason::Clipped => ECG_REASON_CLIPPED,
        Reason::NoQrs => ECG_REASON_NO_QRS,
        Reason::Shape => ECG_REASON_SHAPE,
        Reason::Hum => ECG_REASON_HUM,
        Reason::Noise => ECG_REASON_NOISE,
        _ => ECG_REASON_OTHER,
    }
}

/// A reason in a word, such as "noise"; "none" of ECG_REASON_NONE, "other" of an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn ecg_reason_text(reason: u32) -> *const c_char {
    let text: &CStr = match reason {
        ECG_REASON_NONE => c"none",
        ECG_REASON_SHORT => c"short",
        ECG_REASON_MISSING => c"missing",
        ECG_REASON_FLAT => c"flat",
        ECG_REASON_COARSE => c"coarse",
        ECG_REASON_CLIPPED => c"clipped",
        ECG_REASON_NO_QRS => c"no-qrs",
        ECG_REASON_SHAPE => c"shape",
        ECG_REASON_HUM => c"hum",
        ECG_REASON_NOISE => c"noise",
        _ => c"other",
    };
    text.as_ptr()
}

fn failure(error: &ClassifyError) -> Failure {
    let status = match error {
        ClassifyError::Run(_) => ECG_ERROR_RUN,
        _ => ECG_ERROR_STREAM,
    };
    Failure::new(status, error)
}

/// Opens a stream of these leads at `sample_rate` samples a second, 50 to 4000, for a model of beats. Leads are matched by name. To let one stand
/// for another, name it as the model does. `patient` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_classify_stream_open(
    model: *const ecg_model,
    leads: *const *const c_char,
    lead_count: usize,
    sample_rate: f64,
    patient: *const ecg_patient,
    stream: *mut *mut ecg_classify_stream,
    error: *mut ecg_error,
) -> ecg_status {
    // SAFETY: handed on to the caller.
    guard(error, || unsafe {
        hand_out(stream, || {
            let model = reference("model", model)?;
            let leads = slice("leads", leads, lead_count)?;
            let names: Vec<&str> = leads.iter().map(|lead| text("lead", *lead)).collect::<Result<_, _>>()?;
            let mut settings = Settings::new();
            if let Some(patient) = patient.as_ref() {
                if patient.age.is_infinite() {
                    return Err(Failure::argument("age", "a finite number of years, or NaN", "infinity"));
                }
                if patient.reserved != 0 {
                    return Err(Failure::argument("patient", "reserved 0", &patient.reserved.to_string()));
                }
                if !patient.age.is_nan() {
                    settings = settings.age(patient.age);
                }
                settings = match patient.sex {
                    ECG_SEX_UNKNOWN => settings,
                    ECG_SEX_FEMALE => settings.sex(Sex::Female),
                    ECG_SEX_MALE => settings.sex(Sex::Male),
                    other => return Err(Failure::argument("sex", "0, 1 or 2", &other.to_string())),
                };
            }
            let monitor = Monitor::new(Arc::clone(&model.model), &names, sample_rate, &settings);
            Ok(ecg_classify_stream {
                monitor: monitor.map_err(|e| failure(&e))?,
                told: Vec::new(),
                events: VecDeque::new(),
            })
        })
    })
}

/// Takes samples in mV, one of each lead in turn, in the order in which they were named; NaN is missing. `count` counts single samples. What they tell
/// waits to be polled: a beat two seconds after its R peak at most. Up to the last five minutes of the signal are kept, and memory does not grow
/// beyond that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_classify_stream_push(
    stream: *mut ecg_classify_stream,
    samples: *const f32,
    count: usize,
    error: *mut ecg_error,
) -> ecg_status {
    guard(error, || {
        // SAFETY: handed on to the caller.
        let (stream, samples) =
            unsafe { (reference_mut("stream", stream)?, slice("samples", samples, count)?) };
        if stream.events.len() >= ECG_EVENTS {
            let (most, found) =
                (format!("fewer than {ECG_EVENTS} that wait"), stream.events.len().to_string());
            return Err(Failure::new(ECG_ERROR_FULL, ItemError::new("events", most, found, "poll them")));
        }
        let pushed = stream.monitor.push(samples, &mut stream.told);
        stream.events.extend(stream.told.drain(..));
        pushed.map_err(|e| failure(&e))
    })
}

/// Says that no more samples come: tells the beats up to there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_classify_stream_finish(
    stream: *mut ecg_classify_stream,
    error: *mut ecg_error,
) -> ecg_status {
    guard(error, || {
        // SAFETY: handed on to the caller.
        let stream = unsafe { reference_mut("stream", stream) }?;
        let finished = stream.monitor.finish(&mut stream.told);
        stream.events.extend(stream.told.drain(..));
        finished.map_err(|e| failure(&e))
    })
}

/// Takes the next event, ECG_EVENT_NONE where none waits. `probabilities` gets those of all `classes` classes of a beat, NaN where it has none; it may be
/// NULL where `classes` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_classify_stream_poll(
    stream: *mut ecg_classify_stream,
    event: *mut ecg_event,
    probabilities: *mut f32,
    classes: usize,
    error: *mut ecg_error,
) -> ecg_status {
    guard(error, || {
        // SAFETY: handed on to the caller.
        let (stream, probabilities) = unsafe {
            (reference_mut("stream", stream)?, slice_mut("probabilities", probabilities, classes)?)
        };
        if event.is_null() {
            return Err(Failure::argument("event", "a struct to fill", "a null pointer"));
        }
        if let Some(MonitorEvent::Beat(beat)) = stream.events.front()
            && classes > 0
            && !beat.probabilities.is_empty()
            && beat.probabilities.len() != classes
        {
            let expected = format!("room for {}, or for none", beat.probabilities.len());
            return Err(Failure::argument("probabilities", &expected, &classes.to_string()));
        }
        probabilities.fill(f32::NAN);
        let mut made = ecg_event {
            kind: ECG_EVENT_NONE,
            class_index: -1,
            reason: ECG_REASON_NONE,
            reserved: 0,
            frame: -1,
            seconds: f64::NAN,
        };
        match stream.events.pop_front() {
            Some(MonitorEvent::Beat(beat)) => {
                (made.kind, made.frame, made.seconds) = (ECG_EVENT_BEAT, beat.time, beat.seconds);
                match beat.class {
                    Ok(class) => {
                        made.class_index = class as i32;
                        probabilities.iter_mut().zip(&beat.probabilities).for_each(|(to, p)| *to = *p);
                    }
                    Err(reason) => made.reason = number(reason),
                }
            }
            Some(MonitorEvent::Signal { seconds, reason }) => {
                (made.kind, made.seconds) = (ECG_EVENT_SIGNAL, seconds);
                made.reason = reason.map_or(ECG_REASON_NONE, number);
            }
            // The library has no other event.
            Some(_) | None => {}
        }
        // SAFETY: handed on to the caller.
        unsafe { event.write(made) };
        Ok(())
    })
}

/// Frees a stream; NULL is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_classify_stream_close(stream: *mut ecg_classify_stream) {
    // SAFETY: handed on to the caller.
    unsafe { free(stream) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use efficientecg::Model;

    #[test]
    fn a_push_is_refused_while_too_many_events_wait() {
        let model = Arc::new(Model::builtin("mitbih-beats").expect("a model"));
        let classes = model.config().classes.len();
        let monitor = Monitor::new(model, &["MLII", "V1"], 360.0, &Settings::new()).expect("a monitor");
        let event = MonitorEvent::Signal { seconds: 1.5, reason: Some(Reason::Hum) };
        let events = VecDeque::from(vec![event; ECG_EVENTS]);
        let mut stream = ecg_classify_stream { monitor, told: Vec::new(), events };
        let (samples, mut probabilities) = ([0.0; 64], vec![0.0; classes]);
        let push = |stream: &mut ecg_classify_stream| {
            // SAFETY: pointers and counts are those of living values.
            unsafe { ecg_classify_stream_push(stream, samples.as_ptr(), 64, std::ptr::null_mut()) }
        };
        assert_eq!(push(&mut stream), ECG_ERROR_FULL);
        assert_eq!(stream.monitor.seconds(), 0.0);
        // SAFETY: as above.
        unsafe {
            let (mut event, error) = (std::mem::zeroed::<ecg_event>(), std::ptr::null_mut());
            let to = probabilities.as_mut_ptr();
            assert_eq!(ecg_classify_stream_poll(&mut stream, &mut event, to, classes, error), 0);
            let found = (event.kind, event.reason, event.class_index, event.seconds);
            assert_eq!(found, (ECG_EVENT_SIGNAL, ECG_REASON_HUM, -1, 1.5));
        }
        assert!(probabilities.iter().all(|p| p.is_nan()));
        assert_eq!((push(&mut stream), stream.monitor.seconds()), (0, 32.0 / 360.0));
    }
}
