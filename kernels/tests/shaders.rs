//! Every program, for every storage, with and without subgroups, held against naga: it parses, it validates with no
//! more than it may use of a device, and what `gpu.rs` says of it is so, for the launch of every case.

use efficientecg_kernels::gpu::{
    Binding, CooperativeMatrix, DeviceClass, DeviceWeights, Dims, Element, Product, Program, Storage, Traits,
    Vendor,
};
use efficientecg_kit::{Case, operations, ops};
use naga::back::pipeline_constants::process_overrides;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{
    AddressSpace, ArraySize, GlobalVariable, Module, Scalar, ShaderStage, StorageAccess, TypeInner,
    VectorSize,
};
use std::collections::BTreeMap;

/// What any device has.
const STORAGE_BINDINGS: usize = 8;
const WORKGROUPS: usize = 65_535;
const WORKGROUP_BYTES: usize = 16_384;
const WORKGROUP_THREADS: usize = 256;

fn traits() -> Vec<Traits> {
    let storages = [Storage::F32, Storage::PackedF16, Storage::F16];
    let both = storages.into_iter().flat_map(|s| [false, true].map(|subgroups| (s, subgroups)));
    let plain = both.map(|(storage, subgroups)| Traits { storage, subgroups, cooperative: None });
    let matrices = [CooperativeMatrix::Eight, CooperativeMatrix::Sixteen].into_iter();
    let cooperative =
        matrices.map(|matrix| Traits { storage: Storage::F16, subgroups: true, cooperative: Some(matrix) });
    plain.chain(cooperative).collect()
}

/// Every case of an operation.
fn cases(operation: &str) -> Vec<Case> {
    let all = (operations::entry(operation).cases)();
    assert!(all.iter().all(|case| case.op.shader().program().name == operation));
    all
}

/// The programs that an operation runs on such a device, the first of which is the same for all its cases.
fn programs_of(operation: &str, traits: Traits) -> Vec<&'static Program> {
    let cases = cases(operation);
    let first = cases[0].op.shader().program();
    let mut programs = vec![first];
    for case in &cases {
        let (shader, shapes) = (case.op.shader(), case.shapes());
        assert!(std::ptr::eq(shader.program(), first), "{operation}");
        for variant in 0..shader.variants(traits).len() {
            let program = shader.launch(&shapes, 1, variant).program;
            if !programs.iter().any(|p| std::ptr::eq(*p, program)) {
                programs.push(program);
            }
        }
    }
    programs
}

fn parse(program: &Program, traits: Traits) -> Module {
    let text = program.text(traits);
    naga::front::wgsl::parse_str(&text)
        .unwrap_or_else(|e| panic!("{} {traits:?}: {}", program.name, e.emit_to_string(&text)))
}

/// Validates with just the capabilities that the program may need on such a device.
fn validate(program: &Program, traits: Traits, module: &Module) -> ModuleInfo {
    let mut allowed = Capabilities::SHADER_FLOAT16_IN_FLOAT32; // `unpack2x16float`: on every device
    if traits.storage == Storage::F16 {
        allowed |= Capabilities::SHADER_FLOAT16;
    }
    if traits.subgroups && program.reduce {
        allowed |= Capabilities::SUBGROUP;
    }
    if program.product == Product::Cooperative {
        assert!(traits.cooperative.is_some(), "{} {traits:?}", program.name);
        allowed |= Capabilities::SUBGROUP | Capabilities::COOPERATIVE_MATRIX;
    }
    Validator::new(ValidationFlags::all(), allowed).validate(module).unwrap_or_else(|e| {
        panic!("{} {traits:?}: {}", program.name, e.emit_to_string(&program.text(traits)))
    })
}

/// The element of a runtime-sized array.
fn element_of<'m>(module: &'m Module, variable: &GlobalVariable) -> Option<&'m TypeInner> {
    match module.types[variable.ty].inner {
        TypeInner::Array { base, size: ArraySize::Dynamic, .. } => Some(&module.types[base].inner),
        _ => None,
    }
}

/// What an element is to be for a storage.
fn wanted(element: Element, storage: Storage) -> TypeInner {
    let vector = |size, scalar| TypeInner::Vector { size, scalar };
    match (element, storage) {
        (Element::F32, _) => TypeInner::Scalar(Scalar::F32),
        (Element::Four, Storage::F32) => vector(VectorSize::Quad, Scalar::F32),
        (Element::Four, Storage::PackedF16) => vector(VectorSize::Bi, Scalar::U32),
        (Element::Four, Storage::F16) => vector(VectorSize::Quad, Scalar { width: 2, ..Scalar::F32 }),
    }
}

fn check_dims(program: &Program, module: &Module, variable: &GlobalVariable) {
    assert_eq!(variable.name.as_deref(), Some("dims"), "{}", program.name);
    match program.dims {
        Dims::Uniform(wanted) => {
            assert_eq!(variable.space, AddressSpace::Uniform, "{}", program.name);
            let TypeInner::Struct { members, span } = &module.types[variable.ty].inner else {
                panic!("{}: dims is no structure", program.name);
            };
            let u32s = members.iter().all(|m| module.types[m.ty].inner == TypeInner::Scalar(Scalar::U32));
            assert!(u32s, "{}: a member of dims is no u32", program.name);
            let found: Vec<_> = members.iter().map(|m| (m.name.as_deref(), m.offset as usize)).collect();
            let wanted: Vec<_> = wanted.iter().map(|m| (Some(m.name), m.offset)).collect();
            assert_eq!(found, wanted, "{}: members of dims and their offsets", program.name);
            assert_eq!(*span as usize, 4 * wanted.len(), "{}: bytes of dims", program.name);
        }
        Dims::Table => {
            let read = AddressSpace::Storage { access: StorageAccess::LOAD };
            assert_eq!(variable.space, read, "{}", program.name);
            let u32s = Some(&TypeInner::Scalar(Scalar::U32));
            assert_eq!(element_of(module, variable), u32s, "{}: dims", program.name);
        }
    }
}

fn check_bindings(program: &Program, traits: Traits, module: &Module) {
    let mut seen = vec![0; 1 + program.slots.len()];
    for (_, variable) in module.global_variables.iter() {
        let Some(binding) = variable.binding else {
            let inside = [AddressSpace::Private, AddressSpace::WorkGroup].contains(&variable.space);
            assert!(inside, "{}: {:?} is not bound", program.name, variable.name);
            continue;
        };
        let at = binding.binding as usize;
        assert_eq!(binding.group, 0, "{}", program.name);
        assert!(at < seen.len(), "{}: binding {at} is not among its slots", program.name);
        seen[at] += 1;
        if at == 0 {
            check_dims(program, module, variable);
            continue;
        }
        let slot = &program.slots[at - 1];
        let place = format!("{}: binding {at}, {}", program.name, slot.name);
        assert_eq!(variable.name.as_deref(), Some(slot.name), "{place}");
        let access = StorageAccess::LOAD;
        let access = if slot.weight { access } else { access | StorageAccess::STORE };
        assert_eq!(variable.space, AddressSpace::Storage { access }, "{place}");
        let element = wanted(slot.element, traits.storage);
        assert_eq!(element_of(module, variable), Some(&element), "{place}");
    }
    assert!(seen.iter().all(|n| *n == 1), "{}: bindings are there {seen:?} times", program.name);
    let storage = program.slots.len() + usize::from(program.dims == Dims::Table);
    assert!(storage <= STORAGE_BINDINGS, "{}: {storage} storage bindings", program.name);
}

/// Those without a default are given, and those given are there. All have names, as naga fails on what lacks one.
fn check_overrides(program: &Program, module: &Module) {
    for (_, o) in module.overrides.iter() {
        let Some(name) = o.name.as_deref() else {
            panic!("{}: the size of an array is an expression: give it an override of its own", program.name);
        };
        let given = program.overrides.contains(&name);
        assert!(
            given != o.init.is_some(),
            "{}: {name} has one value and a default, or neither",
            program.name
        );
    }
    for name in program.overrides {
        let found = module.overrides.iter().filter(|(_, o)| o.name.as_deref() == Some(name)).count();
        assert_eq!(found, 1, "{}: override {name}", program.name);
    }
}

fn program_is_what_it_says(operation: &str) {
    let own = cases(operation)[0].op.shader().program();
    let all = traits().into_iter().flat_map(|t| programs_of(operation, t).into_iter().map(move |p| (t, p)));
    for (traits, program) in all {
        // What layouts and bind groups take from the first holds for all.
        assert_eq!((program.slots, program.overrides), (own.slots, own.overrides), "{}", program.name);
        let module = parse(program, traits);
        validate(program, traits, &module);
        check_bindings(program, traits, &module);
        check_overrides(program, &module);
        let [main] = &module.entry_points[..] else {
            panic!("{}: {} entry points", program.name, module.entry_points.len());
        };
        assert_eq!((main.name.as_str(), main.stage), ("main", ShaderStage::Compute), "{}", program.name);
    }
    println!("{:16} {} bindings", own.name, own.slots.len() + 1);
}

/// Bytes of all the module's workgroup memory.
fn workgroup_bytes(module: &Module) -> usize {
    let workgroup = module.global_variables.iter().filter(|(_, v)| v.space == AddressSpace::WorkGroup);
    workgroup.map(|(_, v)| module.types[v.ty].inner.size(module.to_ctx()) as usize).sum()
}

fn launches_fit_the_program(operation: &str) {
    let mut compiled: Vec<(&str, Traits, Vec<f64>)> = Vec::new();
    for case in cases(operation) {
        let shader = case.op.shader();
        let shapes = case.shapes();
        let all = traits().into_iter().flat_map(|traits| {
            shader.variants(traits).into_iter().enumerate().map(move |variant| (traits, variant))
        });
        let launches = all.zip([1, 2, 3, 7, 32, 64].into_iter().cycle()).flat_map(
            |((traits, (variant, name)), batch)| {
                let before = shader.before(&shapes, batch, variant).map(|before| before.launch);
                let own = shader.launch(&shapes, batch, variant);
                let bindings = shader.bindings(variant);
                let needs = bindings.contains(&Binding::Scratch);
                assert_eq!(needs, own.scratch > 0, "{} by {name}: scratch of {}", case.name, own.scratch);
                assert!(
                    needs || before.is_none(),
                    "{} by {name}: what is made before is not read",
                    case.name
                );
                before.into_iter().chain([own]).map(move |launch| (traits, name.clone(), launch))
            },
        );
        for (traits, name, launch) in launches {
            let program = launch.program;
            let place = format!("{} {} by {name} {traits:?}", program.name, case.name);
            assert_eq!(launch.overrides.len(), program.overrides.len(), "{place}");
            assert!(launch.grid.iter().all(|n| (1..=WORKGROUPS).contains(n)), "{place}: {:?}", launch.grid);
            let cooperative = program.product == Product::Cooperative;
            let most = if cooperative { CooperativeMatrix::WORKGROUP_BYTES } else { WORKGROUP_BYTES };
            assert!(launch.workgroup_bytes <= most, "{place}: {} bytes", launch.workgroup_bytes);
            assert!(launch.threads <= WORKGROUP_THREADS, "{place}: {} threads", launch.threads);
            if let Dims::Uniform(members) = program.dims {
                assert_eq!(launch.dims.len(), members.len(), "{place}");
            }

            // The module as it is compiled.
            let key = (program.name, traits, launch.overrides.clone());
            if compiled.contains(&key) {
                continue;
            }
            let module = parse(program, traits);
            let info = validate(program, traits, &module);
            let names = program.overrides.iter().map(|name| (*name).to_owned());
            let constants = names.zip(launch.overrides.iter().copied()).collect();
            let (module, info) = process_overrides(&module, &info, None, &constants)
                .unwrap_or_else(|e| panic!("{place}: overrides: {e}"));
            let threads = module.entry_points[0].workgroup_size.iter().product::<u32>() as usize;
            assert_eq!(threads, launch.threads, "{place}: threads");
            let bytes = workgroup_bytes(&module);
            assert!(bytes <= launch.workgroup_bytes, "{place}: {bytes} bytes of workgroup memory");
            naga::back::spv::write_vec(&module, &info, &naga::back::spv::Options::default(), None)
                .unwrap_or_else(|e| panic!("{place}: SPIR-V: {e}"));
            compiled.push(key);
        }
    }
}

/// What a slot of such weights holds; they must be some, finite, and whole elements in each storage.
fn element_of_weights(weights: &DeviceWeights, place: &str) -> Element {
    let (element, length, finite) = match weights {
        DeviceWeights::Rows(w, _) => (Element::Four, w.len(), w.iter().all(|w| w.is_finite())),
        DeviceWeights::F32(w) => (Element::F32, w.len(), w.iter().all(|w| w.is_finite())),
    };
    assert!(length > 0 && finite, "{place}: {length} numbers");
    for storage in [Storage::F32, Storage::PackedF16, Storage::F16] {
        let bytes = weights.bytes(storage).len();
        assert_eq!(bytes % element.bytes(storage), 0, "{place}: {bytes} bytes");
    }
    element
}

fn bindings_fit_their_slots(operation: &str) {
    for case in cases(operation) {
        let (shader, shapes) = (case.op.shader(), case.shapes());
        let (program, weights) = (shader.program(), shader.weights());
        let outputs = shader.outputs(&shapes, 0);
        let everything =
            traits().into_iter().flat_map(|traits| shader.variants(traits).into_iter().enumerate());
        for (variant, name) in everything.collect::<BTreeMap<usize, String>>() {
            let place = format!("{} {} by {name}", program.name, case.name);
            let before = shader.before(&shapes, 1, variant);
            let own = (program, shader.bindings(variant));
            let both = before.into_iter().map(|before| (before.launch.program, before.bindings)).chain([own]);
            let mut bound = (vec![0; outputs.len()], vec![0; weights.len()]);
            // What one of them writes there the other reads.
            let mut scratch: Option<Element> = None;
            for (program, bindings) in both {
                assert_eq!(bindings.len(), program.slots.len(), "{place}");
                for (binding, slot) in bindings.iter().zip(program.slots) {
                    let place = format!("{place}: {} to {binding:?}", slot.name);
                    match binding {
                        Binding::Input(i) => assert!(*i < shapes.len(), "{place}"),
                        Binding::Output(i) => bound.0[*i] += 1,
                        Binding::Weight(i) => bound.1[*i] += 1,
                        Binding::Scratch => {
                            assert_eq!(*scratch.get_or_insert(slot.element), slot.element, "{place}")
                        }
                        Binding::Inputs | Binding::Absent => {}
                    }
                    let is_weight = matches!(binding, Binding::Weight(_));
                    assert!(is_weight == slot.weight || *binding == Binding::Absent, "{place}");
                    if let Binding::Weight(i) = binding {
                        assert_eq!(slot.element, element_of_weights(&weights[*i], &place), "{place}");
                    }
                }
            }
            let once = bound.0.iter().chain(&bound.1).all(|n| *n == 1);
            assert!(once, "{place}: outputs and weights are bound {bound:?} times");
        }
        let (bindings, place) = (shader.bindings(0), format!("{} {}", program.name, case.name));

        // Results are the contract's; of sums, the rows are the program's affair.
        let contract = case.op.outputs(&shapes).unwrap_or_else(|e| panic!("{place}: {e}"));
        assert_eq!(outputs.len(), contract.len(), "{place}");
        for (index, (found, wanted)) in outputs.iter().zip(&contract).enumerate() {
            let is_sums = index == 1 && program.slots.iter().any(|s| s.name == "sums" && !s.weight);
            let is_sums = is_sums && bindings.contains(&Binding::Output(1)) && case.op.name() != "classifier";
            assert_eq!(found.cols, wanted.cols, "{place}: output {index}");
            assert!(is_sums || found.rows == wanted.rows, "{place}: output {index} is {found}, not {wanted}");
        }
    }
}

/// Every class of device has a default among the variants, whose bits do not depend on the batch where sums do.
fn every_class_has_a_default(operation: &str) {
    let vendors = [Vendor::Amd, Vendor::Apple, Vendor::Intel, Vendor::Nvidia, Vendor::Other];
    for case in cases(operation) {
        let (shader, shapes) = (case.op.shader(), case.shapes());
        let plain = shader.variants(traits()[0]);
        for traits in traits() {
            let names = shader.variants(traits);
            assert!(names.starts_with(&plain), "{operation} {traits:?}: {names:?}");
            let mut sorted = names.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!(sorted.len(), names.len(), "{operation}: two variants have one name");
            for (vendor, subgroup) in vendors.into_iter().flat_map(|v| [4, 32, 64].map(|s| (v, s))) {
                let class = DeviceClass { vendor, subgroup };
                let chosen = [1, 2, 64, 1024].map(|batch| shader.choose(&shapes, batch, class, traits));
                assert!(chosen.iter().all(|v| *v < names.len()), "{operation} {} {class:?}", case.name);
                // Who asks for cooperative matrices has them wherever they can be had.
                let cooperative = names.len() > plain.len();
                assert!(
                    chosen.iter().all(|v| (*v >= plain.len()) == cooperative),
                    "{operation} {} {class:?} {traits:?}",
                    case.name
                );
                if shader.outputs(&shapes, 0).len() == 2 {
                    assert!(chosen.iter().all(|v| *v == chosen[0]), "{operation} {} {class:?}", case.name);
                }
            }
        }
    }
}

/// The tests of each operation.
macro_rules! operations {
    ($($operation:ident)*) => {
        $(mod $operation {
            #[test]
            fn program_is_what_it_says() {
                super::program_is_what_it_says(stringify!($operation));
            }

            #[test]
            fn launches_fit_the_program() {
                super::launches_fit_the_program(stringify!($operation));
            }

            #[test]
            fn every_class_has_a_default() {
                super::every_class_has_a_default(stringify!($operation));
            }

            #[test]
            fn bindings_fit_their_slots() {
                super::bindings_fit_their_slots(stringify!($operation));
            }
        })*

        #[test]
        fn no_operation_is_left_out() {
            let names = [$(stringify!($operation)),*];
            assert_eq!(ops().map(|entry| entry.name), names);
        }
    };
}

operations! { conv pointwise depthwise squeeze_excite tokens cross_attention classifier }
