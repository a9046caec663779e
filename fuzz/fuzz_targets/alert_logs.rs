#![no_main]
use ccxwatch_parsers::testing::fuzz;
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::alert_logs(data));
