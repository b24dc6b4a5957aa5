//! A webhook on a local socket that refuses at first or for good, and one that is not there.

use std::sync::atomic::Ordering::Relaxed;

use messages::UtcNanos;
use messages::alerts::{Alert, AlertId, Rule, Severity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::notices::Happened;
use super::*;

fn message() -> Message {
    let alert_id = AlertId { rule: Rule::Drawdown, subject: "paper".to_owned(), since: 7 };
    let alert = Alert {
        alert_id,
        severity: Severity::Critical,
        text: "paper is low".to_owned(),
        opened_at: UtcNanos(7),
        closed_at: None,
        acknowledged: None,
    };
    Message { event: Happened::Opened, text: alert.text.clone(), alert, held_back: 2 }
}

/// Hears one request whole and answers it.
async fn answer(listener: &TcpListener, status: &str) -> String {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut heard = Vec::new();
    loop {
        let mut chunk = [0; 4_096];
        let count = socket.read(&mut chunk).await.unwrap();
        heard.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&heard);
        let body = text.split_once("\r\n\r\n").map(|(head, body)| (head.to_lowercase(), body.len()));
        let length = |head: &str| {
            head.lines().find_map(|l| l.strip_prefix("content-length: ")?.trim().parse::<usize>().ok()).unwrap_or(0)
        };
        if count == 0 || body.is_some_and(|(head, found)| found >= length(&head)) {
            break;
        }
    }
    let said = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    socket.write_all(said.as_bytes()).await.unwrap();
    String::from_utf8(heard).unwrap()
}

/// A message on its way to a webhook that has these answers: the requests that it heard, and the message if it came back.
async fn carried(answers: &'static [&'static str], outcomes: &Arc<Outcomes>) -> (Vec<String>, Option<Message>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret?key=word", listener.local_addr().unwrap()).parse().unwrap();
    let (hears, heard) = flume::unbounded();
    let webhook = tokio::spawn(async move {
        for status in answers {
            hears.send(answer(&listener, status).await).unwrap();
        }
    });
    let (sender, receiver) = flume::bounded(4);
    let (give_back, given_back) = flume::unbounded();
    sender.send(message()).unwrap();
    drop(sender);
    let client = client(Duration::from_secs(5)).unwrap();
    carry(client, url, "mg".to_owned(), receiver, outcomes.clone(), move |m| give_back.send(m).unwrap()).await;
    webhook.abort();
    (heard.drain().collect(), given_back.try_recv().ok())
}

#[tokio::test]
async fn a_message_is_posted_again_until_it_is_taken() {
    let outcomes = Arc::new(Outcomes::default());
    let (heard, given_back) = carried(&["503 Busy", "200 OK"], &outcomes).await;
    assert_eq!((heard.len(), given_back), (2, None));
    let heard = &heard[1];
    assert!(heard.starts_with("POST /secret?key=word HTTP/1.1\r\n"), "{heard}");
    let body: serde_json::Value = serde_json::from_str(heard.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(
        (&body["instance"], &body["event"], &body["text"], &body["held_back"], &body["alert"]["alert_id"]),
        (&"mg".into(), &"opened".into(), &"paper is low".into(), &2.into(), &"drawdown.paper.7".into())
    );
    assert_eq!((outcomes.sent.load(Relaxed), outcomes.failed.load(Relaxed)), (1, 0));
}

#[tokio::test]
async fn what_is_refused_for_good_is_given_back_at_once() {
    let outcomes = Arc::new(Outcomes::default());
    let (heard, given_back) = carried(&["404 Not Found", "200 OK"], &outcomes).await;
    assert_eq!((heard.len(), given_back), (1, Some(message())));
    assert_eq!((outcomes.sent.load(Relaxed), outcomes.failed.load(Relaxed)), (0, 1));
    let (heard, given_back) = carried(&["429 Too Many Requests", "200 OK"], &outcomes).await;
    assert_eq!((heard.len(), given_back), (2, None), "this one only asks to wait");
}

#[tokio::test]
async fn an_error_holds_no_secret() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/secret?key=word", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let refused = super::answer(client(Duration::from_secs(5)).unwrap().get(url)).await.unwrap_err();
    assert!(!refused.why.contains("secret") && !refused.why.contains("word"), "{refused:?}");
}
