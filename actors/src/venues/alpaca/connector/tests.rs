//! The connector against a server on loopback that speaks as the paper endpoint does: binary frames, and keys on every call.

use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use messages::OrderId;
use messages::orders::{OrderRequest, Side};
use messages::venues::ReportKind as K;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use super::super::request::tests::instrument;
use super::*;

const ORDER: &str = r#"{"id":"v1","client_order_id":"m-1","symbol":"AAPL","status":"STATUS","type":"limit","side":"buy","qty":"10","filled_qty":"FILLED","filled_avg_price":null,"submitted_at":"2026-11-27T14:00:00Z"}"#;

fn order(status: &str, filled: &str) -> String {
    ORDER.replace("STATUS", status).replace("FILLED", filled)
}

/// Answers calls until the listener is dropped, and passes on what was asked: the head and the body.
async fn serve_calls(listener: TcpListener, asked: flume::Sender<(String, String)>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = serve_call(stream, &asked).await;
    }
}

async fn serve_call(mut stream: TcpStream, asked: &flume::Sender<(String, String)>) -> std::io::Result<()> {
    let mut text = String::new();
    let (head, body) = loop {
        let mut bytes = [0; 4_096];
        let read = stream.read(&mut bytes).await?;
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest.split("\r\n").next().unwrap());
        if body.len() >= length.parse().unwrap() {
            break (head, body.to_owned());
        }
    };
    let answer = if head.starts_with("post") { order("pending_new", "0") } else { "[]".to_owned() };
    asked.send((head, body)).unwrap();
    let length = answer.len();
    let text = format!(
        "HTTP/1.1 200 OK\r\nX-RateLimit-Remaining: 150\r\nX-RateLimit-Reset: 1\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
    );
    stream.write_all(text.as_bytes()).await
}

/// One connection of trade updates, greeted.
async fn greet(listener: &TcpListener) -> tokio_tungstenite::WebSocketStream<TcpStream> {
    let (stream, _) = listener.accept().await.unwrap();
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    let mut next = async |expected: &str, answer: &'static str| {
        loop {
            let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
            let said: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(said["action"], expected);
            socket.send(Message::Binary(answer.as_bytes().into())).await.unwrap();
            return said;
        }
    };
    let keys = next("auth", r#"{"stream":"authorization","data":{"status":"authorized"}}"#).await;
    assert_eq!((&keys["key"], &keys["secret"]), (&"the-key".into(), &"the-secret".into()));
    next("listen", r#"{"stream":"listening","data":{"streams":["trade_updates"]}}"#).await;
    socket
}

#[tokio::test]
async fn orders_go_out_and_come_back_over_loopback() {
    let (updates, calls) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let parameters = serde_json::json!({
        "account": "alpaca-paper",
        "trading_url": format!("http://{}/", calls.local_addr().unwrap()),
        "stream_url": format!("ws://{}/stream", updates.local_addr().unwrap()),
        "reconnect_first": "50ms",
    });
    let keys = Keys { id: "the-key".to_owned(), secret: "the-secret".to_owned() };
    let reach = Reach::from_environment(Duration::from_secs(5)).unwrap();
    let parameters = serde_json::from_value(parameters).unwrap();
    let connector = AlpacaConnector::new(parameters, keys, reach, Clock::wall(), 7).unwrap();
    let (asked, was_asked) = flume::unbounded();
    let serving = tokio::spawn(serve_calls(calls, asked));
    let (said, heard) = flume::unbounded();
    let say: Say = Arc::new(move |one| drop(said.send(one)));
    let (requests, queue) = flume::bounded(8);
    let running = tokio::spawn(Box::new(connector).run(queue, say));
    let mut socket = greet(&updates).await;
    assert!(matches!(heard.recv_async().await.unwrap(), FromVenue::Connected));
    let (head, _) = was_asked.recv_async().await.unwrap();
    assert!(head.starts_with("get /v2/orders?status=open"), "{head}");
    assert!(head.contains("apca-api-key-id: the-key") && head.contains("apca-api-secret-key: the-secret"), "{head}");

    let request = OrderRequest::limit(instrument("AAPL"), Side::Buy, "10".parse().unwrap(), "100".parse().unwrap());
    let client_order_id = "m-1".parse().unwrap();
    let order_id = OrderId::of_key("test".parse().unwrap(), "1");
    requests
        .send(VenueRequest::Submit { client_order_id, order_id, request: Box::new(request), at: UtcNanos(0) })
        .unwrap();
    let mut kinds = Vec::new();
    while kinds.len() < 2 {
        let FromVenue::Reports(reports) = heard.recv_async().await.unwrap() else { panic!("no reports") };
        kinds.extend(reports.into_iter().map(|report| report.kind));
    }
    assert_eq!(kinds, [K::Submitted, K::Accepted]);
    let (head, body) = was_asked.recv_async().await.unwrap();
    assert!(head.starts_with("post /v2/orders") && body.contains(r#""client_order_id":"m-1""#), "{head} {body}");

    let filled = order("filled", "10");
    let fill = format!(
        r#"{{"stream":"trade_updates","data":{{"event":"fill","execution_id":"e1","price":"99.5","qty":"10","timestamp":"2026-11-27T15:00:00Z","order":{filled}}}}}"#
    );
    socket.send(Message::Binary(fill.into_bytes().into())).await.unwrap();
    let FromVenue::Reports(reports) = heard.recv_async().await.unwrap() else { panic!("no fill") };
    let K::Filled(fill) = &reports[0].kind else { panic!("{reports:?}") };
    assert_eq!((fill.price.to_string(), fill.cumulative.to_string()), ("99.5".to_owned(), "10".to_owned()));

    drop(socket);
    assert!(matches!(heard.recv_async().await.unwrap(), FromVenue::Disconnected(_)));
    let _socket = greet(&updates).await;
    assert!(matches!(heard.recv_async().await.unwrap(), FromVenue::Connected));
    // When the gateway has no more requests, it ends.
    drop(requests);
    running.await.unwrap();
    serving.abort();
}
