//! An S3 server in this process that checks signatures, and a wire to it that can be cut.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::super::Cold;
use super::settings;

pub const BUCKET: &str = "bucket";
const KEY: &str = "TESTACCESSKEY";
pub const SECRET: &str = "TESTSECRETKEY0123456789";

/// A server; it ends when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub temp: tempfile::TempDir,
    runtime: Runtime,
}

impl Server {
    pub fn start() -> Self {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir_all(temp.path().join("data").join(BUCKET)).unwrap();
        let runtime = runtime();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(temp.path().join("data")).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let listener = listen(&runtime);
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { address, temp, runtime }
    }

    /// The store in this server's bucket, below `prefix`.
    pub fn store(&self, prefix: &str) -> Cold {
        Cold::open(&self.settings(prefix, self.address, SECRET), self.temp.path()).unwrap()
    }

    pub fn settings(&self, prefix: &str, address: SocketAddr, secret: &str) -> settings::Cold {
        let keys = self.temp.path().join(format!("keys-{secret}"));
        fs::write(&keys, format!("[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {secret}\n")).unwrap();
        settings::Cold {
            endpoint: format!("http://{address}"),
            credentials_file: keys.display().to_string(),
            ..super::settings(&format!("s3://{BUCKET}{prefix}"))
        }
    }

    /// Where the server keeps an object.
    pub fn file(&self, path: &str) -> PathBuf {
        self.temp.path().join("data").join(BUCKET).join(path)
    }

    /// A wire to the server on which `fault` happens once.
    pub fn wire(&self, fault: Fault) -> SocketAddr {
        let listener = listen(&self.runtime);
        let (address, server, due) = (listener.local_addr().unwrap(), self.address, Arc::new(AtomicBool::new(true)));
        self.runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server).await.unwrap();
                tokio::spawn(carry(client, server, fault, Arc::clone(&due)));
            }
        });
        address
    }
}

/// What happens once on a wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A put is carried out and its answer is lost.
    PutAnswerLost,
    /// The body of an answer stops in the middle.
    BodyStops,
}

async fn carry(mut client: TcpStream, mut server: TcpStream, fault: Fault, due: Arc<AtomicBool>) {
    let (mut up, mut down) = (vec![0; 4096], vec![0; 4096]);
    let mut armed = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(n @ 1..) = read else { return };
                let verb = if fault == Fault::PutAnswerLost { &b"PUT "[..] } else { &b"GET "[..] };
                armed |= up[..n].starts_with(verb) && due.swap(false, Ordering::SeqCst);
                server.write_all(&up[..n]).await.unwrap();
            }
            read = server.read(&mut down) => {
                let Ok(n @ 1..) = read else { return };
                match fault {
                    Fault::PutAnswerLost if armed => return,
                    Fault::BodyStops if armed && n == down.len() => tokio::time::sleep(Duration::from_secs(60)).await,
                    _ => {}
                }
                if client.write_all(&down[..n]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// An address that takes connections and never says a word.
pub fn silent(runtime: &Runtime) -> SocketAddr {
    let listener = listen(runtime);
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        let mut held = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            held.push(socket);
        }
    });
    address
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn listen(runtime: &Runtime) -> TcpListener {
    runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap()
}
