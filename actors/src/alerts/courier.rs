//! The courier: brings messages to the webhook, one after another, and a heartbeat to who watches us from outside.
//!
//! A task of its own, behind a bounded queue: nobody waits for a webhook. A message that is not taken is tried again with
//! growing waits, and given up after the last of them. The URLs are secrets: no word of an error holds one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::{Client, Url};
use serde::Serialize;

use super::state::Message;

/// The waits before each further try.
const WAITS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15), Duration::from_secs(60)];

/// What came of messages and heartbeats since the start.
#[derive(Default)]
pub struct Outcomes {
    /// Messages that were taken.
    pub sent: AtomicU64,
    /// Messages that were given up, or did not fit the queue.
    pub failed: AtomicU64,
    /// Heartbeats that were not answered.
    pub heartbeats_failed: AtomicU64,
}

/// A message as it is posted.
#[derive(Serialize)]
struct Posted<'a> {
    instance: &'a str,
    #[serde(flatten)]
    message: &'a Message,
}

/// Makes the client.
///
/// # Errors
/// TLS cannot be set up.
pub fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .timeout(timeout)
        // The secret is for the one whose URL it is.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("merganser/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Posts messages until nobody sends any more.
pub async fn carry(
    client: Client,
    url: Url,
    instance: String,
    messages: flume::Receiver<Message>,
    outcomes: Arc<Outcomes>,
) {
    while let Ok(message) = messages.recv_async().await {
        let posted = Posted { instance: &instance, message: &message };
        let body = serde_json::to_vec(&posted).expect("plain data becomes JSON");
        match deliver(&client, &url, &body).await {
            Ok(()) => outcomes.sent.fetch_add(1, Ordering::Relaxed),
            Err(why) => {
                let alert_id = &message.alert.alert_id;
                tracing::error!(event = "alert_not_sent", %alert_id, "the webhook did not take a message: {why}");
                outcomes.failed.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}

/// Tries until it is taken; says why the last try was in vain.
async fn deliver(client: &Client, url: &Url, body: &[u8]) -> Result<(), String> {
    let mut waits = WAITS.iter();
    loop {
        let request = client.post(url.clone()).header("content-type", "application/json").body(body.to_owned());
        let Err(why) = answer(request).await else { return Ok(()) };
        let Some(wait) = waits.next() else { return Err(why) };
        tokio::time::sleep(*wait).await;
    }
}

/// Says that we live.
pub async fn heartbeat(client: Client, url: Url, outcomes: Arc<Outcomes>) {
    if let Err(why) = answer(client.get(url)).await {
        tracing::warn!(event = "heartbeat_failed", "nobody took the heartbeat: {why}");
        outcomes.heartbeats_failed.fetch_add(1, Ordering::Relaxed);
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<(), String> {
    let answer = request.send().await.map_err(|e| words(e.without_url()))?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
}

fn words(error: reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests;
