//! What a store's answer means: the library's errors become ours.
//!
//! The library keeps the answer of the server as text inside its error; the code in it (`<Code>`) tells a wrong
//! secret from an archived object, which have the same status.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use object_store::client::{HttpError, HttpErrorKind};

use super::error::Error;

/// Which object of which store was asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub path: &'a str,
    pub store: &'a str,
}

/// The most characters of a server's text that are repeated.
const LONGEST_REASON: usize = 300;

impl Asked<'_> {
    /// What the library's error means, after `waited`.
    pub(super) fn failed(self, error: &object_store::Error, waited: Duration) -> Error {
        let text = error.to_string();
        if within::<HttpError>(error).is_some() {
            return self.unreachable(tries(&text), waited, innermost(error));
        }
        if let Some(local) = within::<io::Error>(error) {
            return self.local(local);
        }
        let status = match error {
            object_store::Error::NotFound { .. } => 404,
            object_store::Error::PermissionDenied { .. } => 403,
            object_store::Error::Unauthenticated { .. } => 401,
            object_store::Error::AlreadyExists { .. } => 409,
            _ => status_in(&text),
        };
        self.status(status, body_in(&text), tries(&text), waited)
    }

    /// What an answer with this status and body means, after so many tries.
    pub(super) fn status(self, status: u16, body: &str, tries: u32, waited: Duration) -> Error {
        let code = element(body, "Code").unwrap_or_default();
        let reason = reason(status, body);
        let (path, store) = (self.path.to_owned(), self.store.to_owned());
        match (status, code) {
            (_, "NoSuchBucket") => Error::Settings {
                key: "tiers.cold.url",
                value: store,
                reason: "there is no such bucket; make it, or correct its name".to_owned(),
            },
            (_, "InvalidObjectState") => Error::Archived { path, store },
            (507, _) | (_, "QuotaExceeded" | "XMinioStorageFull") => Error::Full { path, store, reason },
            (404, _) => Error::Missing { path, store },
            (401 | 403, _) | (_, "ExpiredToken" | "InvalidToken") => Error::Denied { path, store, reason },
            (408 | 429 | 500.., _) => self.unreachable(tries, waited, reason),
            _ => Error::Refused { path, store, reason },
        }
    }

    /// Nobody answered, or not in time.
    pub(super) fn unreachable(self, tries: u32, waited: Duration, reason: String) -> Error {
        Error::Unreachable { path: self.path.to_owned(), store: self.store.to_owned(), tries, waited, reason }
    }

    fn local(self, error: &io::Error) -> Error {
        let (path, store, reason) = (self.path.to_owned(), self.store.to_owned(), error.to_string());
        match error.kind() {
            io::ErrorKind::NotFound => Error::Missing { path, store },
            io::ErrorKind::PermissionDenied => Error::Denied { path, store, reason },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full { path, store, reason },
            kind => {
                Error::Io { what: "use the cold store's file", path: path.into(), source: io::Error::new(kind, reason) }
            }
        }
    }
}

/// That the request may have been carried out although its answer is an error.
pub(super) fn is_lost(error: &object_store::Error) -> bool {
    let kind = within::<HttpError>(error).map(HttpError::kind);
    matches!(kind, Some(HttpErrorKind::Timeout | HttpErrorKind::Interrupted | HttpErrorKind::Unknown))
}

/// That another write of the same object was under way, so that the store did not decide.
pub(super) fn is_undecided(error: &object_store::Error) -> bool {
    error.to_string().contains("ConditionalRequestConflict")
}

/// How often the library tried, which it says only in its text.
pub(super) fn tries(text: &str) -> u32 {
    let again = text.split("after ").skip(1).find_map(|rest| rest.split_once(" retries")?.0.parse::<u32>().ok());
    again.map_or(1, |n| n + 1)
}

fn status_in(text: &str) -> u16 {
    let found = text.split_once("status code: ").and_then(|(_, rest)| rest.get(..3)?.parse().ok());
    found.unwrap_or(0)
}

/// What the server said, without what the library says around it.
fn body_in(text: &str) -> &str {
    let said = text.split_once("status code: ").and_then(|(_, rest)| Some(rest.split_once(": ")?.1));
    said.unwrap_or(text)
}

/// The text of an element, if the body is such a document.
fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0)
}

fn reason(status: u16, body: &str) -> String {
    let said = match (element(body, "Code"), element(body, "Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => body.trim().to_owned(),
    };
    let said: String = said.chars().take(LONGEST_REASON).collect();
    match (status, said.is_empty()) {
        (0, _) => said,
        (_, true) => format!("status {status}"),
        _ => format!("status {status}, {said}"),
    }
}

/// The first error of type `E` in the chain.
fn within<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    chain(error).find_map(|e| e.downcast_ref())
}

/// What happened at the bottom of it: "Connection refused" rather than "error sending request".
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let text = chain(error).last().map(ToString::to_string).unwrap_or_default();
    text.chars().take(LONGEST_REASON).collect()
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |e: &&'a (dyn StdError + 'static)| (*e).source())
}
