//! The runtime's end of the socket: writes requests, reads reports, connects again.

use std::pin::Pin;
use std::time::Duration;

use merganser::{Connector, FromVenue, Say};
use messages::account::AccountSnapshot;
use messages::orders::{OrderType, TimeInForce};
use messages::venues::{Capabilities, ReportKind, VenueReport, VenueRequest};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// What the testkit's venue can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    exchanges: messages::Exchange::ALL,
    order_types: &[OrderType::Market, OrderType::Limit],
    times_in_force: &[TimeInForce::Gtc, TimeInForce::Ioc],
    replace: true,
    quote_quantity: false,
    contingencies: &[],
    post_only: true,
    not_received_after: Duration::from_secs(1),
    account: true,
};

/// A line of the venue.
#[derive(Debug, Serialize, Deserialize)]
pub enum Said {
    /// What happened to an order.
    Report(Box<VenueReport>),
    /// What the account holds, as it was asked for.
    Account(Box<AccountSnapshot>),
}

/// How long it waits before it connects again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Speaks to the testkit's venue; its fields are `venues.parameters`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketConnector {
    /// Where the venue listens.
    pub address: String,
    /// Whose orders it sends.
    pub account: messages::Account,
}

impl Connector for SocketConnector {
    fn run(
        self: Box<Self>,
        requests: flume::Receiver<VenueRequest>,
        say: Say,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            while !requests.is_disconnected() {
                let why = match TcpStream::connect(&self.address).await {
                    Ok(stream) => {
                        say(FromVenue::Connected);
                        match self.serve(stream, &requests, &say).await {
                            Ok(()) => return,
                            Err(why) => why,
                        }
                    }
                    Err(error) => error.to_string(),
                };
                say(FromVenue::Disconnected(why));
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        })
    }
}

impl SocketConnector {
    /// Serves one connection; returns when the runtime has no more requests.
    async fn serve(
        &self,
        stream: TcpStream,
        requests: &flume::Receiver<VenueRequest>,
        say: &Say,
    ) -> Result<(), String> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        loop {
            tokio::select! {
                line = lines.next_line() => {
                    let line = line.map_err(|e| e.to_string())?.ok_or("the venue hung up")?;
                    say(match serde_json::from_str(&line).map_err(|e| format!("{e}: {line}"))? {
                        Said::Report(report) => FromVenue::Reports(vec![*report]),
                        Said::Account(snapshot) => FromVenue::Account(snapshot),
                    });
                }
                request = requests.recv_async() => {
                    let Ok(request) = request else { return Ok(()) };
                    let mut line = serde_json::to_string(&request).map_err(|e| e.to_string())?;
                    line.push('\n');
                    write.write_all(line.as_bytes()).await.map_err(|e| e.to_string())?;
                    if let VenueRequest::Submit { client_order_id, at, .. } = request {
                        let kind = ReportKind::Submitted;
                        let report = VenueReport { account: self.account, client_order_id, venue_order_id: None, time: at, kind };
                        say(FromVenue::Reports(vec![report]));
                    }
                }
            }
        }
    }
}
