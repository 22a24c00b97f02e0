//! Mesa's compiler for AMD's GPUs, asked through `VK_KHR_pipeline_executable_properties`. With `RADV_FORCE_FAMILY` it serves a chip
//! that is not there: pipelines are compiled, and nothing can be submitted.

use crate::Error;
use ash::{khr, vk};
use efficientecg_kernels::gpu::{Dims, Program};
use std::collections::BTreeMap;
use std::ffi::CStr;

/// What the compiler says of a pipeline.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// Its statistics by name, as `VGPRs`.
    pub statistics: BTreeMap<String, f64>,
    /// The machine's instructions.
    pub assembly: String,
}

/// A device that compiles.
pub struct Compiler {
    /// Before the entry, without which they cannot be called.
    device: ash::Device,
    instance: ash::Instance,
    _entry: ash::Entry,
    /// What the device calls itself.
    pub name: String,
    /// Whether it multiplies matrices of 16 by 16 of f16 and adds up in f32.
    pub cooperative_matrix: bool,
}

impl Compiler {
    /// Opens the first device that the Vulkan loader finds.
    pub fn open() -> Result<Compiler, Error> {
        let failed = |what: &'static str| move |e: vk::Result| Error::Vulkan { what, error: e.to_string() };
        // SAFETY: Vulkan's rules: structures are filled, what they point to lives as long as the call, and objects are
        // destroyed by `drop` alone.
        unsafe {
            let entry = ash::Entry::load()
                .map_err(|e| Error::Vulkan { what: "load the library", error: e.to_string() })?;
            let app = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
            let info = vk::InstanceCreateInfo::default().application_info(&app);
            let instance = entry.create_instance(&info, None).map_err(failed("make an instance"))?;
            let adapters = instance.enumerate_physical_devices().map_err(failed("list the devices"))?;
            let Some(&adapter) = adapters.first() else {
                instance.destroy_instance(None);
                return Err(Error::Vulkan { what: "find a device", error: "there is none".to_owned() });
            };
            let properties = instance.get_physical_device_properties(adapter);
            let name = properties.device_name_as_c_str().map(CStr::to_string_lossy).unwrap_or_default();
            let name = name.into_owned();
            let extensions =
                instance.enumerate_device_extension_properties(adapter).map_err(failed("list extensions"))?;
            let matrices = khr::cooperative_matrix::NAME;
            let has_matrices = extensions.iter().any(|e| e.extension_name_as_c_str() == Ok(matrices));
            let cooperative_matrix = has_matrices && {
                let asked = khr::cooperative_matrix::Instance::new(&entry, &instance);
                let sizes = asked
                    .get_physical_device_cooperative_matrix_properties(adapter)
                    .map_err(failed("list the matrices"))?;
                let (half, single) = (vk::ComponentTypeKHR::FLOAT16, vk::ComponentTypeKHR::FLOAT32);
                sizes.iter().any(|m| {
                    (m.m_size, m.n_size, m.k_size) == (16, 16, 16)
                        && (m.a_type, m.b_type, m.c_type, m.result_type) == (half, half, single, single)
                })
            };
            let queue = [vk::DeviceQueueCreateInfo::default().queue_family_index(0).queue_priorities(&[1.0])];
            let mut v12 = vk::PhysicalDeviceVulkan12Features::default()
                .vulkan_memory_model(true)
                .vulkan_memory_model_device_scope(true)
                .shader_float16(true);
            let mut v11 = vk::PhysicalDeviceVulkan11Features::default().storage_buffer16_bit_access(true);
            let mut executable = vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default()
                .pipeline_executable_info(true);
            let mut extensions = vec![khr::pipeline_executable_properties::NAME.as_ptr()];
            let mut matrix =
                vk::PhysicalDeviceCooperativeMatrixFeaturesKHR::default().cooperative_matrix(true);
            if cooperative_matrix {
                extensions.push(matrices.as_ptr());
            }
            let mut info = vk::DeviceCreateInfo::default()
                .queue_create_infos(&queue)
                .enabled_extension_names(&extensions)
                .push_next(&mut v12)
                .push_next(&mut v11)
                .push_next(&mut executable);
            if cooperative_matrix {
                info = info.push_next(&mut matrix);
            }
            let device = instance.create_device(adapter, &info, None).map_err(failed("open the device"))?;
            Ok(Compiler { device, instance, _entry: entry, name, cooperative_matrix })
        }
    }

    /// Compiles a module whose bindings are the program's.
    pub fn compile(&self, program: &Program, words: &[u32]) -> Result<Compiled, Error> {
        let failed = |what: &'static str| move |e: vk::Result| Error::Vulkan { what, error: e.to_string() };
        let binding = |at: usize, ty| {
            vk::DescriptorSetLayoutBinding::default()
                .binding(at as u32)
                .descriptor_type(ty)
                .descriptor_count(1)
                .stage_flags(vk::ShaderStageFlags::COMPUTE)
        };
        let dims = match program.dims {
            Dims::Uniform(_) => vk::DescriptorType::UNIFORM_BUFFER,
            Dims::Table => vk::DescriptorType::STORAGE_BUFFER,
        };
        let mut bindings = vec![binding(0, dims)];
        bindings.extend((1..=program.slots.len()).map(|at| binding(at, vk::DescriptorType::STORAGE_BUFFER)));
        let device = &self.device;
        // SAFETY: Vulkan's rules, as above: the handles are this device's, and are destroyed when nothing uses them.
        unsafe {
            let module = vk::ShaderModuleCreateInfo::default().code(words);
            let module = device.create_shader_module(&module, None).map_err(failed("make a module"))?;
            let set = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
            let sets = [device.create_descriptor_set_layout(&set, None).map_err(failed("make a layout"))?];
            let layout = vk::PipelineLayoutCreateInfo::default().set_layouts(&sets);
            let layout = device.create_pipeline_layout(&layout, None).map_err(failed("make a layout"))?;
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(module)
                .name(c"main");
            let info = vk::ComputePipelineCreateInfo::default()
                .flags(
                    vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR
                        | vk::PipelineCreateFlags::CAPTURE_INTERNAL_REPRESENTATIONS_KHR,
                )
                .stage(stage)
                .layout(layout);
            let pipelines = device
                .create_compute_pipelines(vk::PipelineCache::null(), &[info], None)
                .map_err(|(_, e)| failed("compile")(e))?;
            let compiled = self.read(pipelines[0]);
            for pipeline in pipelines {
                device.destroy_pipeline(pipeline, None);
            }
            device.destroy_pipeline_layout(layout, None);
            sets.into_iter().for_each(|set| device.destroy_descriptor_set_layout(set, None));
            device.destroy_shader_module(module, None);
            compiled
        }
    }

    /// What was captured of a pipeline.
    fn read(&self, pipeline: vk::Pipeline) -> Result<Compiled, Error> {
        let failed = |what: &'static str| move |e: vk::Result| Error::Vulkan { what, error: e.to_string() };
        let properties = khr::pipeline_executable_properties::Device::new(&self.instance, &self.device);
        let info = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline).executable_index(0);
        let mut compiled = Compiled::default();
        // SAFETY: the pipeline was made with both captures; the second call's texts have the sizes that the first one gave.
        unsafe {
            let statistics =
                properties.get_pipeline_executable_statistics(&info).map_err(failed("read statistics"))?;
            for s in statistics {
                use vk::PipelineExecutableStatisticFormatKHR as Format;
                let value = match s.format {
                    Format::UINT64 => s.value.u64 as f64,
                    Format::INT64 => s.value.i64 as f64,
                    Format::FLOAT64 => s.value.f64,
                    _ => f64::from(s.value.b32),
                };
                let name = s.name_as_c_str().map(CStr::to_string_lossy).unwrap_or_default();
                compiled.statistics.insert(name.into_owned(), value);
            }
            let get = properties.fp().get_pipeline_executable_internal_representations_khr;
            let mut count = 0;
            let handle = self.device.handle();
            get(handle, &info, &mut count, std::ptr::null_mut())
                .result()
                .map_err(failed("read the assembly"))?;
            let mut texts = vec![vk::PipelineExecutableInternalRepresentationKHR::default(); count as usize];
            get(handle, &info, &mut count, texts.as_mut_ptr())
                .result()
                .map_err(failed("read the assembly"))?;
            let mut data: Vec<Vec<u8>> = texts.iter().map(|t| vec![0; t.data_size]).collect();
            for (text, data) in texts.iter_mut().zip(&mut data) {
                text.p_data = data.as_mut_ptr().cast();
            }
            get(handle, &info, &mut count, texts.as_mut_ptr())
                .result()
                .map_err(failed("read the assembly"))?;
            for (text, data) in texts.iter().zip(&data) {
                if text.name_as_c_str().is_ok_and(|name| name == c"Assembly") {
                    compiled.assembly = String::from_utf8_lossy(data).trim_end_matches('\0').to_owned();
                }
            }
        }
        Ok(compiled)
    }
}

impl Drop for Compiler {
    fn drop(&mut self) {
        // SAFETY: nothing of the device is in use: what `compile` made, it has destroyed.
        unsafe {
            self.device.destroy_device(None);
            self.instance.destroy_instance(None);
        }
    }
}
