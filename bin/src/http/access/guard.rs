//! Before anybody is asked who they are: the host that a request is for, how many come from one place, and the headers
//! that every answer carries.
//!
//! Requests are counted by their token where they have one. The host is checked because a page of a foreign name that resolves to this machine (DNS rebinding) would be of the
//! same origin as we are.

use std::net::IpAddr;
use std::num::NonZeroU32;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HOST, HeaderValue};
use actix_web::http::uri::Authority;
use actix_web::middleware::{DefaultHeaders, Next};
use actix_web::{Error, HttpRequest, ResponseError, web};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::Access;
use crate::http::problem::{Code, Problem};

/// Wrong tokens that one place may show in a minute.
const WRONG_TOKENS: NonZeroU32 = NonZeroU32::new(20).expect("not zero");

/// Seconds' worth of requests that may come at once: a page that opens asks for much.
const BURST: NonZeroU32 = NonZeroU32::new(5).expect("not zero");

/// Places that are remembered before those that were quiet are forgotten.
const PLACES: usize = 10_000;

/// What one place may ask.
pub(super) struct Limits {
    per_second: NonZeroU32,
}

impl Limits {
    pub fn of(http: &config::Http) -> Self {
        Self { per_second: NonZeroU32::new(http.requests_per_second).unwrap_or(NonZeroU32::MIN) }
    }
}

/// Who is counted: a stranger cannot use up what somebody with a token may ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Token(String),
    Address(Option<IpAddr>),
}

/// The guard.
pub(super) struct Guard {
    requests: DefaultKeyedRateLimiter<Who>,
    failures: DefaultKeyedRateLimiter<Option<IpAddr>>,
    hosts: Vec<String>,
    is_secure: bool,
}

impl Guard {
    pub fn new(limits: Limits, http: &config::Http, listens_on: IpAddr) -> Self {
        let burst = limits.per_second.saturating_mul(BURST);
        let here = ["127.0.0.1".to_owned(), "localhost".to_owned(), "[::1]".to_owned()];
        let own = match listens_on {
            IpAddr::V6(ip) => format!("[{ip}]"),
            IpAddr::V4(ip) => ip.to_string(),
        };
        Self {
            requests: RateLimiter::keyed(Quota::per_second(limits.per_second).allow_burst(burst)),
            failures: RateLimiter::keyed(Quota::per_minute(WRONG_TOKENS)),
            hosts: here.into_iter().chain([own]).chain(http.hosts.iter().map(|host| host.to_lowercase())).collect(),
            is_secure: !http.tls_certificate.as_os_str().is_empty() || http.behind_proxy,
        }
    }

    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Whether a `Host`, with its port or without, is a name of ours.
    pub fn is_our_host(&self, host: &str) -> bool {
        let without_port = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        self.hosts.contains(&without_port.to_lowercase())
    }

    /// A wrong token came from there. Beyond a few in a minute it hears no more than that.
    pub fn has_failed(&self, from: Option<IpAddr>) -> Problem {
        if self.failures.check_key(&from).is_err() {
            return Problem::new(Code::TooMany, "too many wrong tokens came from there; wait a minute");
        }
        Problem::new(Code::Unauthorized, "the token is wrong; the one of this run is in the data directory")
    }

    fn check(&self, request: &HttpRequest, token: Option<String>) -> Result<(), Problem> {
        let host = host(request).unwrap_or_default();
        if !self.is_our_host(host) {
            let text = format!("`{host}` is no name of this server; add it to http.hosts if it is");
            return Err(Problem::new(Code::Misdirected, text));
        }
        if self.requests.len() > PLACES {
            self.requests.retain_recent();
            self.failures.retain_recent();
        }
        let who = token.map_or_else(|| Who::Address(super::peer(request)), Who::Token);
        let allowed = self.requests.check_key(&who);
        allowed.map_err(|_| Problem::new(Code::TooMany, "more requests than http.requests_per_second came from there"))
    }
}

/// The host that a request is for, as the connection says it: what a proxy, or a page, adds is not believed.
pub(super) fn host(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    header.or_else(|| request.uri().authority().map(Authority::as_str))
}

/// Lets through what is for us and not too much.
pub async fn guard<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if let Some(access) = request.app_data::<web::Data<Access>>()
        && let Err(problem) = access.guard.check(request.request(), access.known(request.request()))
    {
        return Ok(request.into_response(problem.error_response()).map_into_right_body());
    }
    let is_api = request.path().starts_with("/api/");
    let mut answer = next.call(request).await?;
    if is_api && !answer.headers().contains_key(CACHE_CONTROL) {
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(answer.map_into_left_body())
}

/// What every answer carries: nothing of ours runs or shows anything that is not from here, and no other page shows us.
pub fn headers(is_secure: bool) -> DefaultHeaders {
    const CONTENT: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
                           object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    let headers = DefaultHeaders::new()
        .add(("Content-Security-Policy", CONTENT))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("X-Frame-Options", "DENY"))
        .add(("Referrer-Policy", "no-referrer"))
        .add(("Cross-Origin-Opener-Policy", "same-origin"))
        .add(("Cross-Origin-Resource-Policy", "same-origin"))
        .add(("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"));
    if is_secure { headers.add(("Strict-Transport-Security", "max-age=31536000")) } else { headers }
}
