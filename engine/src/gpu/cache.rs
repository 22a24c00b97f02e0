//! What is kept on disk between processes: compiled pipelines. A file that cannot be read or written costs time alone.

use super::device::Device;
use super::options::GpuOptions;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The folder for what is kept: the one that was chosen, else by the platform's custom; none if the environment names no
/// home.
pub(super) fn folder(options: &GpuOptions) -> Option<PathBuf> {
    if let Some(folder) = &options.cache {
        return Some(folder.clone());
    }
    let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = if cfg!(windows) {
        var("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        var("HOME").map(|home| home.join("Library/Caches"))
    } else {
        var("XDG_CACHE_HOME").or_else(|| var("HOME").map(|home| home.join(".cache")))
    };
    base.map(|base| base.join("efficientecg"))
}

/// Writes a file whole or not at all.
pub(super) fn write(path: &Path, data: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    // A name of its own for each writer, in this process and in others.
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{count}.tmp", std::process::id()));
    let written = std::fs::write(&temporary, data).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

/// A driver's pipeline cache and the file that it is kept in.
pub(super) struct DiskCache {
    cache: wgpu::PipelineCache,
    path: PathBuf,
}

impl DiskCache {
    pub(super) fn open(device: &Device, options: &GpuOptions) -> Option<DiskCache> {
        let name = wgpu::util::pipeline_cache_key(&device.info)?;
        let path = folder(options)?.join(name);
        let data = std::fs::read(&path).ok();
        // SAFETY: the file is one that `save` wrote for this adapter; wgpu and the driver check its header, and with
        // `fallback` what does not fit is left out.
        let cache = unsafe {
            device.device.create_pipeline_cache(&wgpu::PipelineCacheDescriptor {
                label: Some("efficientecg"),
                data: data.as_deref(),
                fallback: true,
            })
        };
        Some(DiskCache { cache, path })
    }

    pub(super) fn pipelines(&self) -> &wgpu::PipelineCache {
        &self.cache
    }

    pub(super) fn save(&self) {
        if let Some(data) = self.cache.get_data() {
            let _ = write(&self.path, &data);
        }
    }
}
