//! See `fuzz/README.md`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarmlet_fuzz::door::http::check_paths(bytes));
