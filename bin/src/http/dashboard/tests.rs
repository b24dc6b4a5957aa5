use actix_web::App;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::test::{TestRequest, call_service, init_service, read_body};

use super::*;

fn text(name: &str) -> String {
    let file = FILES.by_name.get(name).unwrap_or_else(|| panic!("there is no file {name}"));
    String::from_utf8(file.content.to_vec()).unwrap()
}

/// What stands between `before` and the next `after`, each time.
fn between<'a>(text: &'a str, before: &'a str, after: char) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}

async fn get(path: &str, etag: Option<&str>) -> (StatusCode, HeaderMap, Bytes) {
    let app = init_service(App::new().configure(routes)).await;
    let request = TestRequest::get().uri(path);
    let request = etag.into_iter().fold(request, |request, etag| request.insert_header((IF_NONE_MATCH, etag)));
    let answer = call_service(&app, request.to_request()).await;
    let (status, headers) = (answer.status(), answer.headers().clone());
    (status, headers, read_body(answer).await)
}

fn said(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("nothing")
}

#[actix_web::test]
async fn what_the_page_names_is_there_and_kept_for_ever() {
    let (status, headers, page) = get("/", None).await;
    assert_eq!((status, said(&headers, CACHE_CONTROL)), (StatusCode::OK, "no-cache"));
    assert_eq!(said(&headers, CONTENT_TYPE), "text/html; charset=utf-8");
    let page = String::from_utf8(page.to_vec()).unwrap();
    let named: Vec<&str> = between(&page, "\"/assets/", '"').collect();
    assert!(named.len() >= 4, "{named:?}");
    for name in named {
        let (status, headers, _) = get(&format!("/assets/{name}"), None).await;
        assert_eq!(status, StatusCode::OK, "{name}");
        assert_eq!(said(&headers, CACHE_CONTROL), FOR_EVER, "{name}");
    }
}

#[actix_web::test]
async fn what_a_browser_has_is_not_sent_again() {
    let (_, headers, _) = get("/assets/app.js", None).await;
    assert_eq!(said(&headers, CACHE_CONTROL), "no-cache");
    assert_eq!(said(&headers, CONTENT_TYPE), "text/javascript; charset=utf-8");
    let etag = said(&headers, ETAG);
    let (status, _, body) = get("/assets/app.js", Some(etag)).await;
    assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
    let (status, _, _) = get("/assets/app.js", Some("\"another\"")).await;
    assert_eq!(status, StatusCode::OK);
}

#[actix_web::test]
async fn what_is_not_there_is_said_so() {
    for path in ["/assets/none.js", "/assets/../Cargo.toml", "/assets/0123/app.js", "/assets/"] {
        let (status, _, _) = get(path, None).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn the_page_lives_under_a_policy_without_inline_scripts() {
    let page = text(INDEX);
    for tag in between(&page, "<script", '>') {
        assert!(tag.contains(" src=\"/assets/"), "an inline script: {tag}");
    }
    for what in [" onclick", " onload", " style=", "javascript:", "http:", "https:"] {
        assert!(!page.contains(what), "the page has {what}");
    }
}

#[test]
fn modules_parse_nothing_as_html_and_import_what_is_there() {
    let modules = FILES.by_name.keys().filter(|name| name.ends_with(".js") && *name != PLOTLY);
    for name in modules {
        let module = text(name);
        for what in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            assert!(!module.contains(what), "{name} has {what}");
        }
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        for import in between(&module, " from '", '\'') {
            let path = match import.strip_prefix("../") {
                Some(rest) => rest.to_owned(),
                None => [folder, import.trim_start_matches("./")].join("/").trim_start_matches('/').to_owned(),
            };
            assert!(FILES.by_name.contains_key(&path), "{name} imports {import}");
        }
    }
}

#[test]
fn modules_open_with_their_story_and_stay_small() {
    let own = FILES.by_name.keys().filter(|name| *name != PLOTLY && (name.ends_with(".js") || name.ends_with(".css")));
    for name in own {
        let text = text(name);
        assert!(text.starts_with("// ") || text.starts_with("/* "), "{name} tells no story");
        assert!(text.lines().count() < 250, "{name} has {} lines", text.lines().count());
    }
}

#[test]
fn the_chart_script_is_the_script_alone() {
    let script = text(PLOTLY);
    assert!(script.len() > 1_000_000 && script.contains("plotly.js v"), "{} bytes", script.len());
    assert!(!script.contains("</script>"), "it holds more than one");
}
