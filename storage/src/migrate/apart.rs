//! Work apart: a thread that asks the server, while who called looks whether it is still wanted.
//!
//! A question whose answer needs all of a table may take hours, and a server that is gone a minute to be missed: nobody who
//! wants to end waits for either.

use std::time::Duration;

use flume::RecvTimeoutError;

use crate::postgres::Server;

/// How often who called looks.
pub const LOOK: Duration = Duration::from_millis(200);

/// Does `work`, which asks `server` alone. `look` is called several times a second; once it says false, every question to
/// the server ends.
///
/// # Errors
/// Those of the work.
///
/// # Panics
/// As the work does.
pub fn watched<T: Send, E: Send>(
    server: &Server,
    look: &dyn Fn() -> bool,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> Result<T, E> {
    std::thread::scope(|threads| {
        let (said, heard) = flume::bounded::<()>(1);
        let working = threads.spawn(move || {
            // Dropped at the end, however it comes.
            let _said = said;
            crate::background::step_back();
            work()
        });
        while heard.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            if !look() {
                server.leave();
            }
        }
        working.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
