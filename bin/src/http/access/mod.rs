//! Who asks, and what they may do.
//!
//! A request shows a token (`Authorization: Bearer …`) or the cookie of a browser that has logged in with one. A handler
//! takes [`Reader`], [`Trader`] or [`Admin`] as an argument, and is not called where that is not granted. What changes
//! something with a cookie must come from our own page: its `Origin` is checked, and it carries a header that no other
//! page can send.

mod guard;
mod sessions;
mod tokens;

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, ORIGIN};
use actix_web::{FromRequest, HttpRequest, web};
use config::Scope;

use super::problem::{Code, Problem};
use guard::{Guard, Limits};
pub use guard::{guard, headers};
use sessions::Sessions;
pub use sessions::{COOKIE, SESSION_LASTS};
use tokens::Tokens;
pub use tokens::{Token, make};

/// The header that our own page sends, and no other page may without our leave.
const FROM_OUR_PAGE: &str = "X-Merganser";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The name of the token; stands in the ledger beside what was done with it.
    pub name: String,
    /// What the token may do.
    pub scope: Scope,
    /// By the cookie of a browser.
    pub by_cookie: bool,
}

/// All that decides who may do what.
pub struct Access {
    tokens: Tokens,
    sessions: Sessions,
    guard: Guard,
}

impl Access {
    /// From the settings, and the token of this run.
    pub fn new(http: &config::Http, run: &str, listens_on: IpAddr) -> Self {
        let guard = Guard::new(Limits::of(http), http, listens_on);
        Self { tokens: Tokens::new(&http.tokens, run), sessions: Sessions::default(), guard }
    }

    /// Who shows this token.
    ///
    /// # Errors
    /// Nobody knows it, or there were too many wrong ones from there.
    pub fn log_in(&self, token: &str, from: Option<IpAddr>) -> Result<Who, Problem> {
        self.tokens.find(token).ok_or_else(|| self.guard.has_failed(from))
    }

    /// The sessions of browsers.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Whether cookies go over TLS alone.
    pub fn is_secure(&self) -> bool {
        self.guard.is_secure()
    }

    /// The name of the token that a request shows, where it is known. Nothing is counted or checked.
    fn known(&self, request: &HttpRequest) -> Option<String> {
        let by_token = bearer(request.headers()).and_then(|token| self.tokens.find(token));
        let by_cookie = || request.cookie(COOKIE).and_then(|cookie| self.sessions.find(cookie.value()));
        by_token.or_else(by_cookie).map(|who| who.name)
    }

    /// Who sends this request.
    ///
    /// # Errors
    /// Nobody that is known; or a page that is not ours.
    pub fn identify(&self, request: &HttpRequest) -> Result<Who, Problem> {
        if let Some(token) = bearer(request.headers()) {
            return self.log_in(token, peer(request));
        }
        let cookie = request.cookie(COOKIE);
        let who = cookie.and_then(|cookie| self.sessions.find(cookie.value())).ok_or_else(|| {
            let text = "show a token: `Authorization: Bearer …`; the one of this run is in the data directory, and a \
                        browser logs in at /";
            Problem::new(Code::Unauthorized, text)
        })?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            self.check_origin(request)?;
            if !request.headers().contains_key(FROM_OUR_PAGE) {
                let text =
                    format!("a request with the cookie that changes something carries the header {FROM_OUR_PAGE}: 1");
                return Err(Problem::new(Code::WrongOrigin, text));
            }
        }
        Ok(who)
    }

    /// Who opens a WebSocket: with a cookie only from our own page, for no preflight protects it.
    ///
    /// # Errors
    /// As [`Self::identify`]; and any other page than ours.
    pub fn identify_socket(&self, request: &HttpRequest) -> Result<Who, Problem> {
        let who = self.identify(request)?;
        if who.by_cookie || request.headers().contains_key(ORIGIN) {
            self.check_origin(request)?;
        }
        Ok(who)
    }

    /// Refuses what another page sends.
    fn check_origin(&self, request: &HttpRequest) -> Result<(), Problem> {
        let origin = request.headers().get(ORIGIN).and_then(|value| value.to_str().ok());
        let scheme = if self.is_secure() { "https://" } else { "http://" };
        let host = origin.and_then(|origin| origin.strip_prefix(scheme));
        if host.is_some_and(|host| Some(host) == guard::host(request) && self.guard.is_our_host(host)) {
            return Ok(());
        }
        let text = format!("the page {} is not ours", origin.unwrap_or("(without an Origin)"));
        Err(Problem::new(Code::WrongOrigin, text))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get("Authorization")?.to_str().ok()?.strip_prefix("Bearer ")
}

/// From where a request comes, as the connection says.
pub fn peer(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|address| address.ip())
}

/// Lets those in whose scope reaches that far.
fn allow(request: &HttpRequest, needed: Scope) -> Result<Who, Problem> {
    let Some(access) = request.app_data::<web::Data<Access>>() else {
        return Err(Problem::new(Code::Internal, "nobody decides who may do what"));
    };
    let who = access.identify(request)?;
    if who.scope >= needed {
        return Ok(who);
    }
    let text = format!("the token `{}` has the scope {}; this needs {needed}", who.name, who.scope);
    Err(Problem::new(Code::Forbidden, text))
}

/// Defines an argument of a handler that only some may have.
macro_rules! allowed {
    ($(#[$doc:meta])* $name:ident, $scope:expr) => {
        $(#[$doc])*
        pub struct $name(pub Who);
        impl FromRequest for $name {
            type Error = Problem;
            type Future = Ready<Result<Self, Problem>>;
            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready(allow(request, $scope).map(Self))
            }
        }
    };
}

allowed!(
    /// Who may read.
    Reader, Scope::Read
);
allowed!(
    /// Who may trade, and read.
    Trader, Scope::Trade
);
allowed!(
    /// Who may do all.
    Admin, Scope::Admin
);

#[cfg(test)]
mod tests;
