//! Merganser with one more venue: the testkit's, behind a local socket.

use testkit::venue::connector::{CAPABILITIES, SocketConnector};

fn main() -> std::process::ExitCode {
    merganser::App::new().venue("socket", CAPABILITIES, |connector: SocketConnector| Ok(connector)).main()
}
