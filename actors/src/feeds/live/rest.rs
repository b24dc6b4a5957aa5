//! Requests by REST: one GET, its status, the few headers that matter, and a body of bounded length.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};

use crate::feeds::session::Answer;
use crate::wire::percent;
use crate::wire::reach::words;

/// Longest body that is read, in bytes. Binance's exchangeInfo of all symbols has about 15 MB.
const BODY_BYTES: usize = 64 << 20;

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Response {
    status: u16,
    retry_after: Option<Duration>,
    used_weight: Option<u32>,
    body: Vec<u8>,
}

impl Response {
    /// As a session hears it.
    #[must_use]
    pub fn answer(&self) -> Answer<'_> {
        let Self { status, retry_after, used_weight, body } = self;
        Answer { status: *status, retry_after: *retry_after, used_weight: *used_weight, body }
    }

    /// The body of a success.
    ///
    /// # Errors
    /// What the venue said instead, in words.
    pub fn success(&self) -> Result<&[u8], String> {
        if (200..300).contains(&self.status) {
            return Ok(&self.body);
        }
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(200)]);
        Err(format!("answered {}: {}", self.status, text.trim()))
    }
}

/// `base/path?query`; the parts of the path and the values of the query are encoded.
///
/// # Errors
/// The base is no URL.
pub fn url(base: &str, path: &[&str], query: &[(&str, &str)]) -> Result<String, String> {
    reqwest::Url::parse(base).map_err(|e| format!("`{base}`: {e}"))?;
    let mut url = base.trim_end_matches('/').to_owned();
    for segment in path {
        url.push('/');
        url.push_str(&percent::encoded(segment));
    }
    for (at, (name, value)) in query.iter().enumerate() {
        url.push(if at == 0 { '?' } else { '&' });
        url.push_str(&format!("{name}={}", percent::encoded(value)));
    }
    Ok(url)
}

/// Asks.
///
/// # Errors
/// No answer, and why, in words that hold no key.
pub async fn get(client: &reqwest::Client, url: &str, headers: &[(&'static str, String)]) -> Result<Response, String> {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| format!("header {name}: the value has signs that none may have"))?;
        value.set_sensitive(true);
        all.insert(*name, value);
    }
    let mut response = client.get(url).headers(all).send().await.map_err(|e| words(&e))?;
    let number = |name: &str| response.headers().get(name)?.to_str().ok()?.trim().parse::<u32>().ok();
    let (retry_after, used_weight) = (number("retry-after"), number("x-mbx-used-weight-1m"));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| words(&e))? {
        if body.len() + chunk.len() > BODY_BYTES {
            return Err(format!("an answer of more than {BODY_BYTES} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    let retry_after = retry_after.map(|secs| Duration::from_secs(secs.into()));
    Ok(Response { status: response.status().as_u16(), retry_after, used_weight, body })
}
