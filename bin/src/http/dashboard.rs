//! The dashboard's own files, which lie in this binary: the page at `/`, its modules and styles below `/assets/`.
//!
//! The page names its files by a version that is the hash of all of them, so that a browser keeps them for ever and still
//! never mixes two releases. Under plain names they are served as well, and asked for again each time. Nothing here needs
//! a token: without one the page can show its login and no more.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::guard;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::Embed;

use super::problem::{Code, Problem};

/// The page.
const INDEX: &str = "index.html";

/// The script that draws charts.
const PLOTLY: &str = "plotly.js";

/// What stands in the page where its version belongs.
const VERSION: &str = "VERSION";

/// A year: as long as a cache may be told.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

static FILES: LazyLock<Files> = LazyLock::new(Files::load);

#[derive(Embed)]
#[folder = "dashboard/"]
struct Embedded;

/// All files by their names below `/assets/`.
struct Files {
    version: String,
    by_name: BTreeMap<String, File>,
}

struct File {
    content: Bytes,
    content_type: String,
    etag: String,
}

impl File {
    fn new(content: Bytes, mime: &str) -> Self {
        let is_text = mime.starts_with("text/") || mime == "image/svg+xml";
        let charset = if is_text { "; charset=utf-8" } else { "" };
        let etag = format!("\"{}\"", name_of(&content));
        Self { content, content_type: format!("{mime}{charset}"), etag }
    }
}

impl Files {
    fn load() -> Self {
        let mut by_name: BTreeMap<String, File> = Embedded::iter()
            .filter_map(|name| {
                let file = Embedded::get(&name)?;
                let mime = file.metadata.mimetype().to_owned();
                Some((name.into_owned(), File::new(file.data.into_owned().into(), &mime)))
            })
            .collect();
        by_name.insert(PLOTLY.to_owned(), File::new(plotly_script(), "text/javascript"));
        let etags: String = by_name.values().map(|file| file.etag.as_str()).collect();
        let version = name_of(etags.as_bytes());
        if let Some(index) = by_name.get_mut(INDEX) {
            let page = String::from_utf8_lossy(&index.content).replace(VERSION, &version);
            *index = File::new(page.into(), "text/html");
        }
        Self { version, by_name }
    }
}

/// A short name of a content.
fn name_of(content: &[u8]) -> String {
    messages::ids::hash(content)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The script that draws charts, out of the crate's page parts, which hold another for formulas as well.
fn plotly_script() -> Bytes {
    let parts = plotly::Plot::offline_js_sources();
    let script = parts.split_once('>').and_then(|(_, rest)| rest.split_once("</script>"));
    let (script, _) = script.expect("the parts of a page begin with the script");
    Bytes::copy_from_slice(script.as_bytes())
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let read = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    config.route("/", read().to(page)).route("/assets/{path:.*}", read().to(asset));
}

async fn page(request: HttpRequest) -> Result<HttpResponse, Problem> {
    serve(&request, INDEX, "no-cache")
}

async fn asset(request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    match path.split_once('/') {
        Some((version, name)) if version == FILES.version => serve(&request, name, FOR_EVER),
        _ => serve(&request, &path, "no-cache"),
    }
}

fn serve(request: &HttpRequest, name: &str, keep: &'static str) -> Result<HttpResponse, Problem> {
    let Some(file) = FILES.by_name.get(name) else {
        let text = format!("the dashboard has no file `{name}`; reload the page, it may be of an older merganser");
        return Err(Problem::new(Code::NotFound, text));
    };
    let asked = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = asked.is_some_and(|etags| etags.contains(&file.etag));
    let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((CACHE_CONTROL, keep)).insert_header((ETAG, file.etag.as_str()));
    if is_known {
        return Ok(answer.finish());
    }
    Ok(answer.insert_header((CONTENT_TYPE, file.content_type.as_str())).body(file.content.clone()))
}

#[cfg(test)]
mod tests;
