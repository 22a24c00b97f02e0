#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| efficientecg_fuzz::run(efficientecg_fuzz::packed, data));
