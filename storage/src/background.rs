//! Threads in the background: they follow what trades and must not be in its way.

/// How much less than others a background thread asks of a busy processor (man 2 setpriority: 0 as others, 19 the
/// least): it still gets all that nobody else wants.
const NICE: i32 = 10;

/// Puts the calling thread behind those on which an order may wait.
pub fn step_back() {
    // On Linux this is the priority of the thread and not of the process. A system that refuses is only less smooth.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "a background thread keeps its priority");
    }
}
