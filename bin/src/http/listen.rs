//! Sockets that the edge listens on.
//!
//! Connections inherit two limits from them (tcp(7)). What is written and not sent yet waits here and not in the system, so
//! that the stream sees who is slow and conflates for him; and a client that takes nothing for long is cut off, so that what
//! waits for him takes no memory for ever.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context;

/// Bytes of a connection that may wait in the system to be sent, beside those that are on their way.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES: u32 = 64 << 10;

/// How long a client may take nothing.
#[cfg(any(target_os = "linux", target_os = "android"))]
const TAKES_NOTHING: Duration = Duration::from_secs(60);

/// Listens on an address.
///
/// # Errors
/// It is taken, or none of this machine.
pub fn on(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address}; choose another http.address"))?;
    limit(&listener).context("cannot set the limits of connections")?;
    Ok(listener)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn limit(listener: &TcpListener) -> std::io::Result<()> {
    let socket = socket2::SockRef::from(listener);
    socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
    socket.set_tcp_user_timeout(Some(TAKES_NOTHING))
}

/// Other systems have other names for these, or none.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn limit(_: &TcpListener) -> std::io::Result<()> {
    Ok(())
}
