#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vestibule::fuzz::run("token", data));
