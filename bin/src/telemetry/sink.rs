//! Where log lines go: into the tables, and to who listens now. Nobody is waited for.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use messages::caps;
use messages::telemetry::{LogLine, Telemetry};
use storage::telemetry::Sender;
use tokio::sync::broadcast;

/// The ways out.
pub struct Sink {
    tables: RwLock<Option<Sender>>,
    taps: OnceLock<broadcast::Sender<Arc<LogLine>>>,
}

impl Sink {
    /// None yet.
    pub const fn new() -> Self {
        Self { tables: RwLock::new(None), taps: OnceLock::new() }
    }

    /// From now on lines go to `sender`, too.
    pub fn send_to(&self, sender: Sender) {
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    }

    /// Every line from now on.
    pub fn tap(&self) -> broadcast::Receiver<Arc<LogLine>> {
        self.taps.get_or_init(|| broadcast::Sender::new(caps::LOG_TAP)).subscribe()
    }

    /// Sends a line on all ways; it is not made where there is none. The sender is cloned out of the lock: what makes the
    /// line may itself log.
    pub fn send(&self, line: impl FnOnce() -> LogLine) {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner).clone();
        let taps = self.taps.get().filter(|taps| taps.receiver_count() > 0);
        if tables.is_none() && taps.is_none() {
            return;
        }
        let line = line();
        if let Some(taps) = taps {
            // The last listener may have left meanwhile.
            let _ = taps.send(Arc::new(line.clone()));
        }
        if let Some(tables) = tables {
            tables.send(Telemetry::Log(Box::new(line)));
        }
    }
}
