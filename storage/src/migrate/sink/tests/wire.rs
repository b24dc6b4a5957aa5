//! A wire to the server that is cut at its n-th message: as a process that is killed there, or a network that breaks.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What becomes of the message at which it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// The server never gets it.
    IsLost,
    /// The server gets it, and its answer is never heard.
    Arrives,
}

/// A wire for one connection.
pub struct Wire {
    pub address: SocketAddr,
    sent: Arc<AtomicU64>,
}

impl Wire {
    /// One to `server` that is cut at its `fatal`-th message.
    #[expect(clippy::disallowed_methods, reason = "both ends of a wire")]
    pub fn to(server: SocketAddr, fatal: u64, last: Last) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, sent) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
        let count = sent.clone();
        std::thread::spawn(move || {
            let Ok((client, _)) = listener.accept() else { return };
            let server = TcpStream::connect(server).unwrap();
            let is_cut = Arc::new(AtomicBool::new(false));
            let (answers, to, cut) = (server.try_clone().unwrap(), client.try_clone().unwrap(), is_cut.clone());
            std::thread::spawn(move || pass_back(answers, to, &cut));
            let _ = pass_on(&client, &server, &is_cut, |n| {
                count.store(n, Ordering::SeqCst);
                (n == fatal).then_some(last)
            });
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Write);
        });
        Self { address, sent }
    }

    /// Messages that were sent by it.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

/// Passes on messages, whole ones alone: of the first the length comes first, of others a letter.
fn pass_on(
    mut client: &TcpStream,
    mut server: &TcpStream,
    is_cut: &AtomicBool,
    at: impl Fn(u64) -> Option<Last>,
) -> std::io::Result<()> {
    for n in 0.. {
        let mut head = vec![0; if n == 0 { 4 } else { 5 }];
        client.read_exact(&mut head)?;
        let len = u32::from_be_bytes(head[head.len() - 4..].try_into().unwrap()) as usize - 4;
        let mut message = head;
        let from = message.len();
        message.resize(from + len, 0);
        client.read_exact(&mut message[from..])?;
        let fate = at(n);
        is_cut.store(fate.is_some(), Ordering::SeqCst);
        if fate != Some(Last::IsLost) {
            server.write_all(&message)?;
        }
        if fate.is_some() {
            break;
        }
    }
    Ok(())
}

fn pass_back(mut server: TcpStream, mut client: TcpStream, is_cut: &AtomicBool) {
    let mut bytes = [0; 8_192];
    while let Ok(n) = server.read(&mut bytes) {
        if n == 0 || is_cut.load(Ordering::SeqCst) || client.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}
