//! What the stream must ask for: what everything is worth, and whether all is well, once a second.

use std::sync::Arc;
use std::time::Duration;

use actors::runtime::Runtime;

use super::hub::Input;
use super::thread::ToHub;

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// Asks until the hub has ended. What does not answer in time is asked again a second later.
pub async fn poll(runtime: Arc<Runtime>, health: impl AsyncFn() -> serde_json::Value, to_hub: flume::Sender<ToHub>) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !to_hub.is_disconnected() {
        every.tick().await;
        if let Some(snapshot) = runtime.portfolio().await {
            let _ = to_hub.try_send(ToHub::Input(Input::Valued(snapshot)));
        }
        let _ = to_hub.try_send(ToHub::Input(Input::Health(health().await)));
    }
}
