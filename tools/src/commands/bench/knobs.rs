//! The one list of what changes speed. What an option does is said where it is declared, in `args`.

use crate::args::Arguments;
use clap::CommandFactory;
use serde::Serialize;

/// Options of `bench`, and of the other commands that run a model.
const OPTIONS: &[&str] =
    &["backend", "precision", "threads", "batch", "samples", "level", "gpu", "gpu-features", "checked"];

/// Environment variables.
const VARIABLES: &[(&str, &str)] = &[
    ("EFFICIENTECG_GPU", "The GPU by its number or a part of its name, where --gpu is absent"),
    (
        "XDG_CACHE_HOME, HOME (LOCALAPPDATA on Windows)",
        "Where compiled GPU kernels, and the batch from which on the GPU is faster, are kept between runs",
    ),
];

#[derive(Serialize)]
pub(super) struct Knobs {
    schema: &'static str,
    options: Vec<Knob>,
    variables: Vec<Knob>,
}

#[derive(Serialize)]
struct Knob {
    name: String,
    effect: String,
    /// What it may be, if that is a closed set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    default: Vec<String>,
}

/// The knobs of this build.
pub(super) fn knobs() -> Knobs {
    let program = Arguments::command();
    let bench = program.get_subcommands().find(|c| c.get_name() == "bench");
    let arguments: Vec<&clap::Arg> = bench.into_iter().flat_map(clap::Command::get_arguments).collect();
    let option = |name: &&str| {
        let argument = arguments.iter().find(|a| a.get_long() == Some(name))?;
        let values = argument.get_possible_values();
        let is_flag = !argument.get_action().takes_values();
        let values = values.iter().filter(|_| !is_flag).map(|v| v.get_name().to_owned());
        let defaults = argument.get_default_values().iter().filter(|_| !is_flag);
        Some(Knob {
            name: format!("--{name}"),
            effect: argument.get_help().map(ToString::to_string).unwrap_or_default(),
            values: values.collect(),
            default: defaults.map(|d| d.to_string_lossy().into_owned()).collect(),
        })
    };
    let variable = |(name, effect): &(&str, &str)| Knob {
        name: (*name).to_owned(),
        effect: (*effect).to_owned(),
        values: Vec::new(),
        default: Vec::new(),
    };
    Knobs {
        schema: "efficientecg-knobs/1",
        options: OPTIONS.iter().filter_map(option).collect(),
        variables: VARIABLES.iter().map(variable).collect(),
    }
}

impl Knobs {
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (title, knobs) in [("Options", &self.options), ("Environment", &self.variables)] {
            text += &format!("{title}\n");
            for knob in knobs {
                text += &format!("  {}\n", knob.name);
                let mut line = knob.effect.clone();
                if !knob.values.is_empty() {
                    line += &format!(" [values: {}]", knob.values.join(", "));
                }
                if !knob.default.is_empty() {
                    line += &format!(" [default: {}]", knob.default.join(", "));
                }
                text += &super::text::wrapped(&line, "      ");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An option is a knob, or it is known to be none.
    #[test]
    fn every_option_is_listed() {
        let others = [
            "weights",
            "model",
            "seconds",
            "runs",
            "profile",
            "trace",
            "record",
            "lead",
            "rate",
            "unit",
            "leads",
            "json",
            "list-knobs",
            "help",
            "version",
        ];
        let program = Arguments::command();
        let bench = program.get_subcommands().find(|c| c.get_name() == "bench").expect("bench");
        let declared: Vec<&str> = bench.get_arguments().filter_map(clap::Arg::get_long).collect();
        for name in &declared {
            assert!(OPTIONS.contains(name) != others.contains(name), "--{name}");
        }
        for name in
            OPTIONS.iter().filter(|n| cfg!(feature = "gpu") || !n.starts_with("gpu") && **n != "checked")
        {
            assert!(declared.contains(name), "--{name} is no option");
        }
    }
}
