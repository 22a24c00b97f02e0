//! The network of a command: one that comes with the program, or a file.

use crate::error::Failure;
use crate::out;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use efficientecg::config::Config;
use efficientecg::models::{self, Trained};
use efficientecg::npz::Archive;
use efficientecg::{Model, Options, Weights, packed};
use efficientecg_files as files;
use std::path::{Path, PathBuf};

/// Which network.
#[derive(Args, Clone)]
#[group(required = true, multiple = false)]
pub(crate) struct Network {
    /// The network, one that comes with the program
    #[arg(long, value_name = "NAME", value_parser = name())]
    model: Option<&'static Trained>,
    /// The network: packed weights, an .npz, or a folder of .npy files and config.json
    #[arg(long, value_name = "W")]
    weights: Option<PathBuf>,
}

/// Names of models; any other is an error that lists them.
pub(super) fn name() -> impl TypedValueParser<Value = &'static Trained> {
    PossibleValuesParser::new(models::ALL.iter().map(|model| model.name)).try_map(|name| models::find(&name))
}

impl Network {
    /// Loads it, and says what of the options it cannot do.
    pub(crate) fn load(&self, options: &Options) -> Result<Model, Failure> {
        let model = match self.model {
            Some(model) => options.from_bytes(model.bytes),
            None => options.load(self.path()),
        }?;
        if let Some(note) = model.note() {
            out::complain(&format!("--precision {note}"));
        }
        Ok(model)
    }

    /// Its weights, in memory.
    pub(crate) fn weights(&self) -> Result<Weights, Failure> {
        Ok(match self.model {
            Some(model) => Weights::from_bytes(model.bytes),
            None => Weights::load(self.path()),
        }?)
    }

    /// The one that comes with the program, if it is one.
    pub(crate) fn trained(&self) -> Option<&'static Trained> {
        self.model
    }

    /// What names it in messages: its file, or its own name.
    pub(crate) fn path(&self) -> &Path {
        match (self.model, &self.weights) {
            (Some(model), _) => Path::new(model.name),
            (None, Some(path)) => path,
            // The command line asks for one of them.
            (None, None) => Path::new(""),
        }
    }
}

/// Whose configuration features are made for.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Configured {
    /// The network, one that comes with the program; only its configuration is read
    #[arg(long, value_name = "NAME", value_parser = name())]
    model: Option<&'static Trained>,
    /// The network: packed weights, an .npz, or a folder of .npy files and config.json; only its configuration is read
    #[arg(long, value_name = "W")]
    weights: Option<PathBuf>,
    /// The configuration alone, of a network that is yet to be trained
    #[arg(long, value_name = "FILE.json")]
    config: Option<PathBuf>,
}

/// Longest configuration, in bytes.
const MAX_CONFIG: u64 = 1 << 20;

impl Configured {
    /// Reads the configuration.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        if let Some(model) = self.model {
            return Ok(model.config()?);
        }
        if let Some(path) = &self.weights
            && let Some(config) = packed::config(path)?
        {
            return Ok(config);
        }
        let (path, text) = match (&self.weights, &self.config) {
            (Some(path), _) => (path, Archive::open(path)?.config_text()?),
            (None, Some(path)) => (path, files::text(path, "configuration", MAX_CONFIG)?),
            (None, None) => return Err(Failure::usage("expected --model, --weights or --config")),
        };
        Ok(Config::from_json(&text).map_err(|invalid| invalid.in_file(path))?)
    }
}
