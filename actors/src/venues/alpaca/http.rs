//! Calls on their way: the keys into the headers, the answer's status, the headers that matter, a body of bounded length.

use std::time::Duration;

use messages::UtcNanos;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::call::{Call, Method};
use super::outcome::Answer;
use crate::wire::alpaca::Keys;
use crate::wire::reach::words;

/// Longest body that is read, in bytes: a page of 500 orders has less than one MB.
const BODY_BYTES: usize = 8 << 20;

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Response {
    status: u16,
    retry_after: Option<Duration>,
    remaining: Option<u32>,
    reset: Option<UtcNanos>,
    body: Vec<u8>,
}

impl Response {
    /// As the session hears it.
    pub fn answer(&self) -> Answer<'_> {
        let Self { status, retry_after, remaining, reset, body } = self;
        Answer { status: *status, retry_after: *retry_after, remaining: *remaining, reset: *reset, body }
    }
}

/// Makes a call.
///
/// # Errors
/// No answer, and why, in words that hold no key.
pub(super) async fn make(
    client: &reqwest::Client,
    address: &str,
    keys: &Keys,
    call: &Call,
) -> Result<Response, String> {
    let method = match call.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    };
    let mut headers = HeaderMap::new();
    for (name, value) in keys.headers() {
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| format!("header {name}: the value has signs that none may have"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let mut request = client.request(method, format!("{address}{}", call.path)).headers(headers);
    if let Some(body) = &call.body {
        request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
    }
    let mut response = request.send().await.map_err(|error| words(&error))?;
    let number = |name: &str| response.headers().get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let retry_after = number("retry-after").and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    let remaining = number("x-ratelimit-remaining").map(|left| u32::try_from(left).unwrap_or(0));
    let reset = number("x-ratelimit-reset").and_then(UtcNanos::from_secs);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| words(&error))? {
        if body.len() + chunk.len() > BODY_BYTES {
            return Err(format!("an answer of more than {BODY_BYTES} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response { status: response.status().as_u16(), retry_after, remaining, reset, body })
}
