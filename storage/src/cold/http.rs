//! One request and its time: the answer must begin within the time limit, and an upload gets more, by its size.
//!
//! The HTTP client's own limits count an upload's bytes as silence of the server, so that a large file on a slow line
//! could never get through. What comes after the first byte of an answer is timed by who reads it.

use std::time::Duration;

use futures::future::BoxFuture;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};

/// The slowest line that still counts as one: what an upload is given time for, in bytes a second.
const SLOWEST_LINE: u64 = 128 << 10;

/// Makes clients whose requests end in time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed {
    /// From the last byte sent to the first byte of the answer.
    pub request_timeout: Duration,
}

impl Timed {
    /// How long one request that carries `bytes` may take.
    pub(super) fn limit(self, bytes: u64) -> Duration {
        self.request_timeout.saturating_add(Duration::from_secs(bytes / SLOWEST_LINE))
    }
}

impl HttpConnector for Timed {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(TimedClient { client, timed: *self }))
    }
}

#[derive(Debug)]
struct TimedClient {
    client: HttpClient,
    timed: Timed,
}

impl HttpService for TimedClient {
    fn call<'a, 'b>(&'a self, request: HttpRequest) -> BoxFuture<'b, Result<HttpResponse, HttpError>>
    where
        'a: 'b,
        Self: 'b,
    {
        let limit = self.timed.limit(request.body().content_length() as u64);
        Box::pin(async move {
            let answer = tokio::time::timeout(limit, self.client.execute(request)).await;
            answer.unwrap_or_else(|late| Err(HttpError::new(HttpErrorKind::Timeout, late)))
        })
    }
}
