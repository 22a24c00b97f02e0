//! Adapters, and a device with its queue: what the driver gives.

#[cfg(not(target_family = "wasm"))]
use super::error::caught;
use super::error::{DeviceError, Failures, GpuError};
use super::layout::Limits;
use super::options::GpuOptions;
#[cfg(not(target_family = "wasm"))]
use super::{system, wait::block_on};
use crate::Precision;
use efficientecg_kernels::gpu::{CooperativeMatrix, DeviceClass, Storage, Traits, Vendor};
use std::sync::{Arc, OnceLock};

/// An adapter, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Adapter {
    /// What it calls itself.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, or in a browser `webgpu`.
    pub backend: String,
    /// The driver and its version.
    pub driver: String,
    /// Whether it computes on the CPU.
    pub software: bool,
    /// Whether it has subgroup operations.
    pub subgroups: bool,
    /// Whether it has an f16 type.
    pub f16: bool,
    /// Whether it has cooperative matrices that products can be made by.
    pub cooperative_matrix: bool,
}

/// The adapters of this machine, in the order of their numbers.
#[cfg(not(target_family = "wasm"))]
pub fn adapters() -> Vec<Adapter> {
    block_on(enumerate()).iter().map(describe).collect()
}

/// Whether there is a hardware adapter. It is also true if the driver fails: opening it then gives the error. Where the
/// system has no device that a driver could use no driver is loaded.
#[cfg(not(target_family = "wasm"))]
pub fn hardware() -> bool {
    let is = |a: &wgpu::Adapter| a.get_info().device_type != wgpu::DeviceType::Cpu;
    system::may_have_hardware() && caught(|| block_on(enumerate()).iter().any(is)).unwrap_or(true)
}

/// Whether there may be a hardware adapter: a browser tells only who may wait.
#[cfg(target_family = "wasm")]
pub fn hardware() -> bool {
    true
}

/// What an adapter calls itself. Browsers do not say, so that nobody is known by it.
fn name(adapter: &wgpu::Adapter) -> String {
    let name = adapter.get_info().name;
    if name.is_empty() { "the browser's GPU".to_owned() } else { name }
}

fn describe(adapter: &wgpu::Adapter) -> Adapter {
    let (info, features) = (adapter.get_info(), adapter.features());
    Adapter {
        name: name(adapter),
        backend: info.backend.to_string(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        software: info.device_type == wgpu::DeviceType::Cpu,
        subgroups: features.contains(wgpu::Features::SUBGROUP),
        f16: features.contains(wgpu::Features::SHADER_F16),
        cooperative_matrix: cooperative_matrix(adapter).is_some(),
    }
}

/// The largest matrices of f16 that an adapter multiplies and adds up in f32. On Vulkan alone: naga's text for Metal takes pointers to
/// numbers, and strides of them, where the kernels have vectors of four.
fn cooperative_matrix(adapter: &wgpu::Adapter) -> Option<CooperativeMatrix> {
    let needed = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX
        | wgpu::Features::SHADER_F16
        | wgpu::Features::SUBGROUP;
    let memory = adapter.limits().max_compute_workgroup_storage_size as usize;
    let vulkan = adapter.get_info().backend == wgpu::Backend::Vulkan;
    if !vulkan || !adapter.features().contains(needed) || memory < CooperativeMatrix::WORKGROUP_BYTES {
        return None;
    }
    let offered = adapter.cooperative_matrix_properties();
    let [f16, f32] = [wgpu::CooperativeScalarType::F16, wgpu::CooperativeScalarType::F32];
    let side = offered
        .iter()
        .filter(|p| p.ab_type == f16 && p.cr_type == f32)
        .filter(|p| p.m_size == p.n_size && p.n_size == p.k_size)
        .map(|p| p.m_size)
        .max()?;
    CooperativeMatrix::of_side(side)
}

async fn enumerate() -> Vec<wgpu::Adapter> {
    static INSTANCE: OnceLock<wgpu::Instance> = OnceLock::new();
    let instance = INSTANCE.get_or_init(|| {
        wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::PRIMARY,
            flags: wgpu::InstanceFlags::empty(),
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        })
    });
    instance.enumerate_adapters(wgpu::Backends::all()).await
}

async fn choose(options: &GpuOptions) -> Result<wgpu::Adapter, GpuError> {
    let all = enumerate().await;
    let fits = |a: &&wgpu::Adapter| options.software || a.get_info().device_type != wgpu::DeviceType::Cpu;
    let found = all.iter().enumerate().map(|(i, a)| format!("{i}: {}", name(a)));
    let found = found.collect::<Vec<_>>().join(", ");
    let found = if found.is_empty() { "none".to_owned() } else { found };
    let chosen = match &options.adapter {
        // A number beyond the list may be part of a name: 4090.
        Some(wanted) => wanted
            .parse::<usize>()
            .ok()
            .and_then(|index| all.get(index))
            .or_else(|| all.iter().find(|a| name(a).to_lowercase().contains(&wanted.to_lowercase()))),
        None => all.iter().filter(fits).min_by_key(|a| match a.get_info().device_type {
            wgpu::DeviceType::DiscreteGpu => 0,
            wgpu::DeviceType::IntegratedGpu => 1,
            wgpu::DeviceType::VirtualGpu => 2,
            wgpu::DeviceType::Other => 3,
            wgpu::DeviceType::Cpu => 4,
        }),
    };
    let chosen = chosen.filter(fits);
    let expected = || match &options.adapter {
        Some(wanted) if options.software => format!("one of the name or number {wanted}"),
        Some(wanted) => format!("one of the name or number {wanted} that is not a software adapter"),
        None if options.software => "one".to_owned(),
        None => "one that is not a software adapter".to_owned(),
    };
    chosen.cloned().ok_or_else(|| GpuError::NoAdapter { expected: expected(), found })
}

/// Bytes of a buffer beyond which a batch is cut into parts: the system takes a device for hung whose
/// submission runs too long, and one part can be filled while another computes.
const LARGEST_BUFFER: usize = 512 << 20;

/// A device, its queue, and what it may be asked.
pub(super) struct Device {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) adapter: Adapter,
    pub(super) info: wgpu::AdapterInfo,
    pub(super) limits: Limits,
    pub(super) traits: Traits,
    pub(super) class: DeviceClass,
    pub(super) timestamps: bool,
    pub(super) pipeline_cache: bool,
    failures: Failures,
}

impl Device {
    pub(super) async fn open(options: &GpuOptions) -> Result<Device, GpuError> {
        if options.precision == Precision::Bf16 {
            return Err(GpuError::Precision);
        }
        let chosen = choose(options).await?;
        let (adapter, info) = (describe(&chosen), chosen.get_info());
        let (offered, limits) = (chosen.features(), chosen.limits());
        let has = |wanted: bool, feature: wgpu::Features| wanted && offered.contains(feature);
        let subgroups = has(options.features.subgroups, wgpu::Features::SUBGROUP);
        let half = options.precision == Precision::F16;
        let f16 = half && has(options.features.f16, wgpu::Features::SHADER_F16);
        let cooperative = if options.features.cooperative_matrix && f16 && subgroups {
            cooperative_matrix(&chosen)
        } else {
            None
        };
        let timestamps = has(options.features.timestamps, wgpu::Features::TIMESTAMP_QUERY);
        let pipeline_cache = has(options.features.pipeline_cache, wgpu::Features::PIPELINE_CACHE);
        let mut required_features = wgpu::Features::empty();
        required_features.set(wgpu::Features::SUBGROUP, subgroups);
        required_features.set(wgpu::Features::SHADER_F16, f16);
        required_features.set(wgpu::Features::TIMESTAMP_QUERY, timestamps);
        required_features.set(wgpu::Features::PIPELINE_CACHE, pipeline_cache);
        required_features.set(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX, cooperative.is_some());
        let experimental_features = match cooperative {
            None => wgpu::ExperimentalFeatures::disabled(),
            // SAFETY: matrices are read and written within their arrays, by all threads of a subgroup alike.
            Some(_) => unsafe { wgpu::ExperimentalFeatures::enabled() },
        };
        for (item, found, expected) in [
            ("threads a workgroup", limits.max_compute_invocations_per_workgroup, 256),
            ("threads of a workgroup in a row", limits.max_compute_workgroup_size_x, 256),
            ("bytes of workgroup memory", limits.max_compute_workgroup_storage_size, 16_384),
            ("storage buffers", limits.max_storage_buffers_per_shader_stage, 8),
        ] {
            if found < expected {
                let (expected, found) = (u64::from(expected), u64::from(found));
                return Err(GpuError::Limits { adapter: adapter.name, item, expected, found });
            }
        }
        let request = wgpu::DeviceDescriptor {
            label: Some("efficientecg"),
            required_features,
            required_limits: limits.clone(),
            experimental_features,
            ..Default::default()
        };
        let (device, queue) = chosen.request_device(&request).await.map_err(|e| GpuError::Device {
            adapter: adapter.name.clone(),
            error: DeviceError::Driver(one_line(&e)),
        })?;
        let storage = match (half, f16) {
            (false, _) => Storage::F32,
            (true, true) => Storage::F16,
            (true, false) => Storage::PackedF16,
        };
        let traits = Traits { storage, subgroups, cooperative };
        Ok(Device { timestamps, pipeline_cache, ..Device::over(device, queue, adapter, info, traits) })
    }

    /// Stores activations otherwise: in f32 or packed f16, which any device can.
    pub(super) fn store_in(&mut self, storage: Storage) {
        self.traits.storage = storage;
        if storage != Storage::F16 {
            self.traits.cooperative = None;
        }
    }

    /// Takes over a device, whose failures are noted from here on.
    pub(super) fn over(
        device: wgpu::Device,
        queue: wgpu::Queue,
        adapter: Adapter,
        info: wgpu::AdapterInfo,
        traits: Traits,
    ) -> Device {
        let limits = device.limits();
        let failures = Failures::default();
        let on_error = failures.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            on_error.note(match error {
                wgpu::Error::OutOfMemory { .. } => DeviceError::OutOfMemory,
                other => DeviceError::Driver(one_line(&other)),
            });
        }));
        let on_loss = failures.clone();
        device.set_device_lost_callback(move |reason, text| {
            let text = if text.is_empty() { format!("{reason:?}").to_lowercase() } else { one_line(&text) };
            on_loss.note(DeviceError::Lost(text));
        });
        Device {
            class: class(&info),
            device,
            queue,
            adapter,
            info,
            limits: Limits {
                buffer: usize::try_from(limits.max_buffer_size).unwrap_or(usize::MAX).min(LARGEST_BUFFER),
                binding: usize::try_from(limits.max_storage_buffer_binding_size).unwrap_or(usize::MAX),
                workgroups: limits.max_compute_workgroups_per_dimension as usize,
                threads: limits.max_compute_invocations_per_workgroup as usize,
            },
            traits,
            timestamps: false,
            pipeline_cache: false,
            failures,
        }
    }

    /// Where its failures are noted.
    pub(super) fn failures(&self) -> Failures {
        self.failures.clone()
    }

    /// Fails with the first failure since the device was opened.
    pub(super) fn check(&self) -> Result<(), DeviceError> {
        self.failures.first()
    }

    /// A buffer of at least four bytes.
    pub(super) fn buffer(
        &self,
        label: &str,
        bytes: usize,
        usage: wgpu::BufferUsages,
        mapped: bool,
    ) -> Result<wgpu::Buffer, DeviceError> {
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes.next_multiple_of(4).max(4) as u64,
            usage,
            mapped_at_creation: mapped,
        });
        self.check()?;
        Ok(buffer)
    }
}

/// The class of an adapter.
fn class(info: &wgpu::AdapterInfo) -> DeviceClass {
    let vendor = match info.vendor {
        _ if info.device_type == wgpu::DeviceType::Cpu => Vendor::Other,
        0x1002 => Vendor::Amd,
        0x106b => Vendor::Apple,
        0x8086 => Vendor::Intel,
        0x10de => Vendor::Nvidia,
        _ => Vendor::Other,
    };
    DeviceClass { vendor, subgroup: info.subgroup_min_size as usize }
}

/// An error's text on one line.
pub(super) fn one_line(error: &impl std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
