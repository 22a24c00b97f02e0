//! What the system says of graphics processors before any driver is loaded: to load them all takes tens of milliseconds
//! and megabytes, at every start.
//!
//! A driver of Linux reaches its hardware through a device file: a render node of the Direct Rendering Manager
//! (`/dev/dri/renderD*`), or one of its own. Without any of them there is no adapter but software.

use std::path::Path;

/// How the names of drivers' own device files begin: NVIDIA's and its Tegra's, WSL's, Adreno's, Mali's, PowerVR's, Vivante's.
const OWN: [&str; 8] = ["nvidia", "nvhost", "nvmap", "dxg", "kgsl", "mali", "pvr", "galcore"];

/// Whether a look at the drivers may find hardware. Where the system cannot tell it is true.
pub(super) fn may_have_hardware() -> bool {
    !cfg!(target_os = "linux") || has_device_files(Path::new("/dev"))
}

/// Whether a driver has a device file in this folder; true if it cannot be listed.
fn has_device_files(folder: &Path) -> bool {
    let any = |folder: &Path, starts: &[&str]| {
        let entries = folder.read_dir()?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok::<_, std::io::Error>(
            names.into_iter().any(|name| starts.iter().any(|start| name.starts_with(start))),
        )
    };
    any(folder, &OWN).unwrap_or(true) || any(&folder.join("dri"), &["renderD"]).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn hardware_is_known_by_its_device_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dev = folder.path();
        assert!(has_device_files(&dev.join("none")));
        assert!(!has_device_files(dev));
        // Files of a display without 3D, of sound, of a terminal.
        fs::create_dir_all(dev.join("dri")).expect("made");
        for name in ["dri/card0", "snd", "tty0", "null"] {
            fs::write(dev.join(name), "").expect("written");
            assert!(!has_device_files(dev), "{name}");
        }
        for name in ["dri/renderD128", "nvidia0", "nvidiactl", "dxg", "kgsl-3d0", "mali0"] {
            fs::write(dev.join(name), "").expect("written");
            assert!(has_device_files(dev), "{name}");
            fs::remove_file(dev.join(name)).expect("removed");
        }
    }
}
