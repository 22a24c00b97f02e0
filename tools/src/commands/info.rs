//! `efficientecg info`: a network's layers, or the models that come with the program; and the devices found.

use crate::args::Info;
use crate::error::Failure;
use crate::out;
use efficientecg::classify::Unit;
use efficientecg::config::Config;
use efficientecg::models::{self, Trained};
use efficientecg::{Level, Model, Options, available_threads};
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    devices: Vec<Device>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<ModelReport>,
    /// Those that come with the program, where none was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    models: Vec<Named>,
}

#[derive(Serialize)]
#[serde(tag = "backend", rename_all = "lowercase")]
enum Device {
    Cpu {
        threads: usize,
        levels: Vec<&'static str>,
        /// Whether bf16 is faster than f32.
        bf16: bool,
    },
    #[cfg(feature = "gpu")]
    Gpu {
        number: usize,
        name: String,
        api: String,
        driver: String,
        software: bool,
        subgroups: bool,
        f16: bool,
        /// Whether products can be made by cooperative matrices.
        cooperative_matrix: bool,
    },
}

/// The CPU, and the GPUs in the order of their numbers.
fn devices() -> Vec<Device> {
    let levels = Level::available().into_iter().map(Level::name).collect();
    #[allow(unused_mut)]
    let mut devices =
        vec![Device::Cpu { threads: available_threads(), levels, bf16: Level::best().has_bf16() }];
    #[cfg(feature = "gpu")]
    devices.extend(efficientecg::adapters().into_iter().enumerate().map(|(number, a)| Device::Gpu {
        number,
        name: a.name,
        api: a.backend,
        driver: a.driver,
        software: a.software,
        subgroups: a.subgroups,
        f16: a.f16,
        cooperative_matrix: a.cooperative_matrix,
    }));
    devices
}

/// A model that comes with the program.
#[derive(Serialize)]
struct Named {
    name: String,
    leads: Vec<String>,
    sample_rate: f64,
    samples: usize,
    /// `beat` or `record`: what it classifies.
    unit: &'static str,
    classes: Vec<String>,
}

fn named(model: &Trained) -> Result<Named, Failure> {
    let config = model.config()?;
    let unit = Unit::of(&config).name();
    let Config { name, leads, sample_rate, samples, classes, .. } = config;
    Ok(Named { name, leads, sample_rate, samples, unit, classes })
}

#[derive(Serialize)]
struct ModelReport {
    name: String,
    leads: Vec<String>,
    sample_rate: f64,
    samples: usize,
    classes: Vec<String>,
    features: Vec<String>,
    parameters: usize,
    multiply_adds: u64,
    layers: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    operation: &'static str,
    input: [usize; 2],
    output: [usize; 2],
    multiply_adds: u64,
    /// Operands and weights, each once, in f32.
    bytes_read: u64,
    /// Results, in f32.
    bytes_written: u64,
}

pub(crate) fn run(args: &Info) -> Result<(), Failure> {
    let devices = devices();
    let (mut model, mut models) = (None, Vec::new());
    match &args.network {
        Some(network) => {
            let loaded = network.load(&Options::new().threads(1))?;
            let described = describe(&loaded, args.samples);
            model = Some(described.map_err(|e| Failure::run(network.path(), e))?);
        }
        None => models = models::ALL.iter().map(named).collect::<Result<_, _>>()?,
    }
    let report = Report { devices, model, models };
    if args.json {
        out::json(&report)?;
    } else {
        out::text(&table(&report))?;
    }
    Ok(())
}

fn describe(model: &Model, samples: Option<u32>) -> Result<ModelReport, efficientecg::RunError> {
    let config = model.config();
    let samples = samples.map_or(config.samples, |s| s as usize);
    let layers: Vec<Row> = model
        .layers(samples)?
        .into_iter()
        .map(|l| Row {
            name: l.name,
            operation: l.op,
            input: [l.input.rows, l.input.cols],
            output: [l.output.rows, l.output.cols],
            multiply_adds: l.cost.macs,
            bytes_read: l.cost.read,
            bytes_written: l.cost.written,
        })
        .collect();
    Ok(ModelReport {
        name: config.name.clone(),
        leads: config.leads.clone(),
        sample_rate: config.sample_rate,
        samples,
        classes: config.classes.clone(),
        features: config.features().iter().map(|f| f.name.clone()).collect(),
        parameters: model.parameters(),
        multiply_adds: layers.iter().map(|l| l.multiply_adds).sum(),
        layers,
    })
}

/// Columns as wide as what stands in them, so that they fit most terminals: two of words, the others of numbers.
fn aligned(rows: &[[String; 6]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |row: &[String; 6]| {
        let cell = |(i, text): (usize, &String)| match i {
            0 | 1 => format!("{text:width$}", width = widths[i]),
            _ => format!("{text:>width$}", width = widths[i]),
        };
        row.iter().enumerate().map(cell).collect::<Vec<_>>().join(" ") + "\n"
    };
    rows.iter().map(line).collect()
}

fn table(report: &Report) -> String {
    let mut text = String::new();
    if let Some(m) = &report.model {
        text += &format!("{}: {} at {} Hz", m.name, m.leads.join(" "), m.sample_rate);
        if !m.features.is_empty() {
            text += &format!(", with {}", m.features.join(", "));
        }
        text += &format!(", to {}\n\n", m.classes.join(" "));
        let mut rows =
            vec![["layer", "operation", "input", "output", "mult-adds", "bytes"].map(str::to_owned)];
        let shape = |s: [usize; 2]| format!("{} x {}", s[0], s[1]);
        rows.extend(m.layers.iter().map(|l| {
            let bytes = l.bytes_read + l.bytes_written;
            let numbers = [l.multiply_adds, bytes].map(|n| n.to_string());
            let [macs, bytes] = numbers;
            [l.name.clone(), l.operation.to_owned(), shape(l.input), shape(l.output), macs, bytes]
        }));
        text += &aligned(&rows);
        text += &format!(
            "\n{} parameters, {:.4} G multiply-adds on {} samples\n\n",
            m.parameters,
            m.multiply_adds as f64 / 1e9,
            m.samples
        );
    }
    for d in &report.devices {
        text += &match d {
            Device::Cpu { threads, levels, bf16 } => {
                let bf16 = if *bf16 { ", bf16" } else { "" };
                format!("cpu: {threads} threads, {}{bf16}\n", levels.join(", "))
            }
            #[cfg(feature = "gpu")]
            Device::Gpu { number, name, api, driver, software, subgroups, f16, cooperative_matrix } => {
                let mut has = vec![api.as_str(), driver.as_str()];
                let features = [
                    (*software, "software"),
                    (*subgroups, "subgroups"),
                    (*f16, "f16"),
                    (*cooperative_matrix, "cooperative-matrix"),
                ];
                has.extend(features.iter().filter(|h| h.0).map(|h| h.1));
                format!("gpu {number}: {name}, {}\n", has.join(", "))
            }
        };
    }
    if !report.models.is_empty() {
        text.push('\n');
    }
    for m in &report.models {
        let leads = m.leads.join(" ");
        let (unit, classes) = (m.unit, m.classes.join(" "));
        text += &format!("--model {:16} a {unit} of {leads} at {} Hz to {classes}\n", m.name, m.sample_rate);
    }
    text
}
