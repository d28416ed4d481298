//! See `fuzz/README.md`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarmlet_fuzz::wire::admission::check_secret(bytes));
