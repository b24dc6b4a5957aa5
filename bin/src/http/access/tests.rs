use std::net::Ipv4Addr;

use actix_web::test::TestRequest;
use actix_web::web::Data;

use super::*;

fn http() -> config::Http {
    let token = |name: &str, scope| config::Token {
        name: name.to_owned(),
        scope,
        hash: messages::ids::hash(name.as_bytes()).iter().map(|b| format!("{b:02x}")).collect(),
    };
    let mut settings = config::load(&config::Layers::default()).unwrap().http;
    settings.tokens = vec![token("reads", Scope::Read), token("trades", Scope::Trade)];
    settings
}

fn access() -> Data<Access> {
    Data::new(Access::new(&http(), "of this run", Ipv4Addr::LOCALHOST.into()))
}

fn check(request: TestRequest, needed: Scope, expected: Result<&str, Code>) {
    let request = request.insert_header(("Host", "127.0.0.1:8080")).to_http_request();
    let found = allow(&request, needed).map(|who| who.name).map_err(|problem| problem.code);
    assert_eq!(found, expected.map(str::to_owned), "{request:?} needs {needed}");
}

#[test]
fn a_scope_reaches_what_is_below_it() {
    let with = |token: &str| {
        TestRequest::post().app_data(access()).insert_header(("Authorization", format!("Bearer {token}")))
    };
    check(with("reads"), Scope::Read, Ok("reads"));
    check(with("reads"), Scope::Trade, Err(Code::Forbidden));
    check(with("trades"), Scope::Read, Ok("trades"));
    check(with("trades"), Scope::Trade, Ok("trades"));
    check(with("trades"), Scope::Admin, Err(Code::Forbidden));
    check(with("of this run"), Scope::Admin, Ok("local"));
    check(with("wrong"), Scope::Read, Err(Code::Unauthorized));
    check(TestRequest::get().app_data(access()), Scope::Read, Err(Code::Unauthorized));
}

#[test]
fn a_cookie_changes_something_from_our_own_page_alone() {
    let access = access();
    let who = Who { name: "trades".to_owned(), scope: Scope::Trade, by_cookie: false };
    let name = access.sessions().open(who).unwrap();
    let with = |method: Method| {
        TestRequest::default()
            .method(method)
            .app_data(access.clone())
            .cookie(actix_web::cookie::Cookie::new(COOKIE, name.clone()))
    };
    check(with(Method::GET), Scope::Read, Ok("trades"));
    check(with(Method::POST), Scope::Trade, Err(Code::WrongOrigin));
    let ours = |method| with(method).insert_header(("Origin", "http://127.0.0.1:8080"));
    check(ours(Method::DELETE), Scope::Trade, Err(Code::WrongOrigin));
    check(ours(Method::DELETE).insert_header(("X-Merganser", "1")), Scope::Trade, Ok("trades"));
    let foreign =
        with(Method::POST).insert_header(("Origin", "http://evil.example")).insert_header(("X-Merganser", "1"));
    check(foreign, Scope::Trade, Err(Code::WrongOrigin));
    let claims = with(Method::POST)
        .insert_header(("X-Forwarded-Host", "evil.example"))
        .insert_header(("Origin", "http://evil.example"))
        .insert_header(("X-Merganser", "1"));
    check(claims, Scope::Trade, Err(Code::WrongOrigin));
}

#[test]
fn a_socket_is_opened_by_our_own_page_or_by_a_token() {
    let access = access();
    let ask = |request: TestRequest| {
        let request = request.insert_header(("Host", "localhost:1")).app_data(access.clone()).to_http_request();
        access.identify_socket(&request).map(|who| who.name).map_err(|problem| problem.code)
    };
    let with = || TestRequest::get().insert_header(("Authorization", "Bearer reads"));
    assert_eq!(ask(with()), Ok("reads".to_owned()));
    assert_eq!(ask(with().insert_header(("Origin", "http://localhost:1"))), Ok("reads".to_owned()));
    assert_eq!(ask(with().insert_header(("Origin", "http://localhost:2"))), Err(Code::WrongOrigin));
    assert_eq!(ask(with().insert_header(("Origin", "https://localhost:1"))), Err(Code::WrongOrigin));
    assert_eq!(ask(with().insert_header(("Origin", "null"))), Err(Code::WrongOrigin));
}

#[test]
fn wrong_tokens_are_heard_a_few_times_a_minute() {
    let access = access();
    let from = Some(Ipv4Addr::LOCALHOST.into());
    let codes: Vec<Code> = (0..30).filter_map(|n| access.log_in(&n.to_string(), from).err()).map(|p| p.code).collect();
    assert_eq!((codes[0], codes[29]), (Code::Unauthorized, Code::TooMany));
    assert!(access.log_in("reads", from).is_ok(), "who has a right one is let in");
}

#[test]
fn a_host_is_ours_or_it_is_not() {
    let settings = config::Http { hosts: vec!["trade.example".to_owned()], ..http() };
    let access = Access::new(&settings, "", Ipv4Addr::LOCALHOST.into());
    let check = |host: &str, expected: bool| assert_eq!(access.guard.is_our_host(host), expected, "{host}");
    check("127.0.0.1:8080", true);
    check("LOCALHOST", true);
    check("[::1]:80", true);
    check("trade.example:443", true);
    check("evil.example", false);
    check("127.0.0.1.evil.example:8080", false);
    check("", false);
}
