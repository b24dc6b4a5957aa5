//! Browsers: a token once, a cookie from then on.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Refusals;
use super::access::{Access, COOKIE, Reader, SESSION_LASTS, Who, peer};
use super::problem::{Answer, Code, Problem};

/// The longest body of who is not known yet, in bytes.
const LOGIN_BYTES: usize = 4 << 10;

/// How long it may take.
const LOGIN_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(log_in).service(read_session).service(log_out);
}

/// Who logs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// The token.
    #[schema(max_length = 256, format = Password)]
    token: String,
}

/// Who is logged in.
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    /// The name of the token.
    name: String,
    /// `read`, `trade` or `admin`.
    scope: String,
}

impl From<&Who> for Session {
    fn from(who: &Who) -> Self {
        Self { name: who.name.clone(), scope: who.scope.to_string() }
    }
}

/// Logs a browser in.
#[utoipa::path(tag = "session", request_body = Login, security(()), responses((status = 200, description = "The answer", body = Session), Refusals))]
#[post("/session")]
async fn log_in(request: HttpRequest, access: web::Data<Access>, body: web::Payload) -> Result<HttpResponse, Problem> {
    let unreadable = || Problem::new(Code::Unreadable, "the body: expected {\"token\": …}, at once");
    let body = tokio::time::timeout(LOGIN_WITHIN, body.to_bytes_limited(LOGIN_BYTES)).await;
    let body = body.ok().and_then(Result::ok).and_then(Result::ok).ok_or_else(unreadable)?;
    let login: Login = serde_json::from_slice(&body).map_err(|_| unreadable())?;
    let who = access.log_in(login.token.trim(), peer(&request))?;
    let answer = Session::from(&who);
    let name = access.sessions().open(who)?;
    let lasts = Duration::seconds(i64::try_from(SESSION_LASTS.as_secs()).unwrap_or(i64::MAX));
    let cookie = cookie(&access, name).max_age(lasts).finish();
    Ok(HttpResponse::Ok().cookie(cookie).json(answer))
}

fn cookie(access: &Access, value: String) -> actix_web::cookie::CookieBuilder<'static> {
    Cookie::build(COOKIE, value).path("/").http_only(true).same_site(SameSite::Strict).secure(access.is_secure())
}

/// Who am I?
#[utoipa::path(tag = "session", responses((status = 200, description = "The answer", body = Session), Refusals))]
#[get("/session")]
async fn read_session(reader: Reader) -> Answer<Session> {
    Ok(web::Json(Session::from(&reader.0)))
}

/// Logs a browser out.
#[utoipa::path(tag = "session", responses((status = 204, description = "Done"), Refusals))]
#[delete("/session")]
async fn log_out(_: Reader, request: HttpRequest, access: web::Data<Access>) -> HttpResponse {
    if let Some(name) = request.cookie(COOKIE) {
        access.sessions().close(name.value());
    }
    let mut gone = cookie(&access, String::new()).finish();
    gone.make_removal();
    HttpResponse::NoContent().cookie(gone).finish()
}
