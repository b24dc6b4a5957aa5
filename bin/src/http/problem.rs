//! Refusals of the API: problem documents (RFC 9457), each with a stable code.
//!
//! A handler returns `Err(problem)`; nothing else makes an answer with a status of 400 or above.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use storage::pool;
use utoipa::ToSchema;

/// Why a request is refused: the stable code of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// What was sent cannot be read.
    Unreadable,
    /// No token, or one that nobody knows.
    Unauthorized,
    /// The token may not do this.
    Forbidden,
    /// A page of another origin, or a request that did not come from our own page.
    WrongOrigin,
    /// There is no such thing.
    NotFound,
    /// The method is none of this path.
    MethodNotAllowed,
    /// It contradicts how things stand.
    Conflict,
    /// The body is too large.
    TooLarge,
    /// The request is for another host.
    Misdirected,
    /// What was sent can be read and makes no sense.
    Invalid,
    /// The idempotency key was used for something else.
    KeyReused,
    /// Too many requests.
    TooMany,
    /// Something in here failed.
    Internal,
    /// It cannot be answered now; ask again later.
    Unavailable,
    /// It may or may not have happened; ask again with the same idempotency key, or look. Without a key only look.
    Unknown,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::WrongOrigin => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Invalid | Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable | Self::Unknown => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Unreadable => "The request cannot be read",
            Self::Unauthorized => "A token is needed",
            Self::Forbidden => "The token may not do this",
            Self::WrongOrigin => "The request did not come from our own page",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "This cannot be done here",
            Self::Conflict => "It contradicts how things stand",
            Self::TooLarge => "The request is too large",
            Self::Misdirected => "The request is for another host",
            Self::Invalid => "The request makes no sense",
            Self::KeyReused => "The idempotency key was used for something else",
            Self::TooMany => "Too many requests",
            Self::Internal => "Something failed",
            Self::Unavailable => "It cannot be answered now",
            Self::Unknown => "The outcome is not known",
        }
    }

    fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// A problem document.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The code as a name of its own, among those of others; docs/guide/api.md explains it.
    #[serde(rename = "type")]
    #[schema(example = "urn:merganser:problem:unauthorized")]
    pub kind: String,
    /// The code in words.
    pub title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What is wrong here, what was expected, and what to do next.
    pub detail: String,
    /// The stable code.
    pub code: Code,
}

impl Problem {
    /// A problem of this kind, in words.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let kind = format!("urn:merganser:problem:{}", code.name());
        Self { kind, title: code.title().to_owned(), status: code.status().as_u16(), detail: detail.into(), code }
    }

    /// An actor does not answer: it is being replaced, or busy beyond its time.
    pub fn silent(actor: &str) -> Self {
        Self::new(Code::Unavailable, format!("{actor} did not answer in time; ask again in a moment"))
    }
}

/// What a question fails with: by itself, or because it cannot be answered now.
impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        let pool = match (error.downcast_ref(), error.downcast_ref(), error.downcast_ref()) {
            (Some(error), ..) => Some(error),
            (_, Some(storage::sql::Error::Pool(error)), _) | (_, _, Some(storage::query::Error::Pool(error))) => {
                Some(error)
            }
            _ => None,
        };
        let is_busy = matches!(error.downcast_ref(), Some(storage::archive::Error::Busy));
        let code = match pool {
            Some(pool::Error::Busy { .. } | pool::Error::Closed | pool::Error::Failed) => Code::Unavailable,
            _ if is_busy => Code::Conflict,
            _ => Code::Invalid,
        };
        Self::new(code, format!("{error:#}"))
    }
}

/// Work on another thread that panicked or was cancelled.
impl From<actix_web::error::BlockingError> for Problem {
    fn from(error: actix_web::error::BlockingError) -> Self {
        Self::new(Code::Internal, error.to_string())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        answer.insert_header((CONTENT_TYPE, "application/problem+json"));
        match self.code {
            Code::Unauthorized => drop(answer.insert_header((WWW_AUTHENTICATE, "Bearer"))),
            Code::TooMany | Code::Unavailable => drop(answer.insert_header((RETRY_AFTER, "1"))),
            _ => {}
        }
        answer.body(serde_json::to_vec(self).unwrap_or_default())
    }
}

/// What a handler answers.
pub type Answer<T> = Result<actix_web::web::Json<T>, Problem>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_its_code_and_status() {
        let problem = Problem::new(Code::KeyReused, "use another key");
        let value = serde_json::to_value(&problem).unwrap();
        let expected = serde_json::json!({
            "type": "urn:merganser:problem:key_reused",
            "title": "The idempotency key was used for something else",
            "status": 422,
            "detail": "use another key",
            "code": "key_reused",
        });
        assert_eq!(value, expected);
        assert_eq!(problem.error_response().headers().get(CONTENT_TYPE).unwrap(), "application/problem+json");
    }
}
