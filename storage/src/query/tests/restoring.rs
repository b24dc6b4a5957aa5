//! Archived files are asked for, and the question says when to ask again.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Directory, plan::file};
use crate::cold::FileHash;
use crate::query::Error;
use crate::query::fetch::fetch;
use crate::settings::Cold as Settings;
use crate::tiers::{Piece, Tier};

/// A server all of whose objects are archived. Notes what it is asked.
#[expect(clippy::disallowed_methods, reason = "a server in this process")]
fn archived(asked: Arc<Mutex<Vec<String>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let (mut text, mut part) = (Vec::new(), [0; 4096]);
            while !text.windows(4).any(|end| end == b"\r\n\r\n") {
                let Ok(n @ 1..) = socket.read(&mut part) else { break };
                text.extend_from_slice(&part[..n]);
            }
            let line = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned();
            let verb = line.split(' ').next().unwrap_or_default().to_owned();
            let refusal = "<Error><Code>InvalidObjectState</Code><Message>archived</Message></Error>";
            let answer = match verb.as_str() {
                "HEAD" => "HTTP/1.1 200 OK\r\nx-amz-storage-class: GLACIER\r\nContent-Length: 7\r\n".to_owned(),
                "POST" => "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n".to_owned(),
                _ => format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n", refusal.len()),
            };
            asked.lock().unwrap().push(verb.clone());
            let body = if verb == "GET" { refusal } else { "" };
            let _ = write!(socket, "{answer}Connection: close\r\n\r\n{body}");
        }
    });
    address
}

#[test]
fn a_restore_is_begun_for_every_archived_file_and_the_answer_says_when() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut directory = Directory::new();
    let keys = directory.path().join("keys");
    std::fs::write(&keys, "[default]\naws_access_key_id = A\naws_secret_access_key = B\n").unwrap();
    let settings = Settings {
        endpoint: format!("http://{}", archived(asked.clone())),
        credentials_file: keys.display().to_string(),
        ..Settings::of_tests("s3://bucket/prefix")
    };
    directory.stores.cold = crate::cold::Cold::open(&settings, directory.path()).unwrap();
    let pieces: Vec<Arc<Piece>> = ["2024-01", "2024-02"]
        .map(|month| {
            let mut piece = file("orders", month, String::new(), 0);
            let content = piece.content.as_mut().unwrap();
            (content.bytes, content.file_hash) = (7, FileHash::of(month.as_bytes()).to_string());
            Arc::new(Piece { tier: Tier::Cold, ..piece })
        })
        .into();
    let refused = fetch(&directory.stores, &pieces).unwrap_err();
    let expected = "the answer needs 2 archived files: restore started, ready in about 5h; ask again then";
    assert_eq!(refused.to_string(), expected);
    let Error::Restoring { files, ready_about, tickets } = refused else { panic!("{refused}") };
    assert_eq!((files, ready_about), (2, Duration::from_secs(5 * 3_600)));
    assert_eq!(tickets, ["orders/month=2024-01/part-0.parquet", "orders/month=2024-02/part-0.parquet"]);
    assert_eq!(asked.lock().unwrap().iter().filter(|verb| *verb == "POST").count(), 2);
}
