//! Compiled programs, each made once for its overrides.

use super::device::Device;
use super::error::DeviceError;
use super::options::GpuOptions;
use efficientecg_kernels::gpu::{Dims, Launch};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A program and the bits of its overrides.
type Key = (&'static str, Vec<u64>);

/// A compiled program.
pub(super) struct Pipeline {
    pub(super) layout: wgpu::BindGroupLayout,
    pub(super) pipeline: wgpu::ComputePipeline,
}

/// The programs compiled so far.
pub(super) struct Pipelines {
    checked: bool,
    #[cfg(feature = "testing")]
    hooks: super::testing::Hooks,
    cache: Option<super::cache::DiskCache>,
    made: Mutex<HashMap<Key, Arc<Pipeline>>>,
}

impl Pipelines {
    pub(super) fn new(device: &Device, options: &GpuOptions) -> Pipelines {
        let on_disk = device.pipeline_cache;
        // What a planted kernel compiles to must not be found by the next process.
        #[cfg(feature = "testing")]
        let on_disk = on_disk && options.hooks.plant.is_none();
        Pipelines {
            checked: options.checked,
            #[cfg(feature = "testing")]
            hooks: options.hooks.clone(),
            cache: on_disk.then(|| super::cache::DiskCache::open(device, options)).flatten(),
            made: Mutex::new(HashMap::new()),
        }
    }

    /// The pipelines of these launches. Those that are new are compiled on all cores.
    pub(super) fn get(
        &self,
        device: &Device,
        launches: &[&Launch],
    ) -> Result<Vec<Arc<Pipeline>>, DeviceError> {
        let key = |launch: &Launch| -> Key {
            (launch.program.name, launch.overrides.iter().map(|o| o.to_bits()).collect())
        };
        let made = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let mut missing: Vec<&Launch> = Vec::new();
        {
            let made = made();
            let mut keys = std::collections::HashSet::new();
            for launch in launches {
                if !made.contains_key(&key(launch)) && keys.insert(key(launch)) {
                    missing.push(launch);
                }
            }
        }
        if !missing.is_empty() {
            let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            let next = std::sync::atomic::AtomicUsize::new(0);
            let work = || {
                while let Some(launch) = missing.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    let pipeline = Arc::new(self.compile(device, launch));
                    made().insert(key(launch), pipeline);
                }
            };
            std::thread::scope(|scope| {
                for _ in 1..threads.min(missing.len()) {
                    // Where no thread can be had, this one does it all.
                    let _ = std::thread::Builder::new().spawn_scoped(scope, work);
                }
                work();
            });
            device.check()?;
            if let Some(cache) = &self.cache {
                cache.save();
            }
        }
        let made = made();
        let missing = || DeviceError::Driver("a pipeline was not made".to_owned());
        launches.iter().map(|launch| made.get(&key(launch)).cloned().ok_or_else(missing)).collect()
    }

    fn compile(&self, device: &Device, launch: &Launch) -> Pipeline {
        let program = launch.program;
        let text = program.text(device.traits);
        #[cfg(feature = "testing")]
        let text = match &self.hooks.plant {
            Some(plant) => plant(program.name, &text),
            None => text,
        };
        let module = wgpu::ShaderModuleDescriptor {
            label: Some(program.name),
            source: wgpu::ShaderSource::Wgsl(text.into()),
        };
        let module = if self.checked {
            device.device.create_shader_module(module)
        } else {
            // SAFETY: the kernels index within their bindings and their loops end: tests run them all with the checks.
            unsafe {
                device.device.create_shader_module_trusted(module, wgpu::ShaderRuntimeChecks::unchecked())
            }
        };
        let entry = |binding: usize, ty: wgpu::BufferBindingType| wgpu::BindGroupLayoutEntry {
            binding: binding as u32,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let dims = match program.dims {
            Dims::Uniform(_) => wgpu::BufferBindingType::Uniform,
            Dims::Table => wgpu::BufferBindingType::Storage { read_only: true },
        };
        let mut entries = vec![entry(0, dims)];
        for (i, slot) in program.slots.iter().enumerate() {
            entries.push(entry(1 + i, wgpu::BufferBindingType::Storage { read_only: slot.weight }));
        }
        let layout = device.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(program.name),
            entries: &entries,
        });
        let pipeline_layout = device.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(program.name),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let constants: Vec<(&str, f64)> =
            program.overrides.iter().copied().zip(launch.overrides.iter().copied()).collect();
        let pipeline = device.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(program.name),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                // Kernels write before they read.
                zero_initialize_workgroup_memory: self.checked,
            },
            cache: self.cache.as_ref().map(super::cache::DiskCache::pipelines),
        });
        Pipeline { layout, pipeline }
    }
}
