//! What the tree does not tell by itself and is asked once a second: what everything is worth, and whether all is well.

use std::time::Duration;

use messages::snapshots::Snapshot;
use serde_json::Value;

use super::hub::Input;
use super::thread::ToHub;

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// Answers of the tree.
pub struct Asked {
    /// What is held and what it is worth; `None` where that was not answered in time.
    pub valued: Option<Box<Snapshot>>,
    /// As `/health` says it.
    pub health: Value,
}

/// Asks until there is nobody to ask or to tell. What does not fit now is asked again a second later.
pub async fn poll<Answer>(ask: impl Fn() -> Answer, to_hub: flume::Sender<ToHub>)
where
    Answer: Future<Output = Option<Asked>>,
{
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !to_hub.is_disconnected() {
        every.tick().await;
        let Some(Asked { valued, health }) = ask().await else { return };
        if let Some(snapshot) = valued {
            let _ = to_hub.try_send(ToHub::Input(Input::Valued(snapshot)));
        }
        let _ = to_hub.try_send(ToHub::Input(Input::Health(health)));
    }
}
