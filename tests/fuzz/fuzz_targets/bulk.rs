#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| usher_fuzz::on_a_small_stack(|| usher_fuzz::bulk(data)));
