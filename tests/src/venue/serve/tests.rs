//! A venue behind its port, as a client's socket sees it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::connect_async;

use super::super::binance::BinanceVenue;
use super::super::faults::{Fault, Faults, Rule};
use super::super::standard;
use super::*;

const PING: &[u8] = b"GET /api/v3/ping HTTP/1.1\r\nHost: venue\r\n\r\n";

async fn server(rules: &[(&str, Fault)]) -> VenueServer<BinanceVenue> {
    let mut faults = Faults::new(1);
    rules.iter().for_each(|(at, fault)| faults.add(Rule::once(at, *fault)));
    VenueServer::start(Venue::new(standard::binance(None), faults), 0).await
}

/// What comes until the connection ends, or nothing comes any more.
async fn answer(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    let mut got = Vec::new();
    let mut part = [0; 4_096];
    while !got.ends_with(b"{}") {
        match tokio::time::timeout(Duration::from_millis(300), stream.read(&mut part)).await {
            Ok(Ok(read)) if read > 0 => got.extend_from_slice(&part[..read]),
            Ok(_) => return String::from_utf8(got).unwrap() + "<end>",
            Err(_) => return String::from_utf8(got).unwrap() + "<silence>",
        }
    }
    String::from_utf8(got).unwrap()
}

#[tokio::test]
async fn a_connection_carries_many_requests_until_a_fault_ends_it() {
    let server = server(&[("GET", Fault::FailBefore(503)), ("GET", Fault::LoseAnswer), ("GET", Fault::HalfOpen)]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    assert!(answer(&mut stream, PING).await.starts_with("HTTP/1.1 503"));
    assert_eq!(answer(&mut stream, PING).await, "<end>");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(answer(&mut stream, PING).await, "<silence>");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..2 {
        let found = answer(&mut stream, PING).await;
        assert!(found.starts_with("HTTP/1.1 200") && found.contains("x-mbx-used-weight-1m"), "{found}");
    }
}

#[tokio::test]
async fn a_link_answers_and_is_cut_in_the_middle_of_a_request() {
    let server = server(&[("connect", Fault::TooMany(3)), ("time", Fault::Disconnect)]).await;
    let url = format!("ws://{}/ws-api/v3", server.address);
    let refused = connect_async(&url).await.unwrap_err();
    assert!(refused.to_string().contains("429"), "{refused}");
    let (mut socket, _) = connect_async(&url).await.unwrap();
    socket.send(Message::Text(r#"{"id":"a","method":"ping"}"#.into())).await.unwrap();
    let told = socket.next().await.unwrap().unwrap().into_text().unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["id"], &told["status"]), (&"a".into(), &200.into()));
    socket.send(Message::Text(r#"{"id":"b","method":"time"}"#.into())).await.unwrap();
    assert!(socket.next().await.is_none_or(|end| end.is_err()));
    assert!(connect_async(format!("ws://{}/nowhere", server.address)).await.is_err());
}
