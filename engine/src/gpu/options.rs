//! How a GPU is chosen and used.

use super::error::GpuError;
use crate::Precision;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Optional features of a device. Each can be left unused; experimental ones are used only if they are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GpuFeatures {
    /// Subgroup operations in reductions; through workgroup memory otherwise.
    pub subgroups: bool,
    /// The device's f16 type; otherwise f16 is packed two in a word. Of no use in f32.
    pub f16: bool,
    /// Timestamps in profiles; the time of whole runs otherwise.
    pub timestamps: bool,
    /// The driver's pipeline cache, kept on disk.
    pub pipeline_cache: bool,
    /// Products by cooperative matrices: on Vulkan, in f16, with the device's f16 type and subgroups. Experimental, as they are in wgpu.
    pub cooperative_matrix: bool,
}

impl GpuFeatures {
    /// All that the device has, but for what is experimental.
    pub const ALL: Self = Self {
        subgroups: true,
        f16: true,
        timestamps: true,
        pipeline_cache: true,
        cooperative_matrix: false,
    };
    /// None.
    pub const NONE: Self = Self {
        subgroups: false,
        f16: false,
        timestamps: false,
        pipeline_cache: false,
        cooperative_matrix: false,
    };
    const NAMES: [&'static str; 5] =
        ["subgroups", "f16", "timestamps", "pipeline-cache", "cooperative-matrix"];

    fn flag(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "subgroups" => Some(&mut self.subgroups),
            "f16" => Some(&mut self.f16),
            "timestamps" => Some(&mut self.timestamps),
            "pipeline-cache" => Some(&mut self.pipeline_cache),
            "cooperative-matrix" => Some(&mut self.cooperative_matrix),
            _ => None,
        }
    }

    /// Reads a list such as `subgroups,f16` (only these), `-f16,-subgroups` (all but these), `all`, `none` or
    /// `all,cooperative-matrix`.
    ///
    /// ```
    /// # use efficientecg_engine::gpu::GpuFeatures;
    /// let features = GpuFeatures::parse("-f16")?;
    /// assert!(features.subgroups && !features.f16);
    /// # Ok::<(), efficientecg_engine::gpu::GpuError>(())
    /// ```
    pub fn parse(list: &str) -> Result<GpuFeatures, GpuError> {
        let words: Vec<&str> = list.split(',').map(str::trim).filter(|w| !w.is_empty()).collect();
        let only = words.iter().any(|w| !w.starts_with('-') && *w != "all");
        let mut features = if only { GpuFeatures::NONE } else { GpuFeatures::ALL };
        for word in words {
            let (name, on) = word.strip_prefix('-').map_or((word, true), |name| (name, false));
            match name {
                "all" if on => features = GpuFeatures::ALL,
                "none" if on => features = GpuFeatures::NONE,
                _ => match features.flag(name) {
                    Some(flag) => *flag = on,
                    None => {
                        let expected = format!("{}, all and none", GpuFeatures::NAMES.join(", "));
                        return Err(GpuError::Feature { expected, found: name.to_owned() });
                    }
                },
            }
        }
        Ok(features)
    }
}

/// How a GPU is chosen and used. Each option has a method of its name.
///
/// ```
/// # use efficientecg_engine::gpu::GpuOptions;
/// let options = GpuOptions::new().adapter("NVIDIA").warn(|line| eprintln!("{line}"));
/// assert_eq!(options.adapter.as_deref(), Some("NVIDIA"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct GpuOptions {
    /// Which adapter: its number in [`super::adapters`] or a part of its name. None: the best there is.
    pub adapter: Option<String>,
    /// Whether a software adapter will do when none is chosen by name: the model's affair.
    #[doc(hidden)]
    pub software: bool,
    /// The optional features that may be used.
    pub features: GpuFeatures,
    /// Storage: the model's affair.
    #[doc(hidden)]
    pub precision: Precision,
    /// Whether kernels are compiled with checks of every index and loop.
    pub checked: bool,
    /// The most records that one submission takes; None for as many as the device's limits allow.
    pub batch: Option<usize>,
    /// How long to wait for a submission.
    pub timeout: Duration,
    /// The folder for what is kept between processes: compiled pipelines and measured crossovers. None: `efficientecg` in
    /// the platform's folder for caches.
    pub cache: Option<PathBuf>,
    /// Called with a line when the GPU fails and what that means.
    pub warn: Arc<dyn Fn(&str) + Send + Sync>,
    #[cfg(feature = "testing")]
    pub(super) hooks: super::testing::Hooks,
}

impl Default for GpuOptions {
    fn default() -> GpuOptions {
        GpuOptions {
            adapter: None,
            software: false,
            features: GpuFeatures::ALL,
            precision: Precision::F32,
            checked: false,
            batch: None,
            timeout: Duration::from_secs(60),
            cache: None,
            warn: Arc::new(|_| {}),
            #[cfg(feature = "testing")]
            hooks: super::testing::Hooks::default(),
        }
    }
}

impl GpuOptions {
    /// The best GPU that there is, with all its features.
    pub fn new() -> GpuOptions {
        GpuOptions::default()
    }

    /// Sets [`GpuOptions::adapter`].
    pub fn adapter(mut self, adapter: impl Into<String>) -> GpuOptions {
        self.adapter = Some(adapter.into());
        self
    }

    /// Sets [`GpuOptions::features`].
    pub fn features(mut self, features: GpuFeatures) -> GpuOptions {
        self.features = features;
        self
    }

    /// Sets [`GpuOptions::checked`].
    pub fn checked(mut self, checked: bool) -> GpuOptions {
        self.checked = checked;
        self
    }

    /// Sets [`GpuOptions::batch`], at least 1.
    pub fn batch(mut self, batch: usize) -> GpuOptions {
        self.batch = Some(batch);
        self
    }

    /// Sets [`GpuOptions::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> GpuOptions {
        self.timeout = timeout;
        self
    }

    /// Sets [`GpuOptions::cache`].
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> GpuOptions {
        self.cache = Some(folder.into());
        self
    }

    /// Sets [`GpuOptions::warn`].
    pub fn warn(mut self, warn: impl Fn(&str) + Send + Sync + 'static) -> GpuOptions {
        self.warn = Arc::new(warn);
        self
    }

    /// Whether a software adapter will do: the model's affair.
    #[doc(hidden)]
    pub fn software(mut self, software: bool) -> GpuOptions {
        self.software = software;
        self
    }

    /// Storage: the model's affair.
    #[doc(hidden)]
    pub fn precision(mut self, precision: Precision) -> GpuOptions {
        self.precision = precision;
        self
    }
}

/// Failures for tests.
#[cfg(feature = "testing")]
impl GpuOptions {
    /// What to compile in place of an operation's kernel, given the operation's name and the kernel's text.
    pub fn plant(mut self, plant: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> GpuOptions {
        self.hooks.plant = Some(Arc::new(plant));
        self
    }

    /// Asked before each submission and each wait whether the device shall fail. `DeviceError::Lost` destroys it,
    /// `DeviceError::Driver` is a panic in the driver, and others are reported.
    pub fn fail(
        mut self,
        fail: impl Fn(super::testing::FailPoint) -> Option<super::error::DeviceError> + Send + Sync + 'static,
    ) -> GpuOptions {
        self.hooks.fail = Some(Arc::new(fail));
        self
    }
}

impl std::fmt::Debug for GpuOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GpuOptions")
            .field("adapter", &self.adapter)
            .field("software", &self.software)
            .field("features", &self.features)
            .field("precision", &self.precision)
            .field("checked", &self.checked)
            .field("batch", &self.batch)
            .field("timeout", &self.timeout)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feature_lists() {
        let parse = |list: &str| GpuFeatures::parse(list).unwrap_or_else(|e| panic!("{list}: {e}"));
        assert_eq!(parse("all"), GpuFeatures::ALL);
        assert_eq!(parse(""), GpuFeatures::ALL);
        assert_eq!(parse("none"), GpuFeatures::NONE);
        assert_eq!(parse("-f16"), GpuFeatures { f16: false, ..GpuFeatures::ALL });
        assert_eq!(
            parse("all,-f16, -subgroups"),
            GpuFeatures { f16: false, subgroups: false, ..GpuFeatures::ALL }
        );
        assert_eq!(parse("f16,subgroups"), GpuFeatures { f16: true, subgroups: true, ..GpuFeatures::NONE });
        assert_eq!(
            parse("all,cooperative-matrix"),
            GpuFeatures { cooperative_matrix: true, ..GpuFeatures::ALL }
        );
        let error = GpuFeatures::parse("f61").map_err(|e| e.to_string());
        assert!(error.is_err_and(|e| e.contains("f61") && e.contains("pipeline-cache")));
    }
}
