//! The clients: each reads what it is told and keeps count, one never reads. They stand for other machines, and so their
//! thread has less claim to the processor than those of the runtime.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use actors::clock::Clock;
use anyhow::Context;
use futures::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use messages::UtcNanos;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use super::check::{Run, order_event};
use super::feed::{OTHERS, TRADED};

/// Every so-manyth client watches the tape and the bars as well.
const TAPE_EVERY: u64 = 10;
/// Bytes that the system keeps for the client that never reads.
const SMALL_BUFFER: u32 = 8 << 10;

/// What one client was told.
pub struct Told {
    pub number: u64,
    pub orders: Run,
    pub fills: Run,
    /// From the instant at which a message was written, in microseconds.
    pub lag: Histogram<u64>,
    /// Holes in topics that have none, refusals, an early end.
    pub faults: Vec<String>,
    seqs: BTreeMap<String, u64>,
}

/// All clients.
pub struct Crowd {
    threads: Threads,
    stop: watch::Sender<bool>,
    reading: Vec<JoinHandle<anyhow::Result<Told>>>,
    silent: JoinHandle<anyhow::Result<()>>,
}

/// The clients' thread. It ends without being waited for, which is not allowed where others wait.
struct Threads(Option<tokio::runtime::Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(threads) = self.0.take() {
            threads.shutdown_background();
        }
    }
}

impl Crowd {
    /// Connects so many, and one of them never reads.
    pub fn start(address: SocketAddr, count: u64, clock: Clock) -> anyhow::Result<Self> {
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("clients")
            .on_thread_start(storage::background::step_back)
            .enable_all()
            .build()
            .context("cannot start the clients' thread")?;
        let (stop, stopped) = watch::channel(false);
        let client = |number| threads.spawn(read(address, number, stopped.clone(), clock.clone()));
        let reading = (1..count).map(client).collect();
        let silent = threads.spawn(never_read(address, stopped.clone()));
        Ok(Self { threads: Threads(Some(threads)), stop, reading, silent })
    }

    /// Ends them. Returns what those that read were told.
    pub async fn stop(self) -> anyhow::Result<Vec<Told>> {
        self.stop.send_replace(true);
        let mut told = Vec::new();
        for client in self.reading {
            told.push(client.await??);
        }
        self.silent.await??;
        drop(self.threads);
        Ok(told)
    }
}

fn subscription(number: u64) -> String {
    let quotes = OTHERS.iter().map(|symbol| format!("quotes/binance:{symbol}"));
    let plain = ["orders", "fills", "positions", "equity"].map(str::to_owned);
    let mut topics: Vec<String> = quotes.chain([format!("quotes/{TRADED}")]).chain(plain).collect();
    if number.is_multiple_of(TAPE_EVERY) {
        topics.extend([format!("trades/binance:{}", OTHERS[0]), format!("bars/binance:{}/1s", OTHERS[0])]);
    }
    serde_json::json!({"op": "subscribe", "topics": topics}).to_string()
}

/// Subscribes to what is most, and then reads nothing.
async fn never_read(address: SocketAddr, mut stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(SMALL_BUFFER)?;
    let connection = socket.connect(address).await.context("the client that never reads cannot connect")?;
    let (mut socket, _) = tokio_tungstenite::client_async(format!("ws://{address}/"), connection).await?;
    socket.send(Message::text(subscription(0))).await?;
    stopped.wait_for(|stopped| *stopped).await?;
    Ok(())
}

async fn read(
    address: SocketAddr,
    number: u64,
    mut stopped: watch::Receiver<bool>,
    clock: Clock,
) -> anyhow::Result<Told> {
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{address}/"))
        .await
        .with_context(|| format!("client {number} cannot connect"))?;
    socket.send(Message::text(subscription(number))).await?;
    let mut told = Told::nothing(number)?;
    loop {
        let frame = tokio::select! {
            frame = socket.next() => frame,
            _ = stopped.wait_for(|stopped| *stopped) => return Ok(told),
        };
        match frame {
            Some(Ok(Message::Text(text))) => told.hear(text.as_str(), clock.now())?,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(other)) => told.faults.push(format!("got {other}")),
            Some(Err(error)) => told.faults.push(format!("was cut off: {error}")),
            None => {
                told.faults.push("was closed".to_owned());
                return Ok(told);
            }
        }
    }
}

/// A message, as far as it is looked at.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    topic: Option<&'a str>,
    seq: Option<u64>,
    at: Option<&'a str>,
    code: Option<&'a str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct OrderEvent<'a> {
    number: u32,
    #[serde(borrow)]
    order: OrderName<'a>,
}

#[derive(Deserialize)]
struct OrderName<'a> {
    order_id: &'a str,
}

#[derive(Deserialize)]
struct Fill<'a> {
    trade_id: &'a str,
}

impl Told {
    fn nothing(number: u64) -> anyhow::Result<Self> {
        let (orders, fills) = (Run::default(), Run::default());
        Ok(Self { number, orders, fills, lag: Histogram::new(3)?, faults: Vec::new(), seqs: BTreeMap::new() })
    }

    fn hear(&mut self, text: &str, now: UtcNanos) -> anyhow::Result<()> {
        let frame: Frame<'_> = serde_json::from_str(text)?;
        let (Some(topic), Some(seq), Some(at), Some(data)) = (frame.topic, frame.seq, frame.at, frame.data) else {
            self.faults.push(format!("heard {} {}", frame.kind, frame.code.unwrap_or_default()));
            return Ok(());
        };
        let lag = now.since(at.parse()?) / 1_000;
        self.lag.record(u64::try_from(lag).unwrap_or(0))?;
        let before = self.seqs.insert(topic.to_owned(), seq);
        match (frame.kind, before) {
            ("snapshot", None) => return Ok(()),
            ("snapshot", Some(_)) if topic == "orders" || topic == "fills" => {
                self.faults.push(format!("{topic} began anew at {seq}"));
            }
            ("snapshot", Some(_)) => {}
            ("update", Some(before)) if seq == before + 1 || (seq > before && topic.starts_with("quotes/")) => {}
            (kind, before) => self.faults.push(format!("{topic}: {kind} {seq} behind {before:?}")),
        }
        match topic {
            "orders" => {
                for event in serde_json::from_str::<Vec<OrderEvent<'_>>>(data.get())? {
                    self.orders.add(&order_event(event.order.order_id, event.number));
                }
            }
            "fills" => {
                for fill in serde_json::from_str::<Vec<Fill<'_>>>(data.get())? {
                    self.fills.add(fill.trade_id);
                }
            }
            _ => {}
        }
        Ok(())
    }
}
