//! From a program and its overrides to SPIR-V, as wgpu makes it of a trusted module: no checks of indexes or loops, workgroup
//! memory as it was found.

use crate::Error;
use efficientecg_kernels::gpu::{Launch, Program, Traits};
use naga::back::spv::{Options, PipelineOptions, ZeroInitializeWorkgroupMemoryMode, write_vec};
use naga::back::{PipelineConstants, pipeline_constants::process_overrides};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// The words of a launch's module.
pub fn words(program: &Program, launch: &Launch, traits: Traits) -> Result<Vec<u32>, Error> {
    let error = |text: String| Error::Shader { program: program.name, text };
    let text = program.text(traits);
    let module = naga::front::wgsl::parse_str(&text).map_err(|e| error(e.emit_to_string(&text)))?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::all())
        .validate(&module)
        .map_err(|e| error(e.emit_to_string(&text)))?;
    let names = program.overrides.iter().map(|name| (*name).to_owned());
    let constants: PipelineConstants = names.zip(launch.overrides.iter().copied()).collect();
    let (module, info) =
        process_overrides(&module, &info, None, &constants).map_err(|e| error(e.to_string()))?;
    let unchecked = BoundsCheckPolicy::Unchecked;
    let options = Options {
        lang_version: (1, 3),
        bounds_check_policies: BoundsCheckPolicies {
            index: unchecked,
            buffer: unchecked,
            image_load: unchecked,
            binding_array: unchecked,
        },
        zero_initialize_workgroup_memory: ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: false,
        ..Options::default()
    };
    let entry = PipelineOptions { shader_stage: naga::ShaderStage::Compute, entry_point: "main".to_owned() };
    write_vec(&module, &info, &options, Some(&entry)).map_err(|e| error(e.to_string()))
}
