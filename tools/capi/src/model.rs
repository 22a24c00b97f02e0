//! Models: loaded, and told about.

use crate::error::{ECG_ERROR_LOAD, Failure, ecg_error, ecg_status, guard};
use crate::memory::{free, hand_out, reference, slice, text};
use efficientecg::config::{FeatureKind, Normalize, Task};
use efficientecg::{Level, LoadError, Model, Options, Precision};
use std::ffi::{CString, c_char, c_void};
use std::ptr::null;
use std::sync::Arc;

/// Weights and products in f32.
pub const ECG_PRECISION_F32: u32 = 0;
/// Weights of the products in f16.
pub const ECG_PRECISION_F16: u32 = 1;
/// Products in bf16, where the processor has instructions for them; f32 elsewhere.
pub const ECG_PRECISION_BF16: u32 = 2;

/// One class a record: probabilities by softmax.
pub const ECG_TASK_MULTICLASS: u32 = 0;
/// Each class by itself: probabilities by sigmoid.
pub const ECG_TASK_MULTILABEL: u32 = 1;

/// `ecg_run` takes voltages in mV as they are.
pub const ECG_NORMALIZE_NONE: u32 = 0;
/// `ecg_run` takes, for each lead over the record, samples less their mean, by their population standard deviation plus 1e-6.
pub const ECG_NORMALIZE_ZSCORE: u32 = 1;
/// `ecg_run` takes, for each lead over the record, mV less their median.
pub const ECG_NORMALIZE_MEDIAN: u32 = 2;

/// One number a record, such as an age in years.
pub const ECG_FEATURE_CONTINUOUS: u32 = 0;
/// One of some categories, such as a sex.
pub const ECG_FEATURE_CATEGORICAL: u32 = 1;
/// Rows of numbers, one a beat, such as the rhythm.
pub const ECG_FEATURE_SEQUENCE: u32 = 2;

/// A network ready to run. Any number of threads may use it at once.
pub struct ecg_model {
    pub(crate) model: Arc<Model>,
    name: CString,
    device: CString,
    leads: Vec<CString>,
    classes: Vec<CString>,
    /// Each feature's name, and those of its categories.
    features: Vec<(CString, Vec<CString>)>,
}

/// How a model is to run. Zeros are the defaults.
#[repr(C)]
pub struct ecg_options {
    /// `sizeof(ecg_options)`.
    pub size: u32,
    /// Threads, the caller among them: 0 for all that the process may use. With 1 none is started.
    pub threads: u32,
    /// One of ECG_PRECISION_...
    pub precision: u32,
    /// Zero.
    pub reserved: u32,
    /// The instruction set by its name, such as "avx2" or "scalar"; NULL for the best that the processor has.
    pub level: *const c_char,
}

/// What a model is.
#[repr(C)]
pub struct ecg_model_info {
    /// Leads that it takes.
    pub leads: u32,
    /// Classes that it tells.
    pub classes: u32,
    /// Features that it takes beside the signal.
    pub features: u32,
    /// One of ECG_TASK_...
    pub task: u32,
    /// One of ECG_NORMALIZE_...
    pub normalize: u32,
    /// One of ECG_PRECISION_...: what it runs in.
    pub precision: u32,
    /// Samples a lead that it was trained on; it runs on any number from 1 on.
    pub samples: u64,
    /// Numbers that were trained.
    pub parameters: u64,
    /// Samples a second that it expects.
    pub sample_rate: f64,
}

/// What a feature is. Its texts are the model's, and live as long as it does.
#[repr(C)]
pub struct ecg_feature_info {
    /// Its name.
    pub name: *const c_char,
    /// One of ECG_FEATURE_...
    pub kind: u32,
    /// Numbers of a row of a sequence, categories of a categorical feature, else 1.
    pub width: u32,
}

fn c_text(text: &str) -> CString {
    // A zero within it would end it for C.
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

impl ecg_model {
    fn new(model: Model) -> ecg_model {
        let config = model.config();
        let texts = |all: &[String]| all.iter().map(|text| c_text(text)).collect::<Vec<_>>();
        let features = config.features().iter().map(|feature| {
            let categories = match &feature.kind {
                FeatureKind::Categorical { categories } => texts(categories),
                _ => Vec::new(),
            };
            (c_text(&feature.name), categories)
        });
        ecg_model {
            name: c_text(&config.name),
            device: c_text(&model.device()),
            leads: texts(&config.leads),
            classes: texts(&config.classes),
            features: features.collect(),
            model: Arc::new(model),
        }
    }
}

/// # Safety
/// The options must be null or as the header says.
unsafe fn options(given: *const ecg_options) -> Result<Options, Failure> {
    let mut options = Options::new();
    // SAFETY: handed on to the caller.
    let Some(given) = (unsafe { given.as_ref() }) else { return Ok(options) };
    if given.size as usize != size_of::<ecg_options>() || given.reserved != 0 {
        let expected = format!("size {} and zeros", size_of::<ecg_options>());
        let found = format!("size {}, reserved {}", given.size, given.reserved);
        return Err(Failure::argument("options", &expected, &found));
    }
    if given.threads > 0 {
        options = options.threads(given.threads as usize);
    }
    options = options.precision(match given.precision {
        ECG_PRECISION_F32 => Precision::F32,
        ECG_PRECISION_F16 => Precision::F16,
        ECG_PRECISION_BF16 => Precision::Bf16,
        other => return Err(Failure::argument("precision", "0, 1 or 2", &other.to_string())),
    });
    if !given.level.is_null() {
        // SAFETY: handed on to the caller.
        let name = unsafe { text("level", given.level) }?;
        let level = Level::by_name(name).ok_or_else(|| {
            let levels = Level::available();
            let names: Vec<&str> = levels.iter().map(|level| level.name()).collect();
            Failure::argument("level", &format!("one of {}", names.join(", ")), name)
        })?;
        options = options.level(level);
    }
    Ok(options)
}

/// Hands out a model that is loaded with the caller's options.
///
/// # Safety
/// The options, and where the model is to go, must be null or as the header says.
unsafe fn loaded(
    options: *const ecg_options,
    model: *mut *mut ecg_model,
    error: *mut ecg_error,
    load: impl FnOnce(Options) -> Result<Result<Model, LoadError>, Failure>,
) -> ecg_status {
    // SAFETY: handed on to the caller.
    guard(error, || unsafe {
        hand_out(model, || {
            let loaded = load(self::options(options)?)?;
            loaded.map(ecg_model::new).map_err(|e| Failure::new(ECG_ERROR_LOAD, e))
        })
    })
}

/// Loads a file of packed weights, as `efficientecg pack` writes them; with the feature `npz` of the library also NumPy's files.
/// `options` may be NULL. The file is not needed afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_model_load(
    path: *const c_char,
    options: *const ecg_options,
    model: *mut *mut ecg_model,
    error: *mut ecg_error,
) -> ecg_status {
    // SAFETY: handed on to the caller.
    unsafe { loaded(options, model, error, |options| Ok(options.load(text("path", path)?))) }
}

/// Loads weights that lie in memory, such as in the program itself; they are not needed afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_model_load_from_memory(
    bytes: *const c_void,
    length: usize,
    options: *const ecg_options,
    model: *mut *mut ecg_model,
    error: *mut ecg_error,
) -> ecg_status {
    // SAFETY: handed on to the caller.
    unsafe {
        loaded(options, model, error, |options| {
            Ok(options.from_bytes(slice("bytes", bytes.cast::<u8>(), length)?))
        })
    }
}

/// Frees a model; NULL is none. Its sessions and streams go on. Its texts are gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_model_free(model: *mut ecg_model) {
    // SAFETY: handed on to the caller.
    unsafe { free(model) };
}

/// Tells what a model is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_model_describe(
    model: *const ecg_model,
    info: *mut ecg_model_info,
    error: *mut ecg_error,
) -> ecg_status {
    guard(error, || {
        // SAFETY: handed on to the caller.
        let model = unsafe { reference("model", model) }?;
        if info.is_null() {
            return Err(Failure::argument("info", "a struct to fill", "a null pointer"));
        }
        let config = model.model.config();
        let made = ecg_model_info {
            leads: config.leads.len() as u32,
            classes: config.classes.len() as u32,
            features: config.features().len() as u32,
            task: match config.task {
                Task::Multilabel => ECG_TASK_MULTILABEL,
                _ => ECG_TASK_MULTICLASS,
            },
            normalize: match config.normalize {
                Normalize::Zscore => ECG_NORMALIZE_ZSCORE,
                Normalize::Median => ECG_NORMALIZE_MEDIAN,
                _ => ECG_NORMALIZE_NONE,
            },
            precision: match model.model.precision() {
                Precision::F16 => ECG_PRECISION_F16,
                Precision::Bf16 => ECG_PRECISION_BF16,
                _ => ECG_PRECISION_F32,
            },
            samples: config.samples as u64,
            parameters: model.model.parameters() as u64,
            sample_rate: config.sample_rate,
        };
        // SAFETY: handed on to the caller.
        unsafe { info.write(made) };
        Ok(())
    })
}

/// Tells what a feature is, by its place from 0 on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_model_feature(
    model: *const ecg_model,
    feature: u32,
    info: *mut ecg_feature_info,
    error: *mut ecg_error,
) -> ecg_status {
    guard(error, || {
        // SAFETY: handed on to the caller.
        let model = unsafe { reference("model", model) }?;
        let at = feature as usize;
        let features = model.model.config().features();
        let (Some(feature), Some((name, _))) = (features.get(at), model.features.get(at)) else {
            let expected = format!("a place below {}", features.len());
            return Err(Failure::argument("feature", &expected, &at.to_string()));
        };
        if info.is_null() {
            return Err(Failure::argument("info", "a struct to fill", "a null pointer"));
        }
        let (kind, width) = match &feature.kind {
            FeatureKind::Continuous { .. } => (ECG_FEATURE_CONTINUOUS, 1),
            FeatureKind::Categorical { categories } => (ECG_FEATURE_CATEGORICAL, categories.len()),
            FeatureKind::Sequence { inputs, .. } => (ECG_FEATURE_SEQUENCE, *inputs),
            _ => {
                return Err(Failure::argument("feature", "one of a kind that this version knows", "another"));
            }
        };
        // SAFETY: handed on to the caller.
        unsafe { info.write(ecg_feature_info { name: name.as_ptr(), kind, width: width as u32 }) };
        Ok(())
    })
}

/// # Safety
/// The model must be null or a living one.
unsafe fn told(model: *const ecg_model, tell: impl FnOnce(&ecg_model) -> Option<&CString>) -> *const c_char {
    // SAFETY: handed on to the caller.
    unsafe { model.as_ref() }.and_then(tell).map_or(null(), |text| text.as_ptr())
}

/// The model's name, which lives as long as the model; NULL of none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_model_name(model: *const ecg_model) -> *const c_char {
    // SAFETY: handed on to the caller.
    unsafe { told(model, |model| Some(&model.name)) }
}

/// What it runs on, such as "cpu (avx512, 2 threads)".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_model_device(model: *const ecg_model) -> *const c_char {
    // SAFETY: handed on to the caller.
    unsafe { told(model, |model| Some(&model.device)) }
}

/// A lead's name, by its place from 0 on; NULL where there is none. "*" is any ECG lead.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_model_lead(model: *const ecg_model, lead: u32) -> *const c_char {
    // SAFETY: handed on to the caller.
    unsafe { told(model, |model| model.leads.get(lead as usize)) }
}

/// A class's name, by its place from 0 on; NULL where there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_model_class(model: *const ecg_model, class_index: u32) -> *const c_char {
    // SAFETY: handed on to the caller.
    unsafe { told(model, |model| model.classes.get(class_index as usize)) }
}

/// The name of a category of a categorical feature; NULL where there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_model_category(
    model: *const ecg_model,
    feature: u32,
    category: u32,
) -> *const c_char {
    // SAFETY: handed on to the caller.
    unsafe { told(model, |model| model.features.get(feature as usize)?.1.get(category as usize)) }
}
