//! What the operating system says of this process: memory, processor time, threads. Read from `/proc`; where
//! there is none, nothing is known.

/// Ticks of processor time in a second, as `/proc` counts on every Linux (USER_HZ).
const TICKS_PER_SEC: f64 = 100.0;

/// What the system says; `None` where it does not.
#[derive(Debug, Default, PartialEq)]
pub struct Process {
    /// Memory in use, in bytes: the resident set.
    pub memory_bytes: Option<u64>,
    /// Processor time used since the start, in seconds, of all threads together.
    pub cpu_seconds: Option<f64>,
    /// Threads.
    pub threads: Option<u64>,
}

impl Process {
    /// Asks the system.
    pub fn read() -> Self {
        let text = |path| std::fs::read_to_string(path).unwrap_or_default();
        Self::parse(&text("/proc/self/status"), &text("/proc/self/stat"))
    }

    /// Reads proc(5)'s `status` and `stat`.
    fn parse(status: &str, stat: &str) -> Self {
        let value = |key: &str| {
            let line = status.lines().find_map(|l| l.strip_prefix(key))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        // The name, which may hold anything, is in brackets; utime and stime are the 14th and 15th field.
        let ticks = || {
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
            Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
        };
        Self {
            memory_bytes: value("VmRSS:").map(|kib| kib * 1_024),
            cpu_seconds: ticks().map(|t| t as f64 / TICKS_PER_SEC),
            threads: value("Threads:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_read_and_what_it_does_not_say_is_unknown() {
        let status = "Name:\tmerganser\nVmPeak:\t  900 kB\nVmRSS:\t     120 kB\nThreads:\t17\n";
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 7 8 20 0 17 0 100 1 2";
        let known = Process { memory_bytes: Some(122_880), cpu_seconds: Some(3.0), threads: Some(17) };
        assert_eq!(Process::parse(status, stat), known);
        assert_eq!(Process::parse("", ""), Process::default());
    }
}
