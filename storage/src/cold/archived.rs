//! Archived objects: what the store says of an object, and asking for one back.
//!
//! The library neither says the class of an object nor restores one, so these two requests are signed here:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html>. The signed address is a secret for as
//! long as it is valid and never leaves this file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use chrono::DateTime;
use messages::time::UtcNanos;
use object_store::client::{HttpRequest, HttpRequestBody, HttpResponse};
use object_store::signer::{Method, SignedUrlOptions, Signer};
use object_store::{HeaderMap, path::Path as Key};
use tokio::time::{Instant, timeout};

use super::Cold;
use super::answer::innermost;
use super::class::{RestoreSpeed, StorageClass};
use super::download::backoff;
use super::error::Error;
use super::hash::FileHash;
use super::place::{Bucket, Kind};
use super::upload::HASH_NOTE;

/// How long a signed address is valid.
const SIGNED_FOR: Duration = Duration::from_secs(600);

/// What the store says of an object, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its size.
    pub bytes: u64,
    /// Its class; none where the store has no classes, or one that is not known here.
    pub class: Option<StorageClass>,
    /// Whether it can be read.
    pub restore: Restore,
    /// The hash that was noted when it was put; only reading it proves it.
    pub hash: Option<FileHash>,
}

/// Whether an object can be read, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restore {
    /// It is not archived.
    NotNeeded,
    /// It is archived, and nobody has asked for it.
    Archived,
    /// It was asked for and is on its way.
    Ongoing,
    /// It can be read.
    Ready {
        /// And is archived again after this, where the store says so.
        until: Option<UtcNanos>,
    },
}

/// When a restored object can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// At once.
    Now,
    /// At about so long after the restore was first asked for.
    Within(Duration),
}

impl Head {
    /// That a read would not be answered with "archived".
    #[must_use]
    pub fn is_readable(&self) -> bool {
        matches!(self.restore, Restore::NotNeeded | Restore::Ready { .. })
    }
}

impl Cold {
    /// What the store says of an object; none if it is not there.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Unreachable`].
    pub fn head(&self, path: &str) -> Result<Option<Head>, Error> {
        self.wait(self.look(path))
    }

    /// Asks for an archived object, for the days and at the speed of the settings. Asking again is fine.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Denied`], [`Error::Unreachable`]; [`Error::Refused`] if this server cannot.
    pub fn restore(&self, path: &str) -> Result<Ready, Error> {
        let ready = self.ask_back(path)?;
        let mut asked = self.tickets();
        if ready != Ready::Now || asked.contains_key(path) {
            asked.insert(path.to_owned(), ready);
        }
        Ok(ready)
    }

    /// Archived objects that were asked for since it was opened, by path, and how they stand: the store is asked about those
    /// that could not be read when it was last.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Unreachable`].
    pub fn asked_back(&self) -> Result<Vec<(String, Ready)>, Error> {
        let mut all: Vec<(String, Ready)> = self.tickets().clone().into_iter().collect();
        for (path, ready) in all.iter_mut().filter(|(_, ready)| *ready != Ready::Now) {
            if self.head(path)?.is_some_and(|head| head.is_readable()) {
                *ready = Ready::Now;
                self.tickets().insert(path.clone(), Ready::Now);
            }
        }
        Ok(all)
    }

    fn tickets(&self) -> MutexGuard<'_, BTreeMap<String, Ready>> {
        self.0.asked_back.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask_back(&self, path: &str) -> Result<Ready, Error> {
        let there = self.head(path)?.ok_or_else(|| self.asked(path).status(404, "", 1, Duration::ZERO))?;
        let (Kind::Bucket(bucket), Some(class)) = (&self.0.place.kind, there.class) else { return Ok(Ready::Now) };
        if there.is_readable() {
            return Ok(Ready::Now);
        }
        let speed = self.0.restore_speed.offered_by(class);
        let later = Ready::Within(speed.takes(class));
        if there.restore == Restore::Ongoing {
            return Ok(later);
        }
        let order = order(self.0.restore_days, speed);
        match self.wait(self.send(bucket, Method::POST, path, &[("restore", "")], order))? {
            Reply { status: 200, .. } => Ok(Ready::Now),
            Reply { status: 201..300, .. } => Ok(later),
            Reply { status: 409, body, .. } if body.contains("RestoreAlreadyInProgress") => Ok(later),
            Reply { status: 403, body, .. } if body.contains("ObjectAlreadyInActiveTier") => Ok(Ready::Now),
            Reply { status, body, tries, waited, .. } => Err(self.asked(path).status(status, &body, tries, waited)),
        }
    }

    pub(super) async fn look(&self, path: &str) -> Result<Option<Head>, Error> {
        let bucket = match &self.0.place.kind {
            Kind::Folder(root) => return look_at_file(&root.join(self.0.place.key(path)?.as_ref())),
            Kind::Bucket(bucket) => bucket,
        };
        let reply = self.send(bucket, Method::HEAD, path, &[], String::new()).await?;
        match reply.status {
            200 => Ok(Some(head(&reply.headers))),
            404 => Ok(None),
            status => Err(self.asked(path).status(status, &reply.body, reply.tries, reply.waited)),
        }
    }

    /// Sends a request that we sign; one that can be repeated, and is while the server is busy or silent.
    async fn send(
        &self,
        bucket: &Bucket,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: String,
    ) -> Result<Reply, Error> {
        let key = self.0.place.key(path)?;
        let (began, mut tries) = (Instant::now(), 0);
        loop {
            let request = self.sign(bucket, method.clone(), path, &key, query, body.clone()).await?;
            tries += 1;
            let last = tries > self.0.retries;
            let problem = match bucket.client.execute(request).await {
                Ok(response) => {
                    let reply = self.reply(response, tries, began).await;
                    if last || !matches!(reply.status, 408 | 429 | 500..) {
                        return Ok(reply);
                    }
                    None
                }
                Err(e) => Some(innermost(&e)),
            };
            if let (true, Some(reason)) = (last, problem) {
                return Err(self.asked(path).unreachable(tries, began.elapsed(), reason));
            }
            tokio::time::sleep(backoff(tries)).await;
        }
    }

    async fn sign(
        &self,
        bucket: &Bucket,
        method: Method,
        path: &str,
        key: &Key,
        query: &[(&str, &str)],
        body: String,
    ) -> Result<HttpRequest, Error> {
        let options = SignedUrlOptions::new().with_query(query.iter().copied());
        let signing = bucket.s3.signed_url_opts(method.clone(), key, SIGNED_FOR, &options);
        let url = self.ask(path, 0, signing).await?;
        let mut request = HttpRequest::new(HttpRequestBody::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = url.as_str().parse().map_err(|_| {
            let reason = "its address cannot be written".to_owned();
            Error::Refused { path: path.to_owned(), store: self.describe().to_owned(), reason }
        })?;
        Ok(request)
    }

    async fn reply(&self, response: HttpResponse, tries: u32, began: Instant) -> Reply {
        let (parts, body) = response.into_parts();
        let read = timeout(self.0.timed.request_timeout, body.bytes()).await;
        // An answer whose text does not come still has its status.
        let bytes = read.ok().and_then(Result::ok).unwrap_or_default();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
            tries,
            waited: began.elapsed(),
        }
    }
}

/// An answer to a request that we signed.
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: String,
    tries: u32,
    waited: Duration,
}

fn look_at_file(file: &std::path::Path) -> Result<Option<Head>, Error> {
    match fs::metadata(file) {
        Ok(found) => Ok(Some(Head { bytes: found.len(), class: None, restore: Restore::NotNeeded, hash: None })),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("look at", file)(e)),
    }
}

fn head(headers: &HeaderMap) -> Head {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    // Without a word it is the standard class.
    let class = text("x-amz-storage-class").map_or(Some(StorageClass::Standard), |c| c.parse().ok());
    let restore = match (text("x-amz-restore"), class) {
        (Some(said), _) => restored(said),
        (None, Some(class)) if class.is_archived() => Restore::Archived,
        _ => Restore::NotNeeded,
    };
    Head {
        bytes: text("content-length").and_then(|v| v.parse().ok()).unwrap_or_default(),
        class,
        restore,
        hash: text(&format!("x-amz-meta-{HASH_NOTE}")).and_then(|v| v.parse().ok()),
    }
}

/// Reads `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`.
pub(super) fn restored(said: &str) -> Restore {
    if said.contains("ongoing-request=\"true\"") {
        return Restore::Ongoing;
    }
    let date = said.split_once("expiry-date=\"").and_then(|(_, rest)| Some(rest.split_once('"')?.0));
    let until =
        date.and_then(|d| DateTime::parse_from_rfc2822(d).ok()).and_then(|d| UtcNanos::from_secs(d.timestamp()));
    Restore::Ready { until }
}

fn order(days: u32, speed: RestoreSpeed) -> String {
    format!(
        "<RestoreRequest xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Days>{days}</Days>\
         <GlacierJobParameters><Tier>{}</Tier></GlacierJobParameters></RestoreRequest>",
        speed.name()
    )
}
