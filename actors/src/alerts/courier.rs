//! The courier: brings messages to the webhook, one after another, and a heartbeat to who watches us from outside.
//!
//! A task of its own, behind a bounded queue: nobody waits for a webhook. A message that is not taken is tried again with
//! growing waits, unless the answer says that this is of no use, and then given back: whoever wrote it knows whether it still
//! holds. The tries are few, for the next message waits meanwhile. The URLs are secrets: no word of an error holds one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde::Serialize;

use super::notices::Message;

/// The waits before each further try.
const WAITS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15)];

/// What came of messages and heartbeats since the start.
#[derive(Default)]
pub struct Outcomes {
    /// Messages that were taken.
    pub sent: AtomicU64,
    /// Messages that were given back, or did not fit the queue.
    pub failed: AtomicU64,
    /// Heartbeats that were not answered.
    pub heartbeats_failed: AtomicU64,
}

/// Why something was not taken.
#[derive(Debug)]
struct Refusal {
    why: String,
    /// The same request will fare no better.
    is_final: bool,
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

/// Posts messages until nobody sends any more, and gives back those that were not taken.
pub async fn carry(
    client: Client,
    url: Url,
    instance: String,
    messages: flume::Receiver<Message>,
    outcomes: Arc<Outcomes>,
    give_back: impl Fn(Message),
) {
    while let Ok(message) = messages.recv_async().await {
        let posted = Posted { instance: &instance, message: &message };
        let body = serde_json::to_vec(&posted).expect("plain data becomes JSON");
        let Err(why) = deliver(&client, &url, &body).await else {
            outcomes.sent.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let alert_id = &message.alert.alert_id;
        tracing::error!(event = "alert_not_sent", %alert_id, "the webhook did not take a message: {why}");
        outcomes.failed.fetch_add(1, Ordering::Relaxed);
        give_back(message);
    }
}

/// Tries until it is taken or nothing is left to try; says why the last try was in vain.
async fn deliver(client: &Client, url: &Url, body: &[u8]) -> Result<(), String> {
    let mut waits = WAITS.iter();
    loop {
        let request = client.post(url.clone()).header("content-type", "application/json").body(body.to_owned());
        let Err(Refusal { why, is_final }) = answer(request).await else { return Ok(()) };
        let Some(wait) = waits.next().filter(|_| !is_final) else { return Err(why) };
        tokio::time::sleep(*wait).await;
    }
}

/// Says that we live.
pub async fn heartbeat(client: Client, url: Url, outcomes: Arc<Outcomes>) {
    if let Err(Refusal { why, .. }) = answer(client.get(url)).await {
        tracing::warn!(event = "heartbeat_failed", "nobody took the heartbeat: {why}");
        outcomes.heartbeats_failed.fetch_add(1, Ordering::Relaxed);
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<(), Refusal> {
    let sent = request.send().await;
    let answer = sent.map_err(|e| Refusal { why: words(e.without_url()), is_final: false })?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    // Of the refusals these two ask for patience.
    let asks_to_wait = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    Err(Refusal { why: format!("it answered {status}"), is_final: status.is_client_error() && !asks_to_wait })
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
