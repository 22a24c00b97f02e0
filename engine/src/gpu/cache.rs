//! What is kept on disk between processes: compiled pipelines, and from which batch on the GPU is faster. A file that cannot be read or
//! written costs time alone. So does one that is read while it is written, or that two write at once: its checksum is wrong.

use super::device::Device;
use super::options::GpuOptions;
use std::path::{Path, PathBuf};

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

/// Keeps data in a file.
pub(super) fn save(path: &Path, data: &[u8]) {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    // Without it the next process does the work again.
    let _ = folder.and_then(|()| std::fs::write(path, sealed(data)));
}

/// What was kept; none if it is not what was written.
pub(super) fn load(path: &Path) -> Option<Vec<u8>> {
    let file = std::fs::read(path).ok()?;
    unsealed(&file).map(<[u8]>::to_vec)
}

/// What a file of this program's begins with.
const MAGIC: &[u8; 8] = b"ecgcache";

/// FNV-1a (Fowler, Noll and Vo), 64 bits: finds damage, not malice.
fn checksum(data: &[u8]) -> [u8; 8] {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    data.iter().fold(0xcbf2_9ce4_8422_2325, fold).to_le_bytes()
}

/// Data with what tells later that it is whole.
fn sealed(data: &[u8]) -> Vec<u8> {
    [MAGIC, &checksum(data), data].concat()
}

/// The data of a sealed file; none if it is not what was written.
fn unsealed(file: &[u8]) -> Option<&[u8]> {
    let data = file.strip_prefix(MAGIC)?;
    let (sum, data) = data.split_first_chunk::<8>()?;
    (*sum == checksum(data)).then_some(data)
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
        let data = load(&path);
        // SAFETY: the data is what `save` wrote, by its checksum, in the user's own folder and under this adapter's name.
        // wgpu and the driver check whose it is. With `fallback` they leave out what does not fit.
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
            save(&self.path, &data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_found() {
        let file = sealed(b"pipelines");
        assert_eq!(unsealed(&file), Some(&b"pipelines"[..]));
        assert_eq!(unsealed(&sealed(b"")), Some(&b""[..]));
        for at in 0..file.len() {
            let mut other = file.clone();
            other[at] ^= 1;
            assert_eq!(unsealed(&other), None, "byte {at}");
            assert_eq!(unsealed(&file[..at]), None, "cut at {at}");
        }
        assert_eq!(unsealed(b""), None);
    }
}
