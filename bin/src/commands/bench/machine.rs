//! What machine a figure was measured on.

use serde::Serialize;

/// The machine.
#[derive(Debug, Serialize)]
pub struct Machine {
    cpu: Option<String>,
    cores: usize,
    memory_bytes: Option<u64>,
}

impl Machine {
    /// This one; what the system does not tell is unknown.
    pub fn this() -> Self {
        let field = |file: &str, key: &str| {
            let text = std::fs::read_to_string(file).ok()?;
            let line = text.lines().find(|l| l.starts_with(key))?.to_owned();
            line.split_once(':').map(|(_, value)| value.trim().to_owned())
        };
        let kib = field("/proc/meminfo", "MemTotal").and_then(|m| m.split(' ').next()?.parse::<u64>().ok());
        Self {
            cpu: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: kib.map(|k| k * 1024),
        }
    }
}

/// Bytes of memory that this process uses; `None` where the system does not tell.
pub fn memory_used() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().split(' ').next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}
