//! Prints what RADV makes of every kernel and variant, and how long the dispatches of whole networks would take at best: see
//! `benches/README.md`.
//!
//! `efficientecg-gpu-static [--check] [--nodes]`: `--check` fails on spills, and on defaults that lost occupancy, multiply-adds or
//! peak; `--nodes` adds each dispatch of the networks. The exit code is 77 where RADV is not installed.
//!
//! `RADV_FORCE_FAMILY` names the chip, [`FAMILY`] by default; of Mesa 25 RADV knows `navi31` too.

use efficientecg_benches::networks;
use efficientecg_gpu_static::card::{CARDS, Card};
use efficientecg_gpu_static::measure::{Choice, Dispatch, EXPAND, Pipeline, Pipelines, dispatches};
use efficientecg_gpu_static::radv::Compiler;
use efficientecg_gpu_static::roofline;
use efficientecg_kernels::gpu::{CooperativeMatrix, DeviceClass, Product, Storage, Traits, Vendor};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Records of the batch whose time is modelled.
const BATCH: usize = 64;
/// The chip that is compiled for, unless the environment names one.
const FAMILY: &str = "navi21";
/// Set where the program runs with RADV alone.
const WITHIN: &str = "EFFICIENTECG_GPU_STATIC_WITHIN";
/// Subgroups that a SIMD unit should hold to hide latency.
const OCCUPANCY: f64 = 8.0;
/// The part of the inner loop that should be multiply-adds, of products.
const SHARE: f64 = 0.6;
/// The part of the peak that the whole of `b0` should come to on the card of this chip, in f32.
const PEAK: f64 = 0.5;
/// More variants than any program has.
const VARIANTS: usize = 20;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("efficientecg-gpu-static: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let [mut check, mut nodes] = [false; 2];
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--check" => check = true,
            "--nodes" => nodes = true,
            other => return Err(format!("expected --check or --nodes, found {other}").into()),
        }
    }
    if std::env::var_os(WITHIN).is_none() {
        return within_radv();
    }
    let compiler = Compiler::open()?;
    println!("{}\n", compiler.name);
    let mut failures = Vec::new();
    for (name, storage) in [("f32", Storage::F32), ("f16", Storage::F16), ("packed f16", Storage::PackedF16)]
    {
        let mut pipelines = Pipelines::new(&compiler, Traits { storage, subgroups: true, cooperative: None });
        println!("## {name}\n");
        let mut seen = BTreeMap::new();
        let mut apart = Vec::new();
        for (_, config) in networks() {
            apart.push(ApartSeconds::default());
            for n in 0..VARIANTS {
                let all = dispatches(&mut pipelines, &config, BATCH, Choice::Nth(n))?;
                apart.iter_mut().last().into_iter().for_each(|apart| apart.note(&all));
                note(&mut seen, all, false);
            }
            note(
                &mut seen,
                dispatches(&mut pipelines, &config, BATCH, Choice::Default(class(&CARDS[0])))?,
                true,
            );
        }
        table(&seen);
        for ((network, config), apart) in networks().into_iter().zip(apart) {
            let mut on_cards = Vec::new();
            for card in &CARDS {
                on_cards.push(dispatches(&mut pipelines, &config, BATCH, Choice::Default(class(card)))?);
            }
            let of_peak = model(network, &on_cards, nodes);
            apart.compare(&on_cards);
            // More than the peak is a mistake of the model's, and so is no number.
            let bar = if network == "b0-12x5000" && storage == Storage::F32 { PEAK } else { 0.0 };
            if !(bar..=1.0).contains(&of_peak) {
                failures.push(format!(
                    "{network}: {:.0} % of the peak of {}",
                    100.0 * of_peak,
                    CARDS[0].name
                ));
            }
        }
        println!();
        for (p, default) in seen.values() {
            let occupancy = p.statistic("Subgroups per SIMD");
            let product = ["conv", "pointwise"].contains(&p.operation) || p.overrides.contains("EXPAND=1");
            // Where nothing was counted the share is no number, and passes nothing.
            let bars =
                (if *default { OCCUPANCY } else { 0.0 }, if *default && product { SHARE } else { 0.0 });
            if !(p.spills() == 0.0 && occupancy >= bars.0 && p.share() >= bars.1) {
                let (spills, share) = (p.spills(), 100.0 * p.share());
                failures.push(format!(
                    "{name}: {} {}: {spills} spills, {occupancy} subgroups a SIMD, {share:.0} % multiply-adds",
                    p.operation, p.overrides
                ));
            }
        }
        println!("{name}: {} pipelines", seen.len());
    }
    if compiler.cooperative_matrix {
        matrices(&compiler, &mut failures)?;
    } else {
        println!("\nCooperative matrices: {} has none of 16 by 16", compiler.name);
    }
    failures.iter().for_each(|line| eprintln!("{line}"));
    Ok(if check && !failures.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The variants by cooperative matrices, in f16. Nothing is modelled of them: data sheets say little of what bounds them.
fn matrices(compiler: &Compiler, failures: &mut Vec<String>) -> Result<(), Box<dyn std::error::Error>> {
    let cooperative = Some(CooperativeMatrix::Sixteen);
    let mut pipelines =
        Pipelines::new(compiler, Traits { storage: Storage::F16, subgroups: true, cooperative });
    let mut seen = BTreeMap::new();
    for (_, config) in networks() {
        for n in 0..VARIANTS {
            let mut all = dispatches(&mut pipelines, &config, BATCH, Choice::Nth(n))?;
            all.retain(|d| d.pipeline.product == Product::Cooperative);
            note(&mut seen, all, false);
        }
    }
    println!("\n## f16, cooperative matrices of 16 by 16\n");
    table(&seen);
    for (p, _) in seen.values() {
        // Each multiplies by the device's own instruction.
        let own = p.compiled.assembly.lines().filter(|l| l.trim_start().starts_with("v_wmma_f32")).count();
        if p.spills() != 0.0 || own == 0 {
            failures.push(format!(
                "cooperative matrices: {} {}: {} spills, {own} instructions for matrices",
                p.operation,
                p.overrides,
                p.spills()
            ));
        }
    }
    if seen.is_empty() {
        failures.push("cooperative matrices: no pipeline uses them".to_owned());
    }
    println!("\ncooperative matrices: {} pipelines", seen.len());
    Ok(())
}

/// Runs the program again with RADV alone: the driver reads its environment when it is loaded.
fn within_radv() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let Some(icd) = icd() else {
        eprintln!("no RADV: expected {FOLDER}/radeon_icd*.json; apt install mesa-vulkan-drivers libvulkan1");
        return Ok(ExitCode::from(77));
    };
    let family = std::env::var_os("RADV_FORCE_FAMILY").unwrap_or_else(|| FAMILY.into());
    let status = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(WITHIN, "1")
        .env("RADV_FORCE_FAMILY", family)
        .env("RADV_DEBUG", "nocache")
        .env("VK_ICD_FILENAMES", &icd)
        .env("VK_DRIVER_FILES", &icd)
        .status()?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// Where drivers say that they are.
const FOLDER: &str = "/usr/share/vulkan/icd.d";

/// The driver's file; none where it is not installed.
fn icd() -> Option<PathBuf> {
    let mut files = std::path::Path::new(FOLDER).read_dir().ok()?.filter_map(|file| Some(file.ok()?.path()));
    files.find(|f| f.file_name().is_some_and(|n| n.to_string_lossy().starts_with("radeon_icd")))
}

/// The class of a card.
fn class(card: &Card) -> DeviceClass {
    let vendor = if card.name.starts_with("RX") { Vendor::Amd } else { Vendor::Nvidia };
    DeviceClass { vendor, subgroup: 32 }
}

/// Of each node with an expand layer, the modelled seconds of the fastest variant that has it apart, on each card.
#[derive(Default)]
struct ApartSeconds(BTreeMap<String, [f64; CARDS.len()]>);

impl ApartSeconds {
    /// Notes what the dispatches of a variant take.
    fn note(&mut self, dispatches: &[Dispatch]) {
        for pair in dispatches.windows(2).filter(|pair| pair[0].label == format!("{}{EXPAND}", pair[1].label))
        {
            let fastest = self.0.entry(pair[1].label.clone()).or_insert([f64::INFINITY; CARDS.len()]);
            for (fastest, card) in fastest.iter_mut().zip(&CARDS) {
                let seconds = pair.iter().map(|d| roofline::time(&d.work, card).0).sum();
                *fastest = fastest.min(seconds);
            }
        }
    }

    /// Tells on how many nodes that is faster than the default, and what all of them take then.
    fn compare(&self, on_cards: &[Vec<Dispatch>]) {
        let nodes = self.0.len();
        let cards = CARDS.iter().zip(on_cards).enumerate().map(|(at, (card, dispatches))| {
            let of_node = |(index, node): (usize, &Dispatch)| {
                let apart = self.0.get(&node.label)?[at];
                // The default may have it apart already.
                let expand = index.checked_sub(1).map(|before| &dispatches[before]);
                let expand = expand.filter(|d| d.label == format!("{}{EXPAND}", node.label));
                let default = [Some(node), expand].into_iter().flatten();
                Some((default.map(|d| roofline::time(&d.work, card).0).sum(), apart))
            };
            let (mut faster, mut before, mut after): (usize, f64, f64) = (0, 0.0, 0.0);
            for (default, apart) in dispatches.iter().enumerate().filter_map(of_node) {
                faster += usize::from(apart < default);
                before += default;
                after += default.min(apart);
            }
            format!(
                "{}: {faster} of {nodes}, {:.3} ms in place of {:.3}",
                card.name,
                1e3 * after,
                1e3 * before
            )
        });
        println!("\nExpand layers that would be faster apart: {}.", cards.collect::<Vec<_>>().join("; "));
    }
}

/// Pipelines by operation, variant and overrides, and whether each is a default.
type Seen = BTreeMap<(&'static str, String, String), (Pipeline, bool)>;

fn note(seen: &mut Seen, dispatches: Vec<Dispatch>, default: bool) {
    for d in dispatches {
        let key = (d.pipeline.operation, d.variant, d.pipeline.overrides.clone());
        let known = seen.entry(key).or_insert((d.pipeline, false));
        known.1 |= default;
    }
}

/// The overrides that a variant's name does not tell.
fn rest(overrides: &str) -> String {
    let told = ["ROWS", "COLS", "THREAD", "DEPTH", "CELLS"];
    let rest = overrides.split(' ').filter(|o| !told.iter().any(|t| o.starts_with(t)));
    rest.filter(|o| !o.ends_with("=0"))
        .map(|o| o.trim_end_matches("=1"))
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

fn table(seen: &Seen) {
    println!(
        "| operation | variant | overrides | default | VGPRs | workgroup bytes | subgroups a SIMD | spills | instructions | inner loop | \
         multiply-adds in it | share | bytes a multiply-add |"
    );
    println!("| --- | --- | --- | --- |{}", " ---: |".repeat(9));
    for ((operation, variant, overrides), (p, default)) in seen {
        println!(
            "| {operation} | {variant} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.0} % | {:.2} |",
            rest(overrides),
            if *default { "yes" } else { "" },
            p.statistic("VGPRs"),
            p.statistic("LDS size"),
            p.statistic("Subgroups per SIMD"),
            p.spills(),
            p.profile.whole.all,
            p.profile.inner.all,
            p.profile.inner.multiply_adds,
            100.0 * p.share(),
            p.bytes_a_multiply_add(),
        );
    }
}

/// Prints the times by operation on each card; gives the part of the first card's peak.
fn model(network: &str, on_cards: &[Vec<Dispatch>], nodes: bool) -> f64 {
    println!("\n{network}, {BATCH} records\n");
    print!("| operation | G multiply-adds |");
    CARDS.iter().for_each(|card| print!(" {}, ms | of peak |", card.name));
    println!("\n| --- | ---: |{}", " ---: | ---: |".repeat(CARDS.len()));
    let mut names: Vec<&str> = Vec::new();
    for d in &on_cards[0] {
        if !names.contains(&d.pipeline.operation) {
            names.push(d.pipeline.operation);
        }
    }
    names.push("all");
    let mut first = 0.0;
    for name in names {
        let is = |d: &&Dispatch| name == "all" || d.pipeline.operation == name;
        let macs: f64 = on_cards[0].iter().filter(is).map(|d| d.multiply_adds).sum();
        print!("| {name} | {:.2} |", macs / 1e9);
        for (at, (card, dispatches)) in CARDS.iter().zip(on_cards).enumerate() {
            let seconds: f64 = dispatches.iter().filter(is).map(|d| roofline::time(&d.work, card).0).sum();
            let of_peak = macs / seconds / card.peak();
            print!(" {:.3} | {:.0} % |", 1e3 * seconds, 100.0 * of_peak);
            if at == 0 {
                first = of_peak;
            }
        }
        println!();
    }
    if nodes {
        println!(
            "\n| node | variant | workgroups |{}",
            CARDS.map(|c| format!(" {}, us | bound by |", c.name)).concat()
        );
        println!("| --- | --- | ---: |{}", " ---: | --- |".repeat(CARDS.len()));
        for at in 0..on_cards[0].len() {
            let d = &on_cards[0][at];
            print!("| {} | {} | {} |", d.label, d.variant, d.work.groups);
            for (card, dispatches) in CARDS.iter().zip(on_cards) {
                let (seconds, bound) = roofline::time(&dispatches[at].work, card);
                print!(" {:.1} | {bound:?} |", 1e6 * seconds);
            }
            println!();
        }
    }
    // Of all: the last row.
    first
}
