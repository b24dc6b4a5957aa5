//! The document of the API, made from the handlers themselves, and the page to browse it.

use actix_web::dev::ResourceDef;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse, ResponseError, get, web};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::access::Reader;
use super::problem::{Code, Problem};

/// Where the document is.
pub const DOCUMENT: &str = "/api/v1/openapi.json";

/// What every endpoint may refuse with.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "what the document says; handlers answer with `Problem`")]
pub enum Refusals {
    /// What was sent cannot be read
    #[response(status = 400, content_type = "application/problem+json")]
    Unreadable(Problem),
    /// No token, or one that nobody knows
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// The token may not do this, or the request came from another page
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// There is no such thing
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// It contradicts how things stand
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The body is too large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The request is for another host
    #[response(status = 421, content_type = "application/problem+json")]
    Misdirected(Problem),
    /// It makes no sense, or the database refuses it
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem),
    /// Too many requests
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
    /// It cannot be answered now, or its outcome is not known
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// What stands above the endpoints.
#[derive(OpenApi)]
#[openapi(
    info(title = "Merganser", description = "A trading runtime in one binary."),
    components(schemas(Problem, Code)),
    security(("token" = [])),
    modifiers(&Token)
)]
pub struct Head;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_document);
}

/// This document.
#[utoipa::path(tag = "system", responses((status = 200, description = "The answer", body = Object), Refusals))]
#[get("/openapi.json")]
async fn read_document(_: Reader, document: web::Data<Document>) -> HttpResponse {
    HttpResponse::Ok().json(document.as_ref())
}

/// The page, without anything from elsewhere.
pub fn page() -> SwaggerUi {
    SwaggerUi::new("/api/docs/{_:.*}").config(Config::new([DOCUMENT]))
}

/// Every path with its methods, for who asks for what is not there.
pub struct Paths(Vec<(ResourceDef, String)>);

impl Paths {
    /// Of a document.
    pub fn of(document: &Document) -> Self {
        let paths = document.paths.paths.iter().map(|(path, item)| {
            let methods = [
                ("GET", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ];
            let allowed: Vec<&str> = methods.iter().filter(|(_, is)| *is).map(|(method, _)| *method).collect();
            (ResourceDef::new(path.as_str()), allowed.join(", "))
        });
        Self(paths.collect())
    }
}

/// The answer where nothing is, or not by this method.
pub async fn nothing(request: HttpRequest, paths: web::Data<Paths>) -> HttpResponse {
    let path = request.path();
    match paths.0.iter().find(|(known, _)| known.is_match(path)) {
        Some((_, allowed)) => {
            let text = format!("{path} takes {allowed}");
            let mut answer = Problem::new(Code::MethodNotAllowed, text).error_response();
            if let Ok(allowed) = allowed.parse() {
                answer.headers_mut().insert(ALLOW, allowed);
            }
            answer
        }
        None => Problem::new(Code::NotFound, format!("nothing is at {path}; see /api/docs")).error_response(),
    }
}
