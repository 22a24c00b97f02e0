//! Whole networks on a browser's WebGPU, in the browser: against PyTorch's results in f64, with kernels that are wrong, devices that are
//! lost, and no adapter at all.
//!
//! `tests/README.md` has the command. The browser may compute by software (`webdriver.json` asks for SwiftShader).

#![cfg(all(target_family = "wasm", target_os = "unknown"))]

use efficientecg::inputs::read_reference_bytes;
use efficientecg::{Backend, GpuOptions, Inputs, Model, Options, Outputs, Precision, Weights};
use efficientecg_engine::gpu::{DeviceError, FailPoint};
use efficientecg_tests::compare::{
    TOLERANCE, assert_runs_close, assert_same_bits, probabilities, worst_error,
};
use efficientecg_tests::defects::{DEFECTS, LATE_DEFECTS, planted};
use efficientecg_tests::random;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// The most that results with activations in f16 may differ, normalised likewise.
const TOLERANCE_F16: f64 = 2e-2;

/// The kept networks with the results that are expected of them, by name.
macro_rules! goldens {
    ($($number:literal)*) => {
        [$((
            concat!("random-", $number),
            include_bytes!(concat!("../../golden/networks/random-", $number, ".npz")).as_slice(),
            include_bytes!(concat!("../../golden/networks/random-", $number, ".ref.npz")).as_slice(),
        )),*]
    };
}
const GOLDENS: [(&str, &[u8], &[u8]); 21] = goldens! {
    "00" "01" "02" "03" "04" "05" "06" "07" "08" "09" "10" "11" "12" "13" "14" "15" "16" "17" "18" "19" "20"
};

// What the browser says of its adapters, in place of the truth.
#[wasm_bindgen(inline_js = "
    const ask = globalThis.GPU?.prototype.requestAdapter;
    const fallback = Object.getOwnPropertyDescriptor(globalThis.GPUAdapterInfo?.prototype ?? {}, 'isFallbackAdapter');
    export function there_is_webgpu() { return ask !== undefined && fallback !== undefined; }
    export function hide_adapters(hidden) { GPU.prototype.requestAdapter = hidden ? async () => null : ask; }
    export function call_it_hardware(hardware) {
        Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', hardware ? { ...fallback, get: () => false } : fallback);
    }
")]
extern "C" {
    fn there_is_webgpu() -> bool;
    fn hide_adapters(hidden: bool);
    fn call_it_hardware(hardware: bool);
}

/// A network of every operation, and of no more: a driver that is software compiles most of the time.
fn network() -> Weights {
    random::weights(random::config(3, (10, 7, 2), &[(4, 5, 2, 9, 1)], 18, true), 1)
}

/// Options for a GPU whose warnings are kept.
fn options(backend: Backend, gpu: GpuOptions) -> (Options, Arc<Mutex<Vec<String>>>) {
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&warnings);
    let gpu =
        gpu.warn(move |line: &str| kept.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned()));
    (Options::new().backend(backend).precision(gpu.precision).gpu(gpu), warnings)
}

/// The lines of warning so far.
fn lines(warnings: &Mutex<Vec<String>>) -> Vec<String> {
    warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

async fn load(weights: &Weights, backend: Backend, gpu: GpuOptions) -> (Model, Arc<Mutex<Vec<String>>>) {
    assert!(there_is_webgpu(), "this browser has no WebGPU");
    let (options, warnings) = options(backend, gpu);
    let model = options.from_weights_async(weights).await.unwrap_or_else(|e| panic!("{e}"));
    (model, warnings)
}

async fn run(model: &Model, inputs: &Inputs) -> Outputs {
    model.run_async(inputs).await.unwrap_or_else(|e| panic!("{e}"))
}

/// What the CPU makes of a batch.
fn on_cpu(weights: &Weights, inputs: &Inputs) -> Outputs {
    let model = Model::from_weights(weights).unwrap_or_else(|e| panic!("{e}"));
    model.run(inputs).unwrap_or_else(|e| panic!("{e}"))
}

/// Holds every logit and probability of kept networks against PyTorch's.
async fn holds_goldens(goldens: &[(&str, &[u8], &[u8])], gpu: GpuOptions, tolerance: f64) {
    let mut worst = (0.0, String::new());
    for &(name, weights, reference) in goldens {
        let (options, warnings) = options(Backend::Gpu, gpu.clone());
        let model = options.from_bytes_async(weights).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        let (inputs, expected) =
            read_reference_bytes(reference, model.config()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let logits = expected.iter().find(|e| e.name == "logits").map(|e| e.data.as_slice());
        let logits = logits.unwrap_or_else(|| panic!("{name}: no logits"));
        let got = run(&model, &inputs).await;
        for (what, got, want) in [
            ("logits", &got.logits, logits),
            ("probabilities", &got.probabilities, &probabilities(model.config(), logits)),
        ] {
            let error = worst_error(got, want).unwrap_or_else(|e| panic!("{name}: {what}: {e}"));
            assert!(error <= tolerance, "{name}: {what}: an error of {error:.2e}, above {tolerance:.0e}");
            if error > worst.0 {
                worst = (error, format!("{name}: {what}"));
            }
        }
        assert_same_bits(name, &run(&model, &inputs).await, &got);
        // It was the GPU all the time.
        assert!(model.device().starts_with("gpu"), "{name}: {} {:?}", model.device(), lines(&warnings));
        assert!(lines(&warnings).is_empty(), "{name}: {:?}", lines(&warnings));
        if name == goldens[0].0 {
            console_log!("{}, {:?}", model.device(), model.phases());
        }
    }
    console_log!("{} networks, worst error {:.2e} ({})", goldens.len(), worst.0, worst.1);
}

#[wasm_bindgen_test]
async fn goldens_in_f32() {
    holds_goldens(&GOLDENS, GpuOptions::new(), TOLERANCE).await;
}

#[wasm_bindgen_test]
async fn a_golden_in_f16() {
    // One with every operation.
    holds_goldens(&GOLDENS[3..4], GpuOptions::new().precision(Precision::F16), TOLERANCE_F16).await;
}

#[wasm_bindgen_test]
async fn records_do_not_depend_on_the_batch() {
    let weights = network();
    let inputs = random::inputs(weights.config(), 7, 400, 6);
    let (whole, _) = load(&weights, Backend::Gpu, GpuOptions::new()).await;
    let want = run(&whole, &inputs).await;
    assert_runs_close("beside the CPU", &want, &on_cpu(&weights, &inputs), TOLERANCE);
    // In four parts, two of which are under way at a time.
    let (cut, _) = load(&weights, Backend::Gpu, GpuOptions::new().batch(2)).await;
    assert_same_bits("in parts", &run(&cut, &inputs).await, &want);
    assert!(whole.device().starts_with("gpu") && cut.device().starts_with("gpu"));
}

#[wasm_bindgen_test]
async fn a_wrong_kernel_is_caught_and_the_cpu_answers() {
    let weights = network();
    let inputs = random::inputs(weights.config(), 3, 400, 6);
    let want = on_cpu(&weights, &inputs);
    let (sound, warnings) = load(&weights, Backend::Gpu, GpuOptions::new()).await;
    assert!(sound.device().starts_with("gpu") && lines(&warnings).is_empty(), "{:?}", lines(&warnings));
    // The first of each operation: natively all are caught (`gpu_faults.rs`), by the same comparison.
    let mut caught: Vec<&str> = Vec::new();
    for defect in DEFECTS {
        let op = defect.0;
        if caught.contains(&op) {
            continue;
        }
        caught.push(op);
        let gpu = GpuOptions::new().plant(move |name, text| planted(defect, name, text));
        let (model, warnings) = load(&weights, Backend::Gpu, gpu).await;
        assert!(model.device().starts_with("cpu"), "{defect:?} passed the self-test");
        assert_eq!(lines(&warnings).len(), 1, "{op}: {:?}", lines(&warnings));
        let line = lines(&warnings).swap_remove(0);
        console_log!("{line}");
        assert!(line.contains("expected an error below") && line.contains("using the CPU"), "{op}: {line}");
        assert_same_bits(op, &run(&model, &inputs).await, &want);
    }
    assert_eq!(caught.len(), 7, "{caught:?}");
}

#[wasm_bindgen_test]
async fn a_kernel_that_is_wrong_for_longer_signals_is_caught() {
    let weights = network();
    let inputs = random::inputs(weights.config(), 2, 5000, 6);
    let want = on_cpu(&weights, &inputs);
    // 1,250 positions at the end: several chunks of cross-attention.
    let defect = LATE_DEFECTS[0];
    let gpu = GpuOptions::new().plant(move |name, text| planted(defect, name, text));
    let (model, warnings) = load(&weights, Backend::Gpu, gpu).await;
    assert!(model.device().starts_with("gpu"), "{defect:?}: {:?}", lines(&warnings));
    assert_same_bits(defect.0, &run(&model, &inputs).await, &want);
    assert!(model.device().starts_with("cpu"), "{defect:?} passed");
    let told = lines(&warnings);
    assert!(told.len() == 1 && told[0].contains("expected an error below"), "{told:?}");
}

/// What no browser compiles is caught too: it says so after the call that compiles has returned.
#[wasm_bindgen_test]
async fn a_kernel_that_is_no_wgsl_is_caught() {
    let weights = network();
    let inputs = random::inputs(weights.config(), 2, 100, 6);
    let gpu = GpuOptions::new().plant(|_, _| "no shader".to_owned());
    let (model, warnings) = load(&weights, Backend::Gpu, gpu).await;
    assert!(model.device().starts_with("cpu"), "{}", model.device());
    console_log!("{:?}", lines(&warnings));
    assert_same_bits("no WGSL", &run(&model, &inputs).await, &on_cpu(&weights, &inputs));
}

/// The failures that a device is made to have at a fail point, once it was opened.
async fn failing(weights: &Weights, at: FailPoint, times: usize, how: DeviceError) -> (Model, Vec<String>) {
    let left = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&left);
    let fail = move |point: FailPoint| {
        let fails = point == at && asked.load(Ordering::Relaxed) > 0;
        fails.then(|| {
            asked.fetch_sub(1, Ordering::Relaxed);
            how.clone()
        })
    };
    let (model, warnings) = load(weights, Backend::Gpu, GpuOptions::new().fail(fail)).await;
    left.store(times, Ordering::Relaxed);
    let inputs = random::inputs(weights.config(), 3, 400, 6);
    let want = on_cpu(weights, &inputs);
    for _ in 0..2 {
        assert_runs_close("after a failure", &run(&model, &inputs).await, &want, TOLERANCE);
    }
    let told = lines(&warnings);
    console_log!("{told:?}");
    assert!(told.iter().all(|line| line.lines().count() == 1), "{told:?}");
    (model, told)
}

#[wasm_bindgen_test]
async fn a_lost_device_is_opened_again() {
    let weights = network();
    let (model, told) = failing(&weights, FailPoint::Wait, 1, DeviceError::Lost("planted".to_owned())).await;
    assert!(model.device().starts_with("gpu"), "{}", model.device());
    assert!(told.len() == 1 && told[0].contains("opened again"), "{told:?}");
    let (model, told) = failing(&weights, FailPoint::Submit, 1, DeviceError::OutOfMemory).await;
    assert!(model.device().starts_with("gpu") && told.len() == 1, "{told:?}");
}

#[wasm_bindgen_test]
async fn a_device_that_is_lost_again_is_given_up() {
    let weights = network();
    let (model, told) = failing(&weights, FailPoint::Wait, 2, DeviceError::Lost("planted".to_owned())).await;
    assert!(model.device().starts_with("cpu"), "{}", model.device());
    // The second time while it was held against the reference.
    assert!(told.len() == 1 && told[0].contains("and then") && told[0].contains("using the CPU"), "{told:?}");
    let (model, told) = failing(&weights, FailPoint::Wait, 1, DeviceError::Timeout(60)).await;
    assert!(model.device().starts_with("cpu") && told.len() == 1, "{told:?}");
}

#[wasm_bindgen_test]
async fn without_an_adapter_the_cpu_answers() {
    let weights = network();
    let inputs = random::inputs(weights.config(), 2, 100, 6);
    hide_adapters(true);
    let (model, warnings) = load(&weights, Backend::Auto, GpuOptions::new()).await;
    let (forced, _) = options(Backend::Gpu, GpuOptions::new());
    let refused = forced.from_weights_async(&weights).await.map(|model| model.device());
    hide_adapters(false);
    assert!(model.device().starts_with("cpu"), "{}", model.device());
    assert!(lines(&warnings).is_empty(), "{:?}", lines(&warnings));
    assert_same_bits("no adapter", &run(&model, &inputs).await, &on_cpu(&weights, &inputs));
    // Where a GPU was asked for it is an error.
    let refused = refused.expect_err("there is no adapter").to_string();
    console_log!("{refused}");
    assert!(refused.contains("found none") && refused.lines().count() == 1, "{refused}");
}

#[wasm_bindgen_test]
async fn auto_takes_no_software_and_measures_hardware() {
    let weights = network();
    let inputs = random::inputs(weights.config(), 2, 100, 6);
    let want = on_cpu(&weights, &inputs);
    // `webdriver.json` asks for an adapter that is software.
    let (software, warnings) = load(&weights, Backend::Auto, GpuOptions::new()).await;
    assert!(software.device().starts_with("cpu"), "{}", software.device());
    assert!(lines(&warnings).is_empty(), "{:?}", lines(&warnings));
    call_it_hardware(true);
    let (hardware, warnings) = load(&weights, Backend::Auto, GpuOptions::new()).await;
    call_it_hardware(false);
    assert!(hardware.device().starts_with("gpu"), "{} {:?}", hardware.device(), lines(&warnings));
    console_log!("{} {:?}", hardware.device(), hardware.phases());
    assert!(hardware.phases().iter().any(|(name, seconds)| *name == "crossover" && *seconds > 0.0));
    assert_runs_close("auto", &run(&hardware, &inputs).await, &want, TOLERANCE);
}

/// Nothing waits in a browser: what does not await computes on the CPU, or says what to call.
#[wasm_bindgen_test]
async fn what_does_not_await_is_the_cpus() {
    let weights = network();
    let inputs = random::inputs(weights.config(), 2, 100, 6);
    let want = on_cpu(&weights, &inputs);
    let (model, _) = load(&weights, Backend::Gpu, GpuOptions::new()).await;
    let got = model.run(&inputs).unwrap_or_else(|e| panic!("{e}"));
    assert_same_bits("without waiting", &got, &want);
    let profile = model.profile(&inputs).unwrap_or_else(|e| panic!("{e}"));
    assert_same_bits("by the clock", &profile.outputs, &want);
    assert!(!profile.gpu && profile.note.is_some_and(|note| note.contains("the CPU computed this batch")));
    let (auto, _) = options(Backend::Auto, GpuOptions::new());
    let auto = auto.from_weights(&weights).unwrap_or_else(|e| panic!("{e}"));
    assert!(auto.device().starts_with("cpu"), "{}", auto.device());
    let (gpu, _) = options(Backend::Gpu, GpuOptions::new());
    let refused = gpu.from_weights(&weights).map(|model| model.device());
    let refused = refused.expect_err("it cannot wait").to_string();
    assert!(refused.contains("from_weights_async") && refused.lines().count() == 1, "{refused}");
}
